"""The password of running servers changes in three steps, and nobody is refused meanwhile."""

import contextlib
import hashlib
import os
import subprocess
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.unit.components.redis.servers import PASSWORD, PORT, SENTINEL_PORT, Cluster, Server, eventually, require
from tools import environments
from tools.ports import free_port
from tools.testing import FRONTEND

OLD, NEW = PASSWORD, "battery-staple"
STEPS = ((OLD, NEW), (NEW, OLD), (NEW,))
"""What servers accept after each step. The first is the one to use, by clients too."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    require()
    made = Cluster(tmp_path, 3, "min-replicas-to-write 1\nmin-replicas-max-lag 4\n")
    yield made
    made.kill()


def digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def applied(server: Server, passwords: tuple[str, ...]) -> bool:
    """Whether the server and its Sentinel say, live, that they accept and use what they must."""
    accepted = sorted(f"accepts {digest(password)}" for password in passwords)
    wanted = [*accepted, f"uses {digest(passwords[0])}"]
    return all(sorted(server.output("passwords.sh", *which).splitlines()) == wanted for which in ((), ("sentinel",)))


def step(cluster: Cluster, passwords: tuple[str, ...]) -> None:
    """Servers get the files one after another; clients the first password once all have applied them."""
    for server in cluster.servers:
        server.accept(*passwords)
        eventually(lambda server=server: applied(server, passwords), f"{server.host} applies {passwords}")
    for server in cluster.servers:
        server.password = passwords[0]


class Load:
    """Reads and writes, each on a new connection, and on one that stays."""

    def __init__(self, primary: Server) -> None:
        self.done, self.failed = 0, list[str]()
        self._primary, self._stop = primary, threading.Event()
        self._stays = subprocess.Popen(
            ["redis-cli", "-h", primary.host, "-p", str(PORT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self._say(f"AUTH {OLD}") == "OK"
        self._thread = threading.Thread(target=self._run)

    def _say(self, line: str) -> str:
        assert self._stays.stdin is not None
        assert self._stays.stdout is not None
        self._stays.stdin.write(f"{line}\n")
        self._stays.stdin.flush()
        return self._stays.stdout.readline().strip()

    def _run(self) -> None:
        while not self._stop.is_set():
            for answer, wanted in (
                (self._primary.ask("SET", "key", str(self.done)), "OK"),
                (self._primary.ask("GET", "key"), str(self.done)),
                (self._say("SET stays 1"), "OK"),
            ):
                if answer != wanted:
                    self.failed.append(answer)
            self.done += 1

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._stays.kill()
        self._stays.communicate()


def test_no_request_fails_through_all_steps(cluster: Cluster) -> None:
    primary = cluster.start().complete()
    with Load(primary) as load:
        for passwords in STEPS:
            step(cluster, passwords)
            before = load.done
            eventually(lambda before=before: load.done > before + 10, "requests go on")
    assert load.failed == []
    assert load.done > 30
    assert cluster.complete() is primary
    for server in cluster.servers:
        assert [server.accepts(password, port) for port in (PORT, SENTINEL_PORT) for password in (OLD, NEW)] == [
            False,
            True,
        ] * 2
        assert OLD not in server.said
        assert NEW not in server.said


@contextlib.contextmanager
def api(folder: Path, cluster: Cluster, password: str) -> Generator[httpx.Client]:
    """The API's process, which reads from the first server and writes to the primary that Sentinels name."""
    python = environments.prepare(FRONTEND.name, FRONTEND / "requirements-dev.lock")
    folder.mkdir()
    (folder / "password").write_text(password)
    port, management = free_port(), free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(FRONTEND),
        "REDIS_READ_HOST": cluster[1].host,
        "REDIS_PORT": str(PORT),
        "REDIS_SENTINELS": ",".join(f"{server.host}:{SENTINEL_PORT}" for server in cluster.servers),
        "REDIS_SENTINEL_PRIMARY": "redis",
        "REDIS_PASSWORD_FILE": str(folder / "password"),
        "HTTP_PORT": str(port),
        "MANAGEMENT_PORT": str(management),
    }
    process = subprocess.Popen([python, "-m", "journal_api"], env=environment, stdout=subprocess.DEVNULL)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client:

        def ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return client.get(f"http://127.0.0.1:{management}/readyz").status_code == 200
            return False

        try:
            eventually(ready, "the API is ready")
            yield client
        finally:
            process.kill()
            process.wait()


