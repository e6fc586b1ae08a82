"""Start the node and wait until it is of use; stop it and leave nothing of it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from local.cluster import api, cgroups, components, host, images, pki, volumes
from local.cluster.errors import ClusterError, tail_of
from local.cluster.layout import NODE_ADDRESS, Layout
from local.cluster.programs import Programs
from local.cluster.state import SUPERVISOR, Node, node_pid, processes, read_report, settled
from local.supervisor.spec import NodeSpec
from tools.lock import locked
from tools.progress import Progress

HERE = Path(__file__).parent
RESTARTED_WITH = sorted((HERE.parent / "supervisor").glob("*.py"))
NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--propagation", "private")
START_SECONDS = 120.0
RECOVER_SECONDS = 25.0
HOPELESS_RESTARTS = 6  # a component that died so often while the node starts does not come up
ORDERLY_SECONDS = 25.0  # containers 8, the components' phases together 12
KILLED_SECONDS = 10.0


def start(programs: Programs, progress: Progress, layout: Layout | None = None) -> Node:
    """Start the node unless it runs and is well.

    Returns when the API server and kubelet are ready and the add-ons are applied; CoreDNS may not be ready yet.
    Raises ClusterError.
    """
    layout = layout or Layout.current()
    host.require_privileges()
    spec = components.compose(programs, layout, RESTARTED_WITH + sorted(api.ADDONS.iterdir()))
    with locked(layout.lock, progress, "wait for another start or stop"):
        if not _goes_on(spec, programs, layout, progress):
            halt(layout, gently=True)
            since = _now()
            _launch(spec, programs, layout, progress)
            _complete(programs, layout, progress, since)
    return Node(NODE_ADDRESS, layout.kubeconfig)


def _goes_on(spec: NodeSpec, programs: Programs, layout: Layout, progress: Progress) -> bool:
    """Whether the node runs, is what it should be, and is well. A component that just died gets time to come back."""
    if not node_pid(layout):
        return False
    runs = read_report(layout).get("digest")
    if runs != spec.digest:
        progress.step(f"restart the node: it runs build {runs}, this is build {spec.digest}")
    elif not _completed(layout).exists():
        progress.step("restart the node: its start was interrupted")
    elif pki.ensure(layout, programs):
        progress.step("restart the node: its certificates are renewed")
    elif api.wait(lambda: settled(layout), RECOVER_SECONDS) and api.wait(api.Api(layout).ready, RECOVER_SECONDS):
        return True
    else:
        progress.step("restart the node: it is not well")
    return False


def _completed(layout: Layout) -> Path:
    return layout.run / "completed"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _launch(spec: NodeSpec, programs: Programs, layout: Layout, progress: Progress) -> None:
    progress.step("start the node")
    host.check(layout)
    for folder in (layout.run, layout.etcd, layout.kubelet, layout.pod_logs):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (layout.volumes, layout.containerd):  # containers that are not root pass through them
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    volumes.set_aside(layout)
    pki.ensure(layout, programs)
    for name, content in spec.files.items():
        path = layout.run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    spec.write(layout.spec)
    host.prepare(layout)
    command = ["unshare", *NAMESPACES, sys.executable, "-m", SUPERVISOR, str(layout.spec)]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    with (layout.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=cgroups.enter,
        )
    if not api.wait(lambda: node_pid(layout) != 0 or process.poll() is not None, 10) or not node_pid(layout):
        raise _failure("The node's first process does not start.", layout, "supervisor")
    host.connect(node_pid(layout))


def _complete(programs: Programs, layout: Layout, progress: Progress, since: str) -> None:
    """What remains once the supervisor runs. `since`: when that was, RFC 3339."""
    kubernetes = api.Api(layout)
    _await("wait for containerd", lambda: settled(layout, "containerd"), layout, progress)
    # The cluster's own pods need these two; a missing image would be asked of a registry, with long waits between.
    images.import_all(layout, node_pid(layout), images.write_archives(programs)[:2])
    _await("wait for the API server", kubernetes.ready, layout, progress)
    api.apply_addons(programs.path("kubectl"), layout)
    _await("wait for the node", lambda: kubernetes.node_ready(since), layout, progress)

    def renewed() -> bool:
        return not api.stale_containers(kubernetes.pods(), images.containers(node_pid(layout)))

    _await("wait until pods of before run again", renewed, layout, progress)
    _completed(layout).touch()


def _await(step: str, condition: Callable[[], bool], layout: Layout, progress: Progress) -> None:
    """Raises ClusterError when the node ends, a component keeps dying, or the time is over."""
    progress.step(step)

    def over() -> bool:
        return condition() or not node_pid(layout) or bool(_hopeless(layout))

    api.wait(over, START_SECONDS)
    if condition():
        return
    if not node_pid(layout):
        raise _failure("The node ended while it started.", layout, "supervisor")
    waiting = _hopeless(layout) or [c["name"] for c in read_report(layout).get("components", []) if not c["ready"]]
    name = waiting[0] if waiting else "kubelet"
    what = "keeps dying" if _hopeless(layout) else f"is not ready after {START_SECONDS:.0f} s"
    raise _failure(f"{name} {what}.", layout, name)


def _hopeless(layout: Layout) -> list[str]:
    return [c["name"] for c in read_report(layout).get("components", []) if c["restarts"] >= HOPELESS_RESTARTS]


def _failure(message: str, layout: Layout, name: str) -> ClusterError:
    log = layout.logs / f"{name}.log"
    return ClusterError(f"{message} Its log: {log}", "Remove the cause and run the same command again.", tail_of(log))


def stop(*, wipe: bool, keep_volumes: bool = False, layout: Layout | None = None) -> None:
    """Stop the node if it runs. wipe: forget the cluster's state too (etcd, keys, volumes, logs), not the images.

    keep_volumes: forget all but the volumes, which the next cluster's claims of the same names get.
    Raises ClusterError.
    """
    layout = layout or Layout.current()
    if not layout.state.exists():
        return
    with locked(layout.lock):
        if keep_volumes:
            volumes.check_keepable(layout)
        halt(layout, gently=keep_volumes or not wipe)
        if wipe:
            volumes.forget_cluster(layout)
            layout.kubeconfig.unlink(missing_ok=True)
            for folder in (layout.etcd, layout.pki, layout.kubelet, layout.logs, layout.run):
                shutil.rmtree(folder, ignore_errors=True)
            if keep_volumes:
                volumes.set_aside(layout)
            else:
                shutil.rmtree(layout.volumes, ignore_errors=True)


def halt(layout: Layout, *, gently: bool) -> None:
    """End the node, in order when `gently`, and undo what starting did to the host. The caller has the lock.

    Raises ClusterError when the node cannot be ended.
    """
    first = node_pid(layout)
    if first and gently:
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGTERM)
        api.wait(lambda: not node_pid(layout), ORDERLY_SECONDS)

    def ended() -> bool:
        for pid in processes(layout):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not processes(layout)

    if not api.wait(ended, KILLED_SECONDS):
        raise ClusterError(f"The node's processes {processes(layout)} do not end.", "See what ps says of them.")
    if not api.wait(lambda: not volumes.attached(layout), KILLED_SECONDS):
        held = ", ".join(volumes.attached(layout))
        raise ClusterError(f"Volumes are still mounted: {held}.", "See what `findmnt` and `losetup -l` say of them.")
    host.restore(layout)
    shutil.rmtree(layout.run, ignore_errors=True)
