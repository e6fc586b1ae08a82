"""The sizes of node groups: what the autoscaler has decided outlives every change of the settings that allows it."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs

from components.aws.eks.node_group import NodeGroup, NodeGroupArgs, physical_name
from components.aws.eks.scaling import LiveSize, Scaling, live_sizes, scaling
from components.aws.scope import Scope
from components.settings import NodeGroupSettings
from components.settings.node_groups import ManagedNodeGroup, managed_node_groups
from tools.cloud import Cloud
from tools.recording import Recorder, run

GROUP = "aws:eks/nodeGroup:NodeGroup"
LIST, GET = "aws:autoscaling/getAmiIds:getAmiIds", "aws:autoscaling/getGroup:getGroup"
ACCOUNT, CLUSTER, CIDRS, ZONES = "111122223333", "journal-prod", ["10.0.0.0/18"], ["eu-central-1a", "eu-central-1b"]
SCOPE = Scope(name=CLUSTER, environment="prod", account=ACCOUNT, region="eu-central-1", protect=True)
NAME = f"{CLUSTER}-apps-0a1b2c3d"
OLDER, OLDEST, OTHER = f"{CLUSTER}-apps-ffffffff", f"{CLUSTER}-apps-eeeeeeee", f"{CLUSTER}-apps-b-ffffffff"
Sizes = tuple[int, int, int]


def group(least: int, start: int, most: int, *, types: tuple[str, ...] = ("m7i.large",)) -> ManagedNodeGroup:
    given = {"name": "apps", "instanceTypes": types, "minSize": least, "desiredSize": start, "maxSize": most}
    taints = [{"key": "dedicated", "value": "apps"}]
    (made,) = managed_node_groups([NodeGroupSettings.model_validate({**given, "taints": taints})], ZONES)
    return made


def live(least: int, now: int, most: int) -> LiveSize:
    return LiveSize(min_size=least, desired_size=now, max_size=most)


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        pytest.param((3, 4, 9), {}, (3, 4, 9, False), id="first deployment"),
        pytest.param((3, 3, 9), {NAME: live(3, 7, 9)}, (3, 7, 9, True), id="the autoscaler has added nodes"),
        pytest.param((3, 5, 9), {NAME: live(3, 7, 9)}, (3, 7, 9, True), id="another start is no change"),
        pytest.param((5, 5, 9), {NAME: live(3, 3, 9)}, (5, 5, 9, False), id="a minimum above what is there"),
        pytest.param((5, 5, 9), {NAME: live(3, 7, 9)}, (5, 7, 9, False), id="a minimum below what is there"),
        pytest.param((3, 3, 12), {NAME: live(3, 9, 9)}, (3, 9, 12, False), id="a larger maximum"),
        pytest.param((3, 3, 6), {NAME: live(3, 9, 9)}, (3, 6, 6, False), id="a maximum below what is there"),
        pytest.param((0, 0, 6), {NAME: live(0, 0, 6)}, (0, 0, 6, True), id="scaled to nothing"),
        pytest.param((0, 2, 9), {NAME: live(0, 0, 6)}, (0, 0, 9, False), id="scaled to nothing, a larger maximum"),
        pytest.param((2, 2, 6), {NAME: live(0, 0, 6)}, (2, 2, 6, False), id="scaled to nothing, then a minimum"),
        pytest.param((3, 3, 9), {OLDER: live(3, 7, 9)}, (3, 7, 9, False), id="replaced under load"),
        pytest.param((3, 3, 9), {OLDER: live(0, 0, 9)}, (3, 3, 9, False), id="replaced, scaled to nothing"),
        pytest.param((0, 3, 9), {OLDER: live(0, 0, 9)}, (0, 0, 9, False), id="replaced, and nothing needed"),
        pytest.param(
            (3, 3, 9), {OLDER: live(0, 0, 0), OLDEST: live(3, 8, 9)}, (3, 8, 9, False), id="replaced again halfway"
        ),
        pytest.param(
            (3, 3, 9), {NAME: live(3, 4, 9), OLDER: live(3, 8, 9)}, (3, 4, 9, True), id="the older one still drains"
        ),
        pytest.param((3, 3, 9), {OTHER: live(3, 8, 9)}, (3, 3, 9, False), id="another group's nodes do not count"),
    ],
)
def test_the_sizes_that_are_sent(
    wanted: Sizes, there: Mapping[str, LiveSize], expected: tuple[int, int, int, bool]
) -> None:
    least, now, most, unchanged = expected
    assert scaling(group(*wanted), NAME, there) == Scaling(
        min_size=least, desired_size=now, max_size=most, unchanged=unchanged
    )


class RunningCloud(Cloud):
    """A cloud with autoscaling groups. there: their sizes by the name of the node group; "" for one of no cluster."""

    def __init__(self, there: Mapping[str, Sizes]) -> None:
        super().__init__(ACCOUNT)
        self._there = {f"eks-{name}-uuid": (name, sizes) for name, sizes in there.items()}
        self.asked: list[tuple[str, Any]] = []

    def call(self, args: MockCallArgs) -> tuple[dict, list[tuple[str, str]] | None]:
        self.asked.append((args.token, args.args))
        if args.token == LIST:
            return {"names": sorted(self._there), "arns": [], "id": "here"}, []
        if args.token == GET:
            name, (least, now, most) = self._there[str(args.args["name"])]
            owner = [] if name == "" else [{"key": "eks:nodegroup-name", "value": name, "propagateAtLaunch": True}]
            tags = [{"key": "k8s.io/cluster-autoscaler/enabled", "value": "true", "propagateAtLaunch": True}]
            sizes = {"minSize": least, "desiredCapacity": now, "maxSize": most}
            return {**args.args, **sizes, "tags": [*tags, *owner]}, []
        return super().call(args)


def deploy(wanted: ManagedNodeGroup, cloud: Cloud, *, preview: bool = False) -> Recorder:
    def program() -> None:
        parent = pulumi.ComponentResource("journal:test:Parent", "parent")
        args = NodeGroupArgs(
            scope=SCOPE,
            group=wanted,
            live=live_sizes(CLUSTER, parent=parent),
            cluster_name=CLUSTER,
            version="1.36",
            subnet_ids=["subnet-a"],
            subnet_cidrs=CIDRS,
            security_group_ids=[],
            role_arn="arn:aws:iam::111122223333:role/nodes",
            tags={},
        )
        NodeGroup("apps", args, opts=pulumi.ResourceOptions(parent=parent))

    return run(program, Recorder(cloud), project="journal", stack="prod", preview=preview, fail_on_warnings=True)


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(
    ("wanted", "there", "sent", "ignored"),
    [
        pytest.param((3, 4, 9), None, (3, 4, 9), (), id="first deployment"),
        pytest.param((5, 5, 9), (3, 3, 9), (5, 5, 9), (), id="minSize 3 to 5"),
        pytest.param((3, 3, 12), (3, 9, 9), (3, 9, 12), (), id="maxSize 9 to 12, nine are there"),
        pytest.param((3, 3, 9), (3, 9, 9), (3, 9, 9), ("scalingConfig",), id="what the autoscaler does is no change"),
        pytest.param((0, 0, 3), (0, 0, 3), (0, 0, 3), ("scalingConfig",), id="scaled to nothing"),
    ],
)
def test_what_a_deployment_and_a_preview_declare(
    wanted: Sizes, there: Sizes | None, sent: Sizes, ignored: tuple[str, ...], *, preview: bool
) -> None:
    name = physical_name(SCOPE, group(*wanted), CIDRS)
    made = deploy(group(*wanted), RunningCloud({} if there is None else {name: there}), preview=preview).one(GROUP)
    assert made["scalingConfig"] == dict(zip(("minSize", "desiredSize", "maxSize"), sent, strict=True))
    assert made.ignore_changes == ignored


def test_a_group_that_replaces_another_starts_with_its_nodes() -> None:
    before = physical_name(SCOPE, group(3, 3, 12), CIDRS)
    made = deploy(group(3, 3, 12, types=("m7a.large",)), RunningCloud({before: (3, 9, 12)})).one(GROUP)
    assert made["nodeGroupName"] != before
    assert made["scalingConfig"]["desiredSize"] == 9
    assert made.ignore_changes == ()


def test_the_clusters_groups_alone_are_asked_for() -> None:
    cloud = RunningCloud({"": (1, 1, 1)})
    assert deploy(group(3, 4, 9), cloud).one(GROUP)["scalingConfig"]["desiredSize"] == 4
    assert cloud.asked == [
        (LIST, {"filters": [{"name": "tag:eks:cluster-name", "values": [CLUSTER]}]}),
        (GET, {"name": "eks--uuid"}),
    ]