def test_no_request_to_the_api_fails_through_all_steps(cluster: Cluster, tmp_path: Path) -> None:
    """An API that runs on, and in each step one that starts, whose connections are new."""
    primary = cluster.start().complete()
    statuses, stop = list[int](), threading.Event()

    def use(client: httpx.Client) -> None:
        while not stop.is_set():
            statuses.append(client.post("/api", json=len(statuses)).status_code)
            statuses.append(client.get("/api").status_code)

    with api(tmp_path / "stays", cluster, OLD) as stays:
        thread = threading.Thread(target=use, args=(stays,))
        thread.start()
        try:
            for number, passwords in enumerate(STEPS):
                step(cluster, passwords)
                # The kubelet brings the files late: until the last step, an API may start with the old one.
                if number < 2:
                    with api(tmp_path / f"late-{number}", cluster, OLD) as late:
                        assert late.post("/api", json=1).status_code == 200
                (tmp_path / "stays" / "password").write_text(passwords[0])
                with api(tmp_path / f"new-{number}", cluster, passwords[0]) as new:
                    assert new.post("/api", json=1).status_code == 200
        finally:
            stop.set()
            thread.join()
        assert set(statuses) == {200}
        assert len(statuses) > 300
        primary.kill()
        assert cluster.primary() is not primary
        eventually(lambda: stays.post("/api", json=1).status_code == 200, "it writes to the next primary")


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_server_dies_after_a_step_and_returns(cluster: Cluster, steps: int) -> None:
    """The primary is killed with its Sentinel: another takes over, and it starts again with the files of that step."""
    dead = cluster.start().complete()
    for passwords in STEPS[:steps]:
        step(cluster, passwords)
    dead.kill()
    assert cluster.primary() is not dead
    dead.start()
    cluster.complete()
    assert applied(dead, STEPS[steps - 1])


def test_a_server_dies_while_half_have_the_next_step(cluster: Cluster) -> None:
    """Each two neighbouring steps get along: that of the primary, and that of the others."""
    dead = cluster.start().complete()
    for before, after in zip(((OLD,), *STEPS), STEPS, strict=False):
        step(cluster, before)
        dead.accept(*after)
        eventually(lambda dead=dead, after=after: applied(dead, after), "one has the next step")
        dead.kill()
        next_primary = cluster.primary()
        assert next_primary is not dead
        dead.start()
        dead = cluster.complete()


def test_a_primary_hands_over_between_the_steps(cluster: Cluster) -> None:
    primary = cluster.start().complete()
    for passwords in STEPS[:2]:
        step(cluster, passwords)
    assert primary.script("stop.sh")[0] == 0
    primary.kill()
    assert cluster.primary() is not primary
    primary.start()
    assert cluster.complete() is not primary


def test_a_secret_from_before_there_was_a_list_is_followed_too(cluster: Cluster) -> None:
    """Who deploys an older program brings one, with a password of its own; a server that starts meanwhile starts."""
    primary = cluster.start().complete()
    started = next(server for server in cluster.servers if server is not primary)
    started.kill()
    for server in cluster.servers:
        server.accept_one(NEW)
    started.start()
    for server in cluster.servers:
        eventually(lambda server=server: applied(server, (NEW,)), f"{server.host} applies it")
        server.password = NEW
    cluster.complete()


def test_a_sentinel_whose_new_password_was_refused_connects_anew(cluster: Cluster) -> None:
    """It had the Secret first. The others answer each PING with an error, so it never holds the connection for dead."""
    primary = cluster.start().complete()
    first = next(server for server in cluster.servers if server is not primary)
    first.accept_one(NEW)
    eventually(lambda: applied(first, (NEW,)), "one applies it")
    first.password = NEW
    eventually(lambda: "s_down" in first.ask("SENTINEL", "MASTER", "redis", port=SENTINEL_PORT), "it is refused")
    for server in cluster.servers:
        server.accept_one(NEW)
    for server in cluster.servers:
        eventually(lambda server=server: applied(server, (NEW,)), f"{server.host} applies it")
        server.password = NEW
    cluster.complete()
