"""What the cluster's programs are built from, and when they are built again."""

from pathlib import Path

import pytest

from local.cluster import programs
from tools import golang
from tools.failures import Failure
from tools.golang import GIB, Need

GO_MOD = """\
module journal.test/platform

go 1.26.4

tool k8s.io/kubernetes/cmd/kubelet

require (
	k8s.io/kubernetes v1.36.3
	helm.sh/helm/v3 v3.21.4 // indirect
)
replace k8s.io/api => k8s.io/api v0.36.3
"""


def test_versions_come_from_the_requirements() -> None:
    assert golang.module_versions(GO_MOD) == {"k8s.io/kubernetes": "v1.36.3", "helm.sh/helm/v3": "v3.21.4"}


def test_programs_say_upstreams_versions() -> None:
    stamps = programs.stamps(programs.pinned())
    assert stamps["k8s.io/component-base/version.gitVersion"] == programs.pinned()["k8s.io/kubernetes"]
    assert stamps["helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor"] == "36"


def test_every_folder_of_ours_with_a_program_is_built() -> None:
    found = {f"./{p.parent.name}" for p in programs.SOURCES.glob("*/main.go")} - {"./cert-manager"}
    assert found == set(programs.PACKAGES) - {"tool"}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("go.sum", "other", False),
        ("go.mod", "other", False),
        ("cmd/main.go", "other", False),
        ("new.go", "package main", False),
        ("cmd/main_test.go", "package main", True),
        ("README.md", "words", True),
    ],
)
def test_the_digest_changes_with_what_is_compiled(tmp_path: Path, name: str, text: str, same: bool) -> None:
    files = {"go.mod": GO_MOD, "go.sum": "", "cmd/main.go": "package main"}
    before = golang.digest(write(tmp_path, files), ["1.26.8"])
    assert (golang.digest(write(tmp_path, {name: text}), ["1.26.8"]) == before) is same
    assert golang.digest(tmp_path, ["1.26.9"]) != before


def test_the_oldest_go_is_go_mods() -> None:
    assert golang.required(GO_MOD) == "1.26.4"


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [
        ("1.26.3", "1.26.4", True),
        ("1.26.4", "1.26.4", False),
        ("1.27", "1.26.4", False),
        ("1.9.9", "1.26.4", True),
        ("1.26rc1", "1.26.0", True),
        ("1.26.4-X:boringcrypto", "1.26.4", True),
    ],
)
def test_older_go(version: str, than: str, expected: bool) -> None:
    assert golang.older(version, than) is expected


def test_a_missing_go_names_the_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match=r"Go 1\.26\.4 or newer"):
        golang.find(GO_MOD)


def test_an_old_go_names_both_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "go").write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match=r"Go 1\.19\.8 is too old.* Go 1\.26\.4 or newer"):
        golang.find(GO_MOD)


A, B = Path("/a"), Path("/b")


@pytest.mark.parametrize(
    ("free", "disks", "expected"),
    [
        ({"1": 9.0 * GIB}, {A: "1", B: "1"}, []),
        ({"1": 4.0 * GIB}, {A: "1", B: "1"}, ["8.0 GiB are needed", "4.0 GiB are missing"]),
        (
            {"1": 9.0 * GIB, "2": 1.0 * GIB},
            {A: "1", B: "2"},
            ["3.0 GiB are needed (modules in /b)", "2.0 GiB are missing"],
        ),
    ],
)
def test_missing_space(free: dict[str, float], disks: dict[Path, str], expected: list[str]) -> None:
    needs = [Need("cache", A, 6 * GIB, 1 * GIB), Need("modules", B, 3 * GIB, 0), Need("full", A, 1 * GIB, 9 * GIB)]
    found = golang.shortages(needs, free, disks)
    assert len(found) == bool(expected)
    assert all(part in found[0] for part in expected)


@pytest.mark.parametrize(
    ("log", "word"),
    [
        ("write /x: no space left on device", "space"),
        ("tls: failed to verify certificate: x509: unknown authority", "SSL_CERT_FILE"),
        ("Get https://proxy: dial tcp: i/o timeout", "GOPROXY"),
        ("compile: signal: killed", "memory"),
        ("syntax error", "run it again"),
    ],
)
def test_a_failed_build_says_what_to_do(log: str, word: str) -> None:
    assert word in golang.remedy(log)
