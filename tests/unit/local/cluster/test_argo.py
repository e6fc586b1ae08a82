"""Argo Workflows' images: their version is the one that is deployed, and the copy that is built has what it lacks."""

from pathlib import Path

from components.versions import ARGO_CONTROLLER_IMAGE, ARGO_CRDS, ARGO_EXECUTOR_IMAGE
from local.cluster import argo, programs
from tools.golang import module_versions


def test_the_images_that_are_built_are_those_that_are_deployed() -> None:
    assert [argo.reference(program) for program in argo.PROGRAMS] == [ARGO_CONTROLLER_IMAGE, ARGO_EXECUTOR_IMAGE]


def test_they_are_no_part_of_the_build_that_takes_long() -> None:
    assert programs.SOURCES not in argo.SOURCES.parents
    assert argo.MODULE not in programs.pinned()


def test_the_definitions_are_at_the_same_place_in_the_module_and_at_the_address() -> None:
    assert ARGO_CRDS.endswith("/manifests/base/crds/minimal")


def test_what_is_built_is_a_copy_of_the_code_with_the_file_that_it_lacks(tmp_path: Path) -> None:
    module = tmp_path / "cache"
    code, tested = module / "cmd" / "argoexec" / "main.go", module / "cmd" / "argoexec" / "main_test.go"
    neighbour, page = module / argo.LACKING.with_name("signal_darwin.go"), module / "docs" / "README.md"
    for path in (module / "go.mod", code, tested, neighbour, page):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"// {path.name}\n")
        path.chmod(0o444)  # as Go's cache has them
    sources = argo.lay_out(tmp_path / "work", module)
    copied = {str(path.relative_to(tmp_path / "work" / "module")) for path in (tmp_path / "work").rglob("*.go")}
    assert copied == {"cmd/argoexec/main.go", str(argo.LACKING), str(argo.LACKING.with_name("signal_darwin.go"))}
    lacking = tmp_path / "work" / "module" / argo.LACKING
    assert lacking.read_text() == (argo.SOURCES / "signal_linux.go").read_text()
    go_mod = (sources / "go.mod").read_text()
    assert go_mod.endswith(f"\nreplace {argo.MODULE} => ../module\n")
    assert (sources / go_mod.rpartition("=> ")[2].strip()).resolve() == (tmp_path / "work" / "module").resolve()
    assert module_versions(go_mod)[argo.MODULE] == argo.pinned()[argo.MODULE]
    assert (sources / "go.sum").read_text() == (argo.SOURCES / "go.sum").read_text()


def test_the_file_declares_what_its_neighbours_do() -> None:
    text = (argo.SOURCES / "signal_linux.go").read_text()
    assert "package osspecific" in text
    for name in ("var Term ", "func CanIgnoreSignal(", "func Kill(", "func Setpgid(", "func Wait("):
        assert name in text
