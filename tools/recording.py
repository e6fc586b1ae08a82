"""Runs a Pulumi program without an engine and remembers every resource that it registers.

This is unit testing with mocks as Pulumi documents it (`pulumi.runtime.set_mocks`), in three parts:

- `Answers` are the mocks. The SDK gives them a resource's type, name and inputs, and they return what a provider would:
  an id and outputs. `tools.cloud.Cloud` answers in the forms of AWS and Kubernetes.
- `Recorder` is the SDK's `MockMonitor`, which stands where the engine would. Mocks see neither options nor
  dependencies, but the monitor does: it keeps each request as a `tools.resource.Resource`.
- `run` runs a program once: `set_mocks`, the configuration, then the SDK's own `run_in_stack`.

    recorder = run(lambda: Redis("redis", args), Recorder(), project="journal", stack="test")
    assert recorder.one("StatefulSet")["spec"]["replicas"] == 3

Each run has an event loop and context variables of its own, so one process runs many programs one after the other.
Unit tests, the tests of the policies and the commands of `tools` all read such a recording.
"""

import asyncio
import json
import logging
import os
import runpy
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import rpc, set_all_config, set_mocks
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import alias_pb2, resource_pb2
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack
from pydantic import ValidationError

from tools.failures import Failure
from tools.graph import Graph
from tools.resource import UNKNOWN, InputPath, Resource

NONE: Mapping[str, Any] = MappingProxyType({})
Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]
STACK, STACK_REFERENCE = "pulumi:pulumi:Stack", "pulumi:pulumi:StackReference"
ACCOUNT, REGION = "123456789012", "eu-west-1"
FOREIGN_CODE = (f"{os.sep}site-packages{os.sep}", f"{os.sep}lib{os.sep}python3", "<frozen ", __file__)
"""Parts of the paths of code that is not the program's: the SDK, Python, this module."""
# A program that fails leaves outputs behind that nobody waits for.
warnings.filterwarnings("ignore", r"coroutine 'Output\.\w+' was never awaited", RuntimeWarning)


class ProgramError(Failure):
    """A program failed. The message is for a person; `log_tail` holds the traceback of what is not meant for one."""


