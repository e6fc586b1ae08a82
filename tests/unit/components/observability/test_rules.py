"""Alarm rules: each says what is wrong and where it stands what to do, by metrics that something exports."""

import re
from collections.abc import Callable

import pytest
import yaml

from components.aws.observability.target_alarms import RUNBOOK
from components.observability import rules, watch_of
from components.observability.rules import Alarm, Watched, alarms, text
from components.settings import Settings, parse
from tests.conftest import ROOT, Recording, settings_of
from tests.unit.docs.test_links import anchors

RUNBOOKS = "https://github.com/kbp-sample/journal-stack/blob/main/docs/runbooks.md"
WATCHED = Watched(servers=3, backup_seconds=3600, jobs=["api", "edge"], runbooks=RUNBOOKS)
FROM_OTHERS = {
    "certmanager_certificate_expiration_timestamp_seconds": "cert-manager 1.21, internal/collectors",
    "kube_cronjob_created": "kube-state-metrics 2, docs/metrics/workload/cronjob-metrics.md",
    "kube_cronjob_status_last_successful_time": "the same",
    "kube_job_created": "kube-state-metrics 2, docs/metrics/workload/job-metrics.md",
    "kube_job_failed": "the same",
    "kubelet_volume_stats_available_bytes": "Kubernetes 1.36, pkg/kubelet/metrics/metrics.go",
    "kubelet_volume_stats_capacity_bytes": "the same",
    "traefik_entrypoint_request_duration_seconds_bucket": "Traefik 3.6, pkg/observability/metrics/prometheus.go",
    "traefik_entrypoint_requests_total": "the same",
    "up": "Prometheus, of each target",
}
"""Metrics of other programs, and where their source has them."""
METRIC = re.compile(r"\b((?:certmanager|journal|kube|kubelet|traefik)_\w+|up)\b(?=[{)\[ ])")


@pytest.fixture(params=alarms(WATCHED), ids=lambda alarm: f"{alarm.name}-{alarm.job}")
def alarm(request: pytest.FixtureRequest) -> Alarm:
    return request.param


def named(name: str, watched: Watched = WATCHED) -> Alarm:
    (found,) = [alarm for alarm in alarms(watched) if alarm.name == name]
    return found


def test_an_alarm_links_to_a_runbook_that_is_there(alarm: Alarm) -> None:
    assert alarm.runbook in anchors(ROOT / "docs" / "runbooks.md")
    assert alarm.summary.endswith(".")
    assert re.fullmatch(r"[1-9]\d*[mh]", alarm.lasts)


def test_alarms_of_cloudwatch_link_to_one_too() -> None:
    assert RUNBOOK in anchors(ROOT / "docs" / "runbooks.md")


def test_every_metric_is_exported_by_something(alarm: Alarm) -> None:
    """Ours by the API's own source."""
    ours = "".join(path.read_text() for path in (ROOT / "apps/frontend/journal_api").glob("*.py"))
    found = set(METRIC.findall(alarm.expression))
    assert found
    unknown = [metric for metric in found if metric not in FROM_OTHERS and f'"{metric}"' not in ours]
    assert unknown == []


def test_the_text_is_a_file_of_rules() -> None:
    (group,) = yaml.safe_load(text(WATCHED))["groups"]
    first = group["rules"][0]
    assert first["labels"] == {"severity": "critical"}
    assert first["annotations"]["runbook_url"] == f"{RUNBOOKS}#{named('EdgeErrors').runbook}"
    identities = [(rule["alert"], rule["labels"].get("job")) for rule in group["rules"]]
    assert len(set(identities)) == len(identities) == len(alarms(WATCHED))


def test_backups_have_stopped_after_twice_the_longest_time_between_them() -> None:
    assert named("BackupStopped").expression.endswith("> 7200")
    daily = Watched(servers=3, backup_seconds=86400, jobs=[], runbooks=RUNBOOKS)
    assert named("BackupStopped", daily).expression.endswith("> 172800")


def test_a_single_server_has_no_replicas_to_lose() -> None:
    alone = {a.name for a in alarms(Watched(servers=1, backup_seconds=3600, jobs=[], runbooks=RUNBOOKS))}
    assert not alone & {"RedisReplicaLost", "RedisReplicaLate"}
    assert "RedisNoPrimary" in alone


def test_a_job_without_metrics_is_an_alarm_itself() -> None:
    missing = {a.job: a for a in alarms(WATCHED) if a.name == "MetricsMissing"}
    assert set(missing) == {"api", "edge"}
    assert {a.severity for a in missing.values()} == {"critical"}


def settings(stack: str, **changes: object) -> Settings:
    found = parse({**settings_of(stack), **changes})
    assert isinstance(found, Settings)
    return found


def test_prod_is_watched_by_its_own_settings() -> None:
    watch = watch_of(settings("prod"))
    assert watch is not None
    (group,) = yaml.safe_load(watch.rules)["groups"]
    by_name = {rule["alert"]: rule for rule in group["rules"]}
    assert by_name["RedisReplicaLost"]["expr"].endswith("< 2")
    assert by_name["BackupStopped"]["expr"].endswith(f"> {rules.MISSED_BACKUPS * 3600}")
    watched = {rule["labels"]["job"] for rule in group["rules"] if rule["alert"] == "MetricsMissing"}
    assert watched == {job["job_name"] for job in yaml.safe_load(watch.scrape_configuration)["scrape_configs"]}


@pytest.mark.parametrize("stack", ["local", "dev", "staging"])
def test_other_stacks_are_not(stack: str, recorded: Callable[[str], Recording]) -> None:
    assert watch_of(settings(stack)) is None
    of_alarms = {"MetricAlarm", "Scraper", "RuleGroupNamespace", "AlertManagerDefinition", "Topic"}
    assert not of_alarms & {r.kind for r in recorded(stack).registrations}
    assert not [r for r in recorded(stack).registrations if "kube-state-metrics" in r.name]
