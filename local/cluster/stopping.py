"""Stop the node, and leave nothing of it."""

import contextlib
import os
import shutil
import signal

from local.cluster import api, host
from local.cluster.errors import ClusterError
from local.cluster.layout import Layout
from local.cluster.lock import locked
from local.cluster.state import node_pid

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
    """End the node's processes, in order when `gently`, and undo what starting did to the host. The caller has the lock.

    Raises ClusterError when the node cannot be ended.
    """
    pid = node_pid(layout)
    for chosen, seconds in ((signal.SIGTERM, ORDERLY_SECONDS), (signal.SIGKILL, KILLED_SECONDS)):
        if not pid or (chosen == signal.SIGTERM and not gently):
            continue
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, chosen)
        if api.wait(lambda: not node_pid(layout), seconds):
            break
    if node_pid(layout):
        raise ClusterError(
            f"The node's first process {pid} cannot be ended.", "Look at it with ps; restart the machine."
        )
    host.restore(layout)
    shutil.rmtree(layout.run, ignore_errors=True)
