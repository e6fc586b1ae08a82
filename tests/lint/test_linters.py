"""The tools find what is planted: each is shown the local stack with one fault in it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.lint import linters, manifests, schemas
from tools.lint.linters import Finding

Plant = Callable[[str, Callable[[dict[str, Any]], None]], Path]
FILESERVER, CERTIFICATE = "journal-deployment-fileserver.yaml", "journal-certificate-journal-tls.yaml"


class Silent:
    """Progress that nobody looks at."""

    def step(self, name: str, done: int | None = None, total: int | None = None) -> None: ...


@pytest.fixture(scope="module")
def built() -> Path:
    return linters.build(Silent())


@pytest.fixture(scope="module")
def schema_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    schemas.write(folder, schemas.local_minor())
    return folder


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = manifests.rendered(tmp_path_factory.mktemp("local"), "local")
    assert folder is not None
    return folder


@pytest.fixture
def plant(local: Path, tmp_path: Path) -> Plant:
    """Copy the manifests and change one; their folder."""

    def change(file: str, how: Callable[[dict[str, Any]], None]) -> Path:
        folder = tmp_path / "stacks" / "local"
        shutil.copytree(local, folder)
        body = yaml.safe_load((folder / file).read_text())
        how(body)
        (folder / file).write_text(yaml.safe_dump(body))
        return folder

    return change


def container(body: dict[str, Any]) -> dict[str, Any]:
    return body["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("file", "how", "said"),
    [
        (FILESERVER, lambda body: body["spec"].update(replicaz=3), "replicaz"),
        (FILESERVER, lambda body: body["spec"].update(replicas="three"), "replicas"),
        (FILESERVER, lambda body: body["spec"].pop("selector"), "selector"),
        (FILESERVER, lambda body: container(body).update(imagePulPolicy="Always"), "imagePulPolicy"),
        (FILESERVER, lambda body: body["metadata"].update(lables={}), "lables"),
        (CERTIFICATE, lambda body: body["spec"].update(dnsName="journal.test"), "dnsName"),
        (CERTIFICATE, lambda body: body["metadata"].update(lables={}), "lables"),
        (CERTIFICATE, lambda body: body.update(kind="Certificat"), "schema"),
    ],
)
def test_kubeconform_takes_no_field_that_nobody_knows(
    built: Path, schema_folder: Path, plant: Plant, file: str, how: Callable[[dict[str, Any]], None], said: str
) -> None:
    found = list(linters.kubeconform(built / "kubeconform", "local", plant(file, how), schema_folder))
    assert {f.stack for f in found} == {"local"}
    assert any(said in f.message for f in found)


def test_kube_score_finds_a_container_without_limits(built: Path, plant: Plant) -> None:
    folder = plant(FILESERVER, lambda body: container(body).pop("resources"))
    found = list(linters.kube_score(built / "kube-score", "local", folder, schemas.local_minor()))
    assert ("container-resources", "Deployment journal/fileserver") in {(f.check, f.resource) for f in found}


def test_checkov_finds_a_privileged_container(plant: Plant) -> None:
    folder = plant(FILESERVER, lambda body: container(body)["securityContext"].update(privileged=True))
    found = list(linters.checkov(linters.install_checkov(), folder.parent))
    assert (
        Finding("checkov", "CKV_K8S_16", "Deployment journal/fileserver", "local", "Container should not be privileged")
        in found
    )


def test_actionlint_finds_an_input_that_is_no_expression(built: Path, tmp_path: Path) -> None:
    workflow = tmp_path / "wrong.yml"
    workflow.write_text(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ github.nobody }}\n"
    )
    assert "nobody" in linters.actionlint(built / "actionlint", [workflow])