class Answers(Mocks):
    """Answers each resource with its inputs and what a test adds.

    outputs: by type or kind, what a provider would compute; a function gets the resource's inputs.
    stacks: the outputs of other stacks, by the name that a StackReference gives.

    Ids: `namespace/name` of a Kubernetes object, `<name>-id` of anything else. An AWS resource has an `arn`.
    """

    def __init__(self, outputs: Mapping[str, Answer] = NONE, stacks: Mapping[str, Mapping[str, Any]] = NONE) -> None:
        self._outputs, self._stacks = outputs, stacks

    def call(self, args: MockCallArgs) -> tuple[dict, list[tuple[str, str]] | None]:
        raise ProgramError(f"The program calls {args.token}.", "Give the Recorder mocks whose `call` answers it.")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict]:
        if args.typ == STACK_REFERENCE:
            return args.resource_id, self._stack_reference(str(args.resource_id))
        inputs, _ = plain(args.inputs)
        id_, computed = self.computed(args, inputs)
        kind = args.typ.rpartition(":")[2]
        added = self._outputs.get(args.typ, self._outputs.get(kind, NONE))
        added = added if isinstance(added, Mapping) else added(inputs)
        return args.resource_id or id_, {**args.inputs, **computed, **added}

    def computed(self, args: MockResourceArgs, inputs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """The id of a resource, and what its provider computes."""
        if args.typ.startswith("kubernetes:") and args.custom:
            metadata = inputs.get("metadata", {})
            return "/".join(filter(None, (metadata.get("namespace"), metadata.get("name", args.name)))), NONE
        if args.typ.startswith("aws:") and args.custom:
            service, _, kind = args.typ.split(":")[1].partition("/")
            return f"{args.name}-id", {"arn": f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{args.name}"}
        return f"{args.name}-id", NONE

    def _stack_reference(self, name: str) -> dict[str, Any]:
        if name not in self._stacks:
            known = ", ".join(sorted(self._stacks)) or "none"
            raise ProgramError(f"The program reads stack {name!r}, whose outputs are not at hand (known: {known}).")
        return {"name": name, "outputs": dict(self._stacks[name]), "secretOutputNames": []}


class Recorder(MockMonitor):
    """The resources of one run, in the order in which they were registered, and the stack's outputs.

    mocks: what answers; without them, `Answers` of `outputs` and `stacks`.
    outputs: the stack's, plain. secret_outputs: the names of the secret ones. warnings: what the program warned of.
    """

    def __init__(
        self,
        mocks: Mocks | None = None,
        *,
        outputs: Mapping[str, Answer] = NONE,
        stacks: Mapping[str, Mapping[str, Any]] = NONE,
    ) -> None:
        if mocks is not None and (outputs or stacks):
            raise TypeError("Give a Recorder mocks, or outputs and stacks for mocks of its own.")
        super().__init__(Answers(outputs, stacks) if mocks is None else mocks)
        self.registrations: list[Resource] = []
        self.outputs: dict[str, Any] = {}
        self.secret_outputs: frozenset[str] = frozenset()
        self.warnings: list[str] = []

    def of_type(self, type_: str) -> list[Resource]:
        """All of one type, given whole (`kubernetes:apps/v1:StatefulSet`) or by its last part (`StatefulSet`)."""
        return [r for r in self.registrations if type_ in (r.type, r.kind)]

    all = of_type

    def one(self, type_: str, name: str | None = None) -> Resource:
        """The only resource of a type, or the one with this name. Raises LookupError naming what there is."""
        found = [r for r in self.of_type(type_) if name in (None, r.name)]
        if len(found) != 1:
            there = ", ".join(sorted(r.label for r in self.of_type(type_))) or "none of that type"
            asked = type_ if name is None else f"{type_} {name}"
            raise LookupError(f"{len(found)} resources answer to {asked!r}; registered: {there}")
        return found[0]

    def by_urn(self, urn: str) -> Resource:
        """Raises LookupError."""
        found = next((r for r in self.registrations if r.urn == urn), None)
        if found is None:
            raise LookupError(f"no resource has the URN {urn}")
        return found

    def dependencies_of(self, resource: Resource) -> frozenset[str]:
        """URNs of all that is there before this resource: its dependencies, its parent and provider, and theirs."""
        return Graph(self.registrations).ancestors[resource.urn]

    # What follows is called by the SDK.

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN that Pulumi's engine gives: the types of all parents joined by `$`, without the stack's own."""
        above = parent.split("::")[2] if parent else STACK
        qualified = type_ if above == STACK else f"{above}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{qualified}::{name}"

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        if request.type == STACK:
            return super().RegisterResource(request)
        source = _source(request.stackTrace)
        urn = self.make_urn(request.parent, request.type, request.name)
        if urn in self.resources:
            first = self.by_urn(urn)
            message = f"{first.label} is declared twice, at {first.source} and at {source}."
            raise ProgramError(message, "Give one of the two another name.")
        response = super().RegisterResource(request)
        inputs, secrets = _decoded(request.object)
        # Pulumi's engine marks these too; the SDK's monitor does not.
        answered = MessageToDict(response.object)
        for key in request.additionalSecretOutputs:
            if key in answered and not rpc.is_rpc_secret(answered[key]):
                response.object.update({key: rpc.wrap_rpc_secret(answered[key])})
        self.registrations.append(
            Resource(
                urn=response.urn, type=request.type, name=request.name, inputs=inputs, secrets=secrets,
                id=response.id if request.custom else "", parent=request.parent, custom=request.custom,
                dependencies=tuple(sorted(request.dependencies)),
                property_dependencies={k: tuple(sorted(v.urns)) for k, v in request.propertyDependencies.items()},
                provider=self._provider(request.provider), protect=request.protect,
                retain_on_delete=request.retainOnDelete, delete_before_replace=request.deleteBeforeReplace,
                ignore_changes=tuple(request.ignoreChanges),
                additional_secret_outputs=tuple(request.additionalSecretOutputs),
                aliases=tuple(self._alias(alias, request) for alias in request.aliases), import_id=request.importId,
                timeouts=MessageToDict(request.customTimeouts), source=source,
            )
        )  # fmt: skip
        return response

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        response = super().ReadResource(request)
        inputs, secrets = _decoded(request.properties)
        self.registrations.append(
            Resource(
                urn=response.urn, type=request.type, name=request.name, inputs=inputs, secrets=secrets, id=request.id,
                parent=request.parent, dependencies=tuple(sorted(request.dependencies)),
                provider=self._provider(request.provider), is_read=True, source=_source(request.stackTrace),
            )
        )  # fmt: skip
        return response

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:
        # set_mocks makes a stack of its own, which has none
        if request.urn.split("::")[2] == STACK and request.outputs.fields:
            self.outputs, secrets = _decoded(request.outputs)
            self.secret_outputs = frozenset(str(path[0]) for path in secrets)
        return super().RegisterResourceOutputs(request)

    def _provider(self, reference: str) -> Resource | None:
        """reference: a URN and an id, joined by `::`; empty for none."""
        return self.by_urn(reference.rpartition("::")[0]) if reference else None

    def _alias(self, alias: alias_pb2.Alias, request: resource_pb2.RegisterResourceRequest) -> str:
        if alias.urn:
            return alias.urn
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn or request.parent
        return self.make_urn(parent, spec.type or request.type, spec.name or request.name)


def run(
    program: Callable[[], object] | Path,
    recorder: Recorder,
    *,
    project: str,
    stack: str,
    config: Mapping[str, object] = NONE,
    secret_keys: Iterable[str] = (),
    preview: bool = False,
    fail_on_warnings: bool = False,
) -> Recorder:
    """Run a program to its end; the recorder, which holds what it registered.

    program: a function, or the folder of a `__main__.py`.
    config: by key; a key without a namespace gets the project's. What is no string is handed over as JSON.
    preview: whether the program runs as in `pulumi preview`, where outputs without an answer are unknown.
    Raises ProgramError: with the message of an error that is meant for the user (`pulumi.RunError`, pydantic's
    ValidationError), with a traceback of the program's own lines for any other.
    """
    values = {_qualified(key, project): v if isinstance(v, str) else json.dumps(v) for key, v in config.items()}
    logger = logging.Logger(project)
    logger.addHandler(_Warnings(recorder.warnings))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        # One thread, so that resources are recorded in the order in which they are declared, each run the same.
        loop.set_default_executor(ThreadPoolExecutor(1, initializer=asyncio.set_event_loop, initargs=(mock_loop,)))
        loop.set_exception_handler(lambda _loop, _context: None)  # each dependent fails too; one report is enough
        set_root_resource(None)  # ty: ignore[invalid-argument-type]
        set_mocks(
            recorder.mocks,
            project,
            stack,
            preview=preview,
            logger=logger,
            monitor=recorder,
            organization="organization",
        )
        set_root_resource(None)  # ty: ignore[invalid-argument-type]  # run_in_stack makes one that exports outputs
        SETTINGS.outputs.clear()  # of a run that failed
        set_all_config(values, [_qualified(key, project) for key in secret_keys])
        await run_in_stack(lambda: _execute(program))

    mock_loop = asyncio.new_event_loop()
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _program_error(error) from error
    finally:
        mock_loop.close()
    if fail_on_warnings and recorder.warnings:
        raise ProgramError("\n".join(recorder.warnings))
    return recorder


def plain(value: Any) -> tuple[Any, frozenset[InputPath]]:
    """A value of the SDK's wire format as plain Python, and the paths of the secrets in it.

    Whole numbers are int, what is null is left out, a resource is its id or URN, an unknown value is UNKNOWN.
    """
    secrets: set[InputPath] = set()
    return _plain(value, (), secrets), frozenset(secrets)


def _plain(value: Any, path: InputPath, secrets: set[InputPath]) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case rpc.UNKNOWN:
            return UNKNOWN
        case list():
            return [_plain(part, (*path, index), secrets) for index, part in enumerate(value)]
        case {rpc._special_sig_key: rpc._special_secret_sig}:
            secrets.add(path)
            return _plain(value["value"], path, secrets)
        case {rpc._special_sig_key: rpc._special_resource_sig}:
            return value.get("id", value["urn"])
        case dict():
            parts = ((key, part) for key, part in value.items() if part is not None and key != rpc._special_sig_key)
            return {key: _plain(part, (*path, key), secrets) for key, part in parts}
    return value


def _decoded(struct: Any) -> tuple[dict[str, Any], frozenset[InputPath]]:
    return plain(MessageToDict(struct))


def _qualified(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _execute(program: Callable[[], object] | Path) -> None:
    if isinstance(program, Path):
        runpy.run_path(str(program), run_name="__main__")
    else:
        program()


class _Warnings(logging.Handler):
    """Keeps the messages of warnings."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING:
            self._messages.append(record.getMessage())


def _program_error(error: BaseException) -> ProgramError:
    match error:
        case ProgramError():
            return error
        case pulumi.RunError() | ValidationError():
            return ProgramError(str(error))
        case SystemExit():
            return ProgramError(f"The program ended itself with status {error.code}.")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(part in frame.filename for part in FOREIGN_CODE)
    ]
    lines = [*traceback.format_list(frames), *traceback.format_exception_only(error)]
    return ProgramError("The program failed.", log_tail="".join(lines).rstrip())


def _source(trace: Any) -> str:
    """`file:line` of the innermost frame that belongs to the program."""
    for frame in trace.frames:
        path = unquote(urlsplit(frame.pc.uri).path)
        if path and not any(part in path for part in FOREIGN_CODE):
            return f"{os.path.relpath(path)}:{frame.pc.line}"
    return ""
