"""up, preview and down of a stack by the embedded engine."""

import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.engine.cluster import ApiError, Cluster
from local.engine.helm import Helm
from local.engine.inventory import Inventory
from local.engine.live import Live, Parts
from local.engine.lock import Lock
from local.engine.model import Action, EngineError, State, Summary
from local.engine.program import EMPTY, Program, Run, run
from local.engine.random_values import RandomValues
from local.engine.remove import Remover, check_protected
from local.engine.report import OnEvent, Report
from local.engine.wait import IMAGE_PATIENCE, TIMEOUT, Waiter


@dataclass(frozen=True)
class Target:
    """Where a stack lives.

    kubeconfig: a path or the content; None is kubectl's default. state: a folder for random values. helm: the program,
    needed for Releases. timeout, image_patience: seconds to wait for one resource, for an image that can't be had.
    """

    state: Path
    kubeconfig: str | Path | None = None
    context: str | None = None
    helm: Path | None = None
    timeout: float = TIMEOUT
    image_patience: float = IMAGE_PATIENCE


@dataclass(frozen=True)
class Outcome:
    """What a run did, or would do, and what the program did in it."""

    summary: Summary
    run: Run

    @property
    def outputs(self) -> dict[str, Any]:
        return self.run.outputs


def up(
    program: Program,
    target: Target,
    *,
    project: str,
    stack: str,
    config: Mapping[str, object] = EMPTY,
    secret_keys: Iterable[str] = (),
    on_event: OnEvent | None = None,
) -> Outcome:
    """Make the cluster what the program says, wait until it is so, and delete what the program no longer says.

    Can be run again after any interruption. Raises EngineError.
    """
    with _session(target, stack, on_event) as parts:
        live = Live(parts)
        done = run(program, live, project=project, stack=stack, config=config, secret_keys=secret_keys)
        stale = [entry for entry in parts.inventory.entries() if entry.key not in live.declared]
        check_protected(stale)
        _remover(parts).remove(stale)
        _forget(parts, parts.random.unseen())
        return Outcome(parts.report.summary(), done)


def preview(
    program: Program,
    target: Target,
    *,
    project: str,
    stack: str,
    config: Mapping[str, object] = EMPTY,
    secret_keys: Iterable[str] = (),
    on_event: OnEvent | None = None,
) -> Outcome:
    """What `up` would do; nothing is changed, and no lock is taken. Raises EngineError."""
    with _session(target, stack, on_event, preview=True) as parts:
        live = Live(parts)
        done = run(program, live, project=project, stack=stack, config=config, secret_keys=secret_keys, preview=True)
        stale = [entry for entry in parts.inventory.entries() if entry.key not in live.declared]
        check_protected(stale)
        for urn in [*(entry.urn for entry in reversed(stale) if not entry.retain), *parts.random.unseen()]:
            parts.report.emit(urn, Action.DELETE, State.DONE, parts.report.begun)
        return Outcome(parts.report.summary(), done)


def down(target: Target, *, stack: str, on_event: OnEvent | None = None) -> Summary:
    """Delete all that the stack made, in reverse order, and its random values. Harmless when there is nothing."""
    with _session(target, stack, on_event) as parts:
        entries = parts.inventory.entries()
        check_protected(entries)
        _remover(parts).remove(entries)
        _forget(parts, parts.random.all())
        if parts.inventory.exists:
            parts.inventory.remove()
        return parts.report.summary()


@contextmanager
def _session(target: Target, stack: str, on_event: OnEvent | None, *, preview: bool = False) -> Generator[Parts]:
    """The parts of one run; but for a preview the stack is locked before its inventory is read."""
    cluster, stopped, report = Cluster(target.kubeconfig, target.context), threading.Event(), Report(on_event)
    try:
        with _told(), nullcontext() if preview else Lock(cluster, stack, stopped):
            random = RandomValues(target.state / f"random-{stack}.json")
            report.learn(random.secrets())
            yield Parts(
                cluster=cluster, inventory=Inventory(cluster, stack), random=random,
                helm=Helm(cluster, target.helm, stopped), report=report, stopped=stopped, preview=preview,
                waiter=Waiter(cluster, stopped, image_patience=target.image_patience), timeout=target.timeout,
            )  # fmt: skip
    finally:
        stopped.set()
        cluster.close()


@contextmanager
def _told() -> Generator[None]:
    """What the API refuses outside a resource: reading and writing the inventory, the lease."""
    try:
        yield
    except ApiError as error:
        raise EngineError(f"The Kubernetes API refuses it ({error.status} {error.reason}): {error.message}") from error


def _remover(parts: Parts) -> Remover:
    return Remover(parts.cluster, parts.helm, parts.waiter, parts.inventory, parts.report, parts.stopped, parts.timeout)


def _forget(parts: Parts, urns: list[str]) -> None:
    for urn in urns:
        parts.random.forget(urn)
        parts.report.emit(urn, Action.DELETE, State.DONE, parts.report.begun)
