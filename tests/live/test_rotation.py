"""Redis' password changes under load; a wrong one is an outage that clients are told of, and that ends by itself."""

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from local import rotation
from local.access import Access
from tests.live.cluster_pods import until
from tests.live.load import LEAST, ONLY_DRILLS, RATE, Load, primary, tell
from tools import stack

pytestmark = [pytest.mark.live, ONLY_DRILLS, pytest.mark.timeout(1200)]
NAMESPACE, SECRET = "journal", "redis-auth"
KILL = (
    "sh",
    "-c",
    '. /etc/redis/common.sh; as_default "$PORT" "$(accepted)" "CLIENT KILL TYPE normal SKIPME yes"',
)


def local(*arguments: str) -> None:
    command = [sys.executable, "-m", "local", *arguments]
    done = subprocess.run(command, cwd=stack.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def _file_as_before() -> Iterator[None]:
    """Two passwords take turns: after an even number of rotations the stack's file is true again as it was."""
    path, start = stack.ROOT / "Pulumi.local.yaml", rotation.stage_of("local")
    before = path.read_text()
    yield
    while (stage := rotation.stage_of("local"))[1] is not None or (stage[0] - start[0]) % 2:
        local("rotate")
    path.write_text(before)
    local("up")


def secret(here: Access) -> dict[str, str]:
    data = here.json("-n", NAMESPACE, "get", "secret", SECRET)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def pods(here: Access) -> dict[str, list[int]]:
    """How often each container of those who have the password has been started, by pod."""
    found = here.json("-n", NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/name in (redis,frontend)")["items"]
    return {
        pod["metadata"]["uid"]: [status["restartCount"] for status in pod["status"]["containerStatuses"]]
        for pod in found
    }


def run_until(mark: str, then: Callable[[subprocess.Popen[str]], None]) -> int:
    """The status of `make rotate`, after `then` was done when it said `mark`."""
    command = [sys.executable, "-u", "-m", "local", "rotate"]
    said: list[str] = []
    with subprocess.Popen(command, cwd=stack.ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if mark in line:
                then(process)
    assert [line for line in said if mark in line], "".join(said)
    return process.returncode


def undisturbed(here: Access) -> None:
    local("rotate")


def primary_deleted(here: Access) -> None:
    """While servers accept both and clients begin to use the next one."""
    pod = primary(here)
    assert run_until("accept → ", lambda process: _delete(here, pod)) == 0


def _delete(here: Access, pod: str) -> None:
    here.run("-n", NAMESPACE, "delete", "pod", pod, "--wait=false")


def interrupted(here: Access) -> None:
    """By Ctrl-C, while Pulumi deploys the second stage; then `make up`, which goes neither back nor on."""
    assert run_until("accept → ", lambda process: process.send_signal(signal.SIGINT)) == 130
    stage = rotation.stage_of("local")
    assert stage[1] == "use"
    local("up")
    assert rotation.stage_of("local") == stage
    assert rotation.is_deployed(here, NAMESPACE, stage)
    local("rotate")


ROTATIONS = {"interrupted": interrupted, "primary deleted": primary_deleted, "undisturbed": undisturbed}


@pytest.mark.parametrize("name", ROTATIONS)
def test_no_request_fails_while_the_password_changes(name: str, here: Access, local_stack: dict[str, str]) -> None:
    first, old, started = primary(here), secret(here), pods(here)
    with Load(local_stack) as load:
        until(lambda: len(load.acknowledged) > 40)
        began = time.monotonic()
        ROTATIONS[name](here)
        took = time.monotonic() - began
        before = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > before + 60, 60)
        until(lambda: load.sent + load.reads >= LEAST, 2 * LEAST / RATE)
    tell(figures(f"password changed in {took:.0f} s, {name}", f"{first} → {primary(here)}", load))
    new = secret(here)
    assert new["accepted"] == new["password"]
    assert new["password"] != old["password"]
    assert rotation.lagging(here, NAMESPACE) == []
    assert load.sent + load.reads >= LEAST
    assert load.failed_reads == []
    assert load.lost() == 0
    if name == "primary deleted":
        assert {what for _, what in load.refused} <= {"503"}
        assert load.without_writes() < 10
    else:
        assert load.refused == []
        assert pods(here) == started


def test_a_wrong_password_is_told_and_ends_by_itself(here: Access, local_stack: dict[str, str]) -> None:
    """The Secret's `password` is changed by hand, and connections made with the right one end."""
    first, right, started = primary(here), secret(here)["password"], pods(here)
    with Load(local_stack) as load:
        until(lambda: len(load.acknowledged) > 40)
        try:
            put(here, "wrong")
            # Sentinels give the address of the primary, and take the same password.
            until(lambda: kill_connections(here) and len(load.refused) > 20 and len(load.failed_reads) > 20, 60)
            until(lambda: len(load.refused) + len(load.failed_reads) > 200, 60)
            before = len(load.acknowledged)
        finally:
            put(here, right)
        put_right = time.monotonic()
        until(lambda: len(load.acknowledged) > before + 60, 60)
        until(lambda: load.sent + load.reads >= LEAST, 2 * LEAST / RATE)
    after = max(0.0, max(at for at, _ in [*load.refused, *load.failed_reads]) - put_right)
    tell(figures(f"wrong password, for {after:.1f} s more when it is right", f"{first} → {primary(here)}", load))
    assert {what for _, what in [*load.refused, *load.failed_reads]} == {"503"}
    assert after < 15
    assert load.lost() == 0
    assert pods(here) == started
    assert rotation.lagging(here, NAMESPACE) == []


def put(here: Access, password: str) -> None:
    """Into the Secret; returns when both pods of the API have it as their file."""
    patch = json.dumps({"stringData": {"password": password}})
    here.run("-n", NAMESPACE, "patch", "secret", SECRET, "-p", patch)
    rotation.hurry(here, NAMESPACE)
    late = len(here.json("-n", NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/name=frontend")["items"])
    wanted = rotation.digest(password)
    until(lambda: sum(digest == wanted for digest in files(here)) == late, 150)


def files(here: Access) -> list[str]:
    """The hash of the password that each pod of the API has as its file."""
    names = here.json("-n", NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/name=frontend")["items"]
    ask = ("--", "sha256sum", "/etc/redis-auth/password")
    return [here.run("-n", NAMESPACE, "exec", pod["metadata"]["name"], *ask).decode().split()[0] for pod in names]


def kill_connections(here: Access) -> bool:
    for number in range(3):
        here.run("-n", NAMESPACE, "exec", f"redis-{number}", "-c", "redis", "--", *KILL)
    return True


def figures(name: str, primaries: str, load: Load) -> dict[str, object]:
    """A row of the table of drills."""
    return {
        "drill": name,
        "primary": primaries,
        "requests": load.sent + load.reads,
        "acknowledged": len(load.acknowledged),
        "lost": load.lost(),
        "seconds without writes": round(load.without_writes(), 1),
        "requests a second": round(load.rate()),
        "refused writes": sorted({what for _, what in load.refused}),
        "refused": len(load.refused),
        "failed reads": " ".join([str(len(load.failed_reads)), *sorted({what for _, what in load.failed_reads})]),
    }
