"""Which node groups can run a workload's pods, by the group that its placement names and the taints it tolerates."""

import pytest

from components.settings import NodeGroupSettings
from components.settings.node_groups import ADD_ONS, ANYWHERE, INGRESS, WORKLOADS, Placement, unschedulable_workloads


def group(name: str, *taints: tuple[str, str, str], most: int = 3) -> NodeGroupSettings:
    return NodeGroupSettings.model_validate(
        {
            "name": name,
            "instanceTypes": ["m7i.large"],
            "minSize": 0,
            "desiredSize": 0,
            "maxSize": most,
            "taints": [{"key": key, "value": value, "effect": effect} for key, value, effect in taints],
        }
    )


APPS = group("apps")
SYSTEM = group("system", ("CriticalAddonsOnly", "true", "NO_SCHEDULE"))
GATE = group("ingress", ("dedicated", "ingress", "NO_SCHEDULE"))
WORKFLOWS = group("workflows", ("dedicated", "workflows", "NO_EXECUTE"))
ADVISED = group("advised", ("slow", "", "PREFER_NO_SCHEDULE"))
TWICE = group("twice", ("dedicated", "ingress", "NO_SCHEDULE"), ("gpu", "", "NO_EXECUTE"))


@pytest.mark.parametrize(
    ("placement", "fits"),
    [
        (ANYWHERE, {"apps", "advised"}),
        (ADD_ONS, {"apps", "advised", "system"}),
        (INGRESS, {"ingress"}),
        (Placement(node_group="apps"), {"apps"}),
        (Placement(node_group="system"), set()),
        (Placement(node_group="elsewhere"), set()),
        (Placement(tolerates=(("dedicated", "ingress"),)), {"apps", "advised", "ingress"}),
        (Placement(tolerates=(("dedicated", ""),)), {"apps", "advised", "ingress", "workflows"}),
        (Placement(tolerates=(("dedicated", "Ingress"),)), {"apps", "advised"}),
        (Placement(tolerates=(("dedicated", ""), ("gpu", ""))), {"apps", "advised", "ingress", "workflows", "twice"}),
    ],
)
def test_a_pod_runs_where_its_placement_allows_and_it_tolerates_every_hard_taint(
    placement: Placement, fits: set[str]
) -> None:
    groups = [APPS, SYSTEM, GATE, WORKFLOWS, ADVISED, TWICE]
    assert {g.name for g in groups if placement.fits(g)} == fits


def test_a_group_that_may_have_no_node_takes_nobody() -> None:
    assert not ANYWHERE.fits(APPS.model_copy(update={"max_size": 0}))


@pytest.mark.parametrize(
    ("groups", "left"),
    [
        ([APPS, SYSTEM, GATE], []),
        ([APPS, GATE], []),
        ([SYSTEM, GATE], ["the journal and cert-manager"]),
        ([APPS, SYSTEM], ["the ingress controller"]),
        ([group("ingress"), SYSTEM], []),
        ([group("ingress", ("dedicated", "other", "NO_SCHEDULE")), APPS], ["the ingress controller"]),
        (
            [group("apps", ("dedicated", "apps", "NO_SCHEDULE")), GATE],
            ["the journal and cert-manager", "the cluster's add-ons"],
        ),
        ([], [*WORKLOADS]),
    ],
)
def test_workloads_that_no_group_takes_are_named(groups: list[NodeGroupSettings], left: list[str]) -> None:
    assert unschedulable_workloads(groups) == left
