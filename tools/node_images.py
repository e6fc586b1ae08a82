"""Renews the images of a stack's nodes: `python3 -m tools.node_images show prod`, then `renew prod`.

The program names no release, so `pulumi up` leaves nodes as they are, and a newer release is no drift. EKS replaces the
nodes of a group by its own rules (EKS guide, Update a managed node group). Needs Python's standard library and the AWS
CLI alone.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WAIT = 30
"""How often an update is looked at, in seconds."""
UNDER_WAY = "InProgress"
AL2023 = "/aws/service/eks/optimized-ami/{}/amazon-linux-2023"
BOTTLEROCKET = "/aws/service/bottlerocket/aws-k8s-{}"
NEWEST = {
    "AL2023_x86_64_STANDARD": f"{AL2023}/x86_64/standard/recommended/release_version",
    "AL2023_ARM_64_STANDARD": f"{AL2023}/arm64/standard/recommended/release_version",
    "BOTTLEROCKET_x86_64": f"{BOTTLEROCKET}/x86_64/latest/image_version",
    "BOTTLEROCKET_ARM_64": f"{BOTTLEROCKET}/arm64/latest/image_version",
}
"""By AMI type: the public parameter that has the newest release, with the Kubernetes version left out (EKS guide,
Retrieve recommended AMI IDs)."""

Aws = Callable[..., Mapping[str, Any]]
"""Runs a command of `aws`, such as ("eks", "list-nodegroups", "--cluster-name", NAME), and gives its answer."""


class AwsError(Exception):
    """What the AWS CLI wrote on stderr, or what became of an update."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A node group: the release that its nodes have, and the newest one of its operating system and Kubernetes."""

    name: str
    ami_type: str
    nodes: int
    release: str
    newest: str

    @property
    def is_old(self) -> bool:
        return self.release != self.newest


def groups(cluster: str, aws: Aws) -> list[Group]:
    """The node groups of a cluster, by name; none where there is no such cluster. Raises AwsError."""
    try:
        names = aws("eks", "list-nodegroups", "--cluster-name", cluster)["nodegroups"]
    except AwsError as error:
        if "ResourceNotFoundException" in str(error):  # dev may be destroyed, and comes back with the next deployment
            return []
        raise
    return [_group(cluster, name, aws) for name in sorted(names)]


def _group(cluster: str, name: str, aws: Aws) -> Group:
    found = aws("eks", "describe-nodegroup", "--cluster-name", cluster, "--nodegroup-name", name)["nodegroup"]
    ami_type = found["amiType"]
    if ami_type not in NEWEST:
        raise AwsError(
            f"node group {name} has the AMI type {ami_type}; add its parameter to NEWEST in tools/node_images.py"
        )
    parameter = NEWEST[ami_type].format(found["version"])
    newest = aws("ssm", "get-parameter", "--name", parameter)["Parameter"]["Value"]
    nodes = found["scalingConfig"]["desiredSize"]
    return Group(name=name, ami_type=ami_type, nodes=nodes, release=found["releaseVersion"], newest=newest)


def table(stack: str, found: Sequence[Group]) -> str:
    """What a renewal would do, in Markdown."""
    rows = [
        f"| {g.name} | {g.nodes} | {g.ami_type} | {g.release} | {g.newest if g.is_old else 'the same'} |" for g in found
    ]
    replaced = sum(g.nodes for g in found if g.is_old)
    renewed = any(g.is_old for g in found)
    said = f"{replaced} nodes are replaced, one group after the other." if renewed else "Nothing is replaced."
    head = ["| node group | nodes | AMI type | release | newest |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([f"### Node images of {stack}", "", *head, *rows, "", said, ""])


def renew(cluster: str, found: Sequence[Group], aws: Aws, sleep: Callable[[float], None] = time.sleep) -> int:
    """Bring each old group to the newest release, one after the other. Returns how many there were.

    What it takes is what its own table shows: EKS may have a newer release by then than when it was approved.
    Raises AwsError at the first update that does not succeed; what was renewed stays so.
    """
    old = [group for group in found if group.is_old]
    for group in old:
        where = ("--cluster-name", cluster, "--nodegroup-name", group.name)
        update = aws("eks", "update-nodegroup-version", *where, "--release-version", group.newest)["update"]
        while update["status"] == UNDER_WAY:
            sleep(WAIT)
            named = ("--name", cluster, "--nodegroup-name", group.name, "--update-id", update["id"])
            update = aws("eks", "describe-update", *named)["update"]
        if update["status"] != "Successful":
            why = "; ".join(f"{e['errorCode']}: {e['errorMessage']}" for e in update.get("errors", ()))
            raise AwsError(f"node group {group.name}: the update ended as {update['status']}. {why}")
        print(f"{group.name} has {group.newest}.", flush=True)
    return len(old)


def _cli(*words: str) -> Mapping[str, Any]:
    done = subprocess.run(["aws", "--output", "json", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AwsError(done.stderr.strip() or f"`aws {' '.join(words[:2])}` ended with status {done.returncode}")
    return json.loads(done.stdout)


def main(arguments: Sequence[str] | None = None, aws: Aws = _cli) -> None:
    parser = argparse.ArgumentParser(prog="python3 -m tools.node_images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in {"show": "print what a renewal would replace", "renew": "replace nodes of old releases"}.items():
        commands.add_parser(name, help=what).add_argument("stack", help="dev, staging or prod")
    given = parser.parse_args(arguments)
    cluster = f"journal-{given.stack}"
    try:
        found = groups(cluster, aws)
        print(table(given.stack, found), flush=True)
        if given.command == "renew":
            renew(cluster, found, aws)
    except AwsError as error:
        sys.exit(f"tools.node_images: {error}")
    except FileNotFoundError:
        sys.exit("tools.node_images: the AWS CLI is not installed, or PATH does not lead to it")


if __name__ == "__main__":
    main()
