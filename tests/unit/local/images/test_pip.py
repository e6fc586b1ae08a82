"""pip in a build reaches the package index as it does on the machine."""

from pathlib import Path

from local.images import pip


def test_pip_variables_win_over_pip_files(tmp_path: Path) -> None:
    first, second = tmp_path / "first.conf", tmp_path / "second.conf"
    first.write_text("[global]\nindex-url = https://first.test/simple\ntimeout = 9\ntarget = /opt\n")
    second.write_text("[install]\nindex-url = https://second.test/simple\ntrusted-host = second.test\n")
    environment = {"PIP_TRUSTED_HOST": "variable.test", "PIP_TARGET": "/opt", "PIP_NO_INDEX": ""}
    assert pip.options(environment, [first, second, tmp_path / "missing.conf"]) == {
        "index-url": "https://second.test/simple",
        "timeout": "9",
        "trusted-host": "variable.test",
    }


def test_pip_in_a_build_trusts_the_mounted_bundle() -> None:
    lines = pip.configuration({"index-url": "https://index.test/100%25/simple"}).splitlines()
    assert lines[:3] == ["[global]", "index-url = https://index.test/100%25/simple", f"cert = {pip.IMAGE_CA_BUNDLE}"]


def test_the_first_bundle_that_is_there_counts(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    assert pip.ca_bundle({"PIP_CERT": str(tmp_path / "gone.pem"), "SSL_CERT_FILE": str(bundle)}) == bundle
    assert pip.ca_bundle({"PIP_CERT": ""}) is None


def test_folders_among_the_links_are_mounted(tmp_path: Path) -> None:
    for name in ("wheels", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "wheels" / "a.whl").touch()
    links = f"https://links.test/ {tmp_path / 'wheels'} {tmp_path / 'empty'} {tmp_path / 'gone'}"
    assert pip.link_folders({"find-links": links}) == [tmp_path / "wheels"]
