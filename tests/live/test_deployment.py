"""Pulumi's engine on the running cluster: what it changes, and what it says of failures."""

import base64
from pathlib import Path

import pulumi
import pulumi_random as random
import pytest
from pulumi.automation import OpType
from pulumi_kubernetes.apps.v1 import Deployment as KubernetesDeployment
from pulumi_kubernetes.apps.v1 import DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    EnvVarArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    Secret,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.kubernetes import container_security, pod_security
from local import images
from local.access import Access
from local.pulumi.programs import PulumiPrograms
from tests.live.deployments import NAMESPACE, Program, Stack, config_map, declaring, here, metadata, read, stack
from tests.live.load import ONLY_DRILLS
from tools.failures import Failure

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
CREATE, UPDATE, REPLACE, DELETE = OpType.CREATE, OpType.UPDATE, OpType.REPLACE, OpType.DELETE
__all__ = ["here", "stack"]  # fixtures


def web(stack: Stack, image: str, *command: str, seconds: int = 120) -> KubernetesDeployment:
    """A Deployment of one pod that must be ready within so many seconds."""
    labels = {"app": "web"}
    container = ContainerArgs(
        name="main",
        image=image,
        command=list(command) or None,
        env=[EnvVarArgs(name="A", value="1")],
        security_context=container_security(),
    )
    return KubernetesDeployment(
        "web",
        metadata=metadata("web"),
        spec=DeploymentSpecArgs(
            replicas=1,
            min_ready_seconds=3,
            selector=LabelSelectorArgs(match_labels=labels),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=labels),
                spec=PodSpecArgs(
                    containers=[container], security_context=pod_security(), termination_grace_period_seconds=0
                ),
            ),
        ),
        opts=pulumi.ResourceOptions.merge(
            stack.options, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=f"{seconds}s"))
        ),
    )


def test_what_is_declared_is_made_once_and_removed_when_it_is_not_declared(stack: Stack, here: Access) -> None:
    both = stack.up(declaring(lambda: config_map(stack, "one", a="1"), lambda: config_map(stack, "two", a="2")))
    assert sorted(both.changes) == [(CREATE, "one"), (CREATE, "two")]
    again = stack.up(declaring(lambda: config_map(stack, "one", a="1"), lambda: config_map(stack, "two", a="2")))
    assert again.summary == "nothing to change (2 unchanged)"
    fewer = stack.up(declaring(lambda: config_map(stack, "one", a="1")))
    assert fewer.changes == [(DELETE, "two")]
    assert read(here, "configmap", "one")["data"] == {"a": "1"}


def test_a_preview_shows_each_field_and_changes_nothing(stack: Stack, here: Access) -> None:
    stack.up(declaring(lambda: config_map(stack, a="1", b="2")))
    watcher = stack.preview(declaring(lambda: config_map(stack, a="9", b="2")))
    assert watcher.changes == [(UPDATE, "settings")]
    assert "data.a: 1 → 9" in stack.printed
    assert "data.b" not in stack.printed
    assert read(here, "configmap", "settings")["data"] == {"a": "1", "b": "2"}


def test_a_secret_is_in_no_line_that_is_printed(stack: Stack, here: Access) -> None:
    def program(length: int) -> Program:
        def declare() -> None:
            password = random.RandomPassword("password", length=length)
            data = {"password": password.result}
            Secret("auth", metadata=metadata("auth"), string_data=data, opts=stack.options)

        return declare

    stack.up(program(20))
    before = stack.printed
    first = read(here, "secret", "auth")["data"]["password"]
    assert stack.up(program(20)).summary == "nothing to change (2 unchanged)"
    stack.preview(program(24))
    printed = before + stack.printed
    assert "RandomPassword password" in printed
    changed = stack.up(program(24))
    assert (UPDATE, "auth") in changed.changes
    second = read(here, "secret", "auth")["data"]["password"]
    assert first != second

    secrets = [value for coded in (first, second) for value in (coded, base64.b64decode(coded).decode())]
    assert [value for value in secrets if value in printed + stack.printed] == []


