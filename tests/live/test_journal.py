"""The journal as its users meet it: over HTTPS, on the running local stack. `make up` comes first."""

import ssl
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from pulumi.automation import OpType

from components.journal.journal import KEYS
from components.kubernetes import content_hash
from local import acme, lifecycle
from local.access import Access
from local.pulumi import programs
from local.pulumi.deployment import Deployment
from tests.live.load import ONLY_DRILLS, tell_primary
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = pytest.mark.live
TIERS = "app.kubernetes.io/name in (frontend, redis)"
WRITERS = 50


@pytest.fixture
def emptied(here: Access, http: httpx.Client) -> Iterator[httpx.Client]:
    """The journal with no entries, before and after: drills leave ten thousand."""
    _empty(here)
    yield http
    _empty(here)


def _pages(http: httpx.Client) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = http.get("/api/entries", params=query).raise_for_status().json()
        yield from page["entries"]
        if page["next"] is None:
            return
        query["cursor"] = page["next"]


def _empty(here: Access) -> None:
    tell_primary(here, f"DEL {' '.join(KEYS)}")


def _ready(here: Access) -> None:
    for workload in ("statefulset/redis", "deployment/frontend", "deployment/fileserver", "deployment/traefik"):
        namespace = "traefik" if "traefik" in workload else "journal"
        here.run("-n", namespace, "rollout", "status", workload, "--timeout=180s")


def test_an_empty_journal_is_an_empty_list(emptied: httpx.Client) -> None:
    answer = emptied.get("/api")
    assert (answer.status_code, answer.json()) == (200, [])


def test_the_certificate_was_issued_over_acme(local_stack: dict[str, str], here: Access) -> None:
    host = local_stack["url"].removeprefix("https://")
    assert acme.verifies(host, local_stack["address"], Path(local_stack["ca"]))
    pem = ssl.get_server_certificate((local_stack["address"], 443))
    default = x509.load_pem_x509_certificate(pem.encode())
    assert "Pebble" not in default.subject.rfc4514_string()
    orders = here.json("-n", "journal", "get", "orders.acme.cert-manager.io")["items"]
    assert any(order["status"]["state"] == "valid" for order in orders)


def test_the_page_answers_at_the_root(http: httpx.Client) -> None:
    answer = http.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_plain_http_is_redirected(local_stack: dict[str, str]) -> None:
    host = local_stack["url"].removeprefix("https://")
    answer = httpx.get(f"http://{local_stack['address']}/api?x=1", headers={"host": host}, follow_redirects=False)
    assert answer.status_code in (301, 308)
    assert answer.headers["location"] == f"https://{host}/api?x=1"


def test_another_host_is_not_served(local_stack: dict[str, str]) -> None:
    url = f"https://{local_stack['address']}/api"
    answer = httpx.get(url, headers={"host": "other.test"}, verify=False)
    assert answer.status_code == 404


def test_the_version_names_the_environment(http: httpx.Client) -> None:
    version = http.get("/api/version").json()
    assert version["environment"] == "local"
    assert version["version"][0].isdigit()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", {400}),
        (b'{"text": 7}', "application/json", {422}),
        (b'{"text": "' + b"x" * 200_000 + b'"}', "application/json", {413}),
        (b"text", "text/plain", {415}),
    ],
)
def test_bad_requests_get_the_right_answer(
    http: httpx.Client, body: bytes, content_type: str, status: set[int]
) -> None:
    answer = http.post("/api/entries", content=body, headers={"content-type": content_type})
    assert answer.status_code in status
    assert http.get("/api").status_code == 200


def test_500_concurrent_writes_outlive_every_pod(
    emptied: httpx.Client, here: Access, local_stack: dict[str, str]
) -> None:
    """Each writer has a client of its own: threads that share one lose a request of some thousands in its pool."""
    mark = uuid.uuid4().hex
    texts = [f"{mark} {number}" for number in range(500)]

    def write(mine: list[str]) -> list[int]:
        with acme.client(local_stack["url"], local_stack["address"], Path(local_stack["ca"])) as client:
            return [client.post("/api/entries", json={"text": text}).status_code for text in mine]

    with ThreadPoolExecutor(WRITERS) as pool:
        answers = list(pool.map(write, [texts[writer::WRITERS] for writer in range(WRITERS)]))
    assert [status for some in answers for status in some] == [201] * 500
    assert {entry["text"] for entry in _pages(emptied)} == set(texts)

    before = {pod["metadata"]["uid"] for pod in here.json("-n", "journal", "get", "pods", "-l", TIERS)["items"]}
    here.run("-n", "journal", "delete", "pods", "-l", TIERS)
    _ready(here)
    after = {pod["metadata"]["uid"] for pod in here.json("-n", "journal", "get", "pods", "-l", TIERS)["items"]}
    assert not before & after
    assert {entry["text"] for entry in _pages(emptied)} == set(texts)


