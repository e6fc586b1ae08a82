"""A dashboard for Grafana: what users see, Redis, what keeps the journal safe, with the thresholds of the alarms."""

import json
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from components.journal import NAMESPACE
from components.observability.rules import CERTIFICATE_DAYS, ERROR_SHARE, LAG_SECONDS, SLOW_SECONDS, VOLUME_SHARE
from components.redis import BACKUP

SCHEMA_VERSION = 39
"""Of a dashboard's JSON, as Grafana 11 writes it; newer versions read it (Grafana documentation, JSON model)."""
WIDTH, HEIGHT, COLUMNS = 8, 7, 3
"""Of a panel, in Grafana's units: a row has 24."""
SOURCE = "${source}"
"""The variable by which whoever looks chooses a Prometheus."""
EDGE = 'entrypoint="websecure"'


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture over time.

    queries: in PromQL, by the text of their legend; `{{label}}` there is Grafana's own.
    unit: as Grafana calls it. limit: from where it is wrong, above or, with `below`, under it.
    """

    title: str
    queries: dict[str, str]
    unit: str = "short"
    limit: float | None = None
    below: bool = False


def panels() -> list[Panel]:
    """Row by row: what users see, Redis, what keeps the journal safe."""
    requests = "traefik_entrypoint_requests_total"
    seconds = f"traefik_entrypoint_request_duration_seconds_bucket{{{EDGE}}}"
    claim = f'namespace="{NAMESPACE}"'
    expires = "min by (namespace, name) (certmanager_certificate_expiration_timestamp_seconds)"
    success = f'max(kube_cronjob_status_last_successful_time{{{claim},cronjob="{BACKUP}"}})'
    return [
        Panel(
            title="Requests",
            queries={"{{code}}": f"sum by (code) (rate({requests}{{{EDGE}}}[5m]))"},
            unit="reqps",
        ),
        Panel(
            title="Share of 5xx",
            queries={
                "5xx": f'(sum(rate({requests}{{{EDGE},code=~"5.."}}[5m])) or vector(0))'
                f" / sum(rate({requests}{{{EDGE}}}[5m]))"
            },
            unit="percentunit",
            limit=ERROR_SHARE,
        ),
        Panel(
            title="Time that requests take",
            queries={
                f"p{share * 100:g}": f"histogram_quantile({share}, sum by (le) (rate({seconds}[5m])))"
                for share in (0.5, 0.95, 0.99)
            },
            unit="s",
            limit=SLOW_SECONDS,
        ),
        Panel(
            title="Pods of the API that reach Redis",
            queries={"{{role}}": "sum by (role) (journal_redis_up)"},
            limit=1,
            below=True,
        ),
        Panel(
            title="Replicas, and how late they are",
            queries={
                "replicas": "max(journal_redis_replicas)",
                "{{replica}}, s": "max by (replica) (journal_redis_replica_lag_seconds)",
            },
            limit=LAG_SECONDS,
        ),
        Panel(
            title="Redis can write its files",
            queries={"{{what}}": "min by (what) (journal_redis_files_ok)"},
            limit=1,
            below=True,
        ),
        Panel(
            title="Room in volumes",
            queries={
                "{{persistentvolumeclaim}}": "max by (persistentvolumeclaim)"
                f" (kubelet_volume_stats_available_bytes{{{claim}}} / kubelet_volume_stats_capacity_bytes{{{claim}}})"
            },
            unit="percentunit",
            limit=VOLUME_SHARE,
            below=True,
        ),
        Panel(title="Since the last backup", queries={"journal": f"time() - {success}"}, unit="s"),
        Panel(
            title="Until certificates end",
            queries={"{{namespace}}/{{name}}": f"({expires} - time()) / 86400"},
            unit="d",
            limit=CERTIFICATE_DAYS,
            below=True,
        ),
    ]


class DataSource(TypedDict):
    type: str
    uid: str


class Target(TypedDict):
    refId: str
    expr: str
    legendFormat: str


class Step(TypedDict):
    color: str
    value: float | None


class Thresholds(TypedDict):
    mode: str
    steps: list[Step]


class Style(TypedDict):
    mode: str


class Custom(TypedDict):
    thresholdsStyle: Style


class Defaults(TypedDict):
    unit: str
    min: int
    custom: NotRequired[Custom]
    thresholds: NotRequired[Thresholds]


class FieldConfig(TypedDict):
    defaults: Defaults
    overrides: list[str]


class Position(TypedDict):
    x: int
    y: int
    w: int
    h: int


class PanelModel(TypedDict):
    id: int
    type: str
    title: str
    datasource: DataSource
    gridPos: Position
    fieldConfig: FieldConfig
    targets: list[Target]


class Variable(TypedDict):
    name: str
    label: str
    type: str
    query: str


class Variables(TypedDict):
    list: list[Variable]


Time = TypedDict("Time", {"from": str, "to": str})


class Dashboard(TypedDict):
    """The parts of Grafana's JSON model that are not its defaults."""

    uid: str
    title: str
    schemaVersion: int
    refresh: str
    time: Time
    templating: Variables
    panels: list[PanelModel]


def text() -> str:
    """The dashboard as JSON, to be imported into Grafana."""
    source: Variable = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    dashboard: Dashboard = {
        "uid": "journal",
        "title": "Journal",
        "schemaVersion": SCHEMA_VERSION,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": [_model(number, panel) for number, panel in enumerate(panels())],
    }
    return json.dumps(dashboard, indent=2) + "\n"


def _model(number: int, panel: Panel) -> PanelModel:
    row, column = divmod(number, COLUMNS)
    defaults: Defaults = {"unit": panel.unit, "min": 0}
    if panel.limit is not None:
        low, high = ("red", "green") if panel.below else ("green", "red")
        steps: list[Step] = [{"color": low, "value": None}, {"color": high, "value": panel.limit}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
        defaults["custom"] = {"thresholdsStyle": {"mode": "area"}}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": {"type": "prometheus", "uid": SOURCE},
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend}
            for index, (legend, expression) in enumerate(panel.queries.items())
        ],
    }
