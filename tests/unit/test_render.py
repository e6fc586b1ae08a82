"""A stack without a cluster: its manifests, and never a secret in them."""

import json
from pathlib import Path

import pytest
import yaml

from local import render, stack
from local.engine.values import MASK


@pytest.fixture(scope="module", params=stack.names())
def folder(request: pytest.FixtureRequest) -> Path:
    return render.render(request.param)


def test_every_object_has_a_manifest_of_its_own(folder: Path) -> None:
    resources = json.loads((folder / "resources.json").read_text())
    objects = [r for r in resources if "apiVersion" in r["inputs"]]
    written = [yaml.safe_load(path.read_text()) for path in (folder / "manifests").iterdir()]
    assert len(written) == len(objects) > 40
    assert all(body["metadata"]["name"] and body["kind"] for body in written)


def test_no_secret_is_written(folder: Path) -> None:
    (secret,) = [yaml.safe_load(path.read_text()) for path in (folder / "manifests").glob("*-secret-*.yaml")]
    assert MASK in json.dumps(secret)


def test_rendering_twice_gives_the_same(folder: Path) -> None:
    before = {path.name: path.read_text() for path in folder.rglob("*.*") if path.is_file()}
    again = render.render(folder.name)
    assert {path.name: path.read_text() for path in again.rglob("*.*") if path.is_file()} == before
