"""The control plane: who reaches it, what is encrypted and kept, and its kubeconfig."""

import json
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs

from components.aws.eks.control_plane import ControlPlane, ControlPlaneArgs, kubeconfig
from components.aws.scope import Scope
from components.settings.aws import LOG_TYPES, ControlPlaneSettings
from components.versions import ADD_ONS
from tools.cloud import Cloud
from tools.recording import Recorder, run
from tools.resource import Resource

ACCOUNT, KEY = "111122223333", "arn:aws:kms:eu-central-1:111122223333:key/1"
ADMIN, OPERATOR, VIEWER = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("admin", "operator", "viewer"))
DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/journal-deploy-prod"
SETTINGS: dict[str, Any] = {
    "version": next(iter(ADD_ONS)),
    "access": {"admins": [ADMIN], "operators": [OPERATOR], "viewers": [VIEWER]},
    "logDays": 365,
    "deletionProtection": True,
}


def scope(*, protect: bool = True) -> Scope:
    return Scope(
        name="journal-prod", environment="prod", account=ACCOUNT, region="eu-central-1", protect=protect, boundary="b"
    )


def record(place: Scope, cloud: Cloud | None = None, **changes: Any) -> Recorder:
    recorder = Recorder(Cloud(ACCOUNT) if cloud is None else cloud)

    def program() -> None:
        made = ControlPlane(
            "control-plane",
            ControlPlaneArgs(
                scope=place,
                settings=ControlPlaneSettings.model_validate({**SETTINGS, **changes}),
                subnet_ids=["subnet-a", "subnet-b"],
                key_arn=KEY,
                admins={"deploy": DEPLOY},
            ),
        )
        pulumi.export("kubeconfig", made.kubeconfig)

    run(program, recorder, project="journal", stack="prod", fail_on_warnings=True)
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record(scope())


@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        ([], {"endpointPublicAccess": False}),
        (["203.0.113.0/24"], {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}),
    ],
)
def test_the_api_server_is_reached_from_inside_and_from_the_networks_named(
    cidrs: list[str], expected: dict[str, Any]
) -> None:
    cluster = record(scope(), publicAccessCidrs=cidrs).one("Cluster")
    inside = {"subnetIds": ["subnet-a", "subnet-b"], "endpointPrivateAccess": True}
    assert cluster["vpcConfig"] == {**inside, **expected}


def test_access_is_by_entries_alone(recorded: Recorder) -> None:
    cluster = recorded.one("Cluster")
    entries = {r["principalArn"]: r["clusterName"] for r in recorded.all("AccessEntry")}
    assert entries == dict.fromkeys((ADMIN, OPERATOR, VIEWER, DEPLOY), "journal-prod")
    assert cluster["accessConfig"] == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    assert cluster["bootstrapSelfManagedAddons"] is False


def test_secrets_and_logs_are_encrypted_with_the_key(recorded: Recorder) -> None:
    assert recorded.one("Cluster")["encryptionConfig"] == {"resources": ["secrets"], "provider": {"keyArn": KEY}}
    assert recorded.one("LogGroup")["kmsKeyId"] == KEY


def test_logs_have_a_group_of_ours_before_there_is_a_cluster(recorded: Recorder) -> None:
    cluster, group = recorded.one("Cluster"), recorded.one("LogGroup")
    assert group["name"] == f"/aws/eks/{cluster['name']}/cluster"
    assert group["retentionInDays"] == 365
    assert group.urn in recorded.dependencies_of(cluster)
    assert cluster["enabledClusterLogTypes"] == LOG_TYPES


class CloudWithLogs(Cloud):
    """A cloud in which EKS has written log groups."""

    def __init__(self, *groups: str) -> None:
        super().__init__(ACCOUNT)
        self.groups = groups

    def call(self, args: MockCallArgs) -> tuple[dict, list[tuple[str, str]] | None]:
        assert args.token == "aws:cloudwatch/getLogGroups:getLogGroups"
        found = [group for group in self.groups if group.startswith(args.args["logGroupNamePrefix"])]
        return {"logGroupNames": found, "arns": found, "id": "eu-central-1"}, []


