"""The site, built once, and NGINX serving it."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apps.fileserver.tests.nginx import FILESERVER, Nginx, start


@pytest.fixture(scope="session")
def site() -> Iterator[Path]:
    """The site as the image has it. Not under pytest's own folder, which only root may enter."""
    with tempfile.TemporaryDirectory(prefix="journal-site-") as folder:
        Path(folder).chmod(0o755)
        target = Path(folder) / "site"
        arguments = [FILESERVER / "page", target, "--version", "1.2.3", "--commit", "0123abcd"]
        subprocess.run([sys.executable, FILESERVER / "build.py", *arguments], check=True)
        yield target


@pytest.fixture
def fresh_server(site: Path) -> Iterator[Nginx]:
    """An NGINX of the test's own, which it may stop."""
    with tempfile.TemporaryDirectory(prefix="journal-nginx-") as folder:
        server = start(site, Path(folder))
        yield server
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[Nginx]:
    """An NGINX that the tests share."""
    with tempfile.TemporaryDirectory(prefix="journal-nginx-") as folder:
        server = start(site, Path(folder))
        yield server
        server.process.terminate()
        server.process.wait(10)


@pytest.fixture
def client(server: Nginx) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"Accept-Encoding": "identity"}) as client:
        yield client
