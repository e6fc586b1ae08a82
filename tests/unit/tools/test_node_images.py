"""Node images are renewed group by group, from a release that was shown; a failed update ends it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from components.aws.eks.node_group import AMI_TYPES
from tools import node_images
from tools.node_images import NEWEST, AwsError, groups, main, renew, table

CLUSTER = "journal-dev"
OLD, NEW = "1.36.0-20261001", "1.36.2-20261120"


class Eks:
    """EKS with two groups, one of an old release. looks: how often an update is under way. status: how it ends."""

    def __init__(self, looks: int = 2, status: str = "Successful") -> None:
        self.looks, self.status = looks, status
        self.releases = {"apps": OLD, "ingress": "1.50.0-abc"}
        self.updated: list[tuple[str, ...]] = []

    def __call__(self, *words: str) -> Mapping[str, Any]:
        match words:
            case ("eks", "list-nodegroups", "--cluster-name", "journal-dev"):
                return {"nodegroups": ["ingress", "apps"]}
            case ("eks", "describe-nodegroup", "--cluster-name", "journal-dev", "--nodegroup-name", name):
                ami = {"apps": "AL2023_x86_64_STANDARD", "ingress": "BOTTLEROCKET_x86_64"}[name]
                sizes = {"minSize": 1, "desiredSize": 3, "maxSize": 6}
                common = {"version": "1.36", "amiType": ami, "scalingConfig": sizes}
                return {"nodegroup": {**common, "releaseVersion": self.releases[name]}}
            case ("ssm", "get-parameter", "--name", name):
                assert "1.36" in name
                return {"Parameter": {"Value": "1.50.0-abc" if "bottlerocket" in name else NEW}}
            case ("eks", "update-nodegroup-version", *rest):
                self.updated.append(tuple(rest))
                return {"update": {"id": "u-1", "status": "InProgress"}}
            case ("eks", "describe-update", *_):
                self.looks -= 1
                ends = {
                    "status": self.status,
                    "errors": [{"errorCode": "PodEvictionFailure", "errorMessage": "budget"}],
                }
                return {"update": {"id": "u-1", **({"status": "InProgress"} if self.looks > 0 else ends)}}
        raise AssertionError(words)


def test_every_kind_of_node_has_a_newest_release() -> None:
    assert set(NEWEST) == set(AMI_TYPES.values())


def test_a_cluster_that_is_not_there_has_nothing_to_replace() -> None:
    """Dev may be destroyed, and staging and prod come after it."""

    def gone(*words: str) -> Mapping[str, Any]:
        raise AwsError("An error occurred (ResourceNotFoundException) when calling ListNodegroups: No cluster found")

    assert "\nNothing is replaced." in table("dev", groups(CLUSTER, gone))


def test_a_group_without_nodes_is_renewed_too() -> None:
    """Its next nodes would start with the old image."""
    (apps,) = [group for group in groups(CLUSTER, Eks()) if group.name == "apps"]
    assert "Nothing is replaced" not in table("dev", [replace(apps, nodes=0)])


def test_what_would_be_replaced_is_shown_and_nothing_is_done() -> None:
    eks = Eks()
    said = table("dev", groups(CLUSTER, eks))
    assert f"| apps | 3 | AL2023_x86_64_STANDARD | {OLD} | {NEW} |" in said
    assert "| ingress | 3 | BOTTLEROCKET_x86_64 | 1.50.0-abc | the same |" in said
    assert "3 nodes are replaced" in said
    assert eks.updated == []


def test_old_groups_alone_are_renewed_and_waited_for() -> None:
    eks, slept = Eks(), []
    assert renew(CLUSTER, groups(CLUSTER, eks), eks, slept.append) == 1
    where = ("--cluster-name", CLUSTER, "--nodegroup-name", "apps")
    assert eks.updated == [(*where, "--release-version", NEW)]
    assert slept == [node_images.WAIT, node_images.WAIT]


def test_an_update_that_fails_ends_it_and_says_why() -> None:
    eks = Eks(status="Failed")
    with pytest.raises(AwsError, match=r"apps: the update ended as Failed\. PodEvictionFailure: budget"):
        renew(CLUSTER, groups(CLUSTER, eks), eks, lambda _: None)


def test_an_unknown_kind_of_node_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_images, "NEWEST", {})
    with pytest.raises(SystemExit, match="AL2023_x86_64_STANDARD; add its parameter"):
        main(["show", "dev"], Eks())


def test_show_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "dev"], Eks())
    assert "### Node images of dev" in capsys.readouterr().out
