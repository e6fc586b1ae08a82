"""Run an ordinary Pulumi Python program in this process, with an engine of ours behind the SDK.

Each run has an event loop, a context (`contextvars`) and a pool of threads of its own, so many runs fit in one process,
one after the other. Registrations wait inside threads: the pool is large, and a thread is made only when none is idle.
"""

import asyncio
import contextvars
import json
import os
import runpy
import sys
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pulumi
from pulumi.runtime import config as sdk_config
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import ROOT, Settings, configure
from pulumi.runtime.stack import run_in_stack
from pydantic import ValidationError

from tools.recording.model import Engine, EngineError, Interrupted, ProgramError, Registration
from tools.recording.monitor import SDK_FOLDERS, Monitor

THREADS = 256
SEVERITIES = {engine_pb2.INFO: "info", engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error"}
EMPTY: Mapping[str, Any] = MappingProxyType({})
Program = Path | Callable[[], object]
# What a failed resource leaves unawaited inside the SDK.
warnings.filterwarnings("ignore", r"coroutine 'Output\.\w+' was never awaited", RuntimeWarning)


@dataclass(frozen=True)
class Log:
    """severity: info, warning or error."""

    severity: str
    message: str


@dataclass(frozen=True)
class Run:
    """What a program did. outputs: the stack's; secret_outputs: the names of the secret ones among them."""

    outputs: dict[str, Any]
    secret_outputs: frozenset[str]
    registrations: list[Registration]
    logs: list[Log]

    @property
    def warnings(self) -> list[str]:
        return [log.message for log in self.logs if log.severity == "warning"]


class _Logger:
    """The SDK's engine service, of which only the log is used."""

    def __init__(self, on_log: Callable[[Log], None] | None) -> None:
        self.logs: list[Log] = []
        self._on_log = on_log

    def Log(self, request: engine_pb2.LogRequest) -> None:
        severity = SEVERITIES.get(request.severity)
        if severity is None:
            return
        log = Log(severity, request.message)
        self.logs.append(log)
        if self._on_log is not None:
            self._on_log(log)


def run(
    program: Program,
    engine: Engine,
    *,
    project: str,
    stack: str,
    config: Mapping[str, object] = EMPTY,
    secret_keys: Iterable[str] = (),
    preview: bool = False,
    stacks: Mapping[str, Mapping[str, Any]] = EMPTY,
    fail_on_warnings: bool = False,
    on_log: Callable[[Log], None] | None = None,
) -> Run:
    """Run the program to its end, every resource registered and answered.

    program: a callable, or the path of a `__main__.py` or of its folder; a path runs with its folder as working
    directory and first on `sys.path`, as under Pulumi's own engine.
    config: by key; a key without a namespace gets the project's. What is no string is handed over as JSON.
    stacks: outputs by stack name, for StackReference.
    Raises EngineError: a resource failed, or the program did (ProgramError with its traceback; errors that are meant
    for the user, `pulumi.RunError` and pydantic's ValidationError, are shown as they are).
    """
    monitor, logger = Monitor(engine, project, stack, stacks), _Logger(on_log)
    settings = {f"{project}:{k}" if ":" not in k else k: v for k, v in config.items()}
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in settings.items()}
    keys = [f"{project}:{k}" if ":" not in k else k for k in secret_keys]

    def started() -> None:
        ROOT.set(None)
        configure(
            Settings(
                project=project,
                stack=stack,
                monitor=monitor,
                engine=logger,
                dry_run=preview,
                organization="organization",
            )
        )
        sdk_config.set_all_config(texts, keys)
        with _folder(program):
            _drive(program, engine)

    error: BaseException | None = None
    try:
        contextvars.copy_context().run(started)
    except BaseException as raised:
        error = raised
    _raise(monitor, error)
    result = Run(monitor.outputs, monitor.secret_outputs, monitor.registrations, logger.logs)
    if fail_on_warnings and result.warnings:
        raise EngineError("The program logs warnings:\n  " + "\n  ".join(result.warnings))
    return result


def _drive(program: Program, engine: Engine) -> None:
    loop, pool = asyncio.new_event_loop(), ThreadPoolExecutor(THREADS, thread_name_prefix="register")
    loop.set_default_executor(pool)
    loop.set_exception_handler(lambda _loop, _context: None)  # a failure reaches each dependent; one report is enough
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(run_in_stack(lambda: _execute(program)))
    except BaseException:
        engine.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()


def _execute(program: Program) -> None:
    if not isinstance(program, Path):
        program()
        return
    main = program / "__main__.py" if program.is_dir() else program
    if not main.is_file():
        raise EngineError(f"There is no Pulumi program at {main}.")
    runpy.run_path(str(main.resolve()), run_name="__main__")


@contextmanager
def _folder(program: Program) -> Generator[None]:
    """The program's folder as working directory and as first place to import from, until its last callback has run."""
    if not isinstance(program, Path):
        yield
        return
    folder = (program if program.is_dir() else program.parent).resolve()
    if not folder.is_dir():
        raise EngineError(f"There is no Pulumi program at {program}.")
    before = Path.cwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        os.chdir(before)


def _raise(monitor: Monitor, error: BaseException | None) -> None:
    """One clear error out of what went wrong: the resources' own first, the program's otherwise."""
    failed = list(dict.fromkeys(str(f) for f in monitor.failures if not isinstance(f, Interrupted)))
    if len(failed) == 1:
        raise next(f for f in monitor.failures if not isinstance(f, Interrupted)) from None
    if failed:
        raise EngineError("\n".join(failed))
    match error:
        case None:
            return
        case EngineError() | KeyboardInterrupt():
            raise error
        case pulumi.RunError() | ValidationError():
            raise EngineError(str(error)) from error
        case SystemExit():
            raise ProgramError(f"The program ended itself with status {error.code}.") from error
    raise ProgramError(f"The program failed:\n{_traceback(error)}") from error


def _traceback(error: BaseException) -> str:
    """The traceback without the frames of Python, of the SDK and of this folder."""
    here = f"{Path(__file__).parent}{os.sep}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_foreign(f.filename, here)]
    return "".join([*traceback.format_list(frames), *traceback.format_exception_only(error)]).rstrip()


def _is_foreign(filename: str, here: str) -> bool:
    return filename.startswith((here, "<")) or any(folder in filename for folder in SDK_FOLDERS)
