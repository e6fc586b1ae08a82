"""A volume that is full: its size is its own, writes wait, and when there is room again nothing was lost."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.access import Access
from tests.live.cluster_pods import until
from tests.live.load import info, primary
from tests.live.test_redis_failover import process
from tests.live.test_redis_status import status

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]
MIB = 1 << 20
PODS = [f"redis-{number}" for number in range(3)]


@pytest.fixture
def leader(here: Access) -> Iterator[str]:
    """The primary, whose volume gets its room back."""
    pod = primary(here)
    yield pod
    data(pod).joinpath("filler").unlink(missing_ok=True)
    primary(here)


def data(pod: str) -> Path:
    """A server's volume, as this machine sees it."""
    return Path(f"/proc/{process(pod)}/root/data")


def fill(folder: Path) -> int:
    """Take all the room that there is; how many bytes it was."""
    with folder.joinpath("filler").open("ab") as file:
        size = MIB
        while size >= 4096:
            try:
                os.posix_fallocate(file.fileno(), file.tell(), size)
            except OSError:
                size //= 2
            else:
                file.seek(size, os.SEEK_CUR)
        return file.tell()


def ready(here: Access, pod: str) -> bool:
    status = here.json("-n", "journal", "get", "pod", pod)["status"]
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"])


def told(here: Access, pod: str) -> list[str]:
    events = here.json("-n", "journal", "get", "events", "--field-selector", f"involvedObject.name={pod}")["items"]
    return [event["message"] for event in events if event["reason"] == "Unhealthy"]


def newest(http: httpx.Client, wanted: set[str]) -> set[str]:
    """The texts of the newest entries, as far back as the wanted ones go."""
    found, query = set[str](), {"limit": "100"}
    while True:
        page = http.get("/api/entries", params=query, timeout=30).raise_for_status().json()
        found |= {str(entry["text"]) for entry in page["entries"]}
        if wanted <= found or page["next"] is None:
            return found
        query["cursor"] = page["next"]


def test_a_server_sees_its_claims_size_and_not_the_machines_disk(here: Access) -> None:
    for pod in PODS:
        claim = here.json("-n", "journal", "get", "pvc", f"data-{pod}")
        assert claim["status"]["capacity"]["storage"] == "512Mi"
        found = os.statvfs(data(pod))
        assert 400 * MIB < found.f_blocks * found.f_frsize <= 512 * MIB


def test_a_full_volume_refuses_writes_and_gets_well_by_itself(here: Access, http: httpx.Client, leader: str) -> None:
    mark, number = uuid.uuid4().hex, 0
    acknowledged, refused = set[str](), list[httpx.Response]()

    def write() -> httpx.Response:
        nonlocal number
        number += 1
        text = f"{mark} {number}"
        answer = http.post("/api/entries", json={"text": text}, timeout=15)
        if answer.status_code == 201:
            acknowledged.add(text)
        else:
            refused.append(answer)
        return answer

    assert write().status_code == 201
    assert fill(data(leader)) > 100 * MIB
    until(lambda: fill(data(leader)) and write().status_code != 201, 120)
    answer = refused[-1]
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert http.get("/api").status_code == 200
    until(lambda: not ready(here, leader), 60)
    until(lambda: [message for message in told(here, leader) if "is the volume full?" in message], 60)
    assert info(here, leader)["aof_last_write_status"] == "err"
    code, said = status()
    assert code == 1
    assert f"{leader} can't write its data to disk" in said

    data(leader).joinpath("filler").unlink()
    until(lambda: write().status_code == 201, 60)
    until(lambda: ready(here, leader), 60)
    primary(here)
    for _ in range(20):
        assert write().status_code == 201
    assert acknowledged - newest(http, acknowledged) == set()
    assert {answer.status_code for answer in refused} == {503}
