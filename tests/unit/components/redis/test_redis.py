"""Redis: who may connect, which server takes writes, and what survives a restart."""

import subprocess
from collections.abc import Callable

import pytest

from components.redis import primary_host
from tests.conftest import ROOT, Recording, config_of, record

FILES = ROOT / "components" / "redis"


@pytest.fixture
def local(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("local")


def selector(recording: Recording, service: str) -> dict[str, str]:
    return recording.one("Service", service)["spec"]["selector"]


def test_a_write_never_reaches_a_replica(local: Recording) -> None:
    write = local.one("Service", "redis-write")["spec"]
    assert write["clusterIP"] == "None"
    assert write["selector"]["statefulset.kubernetes.io/pod-name"] == "redis-0"


def test_an_empty_primary_can_ask_every_server_ready_or_not(local: Recording) -> None:
    """Replicas that wait for their primary are not ready."""
    spec, redis = local.one("Service", "redis-servers")["spec"], local.one("StatefulSet", "redis")["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)
    assert spec["selector"] == redis["selector"]["matchLabels"]
    (container,) = redis["template"]["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert (env["SERVERS_HOST"], env["SERVERS"]) == ("redis-servers.journal.svc", str(redis["replicas"]))
    assert redis["podManagementPolicy"] == "Parallel", "an empty primary waits for servers that start after it"


def test_reads_go_to_every_server(local: Recording) -> None:
    pod_labels = local.one("StatefulSet", "redis")["spec"]["template"]["metadata"]["labels"]
    assert selector(local, "redis").items() <= pod_labels.items()
    assert "statefulset.kubernetes.io/pod-name" not in selector(local, "redis")


def test_each_redis_server_has_a_volume_of_its_own(local: Recording) -> None:
    redis = local.one("StatefulSet", "redis")
    (template,) = redis["spec"]["volumeClaimTemplates"]
    claims = local.of_type("PersistentVolumeClaim")
    names = [f"{template['metadata']['name']}-redis-{number}" for number in range(3)]
    assert sorted(claim["metadata"]["name"] for claim in claims) == names
    for claim in claims:
        assert claim["spec"] == template["spec"]
        assert claim["spec"]["resources"]["requests"]["storage"] == "256Mi"
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
        assert claim.urn in local.dependencies_of(redis), "the StatefulSet finds its claims"


def test_volumes_grow_in_place(local: Recording) -> None:
    """The claims change; the claim template, which is immutable, is no reason to replace the StatefulSet."""
    redis = {**config_of("local")["journal:redis"], "storage": "512Mi"}
    grown = record("local", redis=redis)
    for claim in grown.of_type("PersistentVolumeClaim"):
        before = local.one("PersistentVolumeClaim", claim.name)
        assert claim["spec"]["resources"]["requests"]["storage"] == "512Mi"
        assert claim["metadata"] == before["metadata"]
    assert grown.one("StatefulSet", "redis").ignore_changes == ("spec.volumeClaimTemplates",)


def test_pulumi_takes_over_the_claims_of_a_controller_and_never_deletes_one(local: Recording) -> None:
    claims = local.of_type("PersistentVolumeClaim")
    assert claims
    for claim in claims:
        assert claim["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"
        assert claim["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
        assert claim.retain_on_delete


def test_the_primary_is_pod_0_behind_the_headless_service(local: Recording) -> None:
    assert primary_host("redis", "journal") == "redis-0.redis-write.journal.svc"
    spec = local.one("StatefulSet", "redis")["spec"]
    env = {entry["name"]: entry["value"] for entry in spec["template"]["spec"]["containers"][0]["env"]}
    assert env["PRIMARY_HOST"] == "redis-0.redis-write.journal.svc"
    assert spec["serviceName"] == "redis-write"


@pytest.mark.parametrize("script", ["launch.sh", "started.sh"])
def test_the_scripts_are_shell(script: str) -> None:
    subprocess.run(["sh", "-n", FILES / script], check=True)


def test_redis_keeps_what_it_acknowledged() -> None:
    lines = (FILES / "redis.conf").read_text().splitlines()
    assert "appendonly yes" in lines


def test_redis_is_open_to_the_api_and_itself_alone(local: Recording) -> None:
    (rule,) = local.one("NetworkPolicy", "redis")["spec"]["ingress"]
    peers = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]]
    assert peers == ["redis", "frontend"]
    assert [peer for peer in rule["from"] if "namespaceSelector" in peer] == []
