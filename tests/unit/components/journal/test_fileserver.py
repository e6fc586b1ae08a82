"""The page's pods find each other: every version of the tier, and nobody else."""

from typing import Any

import pytest

from components.journal.fileserver import PEERS_PORT
from tests.conftest import Recording, record, settings_of

NEXT = "localhost/journal/fileserver:v1.1.0-0123abcd"
RELEASES: dict[str, dict[str, str]] = {
    "alone": {},
    "canary": {"strategy": "canary", "candidate": NEXT},
    "idle": {"strategy": "blueGreen", "candidate": NEXT},
    "switched": {"strategy": "blueGreen", "candidate": NEXT, "live": "candidate"},
}


def versions(release: dict[str, str]) -> list[str]:
    return ["fileserver", "fileserver-candidate"] if "candidate" in release else ["fileserver"]


def recorded(release: dict[str, str]) -> Recording:
    return record("local", fileserver={**settings_of("local")["fileserver"], "release": release})


def template(recording: Recording, version: str) -> Any:
    return recording.one("Deployment", version)["spec"]["template"]


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_one_name_leads_to_the_pods_of_every_version(release: dict[str, str]) -> None:
    recording = recorded(release)
    peers = recording.one("Service", "fileserver-peers")
    assert peers["spec"]["clusterIP"] == "None"
    assert peers["spec"]["publishNotReadyAddresses"] is True
    selected = [
        deployment.name
        for deployment in recording.of_type("Deployment")
        if peers["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert sorted(selected) == versions(release)
    for version in versions(release):
        (container,) = template(recording, version)["spec"]["containers"]
        assert container["env"] == [{"name": "PEERS", "value": "fileserver-peers.journal.svc.cluster.local:8081"}]
        assert {"name": "peers", "containerPort": PEERS_PORT} in container["ports"]


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_the_versions_reach_each_other_and_nobody_else(release: dict[str, str]) -> None:
    recording = recorded(release)
    peers = [{"podSelector": {"matchLabels": {"journal/peers": "fileserver"}}}]
    ports = [{"port": "peers", "protocol": "TCP"}]
    for version in versions(release):
        spec = recording.one("NetworkPolicy", version)["spec"]
        assert spec["egress"] == [{"to": peers, "ports": ports}]
        assert {"from": peers, "ports": ports} in spec["ingress"]
        assert len(spec["ingress"]) == 2


def test_no_policy_of_a_version_changes_while_another_comes_or_goes() -> None:
    """Pulumi changes policies before pods: a candidate cut off early takes its assets away from the others."""
    specs = [recorded(release).one("NetworkPolicy", "fileserver")["spec"] for release in RELEASES.values()]
    assert all(spec == specs[0] for spec in specs)


def test_the_ingress_controller_does_not_reach_what_is_for_peers() -> None:
    first, _ = recorded({}).one("NetworkPolicy", "fileserver")["spec"]["ingress"]
    assert [port["port"] for port in first["ports"]] == ["http"]
