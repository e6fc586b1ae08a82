"""Stack `local` by Pulumi's own engine, through its Automation API: up, preview, refresh, down."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

import psutil
from pulumi import automation
from pulumi.automation.errors import CommandError

from local.access import Access
from local.pulumi import additions, diagnosis, interrupted, workspace
from local.pulumi.diagnosis import Cause
from local.pulumi.display import Failed, Watcher
from local.pulumi.programs import PulumiPrograms
from local.pulumi.workspace import STACK, StateFolder
from tools.failures import Failure, tail
from tools.progress import NO_PROGRESS
from tools.terminal import Step, console

NEEDS_A_LANGUAGE_HOST = ("import", "preview", "up", "watch")
"""Commands of the CLI that run the program, for which only an official installation has what it takes."""


@dataclass(frozen=True)
class Deployment:
    """The stack on one cluster. Each method raises Failure.

    config: the effective one, by full keys. folder: where the state is. program: what declares the resources.
    """

    access: Access
    programs: PulumiPrograms
    config: dict[str, Any]
    folder: StateFolder
    program: automation.PulumiFn = workspace.journal

    def up(self, step: Step, *, refresh: bool = True) -> tuple[dict[str, Any], Watcher]:
        """Make the cluster what the program says; the stack's outputs.

        refresh: ask the cluster first, and repair what was changed by hand.
        """
        watcher = Watcher(step, expected=self._known())
        with self._run(watcher) as stack:
            interrupted.settle_releases(self.access, workspace.releases(self.folder))
            declared = workspace.declared(self.folder)
            found = additions.find(self.access, declared)
            additions.remove(self.access, declared, found)
            watcher.hear_of_additions(found)
            result = stack.up(on_event=watcher, refresh=refresh, message="make up")
        return {name: output.value for name, output in result.outputs.items()}, watcher

    def preview(self, step: Step, *, refresh: bool) -> Watcher:
        """Show what `up` would change, what was added by hand included.

        refresh: ask the cluster first, which finds what was changed by hand.
        """
        watcher = Watcher(step, expected=self._known())
        with self._run(watcher) as stack:
            watcher.hear_of_additions(additions.find(self.access, workspace.declared(self.folder)))
            stack.preview(on_event=watcher, refresh=refresh)
        return watcher

    def refresh(self, step: Step) -> Watcher:
        """Take what the cluster has into the state."""
        watcher = Watcher(step, expected=self._known())
        with self._run(watcher) as stack:
            stack.refresh(on_event=watcher, message="make refresh")
        return watcher

    def down(self, step: Step) -> None:
        """Destroy the stack, and forget its state."""
        if not self.folder.exists():
            return
        watcher = Watcher(step, expected=self._known())
        with self._run(watcher) as stack:
            stack.destroy(on_event=watcher, message="make down", remove=True)
        self.folder.remove()

    def command(self, arguments: list[str], *, recover: bool = True) -> NoReturn:
        """Run the CLI on the stack in this process's place, on this terminal.

        recover: ask the cluster what became of objects that a killed run was creating.
        """
        if not self.folder.exists():
            raise Failure(f"There is no stack {STACK} yet.", "Make it with `make up`.")
        with self._run(Watcher(NO_PROGRESS), recover=recover):
            environment = {**os.environ, **workspace.environment(self.folder)}
            for own in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_STACK"):  # of the user's own stacks; they would win
                environment.pop(own, None)
            os.chdir(self.folder.work)
            os.execve(self.programs.cli, ["pulumi", *arguments], environment)  # noqa: S606 (no shell is wanted)

    def _known(self) -> int | None:
        """How many resources the last run left."""
        return workspace.resource_count(self.folder)

    @contextmanager
    def _run(self, watcher: Watcher, *, recover: bool = True) -> Generator[automation.Stack]:
        """The stack, in order again after an interrupted run, with failures as a person is told of them."""
        with workspace.held(self.folder), _passing_on_interrupts():
            try:
                interrupted.release(self.folder)
                stack = workspace.select(self.folder, self.programs, self.config, self.program)
                if recover and workspace.was_interrupted(self.folder):
                    interrupted.recover(stack, self.access)
                yield stack
            except CommandError as error:
                raise self._told(error, watcher) from None
            except subprocess.SubprocessError as error:
                hint = "Install a CLI that works, or take it off PATH: then one is built."
                raise Failure(f"Pulumi's CLI {self.programs.cli} does not run: {error}", hint) from None
            except OSError as error:
                hint = f"Make room or give access in {self.folder.root}, and run it again: the state is kept."
                raise Failure(f"The stack's state can't be used: {error}", hint) from None

    def _told(self, error: CommandError, watcher: Watcher) -> Failure:
        """What failed, why, and what to do."""
        text = str(error)
        if "incorrect passphrase" in text:
            return Failure(
                f"The state of stack {STACK} was encrypted with another passphrase than {self.folder.passphrase}.",
                "Put the right passphrase there. To begin anew: `make down`; with KUBE_CONTEXT, remove "
                f"{self.folder.root}: its objects stay.",
            )
        if watcher.failed:
            return self._resource_failure(watcher.failed)
        said = "\n".join(dict.fromkeys(watcher.errors))
        return Failure(said) if said else Failure("Pulumi ends with an error.", "", tail(text))

    def _resource_failure(self, failed: list[Failed]) -> Failure:
        """The resources that failed, and the causes that the cluster knows."""
        of_each = []
        for resource in failed:
            kind, metadata = resource.type.rpartition(":")[2], resource.inputs.get("metadata", {})
            said, name = "; ".join(dict.fromkeys(resource.messages)) or "it failed", metadata.get("name")
            known = isinstance(name, str)
            found = diagnosis.causes(self.access, kind, metadata.get("namespace", "default"), name) if known else []
            of_each.append((f"{kind} {resource.name}: {said}", found))
        return told(of_each)


def told(of_each: list[tuple[str, list[Cause]]]) -> Failure:
    """What failed, each with its causes, those of the newest first; the remedy and the log are of the newest too."""
    causes = [diagnosis.newest_first(found) for _, found in of_each]
    order = sorted(range(len(of_each)), key=lambda n: causes[n][0].when if causes[n] else "", reverse=True)
    lines = [line for n in order for line in (of_each[n][0], *(f"  {cause.text}" for cause in causes[n][:3]))]
    every = diagnosis.newest_first(cause for found in causes for cause in found)
    remedy = next((cause.remedy for cause in every if cause.remedy), "Remove the cause and run it again.")
    return Failure("\n".join(lines), remedy, next((cause.log for cause in every if cause.log), ""))


@contextmanager
def _passing_on_interrupts() -> Generator[None]:
    """Ctrl-C lets Pulumi end what is under way in order; a second one makes it stop at once. Then the command ends."""
    times = 0

    def pass_on(_signal: int, _frame: FrameType | None) -> None:
        nonlocal times
        times += 1
        if times == 1:
            console.print("\nInterrupted: Pulumi ends what is under way. Once more stops it at once.")
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, pass_on)
    try:
        yield
    except Failure:
        if not times:
            raise
    finally:
        signal.signal(signal.SIGINT, before)
    if times:
        raise KeyboardInterrupt
