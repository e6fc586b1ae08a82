"""The sign-in on the running stack: switched on by settings, a rotation under load, and off again."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import acme, lifecycle, users
from local.access import Access
from local.pulumi import programs
from tests.live.cluster_images import imported
from tests.live.cluster_pods import until
from tests.live.load import ONLY_DRILLS
from tools import stack
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [pytest.mark.live, pytest.mark.timeout(600), ONLY_DRILLS]
NAME, PASSWORD = "drill", "a password of the drill"
RESOURCES = {"cpu": "10m", "memory": "96Mi", "cpuLimit": "1", "memoryLimit": "192Mi"}
KUBELET_SECONDS = 150
"""Its sync period and the life of its cache, with some room."""
LATER_SECONDS = 3
"""How long writes go on once the first pod has the next keys."""
IN_JOURNAL = ("-n", "journal")
Up = Callable[..., None]


@pytest.fixture(scope="module")
def image() -> str:
    """The image of the sign-in, in the cluster."""
    return imported(stack.ROOT / "apps" / "auth")


@pytest.fixture(scope="module")
def up(here: Access, image: str, http: httpx.Client) -> Iterator[Up]:
    """Deploys the stack with the sign-in; at the end as its file says, where everybody may write again."""

    def deploy(**changes: Any) -> None:
        login = {"image": image, "resources": RESOURCES, **changes}
        with Steps() as steps, steps.step("with the sign-in") as step:
            lifecycle.deployment_on(here, programs.build(NO_PROGRESS), login=login).up(step)

    try:
        deploy()
        yield deploy
    finally:
        with Steps() as steps, steps.step("as the file says") as step:
            lifecycle.deployment_on(here, programs.build(NO_PROGRESS)).up(step)
        here.run(*IN_JOURNAL, "delete", "secret", users.USERS, "--ignore-not-found")
    assert until(lambda: http.post("/api", json="open again").status_code == 200, 60)
    assert here.run(*IN_JOURNAL, "get", "deployment,secret", "-l", "app.kubernetes.io/name=auth") == b""


def login(http: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    answer = http.post("/auth/login", json={"name": NAME, "password": password})
    http.cookies.clear()  # a test says itself what it sends
    return answer


def knows(here: Access) -> list[bool]:
    """Whether each pod has the user. To ask by signing in would spend attempts of the name."""
    pods = here.json(*IN_JOURNAL, "get", "pods", "-l", "app.kubernetes.io/name=auth")["items"]
    names = [pod["metadata"]["name"] for pod in pods]
    return [NAME in here.run(*IN_JOURNAL, "exec", pod, "--", "ls", "/etc/auth-users").decode().split() for pod in names]


@pytest.fixture(scope="module")
def token(up: Up, here: Access, http: httpx.Client) -> str:
    """Of a user who is added while the pods run, to a Secret that was not there when they started."""
    users.put(here, NAME, users.hashed(PASSWORD))
    until(lambda: all(knows(here)), KUBELET_SECONDS)
    return login(http).raise_for_status().json()["token"]


def kids(http: httpx.Client) -> set[str]:
    """The ids of the keys that a pod of the sign-in has."""
    return {key["kid"] for key in http.get("/auth/keys").json()["keys"]}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_reads_are_open_and_a_write_needs_a_token(http: httpx.Client, token: str) -> None:
    assert http.get("/api").status_code == 200
    refused = http.post("/api/entries", json={"text": "nobody's"})
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert http.post("/api/entries", json={"text": "mine"}, headers=bearer(token)).status_code == 201
    assert http.get("/api/version").json()["login"] == {"writes": True, "reads": False}


def test_the_page_writes_by_cookie_and_others_do_not(http: httpx.Client, token: str) -> None:
    cookie = {"cookie": f"__Host-journal={token}"}
    own = {"origin": str(http.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
    assert http.post("/api/entries", json={"text": "mine"}, headers={**cookie, **own}).status_code == 201
    assert http.post("/api/entries", json={"text": "forged"}, headers=cookie).status_code == 403
    assert http.get("/auth/session", headers=cookie).json()["user"] == NAME
    set_cookie = http.post("/auth/login", json={"name": NAME, "password": PASSWORD}).headers["set-cookie"]
    http.cookies.clear()
    for attribute in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
        assert attribute.lower() in set_cookie.lower()


def test_a_wrong_password_gets_what_an_unknown_name_gets(http: httpx.Client, token: str) -> None:
    wrong, unknown = login(http, "not that password"), http.post("/auth/login", json={"name": "x", "password": "x"})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.json()["detail"] == unknown.json()["detail"]


def test_a_rotation_fails_no_write(up: Up, http: httpx.Client, token: str, local_stack: dict[str, str]) -> None:
    """Writes with a token of before, and with one that was just made, while pods learn of the keys one by one."""
    stop = threading.Event()

    def write() -> list[int]:
        """The status of each answer. Nothing is tried again."""
        statuses = []
        with acme.client(local_stack["url"], local_stack["address"], Path(local_stack["ca"]), retries=0) as client:
            while not stop.wait(0.2):
                fresh = login(client).raise_for_status().json()["token"]
                for known in (token, fresh):
                    statuses.append(client.post("/api", json="rotation", headers=bearer(known)).status_code)
        return statuses

    before = kids(http)
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            up(keyGeneration=2)
            until(lambda: kids(http) != before, KUBELET_SECONDS)
            time.sleep(LATER_SECONDS)
        finally:
            stop.set()
    statuses = writer.result()
    assert len(statuses) > 10
    assert set(statuses) == {200}


def test_a_user_who_is_removed_cannot_sign_in(here: Access, http: httpx.Client, token: str) -> None:
    users.remove(here, NAME)
    until(lambda: not any(knows(here)), KUBELET_SECONDS)
    assert login(http).status_code == 401
