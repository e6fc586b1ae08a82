"""Reports to Sentry: what nobody foresaw arrives there, what people wrote does not; without a DSN nothing is loaded."""

import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .processes import Api, Redis, eventually

KEY = "0123456789abcdef0123456789abcdef"
ABOUT = {"VERSION": "1.2.3", "COMMIT": "bfeda01f", "ENVIRONMENT": "prod"}


class Sentry(ThreadingHTTPServer):
    """Keeps the envelopes that it is sent: path, header with the key, and the text."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Intake)
        self.envelopes: list[tuple[str, str, str]] = []
        self.dsn = f"http://{KEY}@127.0.0.1:{self.server_port}/7"

    @contextlib.contextmanager
    def running(self) -> Generator["Sentry"]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()

    def events(self) -> list[dict[str, Any]]:
        """The events in the envelopes: a header line, then pairs of an item's header and the item."""
        lines = [line for _, _, text in self.envelopes for line in text.splitlines()[1:]]
        items = zip(lines[::2], lines[1::2], strict=True)
        return [json.loads(item) for header, item in items if json.loads(header)["type"] == "event"]


class Intake(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Sentry)
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.envelopes.append((self.path, self.headers["x-sentry-auth"], body.decode()))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def spoil(redis: Redis) -> None:
    """The journal's key holds what no script of the API expects."""
    redis.commands(("DEL", "journal:index"), ("SET", "journal:index", "spoilt"))


def test_an_unforeseen_error_is_reported_without_what_people_wrote(tmp_path: Path, redis: Redis) -> None:
    with (
        Sentry().running() as sentry,
        Api(tmp_path, read=redis, write=redis, SENTRY_DSN=sentry.dsn, **ABOUT).running() as api,
    ):
        assert api.client.get("/api").status_code == 200
        spoil(redis)
        headers = {"x-request-id": "trace-7", "authorization": "Bearer hush", "cookie": "who=me"}
        answer = api.client.post("/api/entries?token=hush", json={"text": "dear diary"}, headers=headers)
        assert answer.status_code == 500
        eventually(sentry.events, "an event arrives")
        assert api.client.get("/nowhere").status_code == 404
    (event,) = sentry.events()
    assert event["release"] == "1.2.3-bfeda01f"
    assert event["environment"] == "prod"
    assert event["level"] == "error"
    assert event["extra"]["request_id"] == "trace-7"
    assert event["exception"]["values"][-1]["type"] == "WrongTypeError"
    (path, auth, text) = sentry.envelopes[0]
    assert path == "/api/7/envelope/"
    assert f"sentry_key={KEY}" in auth
    assert [word for word in ("dear diary", "hush", "who=me", "127.0.0.1", "correct horse") if word in text] == []
    assert not {"request", "user"} & event.keys()
    assert event["breadcrumbs"]["values"] == []
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert frames
    assert not any("vars" in frame for frame in frames)


def test_a_sentry_that_hangs_delays_no_answer(tmp_path: Path, redis: Redis) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"http://{KEY}@127.0.0.1:{silent.getsockname()[1]}/7"
        with Api(tmp_path, read=redis, write=redis, SENTRY_DSN=dsn, **ABOUT).running() as api:
            spoil(redis)
            answers = [api.client.get("/api/entries") for _ in range(20)]
            assert {answer.status_code for answer in answers} == {500}
            assert sum(answer.elapsed.total_seconds() for answer in answers) < 5
            assert api.process is not None
            api.process.terminate()
            assert api.process.wait(timeout=10) == 0


@pytest.mark.parametrize("reporting", [False, True])
def test_the_sdk_is_loaded_where_a_dsn_is_set_alone(tmp_path: Path, redis: Redis, reporting: bool) -> None:
    """A module of its name that cannot be imported stands before it."""
    (tmp_path / "sentry_sdk.py").write_text("raise SystemExit(7)\n")
    settings = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parent.parent}"}
    if reporting:
        api = Api(tmp_path / "api", read=redis, write=redis, SENTRY_DSN=f"https://{KEY}@sentry.example/1", **settings)
        assert api.run() == 7
    else:
        with Api(tmp_path / "api", read=redis, write=redis, **settings).running() as api:
            assert api.client.get("/api").status_code == 200
