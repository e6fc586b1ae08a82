"""Stop the node, and leave nothing of it."""

import contextlib
import os
import shutil
import signal

from local.cluster import api, host
from local.cluster.errors import ClusterError
from local.cluster.layout import Layout
from local.cluster.state import node_pid, processes
from tools.lock import locked

ORDERLY_SECONDS = 25.0  # containers 8, the components' phases together 12
KILLED_SECONDS = 10.0


def stop(*, wipe: bool, layout: Layout | None = None) -> None:
    """Stop the node if it runs. wipe: forget the cluster's state too (etcd, keys, volumes, logs), not the images.

    Raises ClusterError.
    """
    layout = layout or Layout.current()
    if not layout.state.exists():
        return
    with locked(layout.lock):
        halt(layout, gently=not wipe)
        if wipe:
            layout.kubeconfig.unlink(missing_ok=True)
            for folder in (layout.etcd, layout.pki, layout.kubelet, layout.volumes, layout.logs, layout.run):
                shutil.rmtree(folder, ignore_errors=True)


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
    host.restore(layout)
    shutil.rmtree(layout.run, ignore_errors=True)
