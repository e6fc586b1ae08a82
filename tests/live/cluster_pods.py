"""Pods whose network and disk a test uses from outside, so that no image with a shell is needed."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAUSE = "registry.k8s.io/pause:3.10"
SERVE = """
import socketserver, sys
class Answer(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(self.client_address[0].encode())
class Server(socketserver.ThreadingTCPServer): allow_reuse_address = True
server = Server(("0.0.0.0", int(sys.argv[1])), Answer)
print("ready", flush=True)
server.serve_forever()
"""
ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])) as server:
    print(server.recv(64).decode())
"""

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=0.5)"


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """The first true answer. Fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.02)
    return answer


def ask(address: str, port: int, *within: str, seconds: float = 2) -> str:
    """What a server answers: the address it sees us come from. Nothing when it cannot be reached."""
    command = [*within, sys.executable, "-ISc", ASK, address, str(port), str(seconds)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


@dataclass
class Pod:
    """A running pod of the namespace. pid: its container's process on the host."""

    name: str
    namespace: str
    ip: str
    pid: int

    @property
    def network(self) -> tuple[str, ...]:
        """The start of a command that is to run in the pod's network."""
        return ("nsenter", "-t", str(self.pid), "-n")

    def reaches(self, address: str, port: int, seconds: float = 2) -> bool:
        return bool(ask(address, port, *self.network, seconds=seconds))

    def connects(self, address: str, port: int) -> bool:
        """Whether a server accepts; it need not speak first."""
        command = [*self.network, sys.executable, "-ISc", CONNECT, address, str(port)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def path(self, inside: str) -> Path:
        """A file of the container, as the host sees it."""
        return Path(f"/proc/{self.pid}/root{inside}")


@dataclass
class Pods:
    """Makes pods in one namespace and servers in pods; `close` ends the servers."""

    core: Any  # client.CoreV1Api; not so typed, for it takes plain Kubernetes documents too
    namespace: str
    servers: list[subprocess.Popen] = field(default_factory=list)

    def create(self, name: str, namespace: str = "", **spec: Any) -> None:
        """Create, without waiting; label `app` is the name. spec: more of it; `container`: more of its container."""
        container = {"name": "main", "image": PAUSE, "imagePullPolicy": "IfNotPresent", **spec.pop("container", {})}
        body = {
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec},
        }
        self.core.create_namespaced_pod(namespace or self.namespace, body)

    def run(self, name: str, namespace: str = "", **spec: Any) -> Pod:
        """Create, and wait until it runs."""
        self.create(name, namespace, **spec)
        return self.running(name, namespace or self.namespace)

    def running(self, name: str, namespace: str = "") -> Pod:
        """An existing pod, once it is ready."""
        namespace = namespace or self.namespace

        def ready() -> Any:
            status = self.core.read_namespaced_pod(name, namespace).status
            return status if status.container_statuses and status.container_statuses[0].ready else None

        status = until(ready)
        identity = status.container_statuses[0].container_id.rpartition("/")[2]
        return Pod(name, namespace, status.pod_ip, until(lambda: process_of(identity)))

    def delete(self, name: str) -> None:
        """Delete, and wait until it is gone."""
        self.core.delete_namespaced_pod(name, self.namespace, grace_period_seconds=0)
        until(lambda: name not in [p.metadata.name for p in self.core.list_namespaced_pod(self.namespace).items])

    def serve(self, pod: Pod, port: int) -> None:
        """Listen in the pod's network, and answer each client with its address."""
        command = [*pod.network, sys.executable, "-ISc", SERVE, str(port)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"

    def close(self) -> None:
        for server in self.servers:
            server.kill()
            server.wait()


def process_of(container: str) -> int:
    """A container's process on the host, by its cgroup; 0 when there is none."""
    with contextlib.suppress(FileNotFoundError):  # of a pod that ends just now
        for group in Path("/sys/fs/cgroup").glob(f"**/journal-node/kubepods/**/{container}/cgroup.procs"):
            if pids := group.read_text().split():
                return int(pids[0])
    return 0
