"""Debian's NGINX with the real configuration, as the user of the image, on a free port."""

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

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


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def for_tests(conf: str, *, port: int, root: Path, folder: Path) -> str:
    """The real configuration with another port, another root, and its writable files in another folder."""
    conf = conf.replace(" /tmp/", f" {folder}/")
    for real, ours in (("listen 8080", f"listen 127.0.0.1:{port}"), ("root /srv/journal", f"root {root}")):
        assert conf.count(real) == 1, f"nginx.conf has not exactly one `{real}`"
        conf = conf.replace(real, ours)
    return conf


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


def start(root: Path, folder: Path) -> Nginx:
    """NGINX on the built site; as the image's user where the tests run as root."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.fail(REMEDY, pytrace=False)
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(for_tests((FILESERVER / "nginx.conf").read_text(), port=port, root=root, folder=folder))
    user = USER if os.getuid() == 0 else None
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        if user is not None:
            for path in (folder, folder / "stdout", folder / "stderr"):
                os.chown(path, user, user)
        command = [nginx, "-e", "stderr", "-c", str(conf)]
        groups = [] if user is not None else None
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, user=user, group=user, extra_groups=groups)
    server = Nginx(f"http://127.0.0.1:{port}", process, folder)
    wait_until_up(server)
    return server
