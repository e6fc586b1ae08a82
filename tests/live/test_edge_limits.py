"""The limits of stack `prod`, on the Traefik that `make up` built: a process of its own before a small server.

Stack `local` has no rate limit, since every drill is one client. `make up` comes first; the cluster is not asked.
"""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.platform.ingress_controller import arguments
from components.platform.traefik_file import dynamic_configuration
from components.settings import IngressSettings
from local.cluster import programs
from tests.conftest import settings_of
from tests.live.cluster_pods import until
from tests.live.front_door import Answer, Door
from tools.ports import free_port

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]
HOST = "journal.test"
SETTINGS = IngressSettings.model_validate(settings_of("prod")["ingress"])
LARGE, SMALL = "/large", "/small"


class Tier(BaseHTTPRequestHandler):
    """Answers JSON, large or small, or text, with the client's address that it was told."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = json.dumps(
            {"from": self.headers["X-Forwarded-For"], "text": "x" * (4096 if LARGE in self.path else 1)}
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if "html" in self.path else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


def dynamic(tier: str) -> dict[str, Any]:
    """Traefik's file of stack `prod`, with its router for missing routes leading to a tier."""
    found = dynamic_configuration(SETTINGS, {HOST: ["/"]})
    (router,) = found["http"]["routers"].values()
    router["middlewares"] = []
    found["http"]["services"]["unavailable"]["loadBalancer"]["servers"] = [{"url": tier}]
    return found


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    traefik = programs.located().path("traefik")
    if not traefik.exists():
        pytest.fail("Traefik is not built: run `make up` first", pytrace=False)
    folder, ports = tmp_path_factory.mktemp("dynamic"), {name: free_port() for name in ("web", "websecure", "traefik")}
    tier = ThreadingHTTPServer(("127.0.0.1", 0), Tier)
    threading.Thread(target=tier.serve_forever, daemon=True).start()
    (folder / "dynamic.yaml").write_text(json.dumps(dynamic(f"http://127.0.0.1:{tier.server_port}")))
    ours = ("--providers.", *(f"--entrypoints.{name}.address" for name in ports))
    given = [a for a in arguments(SETTINGS, ["journal"], HOST) if not a.startswith(ours)]
    here = [f"--entrypoints.{name}.address=127.0.0.1:{port}" for name, port in ports.items()]
    command = [str(traefik), *given, *here, f"--providers.file.directory={folder}"]
    log = Path(folder / "log")
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        door = Door(HOST, "127.0.0.1", ports["websecure"])
        try:
            until(lambda: _status(door) == 200)
            yield door
        finally:
            process.terminate()
            tier.shutdown()


def _status(door: Door) -> int:
    try:
        return door.get(SMALL).status
    except OSError:
        return 0


def flood(door: Door) -> list[Answer]:
    """The answers to 600 requests on ten connections, each of which names another client."""

    def ask(_: int) -> Answer:
        lines = [f"GET {SMALL} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: 203.0.113.{n}\r\n" for n in range(60)]
        return door.ask("\r\n".join(lines).encode(), b"Connection: close\r\n\r\n")

    with ThreadPoolExecutor(10) as pool:
        return [answer for together in pool.map(ask, range(10)) for answer in together.apart]


def test_who_asks_too_often_is_told_when_to_come_back_and_nobody_else_is(door: Door) -> None:
    """The address counts, not what a header says of it."""
    rate, busy = SETTINGS.limits.rate, replace(door, source="127.0.0.9")
    assert rate is not None
    answers = flood(busy)
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) == {200, 429}
    assert statuses[200] >= rate.burst
    for refused in (answer for answer in answers if answer.status == 429):
        assert [int(seconds) >= 1 for seconds in refused.values("Retry-After")] == [True]
        assert len(refused.values("Strict-Transport-Security")) == 1
    other = replace(door, source="127.0.0.10").get(SMALL)
    assert (other.status, json.loads(other.body)["from"]) == (200, "127.0.0.10")
    until(lambda: busy.get(SMALL).status == 200, 5)


@pytest.mark.parametrize(
    ("path", "accepted", "encoding"),
    [
        (LARGE, "gzip, br", ["br"]),
        (LARGE, "gzip", ["gzip"]),
        (LARGE, "identity", []),
        (SMALL, "gzip, br", []),
        (f"{LARGE}.html", "gzip, br", []),
    ],
)
def test_what_is_compressed(door: Door, path: str, accepted: str, encoding: list[str]) -> None:
    assert door.get(path, f"Accept-Encoding: {accepted}").values("Content-Encoding") == encoding


def test_https_is_demanded_for_a_year(door: Door) -> None:
    answer = door.get(SMALL)
    assert answer.values("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains"]
    assert answer.values("X-Content-Type-Options") == ["nosniff"]
    assert answer.values("Server") == []
