"""The terminal program: effective settings, the choice of an engine, what is shown, what a failure says."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from components.settings.errors import SettingsError
from local import cli, lifecycle, overrides
from tools import stack
from tools.failures import Failure


def test_what_this_machine_knows_is_put_on_top_of_the_stacks_file() -> None:
    images = {"frontend": "localhost/f:v2", "absent": "x:1"}
    config = overrides.effective(
        "local",
        images,
        kubeconfig=Path("/k"),
        context="c",
        chart=Path("/chart"),
        gateway_crds=Path("/crds"),
        workflow_crds=Path("/argo"),
    )
    assert config["journal:workflows"] == {"crds": "/argo"}
    assert config["journal:cluster"] == {"kubeconfig": "/k", "context": "c"}
    assert config["journal:certificates"]["chart"] == "/chart"
    assert config["journal:ingress"] == {**stack.read("local")["journal:ingress"], "gatewayCrds": "/crds"}
    assert config["journal:frontend"]["image"] == "localhost/f:v2"
    assert config["journal:frontend"]["replicas"] == 2
    assert "journal:absent" not in config


@pytest.mark.parametrize(("own", "scaled", "brought"), [(True, True, True), (True, False, None), (False, True, None)])
def test_a_cluster_of_ours_gets_a_metrics_server_where_a_tier_has_an_autoscaler(
    own: bool, scaled: bool, brought: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = stack.read("local")
    tier = {key: value for key, value in config["journal:frontend"].items() if key != "replicas"}
    if scaled:
        config["journal:frontend"] = {**tier, "autoscaling": {"maxReplicas": 4}}
    monkeypatch.setattr(overrides, "read", lambda name: config)
    found = overrides.effective("local", {}, own_cluster=own).get("journal:cluster", {})
    assert found.get("metricsServer") is brought


def test_an_image_of_a_registry_stays_as_the_stacks_file_names_it() -> None:
    config = overrides.effective("dev", {"frontend": "localhost/f:v2"})
    assert config["journal:frontend"] == stack.read("dev")["journal:frontend"]


def test_a_stack_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(stack.StackError, match=r"no stack 'qa'.*dev, local, prod"):
        stack.read("qa")


def test_a_section_that_is_no_mapping_is_told_as_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    good = stack.read("local")
    monkeypatch.setattr(overrides, "read", lambda name: {**good, "journal:certificates": "oops"})
    with pytest.raises(SettingsError, match="certificates = 'oops'"):
        overrides.effective("local", {}, chart=Path("/chart"))


@pytest.mark.parametrize(("text", "message"), [("config: [", "is no YAML"), ("a: 1", "has no `config:`")])
def test_a_broken_stack_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setattr(stack, "ROOT", tmp_path)
    (tmp_path / "Pulumi.local.yaml").write_text(text)
    with pytest.raises(stack.StackError, match=message):
        stack.read("local")


def test_wrong_settings_end_up_before_anything_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    good = stack.read("local")
    monkeypatch.setattr(overrides, "read", lambda name: {**good, "journal:journalEntries": -1})
    monkeypatch.setattr(lifecycle, "Steps", lambda: pytest.fail("a step began"))
    with pytest.raises(SettingsError, match="journalEntries = -1"):
        lifecycle.up()


def test_a_failure_keeps_its_parts() -> None:
    failure = Failure("what", "do this", "last line")
    assert str(failure) == "what\nlast line\ndo this"


def test_a_failed_command_says_what_to_do_and_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise Failure("The cluster is away.", "Start it with `make up`.", "last words")

    monkeypatch.setattr(lifecycle, "up", fails)
    result = CliRunner().invoke(cli.app, ["up"])
    assert result.exit_code == 1
    assert all(part in result.output for part in ("The cluster is away.", "Start it with `make up`.", "last words"))


def test_every_command_of_the_makefile_exists() -> None:
    makefile = (stack.ROOT / "Makefile").read_text()
    commands = {line.split()[1] for line in makefile.splitlines() if line.startswith("\t@$(LOCAL) ")}
    known = typer.main.get_command(cli.app).list_commands(None)  # ty: ignore[missing-attribute]
    assert commands <= set(known)
