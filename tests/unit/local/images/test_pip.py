"""pip in a build reaches the package index as it does on the machine."""

import stat
from pathlib import Path

import pytest

from local.images import pip


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a user without pip files."""
    return {"HOME": str(tmp_path)}


def test_pip_variables_win_over_pip_files(environment: dict[str, str], tmp_path: Path) -> None:
    machine, own = tmp_path / "machine.conf", tmp_path / ".config/pip/pip.conf"
    machine.write_text("[global]\nindex-url = https://first.test/simple\ntimeout = 9\ntarget = /opt\n")
    own.parent.mkdir(parents=True)
    own.write_text("[install]\nindex-url = https://second.test/simple\ntrusted-host = second.test\n")
    environment |= {"PIP_TRUSTED_HOST": "variable.test", "PIP_TARGET": "/opt", "PIP_NO_INDEX": ""}
    assert pip.options(environment, machine) == {
        "index-url": "https://second.test/simple",
        "timeout": "9",
        "trusted-host": "variable.test",
    }


def test_the_file_that_a_variable_names_comes_last(environment: dict[str, str], tmp_path: Path) -> None:
    for name, timeout in (("machine.conf", 1), ("named.conf", 2)):
        (tmp_path / name).write_text(f"[global]\ntimeout = {timeout}\n")
    environment["PIP_CONFIG_FILE"] = str(tmp_path / "named.conf")
    assert pip.options(environment, tmp_path / "machine.conf") == {"timeout": "2"}


def test_pip_in_a_build_trusts_the_mounted_bundle(environment: dict[str, str], tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    environment |= {
        "PIP_INDEX_URL": "https://user:100%25@index.test/simple",
        "PIP_CERT": str(tmp_path / "gone.pem"),
        "REQUESTS_CA_BUNDLE": str(bundle),
        "SSL_CERT_FILE": str(bundle),
    }
    volumes = pip.volumes(environment, tmp_path)
    assert volumes[:2] == [f"{tmp_path}/pip.conf:/etc/pip.conf:ro", f"{bundle}:{pip.IMAGE_CA_BUNDLE}:ro"]
    assert volumes.count(f"{bundle}:{pip.IMAGE_CA_BUNDLE}:ro") == 1
    written = (tmp_path / "pip.conf").read_text().splitlines()
    assert {"index-url = https://user:100%25@index.test/simple", f"cert = {pip.IMAGE_CA_BUNDLE}"} < set(written)
    assert stat.S_IMODE((tmp_path / "pip.conf").stat().st_mode) == 0o600


def test_folders_among_the_links_are_mounted(environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("wheels", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "wheels" / "a.whl").touch()
    links = f"https://links.test/ {tmp_path / 'wheels'} {tmp_path / 'empty'} {tmp_path / 'gone'}"
    volumes = pip.volumes({**environment, "PIP_FIND_LINKS": links}, tmp_path)
    assert volumes[1:] == [f"{tmp_path}/wheels:{tmp_path}/wheels:ro"]
