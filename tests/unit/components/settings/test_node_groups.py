"""Which node groups can run a workload's pods, by the group that its placement names and the taints it tolerates."""

import pytest

from components.settings import NodeGroupSettings
from components.settings.node_groups import (
    ADD_ONS,
    ANYWHERE,
    INGRESS,
    WORKLOADS,
    Placement,
    managed_node_groups,
    unschedulable_workloads,
)


def group(
    name: str, *taints: tuple[str, str, str], sizes: tuple[int, int, int] = (1, 1, 3), per_zone: bool = False
) -> NodeGroupSettings:
    least, start, most = sizes
    return NodeGroupSettings.model_validate(
        {
            "name": name,
            "instanceTypes": ["m7i.large"],
            "minSize": least,
            "desiredSize": start,
            "maxSize": most,
            "perZone": per_zone,
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


A, B, C = ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
Parts = list[tuple[str, tuple[str, ...], tuple[int, int, int]]]


@pytest.mark.parametrize(
    ("given", "zones", "parts"),
    [
        (SYSTEM, ZONES, [("system", (A, B, C), (1, 1, 3))]),
        (group("apps", sizes=(3, 6, 12), per_zone=True), ZONES, [(f"apps-{z}", (z,), (1, 2, 4)) for z in ZONES]),
        (group("apps", sizes=(2, 2, 4), per_zone=True), [A, C], [(f"apps-{z}", (z,), (1, 1, 2)) for z in (A, C)]),
        (group("apps", sizes=(0, 0, 2), per_zone=True), [A, B], [(f"apps-{z}", (z,), (0, 0, 1)) for z in (A, B)]),
        (group("apps", sizes=(1, 2, 3)), [A], [("apps", (A,), (1, 2, 3))]),
    ],
)
def test_a_group_is_one_in_eks_or_one_a_zone(given: NodeGroupSettings, zones: list[str], parts: Parts) -> None:
    made = managed_node_groups([given], zones)
    assert [(g.name, g.zones, (g.min_size, g.desired_size, g.max_size)) for g in made] == parts
    assert [g.settings for g in made] == [given] * len(parts)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (group("apps", sizes=(3, 4, 10), per_zone=True), "which desiredSize 4, maxSize 10 does not allow"),
        (group("apps", sizes=(3, 3, 3)), "group apps takes pods with volumes"),
        (group("advised", ("slow", "", "PREFER_NO_SCHEDULE")), "group advised takes pods with volumes"),
    ],
)
def test_sizes_that_zones_cannot_share_and_volumes_over_zones_are_refused(
    given: NodeGroupSettings, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        managed_node_groups([SYSTEM, given], ZONES)


def test_a_name_leaves_room_for_the_zone() -> None:
    assert group("a" * 20, per_zone=True).name
    with pytest.raises(ValueError, match="perZone adds the zone to the name"):
        group("a" * 21, per_zone=True)
