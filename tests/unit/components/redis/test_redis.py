"""Redis: who may connect, which server takes writes, and what survives a restart."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from components.redis.proxy import proxy_configuration
from components.redis.redis import FILES, generations, quorum
from components.settings import RedisSettings
from tests.conftest import Recording, config_of, record


@pytest.fixture
def local(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("local")


def selector(recording: Recording, service: str) -> dict[str, str]:
    return recording.one("Service", service)["spec"]["selector"]


def container(recording: Recording, name: str) -> dict[str, Any]:
    pod = recording.one("StatefulSet", "redis")["spec"]["template"]["spec"]
    (found,) = [c for c in pod["containers"] if c["name"] == name]
    return found


def single() -> Recording:
    return record("local", redis={**config_of("local")["journal:redis"], "servers": 1})


def test_a_write_goes_through_the_proxy_which_asks_who_is_primary(local: Recording) -> None:
    write = local.one("Service", "redis-write")["spec"]
    assert "clusterIP" not in write
    assert write["selector"] == {"app.kubernetes.io/name": "redis-write"}
    (config,) = [r for r in local.of_type("ConfigMap") if r.name.startswith("redis-write-")]
    names = [f"redis-{number}.redis-servers.journal.svc.cluster.local" for number in range(3)]
    assert config["data"]["haproxy.cfg"] == proxy_configuration(names, 6379)


def test_the_proxy_leaves_out_replicas_and_a_primary_that_nobody_follows() -> None:
    config = proxy_configuration(["a", "b"], 6379)
    assert "expect rstring role:master[^a-z]*connected_slaves:[1-9]" in config
    assert "on-marked-down shutdown-sessions" in config
    assert "server s0 a:6379\n    server s1 b:6379\n" in config


def test_nothing_of_redis_has_a_token(local: Recording) -> None:
    pods = [local.one("StatefulSet", "redis"), local.one("Deployment", "redis-write")]
    assert [r["spec"]["template"]["spec"]["automountServiceAccountToken"] for r in pods] == [False, False]


def test_every_server_has_a_name_whether_it_is_ready_or_not(local: Recording) -> None:
    """Servers that decide who leads are not ready."""
    spec, redis = local.one("Service", "redis-servers")["spec"], local.one("StatefulSet", "redis")["spec"]
    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)
    assert spec["selector"] == redis["selector"]["matchLabels"]
    assert redis["serviceName"] == "redis-servers"
    assert redis["podManagementPolicy"] == "Parallel", "servers that decide wait for one another"


@pytest.mark.parametrize("name", ["redis", "sentinel"])
def test_the_scripts_know_all_servers(local: Recording, name: str) -> None:
    env = {entry["name"]: entry.get("value") for entry in container(local, name)["env"]}
    assert env["SERVERS"] == " ".join(f"redis-{number}.redis-servers.journal.svc" for number in range(3))
    assert env["SELF"] == "$(POD).redis-servers.journal.svc"
    assert env["QUORUM"] == "2"


def test_clients_learn_where_the_sentinels_are(local: Recording) -> None:
    (api,) = local.one("Deployment", "frontend")["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in api["env"]}
    assert env["REDIS_SENTINELS"] == ",".join(f"redis-{n}.redis-servers.journal.svc:26379" for n in range(3))
    assert (env["REDIS_SENTINEL_PRIMARY"], env["REDIS_DURABILITY"]) == ("redis", "fast")


def test_a_single_server_has_no_sentinel_and_is_the_primary() -> None:
    recording = single()
    pod = recording.one("StatefulSet", "redis")["spec"]["template"]["spec"]
    assert [c["name"] for c in pod["containers"]] == ["redis"]
    assert recording.one("Service", "redis-write")["spec"]["selector"] == {"app.kubernetes.io/name": "redis"}
    assert "redis-write" not in {r.name for r in recording.of_type("Deployment")}


@pytest.mark.parametrize(("servers", "expected"), [(1, 1), (3, 2), (4, 3), (5, 3), (9, 5)])
def test_a_majority_agrees(servers: int, expected: int) -> None:
    assert quorum(servers) == expected


def test_reads_go_to_every_server(local: Recording) -> None:
    pod_labels = local.one("StatefulSet", "redis")["spec"]["template"]["metadata"]["labels"]
    assert selector(local, "redis").items() <= pod_labels.items()
    assert "statefulset.kubernetes.io/pod-name" not in selector(local, "redis")


def test_each_redis_server_has_a_volume_of_its_own(local: Recording) -> None:
    redis = local.one("StatefulSet", "redis")
    (template,) = redis["spec"]["volumeClaimTemplates"]
    claims = [claim for claim in local.of_type("PersistentVolumeClaim") if claim.name != "redis-backup"]
    names = [f"{template['metadata']['name']}-redis-{number}" for number in range(3)]
    assert sorted(claim["metadata"]["name"] for claim in claims) == names
    for claim in claims:
        assert claim["spec"] == template["spec"]
        assert claim["spec"]["resources"]["requests"]["storage"] == "512Mi"
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
        assert claim.urn in local.dependencies_of(redis), "the StatefulSet finds its claims"


def test_volumes_grow_in_place(local: Recording) -> None:
    """The claims change; the claim template, which is immutable, is no reason to replace the StatefulSet."""
    redis = {**config_of("local")["journal:redis"], "storage": "1Gi"}
    grown = record("local", redis=redis)
    for claim in grown.of_type("PersistentVolumeClaim"):
        before = local.one("PersistentVolumeClaim", claim.name)
        assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
        assert claim["metadata"] == before["metadata"]
    assert grown.one("StatefulSet", "redis").ignore_changes == ("spec.volumeClaimTemplates",)


def test_pulumi_takes_over_the_claims_of_a_controller_and_never_deletes_one(local: Recording) -> None:
    claims = local.of_type("PersistentVolumeClaim")
    assert claims
    for claim in claims:
        assert claim["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"
        assert claim["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
        assert claim.retain_on_delete


@pytest.mark.parametrize("script", sorted(path.name for path in FILES.glob("*.sh")))
def test_the_scripts_are_shell(script: str) -> None:
    subprocess.run(["sh", "-n", FILES / script], check=True)


def test_redis_keeps_what_it_acknowledged() -> None:
    lines = (FILES / "redis.conf").read_text().splitlines()
    assert "appendonly yes" in lines


def test_redis_is_open_to_the_api_its_migrations_backups_the_proxy_and_itself_alone(local: Recording) -> None:
    rules = local.one("NetworkPolicy", "redis")["spec"]["ingress"]
    opened = [
        (peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"], [port["port"] for port in rule["ports"]])
        for rule in rules
        for peer in rule["from"]
        if "namespaceSelector" not in peer
    ]
    assert opened == [
        ("redis", ["redis", "sentinel", "state"]),
        ("frontend", ["redis", "sentinel"]),
        ("frontend-candidate", ["redis", "sentinel"]),
        ("frontend-migration", ["redis", "sentinel"]),
        ("redis-backup", ["redis", "sentinel"]),
        ("redis-write", ["redis"]),
    ]
    assert sum(len(rule["from"]) for rule in rules) == len(opened)


@pytest.mark.parametrize(
    ("generation", "step", "expected"),
    [(1, None, (1,)), (1, "accept", (1, 2)), (1, "use", (2, 1)), (2, None, (2,)), (7, "use", (8, 7))],
)
def test_servers_accept_two_passwords_while_it_changes(generation: int, step: str | None, expected: object) -> None:
    redis = {**config_of("local")["journal:redis"], "passwordGeneration": generation, "passwordStep": step}
    assert generations(RedisSettings.model_validate(redis)) == expected


@pytest.mark.parametrize(
    ("generation", "step", "expected"),
    [
        (1, None, {"redis-auth"}),
        (1, "accept", {"redis-auth", "redis-auth-2"}),
        (1, "use", {"redis-auth", "redis-auth-2"}),
        (2, None, {"redis-auth-2"}),
        (2, "accept", {"redis-auth", "redis-auth-2"}),
        (3, None, {"redis-auth"}),
    ],
)
def test_a_password_stays_the_same_from_step_to_step(generation: int, step: str | None, expected: set[str]) -> None:
    redis = {**config_of("local")["journal:redis"], "passwordGeneration": generation, "passwordStep": step}
    recording = record("local", redis=redis)
    assert {r.name for r in recording.of_type("RandomPassword")} == expected
    assert set(recording.one("Secret", "redis-auth")["stringData"]) == {"password", "accepted"}
