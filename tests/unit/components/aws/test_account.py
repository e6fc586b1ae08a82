"""The stack `shared`: what it puts out is what environments read."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pulumi
import pytest

from components.aws.account import Account, AccountArgs, SharedOutputs, SharedStackReference
from components.aws.scope import create_provider, scope_of
from components.settings.shared import SharedSettings
from tests.conftest import config_of
from tools.recording import ProgramError, Recorder, run

SHARED = "organization/journal/shared"
ENVIRONMENTS = ["dev", "staging", "prod"]


def settings(**changes: Any) -> SharedSettings:
    keys = {key.partition(":")[2]: value for key, value in config_of("shared").items() if key.startswith("journal:")}
    return SharedSettings.model_validate({**keys, **changes})


def account(recorder: Recorder, what: SharedSettings) -> dict[str, Any]:
    """Register the stack; its outputs."""

    def program() -> None:
        scope = scope_of("shared", what.aws, protect=what.protect)
        provider = create_provider(scope, what.aws)
        made = Account("account", AccountArgs(scope=scope, settings=what), pulumi.ResourceOptions(provider=provider))
        for name, value in made.outputs.items():
            pulumi.export(name, value)

    return run(program, recorder, project="journal", stack="shared", fail_on_warnings=True).outputs


def read(what: Callable[[SharedStackReference], Any], outputs: dict[str, Any]) -> Any:
    """What a program of another stack reads."""

    def program() -> None:
        pulumi.export("read", what(SharedStackReference(SHARED)))

    done = run(program, Recorder(stacks={SHARED: outputs}), project="journal", stack="dev", fail_on_warnings=True)
    return done.outputs["read"]


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder(outputs={"aws:route53/zone:Zone": {"nameServers": ["ns-1.awsdns-1.org"]}})


@pytest.fixture(scope="module")
def outputs(recorder: Recorder) -> dict[str, Any]:
    return account(recorder, settings())


@pytest.mark.parametrize("field", [field.name for field in fields(SharedOutputs)])
def test_what_the_account_puts_out_is_what_environments_read(field: str, outputs: dict[str, Any]) -> None:
    assert outputs[field]
    assert read(lambda stack: getattr(stack, field), outputs) == outputs[field]


def test_nothing_else_is_put_out(outputs: dict[str, Any]) -> None:
    assert outputs.keys() == {field.name for field in fields(SharedOutputs)}


def test_the_outputs_are_those_of_the_resources(outputs: dict[str, Any]) -> None:
    assert outputs["registry"] == "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
    assert outputs["zone_id"] == "zone-id"
    assert outputs["name_servers"] == ["ns-1.awsdns-1.org"]
    assert sorted(outputs["deploy_role_arns"]) == sorted(ENVIRONMENTS)
    for kind in ("preview", "audit"):
        assert sorted(outputs[f"{kind}_role_arns"]) == sorted(["shared", *ENVIRONMENTS])


@pytest.mark.parametrize("kind", ["deploy", "preview", "audit"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_has_a_role_of_each_kind(kind: str, environment: str, outputs: dict[str, Any]) -> None:
    arn = read(lambda stack: getattr(stack, f"{kind}_role_arn")(environment), outputs)
    assert arn == outputs[f"{kind}_role_arns"][environment]
    assert arn.endswith(f"{kind}-{environment}")


def test_a_hosts_records_go_into_the_zone_of_its_domain(outputs: dict[str, Any]) -> None:
    assert read(lambda stack: stack.zone_id_of("journal.kbp-sample.com"), outputs) == outputs["zone_id"]


@pytest.mark.parametrize("host", ["journal.kbp-sample.org", "kbp-sample.com", "journal.my-kbp-sample.com"])
def test_a_host_in_no_zone_is_told_the_domain(host: str, outputs: dict[str, Any]) -> None:
    with pytest.raises(ProgramError, match=f"{host} is not in kbp-sample.com, the domain of stack {SHARED}"):
        read(lambda stack: stack.zone_id_of(host), outputs)


@pytest.mark.parametrize("kind", ["deploy", "preview", "audit"])
def test_an_environment_without_a_role_is_told_what_to_do(kind: str, outputs: dict[str, Any]) -> None:
    with pytest.raises(ProgramError, match=f"no {kind} role for qa; add qa to journal:github"):
        read(lambda stack: getattr(stack, f"{kind}_role_arn")("qa"), outputs)


def test_a_shared_stack_that_is_behind_is_named_with_what_it_lacks(outputs: dict[str, Any]) -> None:
    behind = {name: value for name, value in outputs.items() if name != "boundary_arn"}
    with pytest.raises(ProgramError, match=f"stack {SHARED} has no output boundary_arn; run `pulumi up`"):
        read(lambda stack: stack.boundary_arn, behind)


@pytest.mark.parametrize("protect", [True, False])
def test_what_holds_data_is_protected(protect: bool) -> None:
    made = Recorder()
    account(made, settings(protect=protect))
    kinds = ("aws:ecr/repository:Repository", "aws:route53/zone:Zone", "aws:kms/key:Key")
    assert {r.protect for kind in kinds for r in made.of_type(kind)} == {protect}


def test_backups_of_clusters_and_volumes_are_allowed_in_the_account(
    recorder: Recorder, outputs: dict[str, Any]
) -> None:
    assert recorder.one("RegionSettings")["resourceTypeOptInPreference"] == {"EBS": True, "EKS": True}


def test_every_resource_has_the_explicit_provider(recorder: Recorder, outputs: dict[str, Any]) -> None:
    of_aws = [r for r in recorder.registrations if r.package == "aws" and r.custom]
    assert of_aws
    assert {r.provider and r.provider.name for r in of_aws} == {"aws"}
