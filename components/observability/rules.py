"""Alarm rules: what is wrong with the journal, by its metrics, and where it stands what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import yaml

from components.journal import NAMESPACE
from components.redis import BACKUP

Severity = Literal["critical", "warning"]
"""critical: users notice, or data is at risk. warning: they will, if nobody looks today."""
REDIS = "redis"
ERROR_SHARE = 0.02
"""Which share of requests may be answered with 5xx."""
SLOW_SECONDS = 1.0
"""How long the slowest hundredth of requests may take. The API answers most within 50 ms."""
CERTIFICATE_DAYS = 14
"""cert-manager renews a certificate of 90 days when 30 are left, and tries again for two weeks until then."""
LAG_SECONDS = 10
"""How late a replica may be: a primary hears from each once a second (valkey.io, Replication)."""
VOLUME_SHARE = 0.15
"""Which share of a volume stays free: files are rewritten beside the old ones."""
MISSED_BACKUPS = 2
"""How many times the schedule's longest interval may pass without a backup."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The stack that is watched.

    servers: of Redis. backup_seconds: the longest time between two backups by the schedule.
    jobs: what metrics are read of, as the scrape configuration calls them.
    runbooks: the address of docs/runbooks.md.
    """

    servers: int
    backup_seconds: int
    jobs: Sequence[str]
    runbooks: str


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One rule.

    expression: in PromQL; what it finds is wrong. lasts: for how long, before somebody is told.
    summary: what is wrong, in one sentence; `{{ $labels.… }}` and `{{ $value }}` are Prometheus' own.
    runbook: the heading of docs/runbooks.md, as in its link. job: the only job that it is about, if it is one.
    """

    name: str
    expression: str
    lasts: str
    severity: Severity
    summary: str
    runbook: str
    job: str | None = None


def alarms(watched: Watched) -> list[Alarm]:
    """Every rule for a stack."""
    return [
        *_edge(),
        *_redis(),
        *(_replicas(watched.servers) if watched.servers > 1 else []),
        *_backups(watched.backup_seconds),
        *_metrics(watched.jobs),
    ]


def _edge() -> list[Alarm]:
    """What clients see: Traefik's metrics of its entry point for HTTPS, and cert-manager's of certificates."""
    requests = 'traefik_entrypoint_requests_total{entrypoint="websecure"%s}'
    errors, every = requests % ',code=~"5.."', requests % ""
    seconds = 'traefik_entrypoint_request_duration_seconds_bucket{entrypoint="websecure"}'
    expires = "min by (namespace, name) (certmanager_certificate_expiration_timestamp_seconds)"
    return [
        Alarm(
            name="EdgeErrors",
            expression=f"sum(rate({errors}[5m])) / sum(rate({every}[5m])) > {ERROR_SHARE}",
            lasts="5m",
            severity="critical",
            summary="{{ $value | humanizePercentage }} of requests are answered with 5xx.",
            runbook="requests-fail-or-are-slow",
        ),
        Alarm(
            name="EdgeSlow",
            expression=f"histogram_quantile(0.99, sum by (le) (rate({seconds}[5m]))) > {SLOW_SECONDS:g}",
            lasts="10m",
            severity="warning",
            summary="One request of a hundred takes {{ $value | humanizeDuration }} or more.",
            runbook="requests-fail-or-are-slow",
        ),
        Alarm(
            name="CertificateOld",
            expression=f"{expires} - time() < {CERTIFICATE_DAYS * 24 * 3600}",
            lasts="1h",
            severity="critical",
            summary="Certificate {{ $labels.namespace }}/{{ $labels.name }} ends in {{ $value | humanizeDuration }}.",
            runbook="a-certificate-is-not-renewed",
        ),
    ]


def _redis() -> list[Alarm]:
    """The API's metrics of the primary, and the kubelets' of the volumes. Each pod of the API tells the same."""
    claim = f'namespace="{NAMESPACE}",persistentvolumeclaim=~"data-{REDIS}-.+"'
    free, room = (
        f"max by (persistentvolumeclaim) (kubelet_volume_stats_{k}_bytes{{{claim}}})" for k in ("available", "capacity")
    )
    return [
        Alarm(
            name="RedisNoPrimary",
            expression='max(journal_redis_up{role="write"}) == 0',
            lasts="1m",
            severity="critical",
            summary="No pod of the API reaches a primary of Redis: writes are refused.",
            runbook="redis-who-is-primary",
        ),
        Alarm(
            name="RedisCannotWriteFiles",
            expression="min by (what) (journal_redis_files_ok) == 0",
            lasts="1m",
            severity="critical",
            summary="Redis' primary can't write its data to disk ({{ $labels.what }}).",
            runbook="redis-is-full",
        ),
        Alarm(
            name="RedisVolumeFull",
            expression=f"{free} / {room} < {VOLUME_SHARE}",
            lasts="10m",
            severity="warning",
            summary="{{ $value | humanizePercentage }} of volume {{ $labels.persistentvolumeclaim }} are free.",
            runbook="grow-redis-volumes",
        ),
    ]


