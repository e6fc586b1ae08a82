"""The pictures of the stacks: boxes and arrows from the real resources, the same each time, and up to date."""

from collections.abc import Callable, Iterator
from itertools import combinations
from xml.etree import ElementTree

import pulumi
import pulumi_aws as aws
import pytest

from tests.conftest import Recording
from tools import cloud
from tools.graph import Graph
from tools.pictures import architecture, drawing
from tools.pictures.drawing import Box
from tools.recording import Recorder, run

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [str(element.text) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def boxes_of(program: Callable[[], object]) -> Box:
    recorder = run(program, Recorder(cloud.Cloud()), project="p", stack="s")
    return architecture.boxes("s", Graph(recorder.registrations))


def network(*, zones: str = "ab") -> None:
    provider = aws.Provider("aws", region="eu-central-1", allowed_account_ids=["111122223333"])
    opts = pulumi.ResourceOptions(provider=provider)
    vpc = aws.ec2.Vpc("v", cidr_block="10.0.0.0/16", opts=opts)
    gateway = aws.ec2.InternetGateway("g", vpc_id=vpc.id, opts=opts)
    for number, letter in enumerate(zones):
        zone = f"eu-central-1{letter}"
        subnet = aws.ec2.Subnet(
            f"public-{zone}", vpc_id=vpc.id, availability_zone=zone, cidr_block=f"10.0.{number}.0/24", opts=opts
        )
        after = pulumi.ResourceOptions(provider=provider, depends_on=[gateway])
        aws.ec2.NatGateway(f"nat-{zone}", subnet_id=subnet.id, opts=after)


def test_account_network_zones_and_subnets_are_within_each_other() -> None:
    root = boxes_of(network)
    account = root.children["account"]
    assert account.title == "AWS account 111122223333, eu-central-1"
    vpc = account.children["vpc"]
    assert [box.title for box in vpc.children.values() if box.style == "zone"] == ["eu-central-1a", "eu-central-1b"]
    subnet = vpc.children["zone eu-central-1a"].children["public"]
    assert (subnet.title, subnet.lines) == ("public 10.0.0.0/24", ["NAT gateway"])


def test_a_dependency_is_an_arrow_between_siblings() -> None:
    vpc = boxes_of(network).children["account"].children["vpc"]
    assert ("zone eu-central-1a", "gateway") in vpc.edges
    assert not any(a.startswith("zone") and b.startswith("zone") for a, b in vpc.edges)


def test_what_has_no_box_hands_its_dependencies_on() -> None:
    def program() -> None:
        key = aws.kms.Key("k")
        alias = aws.kms.Alias("a", name="alias/a", target_key_id=key.key_id)
        group = aws.cloudwatch.LogGroup("l", name="l", retention_in_days=7, kms_key_id=alias.target_key_id)
        aws.s3.Bucket("b", bucket="b", opts=pulumi.ResourceOptions(depends_on=[group]))

    assert set(boxes_of(program).edges) == {("logs", "kms"), ("s3", "logs")}


@pytest.mark.parametrize(
    ("edges", "kept", "back"),
    [
        ({("a", "b"): 1}, {("a", "b")}, set()),
        ({("a", "b"): 1, ("b", "a"): 5}, {("b", "a")}, {("a", "b")}),
        ({("a", "b"): 2, ("b", "c"): 2, ("c", "a"): 1}, {("a", "b"), ("b", "c")}, {("c", "a")}),
    ],
)
def test_circles_are_opened_at_the_weakest_edge(edges: dict, kept: set, back: set) -> None:
    assert drawing.forward_and_back(["a", "b", "c"], edges) == (kept, back)


def test_an_arrow_that_others_stand_for_is_left_away() -> None:
    assert drawing.reduced({("a", "b"), ("b", "c"), ("a", "c")}) == {("a", "b"), ("b", "c")}


def within(box: Box) -> Iterator[Box]:
    """A box and all boxes in it."""
    yield box
    for child in box.children.values():
        yield from within(child)


def test_no_two_siblings_overlap_and_all_are_within_their_box() -> None:
    root = boxes_of(lambda: network(zones="abc"))
    drawing.lay_out(root)
    families = [(box, list(box.children.values())) for box in within(root)]
    siblings = [pair for _, children in families for pair in combinations(children, 2)]
    assert len(siblings) > 3
    for box, children in families:
        assert all(c.x >= 0 and c.x + c.width <= box.width and c.bottom <= box.height for c in children), box.key
    for a, b in siblings:
        beside = a.x + a.width <= b.x or b.x + b.width <= a.x
        assert beside or a.bottom <= b.y or b.bottom <= a.y, (a.key, b.key)


def test_text_cannot_break_the_picture() -> None:
    assert '<b> & "x"' in texts(drawing.svg(Box("", '<b> & "x"', "account"), ["legend"]))


def test_the_picture_of_each_stack_is_current(stack: str, recording: Recording) -> None:
    drawn = architecture.draw(stack, Graph(recording.registrations))
    assert architecture.path_of(stack).read_text() == drawn, "run `make pictures`"


def test_prod_is_seen_from_account_to_workload(recorded: Callable[[str], Recording]) -> None:
    seen = texts(architecture.draw("prod", Graph(recorded("prod").registrations)))
    for text in (
        "eu-central-1c",
        "Network load balancer",
        "namespace journal",
        "redis",
        "KMS key",
        "AWS Backup",
        "apps",
    ):
        assert text in seen
    assert "AWS account 111122223333, eu-central-1" in seen
