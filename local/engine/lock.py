"""One run at a time on a stack: a Lease, renewed while the run lives, taken over when its holder is dead."""

import os
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from local.engine.cluster import ApiError, Cluster
from local.engine.inventory import LEASE, NAMESPACE, name_of
from local.engine.model import EngineError
from local.engine.objects import Object, Ref

DURATION = 15
RENEW = 4.0


def process_id(pid: int) -> str:
    """`host/pid/start`: this very process, even when its number is used again later. Empty when there is none."""
    try:
        start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
    return f"{socket.gethostname()}/{pid}/{start}"


def is_dead(holder: str, renewed: str, now: datetime) -> bool:
    """Its process is gone from this machine, or the lease has run out."""
    host, _, rest = holder.partition("/")
    if host == socket.gethostname() and rest:
        return process_id(int(rest.split("/")[0])) != holder
    return (now - datetime.fromisoformat(renewed)).total_seconds() > DURATION


class Lock:
    """A context manager. Raises EngineError when another run holds the stack; sets `stop` when it loses it."""

    def __init__(self, cluster: Cluster, stack: str, stop: threading.Event) -> None:
        self._cluster, self._stack, self._stop = cluster, stack, stop
        self._ref, self._holder = Ref(*LEASE, NAMESPACE, name_of(stack)), process_id(os.getpid())
        self._over, self._lease, self._lost = threading.Event(), Object(), ""
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> None:
        end = time.monotonic() + 5
        while not self._take():
            if time.monotonic() > end:
                raise EngineError(f"The lease {self._ref} changes hands all the time.")
        self._renewer.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._renewer.join()
        if self._lost and not isinstance(error, KeyboardInterrupt):
            raise EngineError(
                f"Another run took stack {self._stack} over, or its lease couldn't be renewed. {self._lost}"
            )
        with suppress(ApiError, EngineError):  # the run's own error counts; the lease runs out by itself
            self._cluster.delete(self._ref, self._lease["metadata"]["uid"])

    def _take(self) -> bool:
        """False when someone else was faster: look again."""
        found = self._cluster.get(self._ref)
        try:
            if found is None:
                self._lease = self._cluster.create(self._ref, self._body())
                return True
            spec = found["spec"]
            if not is_dead(spec["holderIdentity"], spec["renewTime"], datetime.now(UTC)):
                raise EngineError(
                    f"Another run works on stack {self._stack}: {spec['holderIdentity']} (host/process), since "
                    f"{spec['acquireTime']}.\n  Wait until it ends. A run that was killed gives way after {DURATION} s."
                )
            self._lease = self._cluster.replace(self._ref, self._body(found["metadata"]["resourceVersion"]))
        except ApiError as error:
            if error.status == 409:
                return False
            raise EngineError(f"The lease {self._ref} can't be taken: {error.message}") from error
        return True

    def _body(self, version: str = "", acquired: str = "") -> Object:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        metadata = {"name": self._ref.name, "namespace": NAMESPACE} | ({"resourceVersion": version} if version else {})
        spec = {
            "holderIdentity": self._holder, "leaseDurationSeconds": DURATION, "renewTime": now,
            "acquireTime": acquired if acquired else now,
        }  # fmt: skip
        return {"apiVersion": LEASE[0], "kind": LEASE[1], "metadata": metadata, "spec": spec}

    def _renew(self) -> None:
        while not self._over.wait(RENEW):
            try:
                version, spec = self._lease["metadata"]["resourceVersion"], self._lease["spec"]
                self._lease = self._cluster.replace(self._ref, self._body(version, spec["acquireTime"]))
            except (ApiError, EngineError) as error:
                self._lost = str(error)
                self._stop.set()
                return
