"""A stack as files: a manifest of each object and a list of all resources, the same each time and without secrets."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi_kubernetes.core.v1 import ConfigMap, Secret
from pulumi_kubernetes.helm.v3 import Release
from pulumi_random import RandomPassword
from typer.testing import CliRunner

from tests.conftest import Recording
from tools import cli, render, stack
from tools.failures import Failure
from tools.recording import Recorder, run
from tools.resource import Resource


def resource(kind: str, **inputs: Any) -> Resource:
    inputs = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, **inputs}
    type_ = f"kubernetes:core/v1:{kind}"
    return Resource(f"urn:pulumi:s::p::{type_}::x", type_, "x", inputs, id="x")


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}


@pytest.mark.parametrize("name", stack.names())
def test_every_stack_is_rendered_the_same_each_time(
    name: str, recorded: Callable[[str], Recording], tmp_path: Path
) -> None:
    folder = render.render(name)
    render.write(recorded(name).registrations, tmp_path)
    assert files(tmp_path) == files(folder)
    listed = json.loads((folder / "resources.json").read_text())
    assert len(listed) > 10
    assert all({"type", "name", "inputs", "parent", "dependencies"} <= entry.keys() for entry in listed)
    sources = {urn for entry in listed for urns in entry.get("propertyDependencies", {}).values() for urn in urns}
    assert sources
    assert sources <= {entry["urn"] for entry in listed}


@pytest.mark.parametrize("name", [name for name in stack.names() if name != "shared"])
def test_manifests_of_every_stack_mask_secrets(name: str, recorded: Callable[[str], Recording], tmp_path: Path) -> None:
    render.write(recorded(name).registrations, tmp_path)
    assert len(files(tmp_path)) > 40
    secret = yaml.safe_load((tmp_path / "manifests" / "journal-secret-redis-auth.yaml").read_text())
    assert set(secret["data"].values()) == {"[secret]"}


def program() -> None:
    password = RandomPassword("p", length=8)
    Secret("s", metadata={"name": "s", "namespace": "n"}, string_data={"a": "tell nobody", "b": password.result})
    ConfigMap("c", metadata={"name": "c", "namespace": "n"}, data={"url": pulumi.Output.secret("redis://tell-nobody")})
    Release("r", chart="oci://x/y", values={"key": pulumi.Output.secret("tell nobody either"), "open": "kept"})


def test_no_secret_is_written(tmp_path: Path) -> None:
    recorder = run(program, Recorder(outputs={"RandomPassword": {"result": "generated"}}), project="p", stack="s")
    render.write(recorder.registrations, tmp_path)
    written = files(tmp_path)
    assert set(map(str, written)) == {"manifests/n-secret-s.yaml", "manifests/n-configmap-c.yaml", "resources.json"}
    whole = b"".join(written.values()).decode()
    for word in ("nobody", base64.b64encode(b"tell nobody").decode(), "generated"):
        assert word not in whole
    listed = {entry["name"]: entry for entry in json.loads(written[Path("resources.json")])}
    assert set(listed) == {"c", "s", "r", "p"}
    assert listed["r"]["inputs"]["values"] == {"key": "[secret]", "open": "kept"}


def test_texts_of_a_secret_are_part_of_its_data_and_its_status_is_left_out() -> None:
    body = render.manifest(resource("Secret", stringData={"a": "x"}, data={"c": "Yw=="}, status={"x": 1}))
    assert body == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x"},
        "data": {"a": "[secret]", "c": "[secret]"},
    }


def test_zero_false_and_empty_values_stay() -> None:
    spec = {"replicas": 0, "paused": False, "text": "", "items": []}
    assert render.manifest(resource("Widget", spec=spec))["spec"] == spec


@pytest.mark.parametrize("metadata", [{}, {"generateName": "x-"}])
def test_an_object_has_an_explicit_name(metadata: dict, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"ConfigMap x has no metadata\.name"):
        render.write([resource("ConfigMap", metadata=metadata)], tmp_path)


def test_an_object_that_is_declared_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="ConfigMap x is declared twice"):
        render.write([resource("ConfigMap"), resource("ConfigMap")], tmp_path)


def test_an_earlier_rendering_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "rendering"
    render.write([resource("ConfigMap")], folder)
    render.write([resource("Service")], folder)
    assert set(map(str, files(folder))) == {"manifests/cluster-service-x.yaml", "resources.json"}
    (tmp_path / "precious").write_text("x")
    with pytest.raises(Failure, match="something else than a rendering"):
        render.write([], tmp_path)


def test_a_stack_that_does_not_exist_is_an_error_that_names_it() -> None:
    result = CliRunner().invoke(cli.app, ["render", "--stack", "qa"])
    assert result.exit_code == 1
    assert "no stack 'qa'" in result.output