def _replicas(servers: int) -> list[Alarm]:
    return [
        Alarm(
            name="RedisReplicaLost",
            expression=f"max(journal_redis_replicas) < {servers - 1}",
            lasts="5m",
            severity="warning",
            summary=f"{{{{ $value }}}} of {servers - 1} replicas follow Redis' primary.",
            runbook="redis-who-is-primary",
        ),
        Alarm(
            name="RedisReplicaLate",
            expression=f"max by (replica) (journal_redis_replica_lag_seconds) > {LAG_SECONDS}",
            lasts="2m",
            severity="warning",
            summary="Redis' replica {{ $labels.replica }} was last heard of {{ $value | humanizeDuration }} ago.",
            runbook="redis-who-is-primary",
        ),
    ]


def _backups(seconds: int) -> list[Alarm]:
    """kube-state-metrics' of the CronJob and its jobs. A job that failed is told of until a later one succeeds.

    A CronJob that has never had a success counts from when it was made.
    """
    own = f'namespace="{NAMESPACE}",cronjob="{BACKUP}"'
    job = f'namespace="{NAMESPACE}",job_name=~"{BACKUP}-.+"'
    success = f"kube_cronjob_status_last_successful_time{{{own}}}"
    failed = f'max by (job_name) (kube_job_failed{{{job},condition="true"}}) == 1'
    later = f"max by (job_name) (kube_job_created{{{job}}}) > scalar(max({success}) or vector(0))"
    return [
        Alarm(
            name="BackupFailed",
            expression=f"{failed} and on (job_name) {later}",
            lasts="1m",
            severity="warning",
            summary="The backup {{ $labels.job_name }} of the journal failed, and none has succeeded since.",
            runbook="backups-failed-or-stopped",
        ),
        Alarm(
            name="BackupStopped",
            expression=f"time() - max({success} or kube_cronjob_created{{{own}}}) > {MISSED_BACKUPS * seconds}",
            lasts="5m",
            severity="critical",
            summary="The journal was last backed up {{ $value | humanizeDuration }} ago.",
            runbook="backups-failed-or-stopped",
        ),
    ]


def _metrics(jobs: Sequence[str]) -> list[Alarm]:
    """An alarm whose metric is not there never comes: so it is one itself."""
    return [
        Alarm(
            name="TargetDown",
            expression="sum by (job) (up == bool 0) > 0",
            lasts="10m",
            severity="warning",
            summary="{{ $value }} of {{ $labels.job }} don't answer when they are asked for metrics.",
            runbook="metrics-are-missing",
        ),
        *(
            Alarm(
                name="MetricsMissing",
                expression=f'absent(up{{job="{job}"}} == 1)',
                lasts="10m",
                severity="critical",
                summary=f"There are no metrics of {job}: alarms about it can't come.",
                runbook="metrics-are-missing",
                job=job,
            )
            for job in jobs
        ),
    ]


class Annotations(TypedDict):
    summary: str
    runbook_url: str


Rule = TypedDict("Rule", {"alert": str, "expr": str, "for": str, "labels": dict[str, str], "annotations": Annotations})


class Group(TypedDict):
    name: str
    rules: list[Rule]


class File(TypedDict):
    groups: list[Group]


def text(watched: Watched) -> str:
    """The rules as YAML, in one group: `promtool check rules` and the managed service read the same."""
    file: File = {"groups": [{"name": "journal", "rules": [_rule(a, watched.runbooks) for a in alarms(watched)]}]}
    return yaml.safe_dump(file, sort_keys=False, width=1000)


def _rule(alarm: Alarm, runbooks: str) -> Rule:
    labels = {"severity": alarm.severity, **({} if alarm.job is None else {"job": alarm.job})}
    return {
        "alert": alarm.name,
        "expr": alarm.expression,
        "for": alarm.lasts,
        "labels": labels,
        "annotations": {"summary": alarm.summary, "runbook_url": f"{runbooks}#{alarm.runbook}"},
    }