def _up(here: Access, **changes: Any) -> list[tuple[OpType, str]]:
    """`make up` with some settings changed; what it changed."""
    with Steps() as steps, steps.step("deploy") as step:
        return _deployment(here, **changes).up(step)[1].changes


def _deployment(here: Access, **changes: Any) -> Deployment:
    return lifecycle.deployment_on(here, programs.build(NO_PROGRESS), **changes)


def _configs(here: Access) -> tuple[set[str], str]:
    """The configurations that exist, and the one that the API's pods use."""
    names = {item["metadata"]["name"] for item in here.json("-n", "journal", "get", "configmaps")["items"]}
    pod = here.json("-n", "journal", "get", "deployment", "frontend")["spec"]["template"]["spec"]
    used = pod["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    return {name for name in names if name.startswith("frontend-config-")}, used


def _config(number: int, entries: int) -> str:
    return f"frontend-config-v{number}-{content_hash({'JOURNAL_ENTRIES': str(entries)})}"


def _entries_in_pods(here: Access) -> set[str]:
    """What the API's pods that are not being stopped have in their environment."""
    pods = here.json("-n", "journal", "get", "pods", "-l", "app.kubernetes.io/name=frontend")["items"]
    live = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    assert live
    command = ("--", "printenv", "JOURNAL_ENTRIES")
    return {here.run("-n", "journal", "exec", pod, *command).decode().strip() for pod in live}


@ONLY_DRILLS
def test_a_setting_changed_twice_with_a_short_history_reaches_the_pods(here: Access) -> None:
    """v2 has another content under another name, and the first v2 is deleted after the rollout."""
    first = _config(1, 10)
    try:
        for entries in (20, 30):
            changes = _up(here, journalEntries=entries)
            assert _entries_in_pods(here) == {str(entries)}
            assert _configs(here) == ({first, _config(2, entries)}, _config(2, entries))
        order = [(OpType.CREATE, _config(2, 30)), (OpType.UPDATE, "frontend"), (OpType.DELETE, _config(2, 20))]
        assert changes == order
    finally:
        _up(here)
    assert _configs(here) == ({first}, first)


@ONLY_DRILLS
def test_up_again_changes_nothing(here: Access) -> None:
    assert _up(here) == []


def test_what_the_settings_no_longer_name_is_deleted(here: Access) -> None:
    history = [{"journalEntries": 10}, {"journalEntries": 30}]
    assert _up(here, configHistory=history) == [(OpType.CREATE, _config(2, 30))]
    assert _up(here) == [(OpType.DELETE, _config(2, 30))]


@ONLY_DRILLS
def test_a_preview_tells_and_changes_nothing(here: Access) -> None:
    with Steps() as steps, steps.step("preview") as step:
        watcher = _deployment(here, journalEntries=20).preview(step, refresh=False)
    assert set(watcher.changes) == {(OpType.CREATE, _config(2, 20)), (OpType.UPDATE, "frontend")}
    assert _up(here) == []


def test_no_pod_reaches_redis_without_leave(here: Access) -> None:
    """The page's pods may not connect to Redis: its network policy names the API alone."""
    address = here.json("-n", "journal", "get", "pod", "redis-0")["status"]["podIP"]
    pods = here.json("-n", "journal", "get", "pods", "-l", "app.kubernetes.io/name=fileserver")["items"]
    script = f"timeout 3 bash -c '</dev/tcp/{address}/6379' && echo open || echo closed"
    said = here.run("-n", "journal", "exec", pods[0]["metadata"]["name"], "--", "bash", "-c", script)
    assert said.decode().strip() == "closed"
