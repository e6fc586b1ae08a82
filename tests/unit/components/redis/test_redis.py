"""Redis: who may connect, which server takes writes, and what survives a restart."""

import subprocess
from collections.abc import Callable

import pytest

from components.redis import primary_host
from tests.conftest import ROOT, Recording

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


def test_reads_go_to_every_server(local: Recording) -> None:
    pod_labels = local.one("StatefulSet", "redis")["spec"]["template"]["metadata"]["labels"]
    assert selector(local, "redis").items() <= pod_labels.items()
    assert "statefulset.kubernetes.io/pod-name" not in selector(local, "redis")


def test_each_redis_server_has_a_volume_of_its_own(local: Recording) -> None:
    (claim,) = local.one("StatefulSet", "redis")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "256Mi"
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]


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