@ONLY_DRILLS
def test_what_was_changed_by_hand_is_seen_and_repaired(stack: Stack, here: Access) -> None:
    """A changed field, a changed container, and a removed object."""
    image = images.references()["redis"]

    def program() -> None:
        config_map(stack, a="1")
        config_map(stack, "gone", a="1")
        web(stack, image, "sleep", "1000")

    stack.up(program)
    here.run("-n", NAMESPACE, "patch", "configmap", "settings", "-p", '{"data": {"a": "by hand"}}')
    here.run("-n", NAMESPACE, "set", "env", "deployment/web", "A=by-hand")
    here.run("-n", NAMESPACE, "delete", "configmap", "gone")
    assert stack.preview(program).summary.startswith("nothing to change")
    seen = stack.preview(program, refresh=True)
    assert {name for _, name in seen.changes} == {"settings", "gone", "web"}
    assert "data.a: by hand → 1" in stack.printed
    stack.up(program)
    assert read(here, "configmap", "settings")["data"] == {"a": "1"}
    assert read(here, "configmap", "gone")["data"] == {"a": "1"}
    (container,) = read(here, "deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert [(variable["name"], variable.get("value")) for variable in container["env"]] == [("A", "1")]
    assert stack.up(program).summary.startswith("nothing to change")


def test_an_image_that_cannot_be_had_is_named_with_its_pod_and_what_to_do(stack: Stack) -> None:
    with pytest.raises(Failure) as caught:
        stack.up(declaring(lambda: web(stack, "localhost/none:1", seconds=15)))
    assert "Deployment web" in caught.value.message
    assert "image localhost/none:1 can't be had" in caught.value.message
    assert "container main of pod web-" in caught.value.message
    assert "import the image under this very name" in caught.value.hint


def test_a_crash_is_told_with_its_last_lines(stack: Stack) -> None:
    image = images.references()["redis"]
    with pytest.raises(Failure) as caught:
        stack.up(declaring(lambda: web(stack, image, "sh", "-c", "echo no settings; exit 3", seconds=15)))
    assert "crashes (exit code 3" in caught.value.message
    assert "no settings" in caught.value.log_tail


@ONLY_DRILLS
def test_after_a_failure_the_next_run_goes_on(stack: Stack) -> None:
    with pytest.raises(Failure):
        stack.up(declaring(lambda: web(stack, "localhost/none:1", seconds=10)))
    image = images.references()["redis"]
    stack.up(declaring(lambda: web(stack, image, "sleep", "1000")))
    assert stack.up(declaring(lambda: web(stack, image, "sleep", "1000"))).summary.startswith("nothing to change")


def test_a_state_of_another_passphrase_is_told_and_kept(stack: Stack) -> None:
    def program() -> None:
        random.RandomPassword("password", length=8)

    stack.up(program)
    right = stack.folder.passphrase.read_text()
    stack.folder.passphrase.write_text("another one")
    try:
        with pytest.raises(Failure, match=r"another passphrase than .*/passphrase"):
            stack.up(program)
        stack.folder.passphrase.unlink()
        with pytest.raises(Failure, match="passphrase is missing"):
            stack.up(program)
    finally:
        stack.folder.passphrase.write_text(right)
    assert stack.up(program).summary == "nothing to change (1 unchanged)"


def test_the_passphrase_is_its_owners_alone(stack: Stack) -> None:
    stack.up(lambda: None)
    assert stack.folder.passphrase.stat().st_mode & 0o777 == 0o600


def test_a_missing_plugin_is_told(stack: Stack, tmp_path: Path) -> None:
    right = stack.programs
    stack.programs = PulumiPrograms(cli=right.cli, plugins={**right.plugins, "random": tmp_path / "nothing"})
    with pytest.raises(Failure, match=r"plugin pulumi-resource-random \S+ is missing in .*nothing"):
        stack.up(declaring(lambda: random.RandomPassword("password", length=8)))
    stack.programs = right


def test_an_error_of_the_program_is_shown(stack: Stack) -> None:
    def program() -> None:
        raise pulumi.RunError("the settings are wrong")

    with pytest.raises(Failure, match="the settings are wrong"):
        stack.up(program)
