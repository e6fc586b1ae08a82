"""A password for everybody at the edge, switched on by settings and off again."""

import base64
from collections.abc import Iterator

import httpx
import pytest

from local import lifecycle
from local.access import Access
from local.pulumi import programs
from tests.live.cluster_pods import until
from tests.live.load import ONLY_DRILLS
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [pytest.mark.live, ONLY_DRILLS, pytest.mark.timeout(600)]
WAY_IN = ("/", "/api", "/api/entries", "/nothing-here")


@pytest.fixture(scope="module")
def password(here: Access) -> Iterator[str]:
    """What the edge asks for; at the end it asks for nothing again."""
    section = lifecycle.effective_config(here)["journal:ingress"]

    def deploy(*, basic_auth: bool) -> None:
        with Steps() as steps, steps.step("ingress") as step:
            changed = {**section, "basicAuth": basic_auth}
            lifecycle.deployment_on(here, programs.build(NO_PROGRESS), ingress=changed).up(step)
        here.run("-n", "traefik", "rollout", "status", "deployment/traefik", "--timeout=120s")

    deploy(basic_auth=True)
    data = here.json("-n", "traefik", "get", "secret", "traefik-basic-auth")["data"]
    yield base64.b64decode(data["password"]).decode()
    deploy(basic_auth=False)


def test_nothing_is_served_without_it(http: httpx.Client, password: str) -> None:
    assert until(lambda: {http.get(path).status_code for path in WAY_IN} == {401}, 60)
    refused = http.get("/")
    assert refused.headers["www-authenticate"] == 'Basic realm="journal"'
    assert "strict-transport-security" in refused.headers
    assert http.post("/api/entries", json={"text": "nobody's"}).status_code == 401
    assert http.get("/", auth=("journal", "wrong")).status_code == 401
    assert http.get("/", auth=("somebody", password)).status_code == 401


def test_everything_is_served_with_it(http: httpx.Client, password: str) -> None:
    by = ("journal", password)
    assert until(lambda: http.get("/", auth=by).status_code == 200, 60)
    assert http.get("/api", auth=by).status_code == 200
    assert http.post("/api/entries", json={"text": "somebody's"}, auth=by).status_code == 201


def test_challenges_of_acme_need_none(local_stack: dict[str, str], password: str) -> None:
    """They come over plain HTTP, which is redirected elsewhere: no 401 there."""
    answer = httpx.get(f"http://{local_stack['address']}/api", headers={"host": "journal.test"}, trust_env=False)
    assert answer.status_code in (301, 308)