@pytest.mark.parametrize(
    ("there", "adopted"),
    [
        ([], ""),
        (["/aws/eks/journal-prod/cluster"], "/aws/eks/journal-prod/cluster"),
        (["/aws/eks/journal-prod/cluster-old"], ""),
        (["/aws/eks/journal-staging/cluster"], ""),
    ],
)
def test_a_log_group_that_eks_wrote_again_after_a_destroy_is_adopted(there: list[str], adopted: str) -> None:
    group = record(scope(), cloud=CloudWithLogs(*there)).one("LogGroup")
    assert group.import_id == adopted
    assert (group["retentionInDays"], group["kmsKeyId"]) == (365, KEY)


def test_the_clusters_role_has_the_managed_policy_alone(recorded: Recorder) -> None:
    """A Deny of logs:CreateLogGroup would hold nothing: EKS writes by its service-linked role."""
    assert recorded.all("RolePolicy") == []


def test_settings_reach_the_cluster() -> None:
    changes: dict[str, Any] = {
        "serviceCidr": "10.96.0.0/16",
        "support": "EXTENDED",
        "zonalShift": False,
        "deletionProtection": False,
    }
    cluster = record(scope(), **changes).one("Cluster")
    assert cluster["kubernetesNetworkConfig"] == {"ipFamily": "ipv4", "serviceIpv4Cidr": "10.96.0.0/16"}
    assert cluster["upgradePolicy"] == {"supportType": "EXTENDED"}
    assert cluster["zonalShiftConfig"] == {"enabled": False}
    assert cluster["deletionProtection"] is False
    assert (cluster["name"], cluster["version"]) == ("journal-prod", SETTINGS["version"])


@pytest.mark.parametrize("protect", [True, False])
def test_what_holds_data_is_protected_where_the_stack_says_so(protect: bool) -> None:
    recorder = record(scope(protect=protect))
    assert {recorder.one(kind).protect for kind in ("Cluster", "LogGroup")} == {protect}


def test_the_kubeconfig_asks_for_a_token_and_holds_none() -> None:
    config = json.loads(kubeconfig(scope(), "https://api.example", "Y2E="))
    (user,) = config["users"]
    assert set(user["user"]) == {"exec"}
    command = user["user"]["exec"]
    called = "aws --region eu-central-1 eks get-token --cluster-name journal-prod --output json"
    assert [command["command"], *command["args"]] == called.split()
    (cluster,) = config["clusters"]
    assert cluster["cluster"] == {"server": "https://api.example", "certificate-authority-data": "Y2E="}
    (context,) = config["contexts"]
    assert context["context"] == {"cluster": cluster["name"], "user": user["name"]}
    assert config["current-context"] == context["name"]


def test_the_kubeconfig_is_the_clusters_and_no_secret() -> None:
    def program() -> None:
        settings = ControlPlaneSettings.model_validate(SETTINGS)
        args = ControlPlaneArgs(scope=scope(), settings=settings, subnet_ids=["subnet-a"], key_arn=KEY)
        pulumi.export("kubeconfig", ControlPlane("control-plane", args).kubeconfig)

    done = run(program, Recorder(Cloud(ACCOUNT)), project="journal", stack="prod")
    (cluster,) = json.loads(done.outputs["kubeconfig"])["clusters"]
    assert cluster["cluster"]["server"].endswith(".eks.amazonaws.com")
    assert done.secret_outputs == frozenset()


def test_roles_carry_the_boundary(recorded: Recorder) -> None:
    roles: list[Resource] = [r for r in recorded.all("Role") if r.custom]
    assert [r["permissionsBoundary"] for r in roles] == ["b"]
