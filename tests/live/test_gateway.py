"""Routes by the Gateway API: stack `local` changes over and back under load, and shares requests by weight and header.

The front door answers as through an Ingress, asked by the same tests (test_journal.py, test_edge.py).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local import gateway, lifecycle
from local.access import Access
from local.pulumi import programs
from tests.live.cluster_pods import until
from tests.live.load import ONLY_DRILLS
from tests.live.test_edge import (
    door,
    status_door,
    test_a_prefix_is_of_whole_elements,
    test_an_unknown_host_reaches_no_tier,
    test_every_answer_has_each_header_of_the_edge_once,
    test_the_status_host_says_what_runs_and_no_more,
)
from tests.live.test_journal import (
    emptied,
    test_an_empty_journal_is_an_empty_list,
    test_another_host_is_not_served,
    test_bad_requests_get_the_right_answer,
    test_plain_http_is_redirected,
    test_the_certificate_was_issued_over_acme,
    test_the_page_answers_at_the_root,
    test_the_version_names_the_environment,
)
from tests.live.test_releases import VERSION, candidate, current
from tests.live.test_rollouts import restarted
from tests.live.traffic import Traffic, drill, heading
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(600),
    ONLY_DRILLS,
]
__all__ = [
    "candidate",
    "current",
    "door",
    "emptied",
    "heading",
    "status_door",
    "test_a_prefix_is_of_whole_elements",
    "test_an_empty_journal_is_an_empty_list",
    "test_an_unknown_host_reaches_no_tier",
    "test_another_host_is_not_served",
    "test_bad_requests_get_the_right_answer",
    "test_every_answer_has_each_header_of_the_edge_once",
    "test_plain_http_is_redirected",
    "test_the_certificate_was_issued_over_acme",
    "test_the_page_answers_at_the_root",
    "test_the_status_host_says_what_runs_and_no_more",
    "test_the_version_names_the_environment",
]
ASKED, SHARE = 400, 10
OFF = 20
"""How many of the candidate's answers may be more or less: of 400 at 10 %, chance passes that once in a thousand."""
Up = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def up(here: Access) -> Iterator[Up]:
    """Deploys the stack with other routes and another release of the API; what changed. At the end as its file says."""
    config = lifecycle.effective_config(here)
    ingress, frontend = config["journal:ingress"], config["journal:frontend"]

    deployed = "ingress"

    def deploy(routes: str = "gateway", image: str | None = None, **release: Any) -> list[Any]:
        nonlocal deployed
        deployed = routes
        changes = {
            "ingress": {**ingress, "routes": routes, "gatewayCrds": str(gateway.definitions())},
            "frontend": {**frontend, "release": release, **({} if image is None else {"image": image})},
        }
        with Steps() as steps, steps.step(f"routes: {routes}") as step:
            return lifecycle.deployment_on(here, programs.build(NO_PROGRESS), **changes).up(step)[1].changes

    yield deploy
    if deployed == "ingress":
        return
    with Steps() as steps, steps.step("as the file says") as step:
        lifecycle.deployment_on(here, programs.build(NO_PROGRESS)).up(step)


@pytest.fixture(scope="module", autouse=True)
def changed_over(up: Up, local_stack: dict[str, str]) -> Iterator[Traffic]:
    """The stack behind a gateway; the load during the change."""

    def there(load: Traffic) -> None:
        up("both")
        up("gateway")

    def back(load: Traffic) -> None:
        up("both")
        up("ingress")

    yield drill("from an Ingress to a gateway", there, local_stack)
    load = drill("from a gateway to an Ingress", back, local_stack)
    assert load.failed == []
    assert load.slow == []


def answers(client: httpx.Client, asked: int = 20, **headers: str) -> dict[str, int]:
    """How many of the API's answers came from each version, each on a connection of its own."""
    sent = {"Connection": "close", **{name.replace("_", "-"): value for name, value in headers.items()}}
    said = [client.get("/api/version", headers=sent).raise_for_status() for _ in range(asked)]
    found = Counter(answer.headers["Journal-Version"].startswith(VERSION) for answer in said)
    return {"candidate": found[True], "current": found[False]}


def test_no_request_fails_while_routes_change_over(changed_over: Traffic, here: Access) -> None:
    assert changed_over.failed == []
    assert changed_over.slow == []
    assert here.json("-n", "journal", "get", "ingresses")["items"] == []
    routes = here.json("-n", "journal", "get", "httproutes")["items"]
    assert len(routes) == 2, "one for each host"
    for parent in (parent for route in routes for parent in route["status"]["parents"]):
        assert {c["type"]: c["status"] for c in parent["conditions"]} == {"Accepted": "True", "ResolvedRefs": "True"}


def test_up_again_changes_nothing(up: Up) -> None:
    assert up() == []


def test_a_canary_by_weight_and_the_idle_colour_by_a_header(
    up: Up, candidate: str, current: str, local_stack: dict[str, str]
) -> None:
    seen: dict[str, dict[str, int]] = {}

    def act(load: Traffic) -> None:
        client = load.client
        up(image=current, strategy="canary", candidate=candidate, by="weight", share=SHARE)
        until(lambda: answers(client, X_Release="candidate")["current"] == 0, 10)
        seen["by weight"] = answers(client, ASKED)
        seen["canary, candidate asked for"] = answers(client, X_Release="candidate")
        seen["canary, current asked for"] = answers(client, X_Release="current")
        both = {"strategy": "blueGreen", "candidate": candidate}
        up(image=current, **both)
        until(lambda: answers(client)["candidate"] == 0, 10)
        seen["idle candidate asked for"] = answers(client, X_Release="candidate")
        up(image=current, live="candidate", **both)
        until(lambda: answers(client)["current"] == 0, 10)
        seen["idle current asked for"] = answers(client, X_Release="current")
        up(image=current)
        until(lambda: answers(client)["candidate"] == 0, 10)

    load = drill("canary by weight, then blue/green, through a gateway", act, local_stack)
    print(seen)
    assert abs(seen.pop("by weight")["candidate"] - ASKED * SHARE / 100) <= OFF
    for what, found in seen.items():
        asked_for = "candidate" if "candidate asked for" in what else "current"
        assert found[asked_for] == 20, what
    assert load.failed == []
    assert load.slow == []


def test_the_ingress_controller_restarts_behind_a_gateway(
    changed_over: Traffic, here: Access, local_stack: dict[str, str]
) -> None:
    load = drill("traefik restarted behind a gateway", lambda _: restarted("traefik")(here), local_stack)
    assert load.failed == []
    assert load.slow == []


def test_a_path_whose_service_is_missing_is_answered_by_no_other_tier(up: Up, here: Access, http: httpx.Client) -> None:
    """The Gateway API wants 500 there; an Ingress of Traefik's answers 503 (test_rollouts.py)."""
    try:
        here.run("-n", "journal", "delete", "service", "frontend")
        until(lambda: http.get("/api").status_code != 200)
        for method, asked in (("GET", "/api"), ("POST", "/api/entries"), ("DELETE", "/api/x")):
            assert http.request(method, asked).status_code == 500, (method, asked)
        assert http.get("/").status_code == 200
        here.run("-n", "journal", "delete", "service", "fileserver")
        until(lambda: http.get("/").status_code != 200)
        assert http.get("/").status_code == 500
    finally:
        up()
    for path in ("/", "/api"):
        until(lambda path=path: http.get(path).status_code == 200)
