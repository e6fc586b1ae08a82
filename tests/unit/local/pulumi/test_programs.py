"""Which of Pulumi's programs are used: those that are installed and new enough, or else those that are built."""

from pathlib import Path

import pytest

from local.pulumi import programs
from tools.failures import Failure
from tools.progress import NO_PROGRESS


def executable(path: Path, said: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {said}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_without_a_cli_on_path_there_is_none(on_path: Path) -> None:
    assert programs.installed_cli() is None


@pytest.mark.parametrize("version", [f"v{programs.LEAST_CLI}", "v3.999.0"])
def test_a_cli_that_is_new_enough_is_used(on_path: Path, version: str) -> None:
    program = executable(on_path / "pulumi", version)
    assert programs.installed_cli() == program


@pytest.mark.parametrize("version", ["v3.9.0", "v4.0.0"])
def test_a_cli_that_does_not_fit_the_sdk_is_passed_over_where_another_can_be_built(on_path: Path, version: str) -> None:
    executable(on_path / "pulumi", version)
    executable(on_path / "go")
    assert programs.installed_cli() is None


@pytest.mark.parametrize(
    ("said", "named"),
    [("v3.9.0", "is v3.9.0"), ("v4.0.0", "is v4.0.0"), ("", "unknown version"), ("Hello", "is Hello")],
)
def test_a_cli_that_is_too_old_and_no_go_name_both_versions_and_what_to_do(
    on_path: Path, said: str, named: str
) -> None:
    executable(on_path / "pulumi", said)
    with pytest.raises(Failure) as caught:
        programs.installed_cli()
    assert named in caught.value.message
    assert f"at least {programs.LEAST_CLI} and below 4 is needed" in caught.value.message
    assert "install Go" in caught.value.hint


@pytest.mark.parametrize("version", ["v3.261.0+dirty", "v3.999.0-alpha.1"])
def test_a_version_with_a_suffix_is_read(on_path: Path, version: str) -> None:
    program = executable(on_path / "pulumi", version)
    assert programs.installed_cli() == program


def test_a_cli_that_does_not_run_is_of_an_unknown_version(on_path: Path) -> None:
    program = on_path / "pulumi"
    program.write_bytes(b"\x7fELF not a program")
    program.chmod(0o755)
    with pytest.raises(Failure, match="is of an unknown version"):
        programs.installed_cli()


def test_no_cli_and_no_go_say_what_to_install(on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JOURNAL_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Failure) as caught:
        programs.build(NO_PROGRESS)
    assert "Go is missing" in caught.value.message
    assert "Install Go" in caught.value.hint


def test_an_official_plugin_of_the_sdks_version_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    assert programs.installed_plugin("random") is None
    folder = tmp_path / "plugins" / f"resource-random-v{programs.plugin_version('random')}"
    executable(folder / "pulumi-resource-random")
    assert programs.installed_plugin("random") == folder


def test_with_everything_installed_nothing_is_built(
    on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    monkeypatch.setattr(programs.golang, "install", lambda *_: pytest.fail("something is built"))
    cli = executable(on_path / "pulumi", "v3.999.0")
    folders = {
        name: executable(
            tmp_path / "plugins" / f"resource-{name}-v{programs.plugin_version(name)}" / f"pulumi-resource-{name}"
        ).parent
        for name in ("kubernetes", "random")
    }
    built = programs.build(NO_PROGRESS)
    assert (built.cli, built.plugins) == (cli, folders)


def test_the_cli_that_is_built_is_new_enough() -> None:
    pinned = programs.golang.module_versions((programs.SOURCES / "cli" / "go.mod").read_text())[programs.CLI_MODULE]
    assert not programs.golang.older(pinned.removeprefix("v"), programs.LEAST_CLI)
