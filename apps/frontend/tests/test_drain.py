"""SIGTERM: unready first, serving on meanwhile, then no new connections, the last requests, an end with status 0."""

import signal
import socket
import threading
from pathlib import Path

import httpx
import pytest

from .processes import Api, Redis, eventually

ENDPOINT_DELAY = 0.3


class Load:
    """Clients that read and write until the process has been unready for as long as Kubernetes takes to notice."""

    def __init__(self, api: Api, clients: int) -> None:
        self.answers: list[tuple[str, int]] = []
        self.errors: list[Exception] = []
        self._api, self._noticed = api, threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]
        self._threads.append(threading.Thread(target=self._notice))
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _notice(self) -> None:
        while httpx.get(f"{self._api.management}/readyz", verify=False, trust_env=False).status_code == 200:
            pass
        self._noticed.wait(ENDPOINT_DELAY)
        self._noticed.set()

    def _run(self, number: int) -> None:
        with httpx.Client(base_url=self._api.url, verify=False, trust_env=False) as client:
            try:
                while not self._noticed.is_set():
                    text = f"{number} {len(self.answers)}"
                    for answer in (client.get("/api"), client.post("/api/entries", json={"text": text})):
                        self.answers.append((answer.request.method, answer.status_code))
            except httpx.TransportError as error:
                self.errors.append(error)


def test_no_request_fails_while_the_process_drains(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, DRAIN_SECONDS="1").running() as api:
        load = Load(api, clients=8)
        eventually(lambda: len(load.answers) > 100, "the load is on")
        assert api.process is not None
        api.process.send_signal(signal.SIGTERM)
        load.join()
        assert load.errors == []
        assert set(load.answers) == {("GET", 200), ("POST", 201)}
        assert api.process.wait(10) == 0
        assert redis.command("ZCARD", "journal:index") == sum(method == "POST" for method, _ in load.answers)
        assert [line["message"] for line in api.log() if line["logger"] != "request"][-2:] == [
            "draining for 1 s",
            "stopped",
        ]


def test_the_order_of_a_drain(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, DRAIN_SECONDS="1").running() as api:
        assert api.process is not None
        with api.connection() as slow:
            slow.sendall(b"POST /api HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\n")
            api.process.send_signal(signal.SIGTERM)
            eventually(lambda: not api.is_ready(), "the process is unready")
            assert api.client.get(f"{api.management}/readyz").json() == {"status": "draining"}
            assert api.is_alive()
            answer = api.client.get("/api")
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
            eventually(lambda: not accepts(api), "no new connection is accepted")
            slow.sendall(b'"late"')
            assert slow.recv(4096).startswith(b"HTTP/1.1 200")
        assert api.process.wait(10) == 0
        assert b"late" in redis.command("HVALS", "journal:entries")[0]


def accepts(api: Api) -> bool:
    try:
        api.connection().close()
    except OSError:
        return False
    return True


def test_a_second_signal_ends_the_wait(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, DRAIN_SECONDS="60").running() as api:
        assert api.process is not None
        api.process.send_signal(signal.SIGINT)
        eventually(lambda: not api.is_ready(), "the process is unready")
        api.process.send_signal(signal.SIGINT)
        assert api.process.wait(10) == 0


def test_it_drains_without_redis(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, DRAIN_SECONDS="0").running() as api:
        redis.kill()
        assert api.process is not None
        api.process.send_signal(signal.SIGTERM)
        assert api.process.wait(10) == 0


def test_a_port_that_is_taken_is_named(tmp_path: Path, redis: Redis, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        api = Api(tmp_path, read=redis, write=redis, HTTP_PORT=str(port))
        assert api.run() == 1
    assert f"cannot listen on port {port}: Address already in use" in capfd.readouterr().err
