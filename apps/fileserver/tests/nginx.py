"""Debian's NGINX with the real configuration, as the user of the image, on a free port."""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tools.ports import free_port

FILESERVER = Path(__file__).parents[1]
USER = 65532
REMEDY = "nginx is not on PATH: run `apt-get install nginx-light` (and stop its service: `service nginx stop`)"


@dataclass(frozen=True)
class Nginx:
    """A running NGINX: its address, its process, and the folder with its logs and temporary files."""

    url: str
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def access_log(self) -> Path:
        return self.folder / "stdout"

    @property
    def error_log(self) -> Path:
        return self.folder / "stderr"


@dataclass(frozen=True, kw_only=True)
class Peers:
    """Where a pod finds the others: the port on which each answers them, and the port of the name server here.

    limit: how often a second it asks them; by default as often as in the image.
    """

    port: int
    resolver: int
    limit: int | None = None


def replaced(text: str, changes: dict[str, str]) -> str:
    """The text with each of these, which it must have exactly once, replaced."""
    for real, ours in changes.items():
        assert text.count(real) == 1, f"there is not exactly one `{real}`"
        text = text.replace(real, ours)
    return text


def for_tests(conf: str, *, address: str, port: int, peers_port: int, root: Path, folder: Path) -> str:
    """The real configuration with other ports, another root, and its writable files in another folder."""
    conf = conf.replace(" /tmp/", f" {folder}/").replace("root /srv/journal", f"root {root}")
    return replaced(conf, {"listen 8080": f"listen {address}:{port}", "listen 8081": f"listen {address}:{peers_port}"})


def wait_until_up(server: Nginx, seconds: float = 10) -> None:
    """Return when /healthz answers. Raises AssertionError with NGINX's own words when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            httpx.get(f"{server.url}/healthz", timeout=1).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.02)
    raise AssertionError(f"nginx does not answer: {server.error_log.read_text()}")


def start(root: Path, folder: Path, *, address: str = "127.0.0.1", peers: Peers | None = None) -> Nginx:
    """NGINX on the built site, as the image starts it; as the image's user where the tests run as root."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.fail(REMEDY, pytrace=False)
    port, peers_port = free_port(), free_port() if peers is None else peers.port
    conf, script = folder / "nginx.conf", folder / "start.sh"
    text = (FILESERVER / "nginx.conf").read_text()
    if peers is not None and peers.limit is not None:
        text = replaced(text, {"rate=500r/s": f"rate={peers.limit}r/s", "burst=500": f"burst={peers.limit}"})
    conf.write_text(for_tests(text, address=address, port=port, peers_port=peers_port, root=root, folder=folder))
    changes = {" /tmp/": f" {folder}/", "/usr/sbin/nginx": nginx, "/etc/nginx/nginx.conf": str(conf)}
    changes["/etc/resolv.conf"] = str(folder / "resolv.conf")
    (folder / "resolv.conf").write_text("search journal.svc.cluster.local\nnameserver 127.0.0.1\n")
    if peers is not None:
        changes["resolver \\1"] = f"resolver \\1:{peers.resolver}"
    script.write_text(replaced((FILESERVER / "start.sh").read_text(), changes))
    user = USER if os.getuid() == 0 else None
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        if user is not None:
            for path in (folder, folder / "stdout", folder / "stderr"):
                os.chown(path, user, user)
        environment = os.environ | ({} if peers is None else {"PEERS": f"peers.test:{peers.port}"})
        groups = [] if user is not None else None
        process = subprocess.Popen(
            ["/bin/sh", script],
            stdout=stdout,
            stderr=stderr,
            env=environment,
            user=user,
            group=user,
            extra_groups=groups,
        )
    server = Nginx(f"http://{address}:{port}", process, folder)
    wait_until_up(server)
    return server
