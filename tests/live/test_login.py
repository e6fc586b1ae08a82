"""The sign-in on the running stack: switched on by settings, a rotation under load, and off again."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local import cluster, lifecycle, users
from local.access import Access
from local.images.builder import Builder, make
from local.images.catalog import application
from local.images.store import Store
from local.pulumi import programs
from tests.live.cluster_pods import until
from tests.live.load import ONLY_DRILLS
from tools import paths, stack
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [pytest.mark.live, pytest.mark.timeout(600), ONLY_DRILLS]
NAME, PASSWORD = "drill", "a password of the drill"
RESOURCES = {"cpu": "10m", "memory": "96Mi", "cpuLimit": "1", "memoryLimit": "192Mi"}
KUBELET_SECONDS = 150
"""Its sync period and the life of its cache, with some room."""
Up = Callable[..., None]


@pytest.fixture(scope="module")
def image() -> str:
    """The image of the sign-in, in the cluster."""
    store, made = Store(paths.cache() / "images"), application(stack.ROOT / "apps" / "auth")
    archives = make([made], store, Builder(store, paths.state() / "logs").build, NO_PROGRESS)
    cluster.import_images(list(archives.values()))
    return made.reference


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
        here.run("-n", "journal", "delete", "secret", users.USERS, "--ignore-not-found")
    assert until(lambda: http.post("/api", json="open again").status_code == 200, 60)
    assert here.run("-n", "journal", "get", "deployment,secret", "-l", "app.kubernetes.io/name=auth") == b""


def login(http: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    answer = http.post("/auth/login", json={"name": NAME, "password": password})
    http.cookies.clear()  # a test says itself what it sends
    return answer


@pytest.fixture(scope="module")
def token(up: Up, here: Access, http: httpx.Client) -> str:
    """Of a user who is added while the pods run, to a Secret that was not there when they started."""
    users.put(here, NAME, users.hashed(PASSWORD))
    until(lambda: login(http).status_code == 200, KUBELET_SECONDS)
    return login(http).json()["token"]


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


def test_a_rotation_fails_no_write(up: Up, http: httpx.Client, token: str) -> None:
    """Writes with a token of before, and with one that was just made, while pods learn of the keys one by one."""
    stop, statuses = threading.Event(), []

    def write() -> None:
        while not stop.wait(0.2):
            fresh = login(http)
            answers = [http.post("/api", json="rotation", headers=bearer(token))]
            answers += [http.post("/api", json="rotation", headers=bearer(fresh.json()["token"]))]
            statuses.extend(answer.status_code for answer in (fresh, *answers))

    before = {key["kid"] for key in http.get("/auth/keys").json()["keys"]}
    writer = threading.Thread(target=write)
    writer.start()
    try:
        up(keyGeneration=2)
        began = time.monotonic()
        until(lambda: {key["kid"] for key in http.get("/auth/keys").json()["keys"]} != before, KUBELET_SECONDS)
        until(lambda: time.monotonic() > began + 3, 10)
    finally:
        stop.set()
        writer.join()
    assert len(statuses) > 10
    assert set(statuses) == {200}


def test_a_user_who_is_removed_cannot_sign_in(here: Access, http: httpx.Client, token: str) -> None:
    users.remove(here, NAME)
    until(lambda: login(http).status_code in (401, 429), KUBELET_SECONDS)
