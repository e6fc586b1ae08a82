"""The local cluster's own state is backed up, changed, and brought back by one command; the journal stays as it is."""

import re
import time

import httpx
import pytest

from local import cluster
from local.access import Access
from tests.live.cluster_pods import until
from tests.live.test_backup import entries, make

pytestmark = [pytest.mark.lifecycle, pytest.mark.timeout(500)]
KEPT, LATER = "backup-kept", "backup-later"


def config_maps(here: Access) -> set[str]:
    return {item["metadata"]["name"] for item in here.json("get", "configmaps")["items"]} & {KEPT, LATER}


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/api/entries", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_cluster_comes_back_as_it_was(here: Access, http: httpx.Client) -> None:
    here.run("create", "configmap", KEPT)
    try:
        code, said = make("backup")
        assert code == 0, said
        name = next(word for word in re.split(r"[ :]", said) if word.endswith(cluster.SUFFIX))
        http.post("/api/entries", json={"text": "later than the cluster's backup"}).raise_for_status()
        before = entries(http)
        here.run("delete", "configmap", KEPT)
        here.run("create", "configmap", LATER)
        began = time.monotonic()
        code, said = make("restore", f"FROM={name}", "YES=1")
        assert code == 0, said
        print(said)
        assert config_maps(here) == {KEPT}
        until(lambda: answers(http), 180)
        print(f"the journal answers {time.monotonic() - began:.1f} s after the restore began")
        assert entries(http) == before
        code, said = make("preview", "REFRESH=1")
        assert code == 0, said
        assert "nothing to change" in said, "Pulumi's state is of the objects that came back"
    finally:
        here.run("delete", "configmap", KEPT, LATER, "--ignore-not-found")


def test_a_backup_that_is_not_there_leaves_the_cluster_running(here: Access) -> None:
    def pids() -> dict[str, int]:
        return {component.name: component.pid for component in cluster.status().components}

    before = pids()
    assert before
    code, said = make("restore", f"FROM=cluster-gone{cluster.SUFFIX}", "YES=1")
    assert code != 0
    assert "There is no backup" in said
    assert "Nothing was touched." in said
    assert pids() == before


@pytest.fixture(autouse=True)
def complete(here: Access) -> None:
    """Every pod of the journal is ready before and after."""
    for workload in ("statefulset/redis", "deployment/frontend", "deployment/redis-write"):
        here.run("-n", "journal", "rollout", "status", workload, "--timeout=240s")
