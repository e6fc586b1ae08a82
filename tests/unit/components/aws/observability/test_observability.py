"""Prod's alarms: one workspace, one mailbox, and nobody else may publish."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.conftest import Recording, settings_of


@pytest.fixture
def prod(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("prod")


def key_of(recording: Recording) -> str:
    (cluster,) = recording.of_type("aws:eks/cluster:Cluster")
    return cluster["encryptionConfig"]["provider"]["keyArn"]


def workspace(recording: Recording) -> Any:
    return recording.one("aws:amp/workspace:Workspace")


def test_metrics_and_mail_are_encrypted_by_the_stacks_key(prod: Recording) -> None:
    assert workspace(prod)["kmsKeyArn"] == key_of(prod)
    assert prod.one("Topic", "alarms")["kmsMasterKeyId"] == key_of(prod)


def test_the_key_lets_in_the_services_that_publish(prod: Recording, recorded: Callable[[str], Recording]) -> None:
    def statements(recording: Recording) -> list[dict[str, Any]]:
        key = recording.one("aws:kms/key:Key", "encryption")
        return [s for s in json.loads(key["policy"])["Statement"] if s["Sid"] == "Alarms"]

    (statement,) = statements(prod)
    assert statement["Principal"] == {"Service": ["aps.amazonaws.com", "cloudwatch.amazonaws.com"]}
    topic = f":111122223333:{prod.one('Topic', 'alarms')['name']}"
    assert statement["Condition"]["StringEquals"]["kms:EncryptionContext:aws:sns:topicArn"].endswith(topic)
    assert statements(recorded("staging")) == []


def test_the_collector_is_in_the_nodes_subnets_and_writes_to_the_workspace(prod: Recording) -> None:
    scraper = prod.one("Scraper")
    source = scraper["source"]["eks"]
    cluster = prod.one("aws:eks/cluster:Cluster")
    assert source["subnetIds"] == cluster["vpcConfig"]["subnetIds"]
    assert len(source["subnetIds"]) >= 2
    assert cluster["vpcConfig"]["endpointPrivateAccess"] is True
    assert source["securityGroupIds"] == [prod.resources[cluster.urn].state["vpcConfig"]["clusterSecurityGroupId"]]
    assert source["clusterArn"] == prod.resources[cluster.urn].state["arn"]
    assert scraper["destination"]["amp"]["workspaceArn"] == prod.resources[workspace(prod).urn].state["arn"]


def test_the_program_makes_no_access_for_the_collector(prod: Recording) -> None:
    """AMP makes it, and EKS refuses one of a service-linked role to everybody else."""
    principals = [entry["principalArn"] for entry in prod.of_type("aws:eks/accessEntry:AccessEntry")]
    assert principals
    assert not [arn for arn in principals if "aws-service-role" in arn]


def test_rules_and_alert_manager_are_the_workspaces(prod: Recording) -> None:
    rules, manager = prod.one("RuleGroupNamespace"), prod.one("AlertManagerDefinition")
    assert rules["workspaceId"] == manager["workspaceId"] == workspace(prod).id
    assert "BackupStopped" in rules["data"]


def test_every_alarm_of_prometheus_is_mailed_with_its_runbook(prod: Recording) -> None:
    config = yaml.safe_load(yaml.safe_load(prod.one("AlertManagerDefinition")["definition"])["alertmanager_config"])
    (receiver,) = config["receivers"]
    (sns,) = receiver["sns_configs"]
    assert config["route"]["receiver"] == receiver["name"]
    assert "routes" not in config["route"]
    assert sns["topic_arn"] == "arn:aws:sns:eu-central-1:111122223333:journal-prod-alarms"
    assert sns["sigv4"] == {"region": "eu-central-1"}
    assert "{{ .Annotations.runbook_url }}" in sns["message"]
    assert "\n" not in sns["subject"]


def test_the_mailbox_is_the_settings(prod: Recording) -> None:
    subscription = prod.one("TopicSubscription")
    assert (subscription["protocol"], subscription["endpoint"]) == (
        "email",
        settings_of("prod")["aws"]["alarms"]["email"],
    )


def test_the_workspace_and_the_stacks_alarms_publish_and_nobody_else(prod: Recording) -> None:
    statements = {s["Sid"]: s for s in json.loads(prod.one("TopicPolicy")["policy"])["Statement"]}
    assert set(statements) == {"Prometheus", "CloudWatch"}
    own = {"aws:SourceAccount": "111122223333"}
    assert {s["Condition"]["StringEquals"]["aws:SourceAccount"] for s in statements.values()} == set(own.values())
    arn = prod.resources[workspace(prod).urn].state["arn"]
    assert statements["Prometheus"]["Condition"]["ArnEquals"] == {"aws:SourceArn": arn}
    alarms = statements["CloudWatch"]["Condition"]["ArnLike"]["aws:SourceArn"]
    assert alarms == "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:journal-prod-*"


def test_each_target_group_is_watched(prod: Recording) -> None:
    alarms = prod.of_type("MetricAlarm")
    groups = {prod.resources[g.urn].state["arnSuffix"] for g in prod.of_type("aws:lb/targetGroup:TargetGroup")}
    watched = {(a["dimensions"]["TargetGroup"], a["metricName"]) for a in alarms}
    assert watched == {(group, metric) for group in groups for metric in ("HealthyHostCount", "UnHealthyHostCount")}
    topic = prod.resources[prod.one("Topic", "alarms").urn].state["arn"]
    assert {tuple(a["alarmActions"]) for a in alarms} == {tuple(a["okActions"]) for a in alarms} == {(topic,)}
    assert {a["treatMissingData"] for a in alarms if a["metricName"] == "HealthyHostCount"} == {"breaching"}


def test_a_canary_waits_for_the_stacks_alarms_by_their_names(prod: Recording) -> None:
    names = [a["name"] for a in prod.of_type("MetricAlarm")]
    assert names
    assert [name for name in names if not name.startswith("journal-prod-")] == []
