"""The command lines that make images, and what of the machine goes into them."""

import stat
from pathlib import Path

import pytest

from local.images import command, debian, pip
from local.images.buildah import Buildah
from local.images.errors import ImageError, remedy, tail

TARGETS = """\
http://mirror.test/debian/|bookworm|main|Debian
http://mirror.test/debian/|bookworm-updates|main|Debian
http://mirror.test/debian-security/|bookworm-security|main|
http://mirror.test/debian/|bookworm-backports|main|Debian
http://mirror.test/debian/|trixie|main|Debian
https://tools.test/debian/|bookworm|stable|Tools
file:/srv/debian/|bookworm|main|Debian
"""


def test_the_machine_s_own_mirrors_of_the_suite_are_used() -> None:
    assert debian.sources(TARGETS).splitlines() == [
        "deb http://mirror.test/debian-security/ bookworm-security main",
        "deb http://mirror.test/debian/ bookworm main",
        "deb http://mirror.test/debian/ bookworm-updates main",
    ]


def test_a_machine_of_another_suite_has_no_sources_to_offer() -> None:
    assert debian.sources("http://mirror.test/ubuntu/|noble|main|Ubuntu\n") == ""


def test_apt_keeps_proxies_and_date_checks_alone() -> None:
    kept = ['Acquire::http::Proxy "http://proxy.test:3128";', 'Acquire::Check-Valid-Until "false";']
    dropped = [
        'Acquire::http "";',
        'Acquire::http::Proxy-Auto-Detect "/usr/bin/detect";',
        'Acquire::Languages "de";',
        'APT::Architecture "amd64";',
        'DPkg::Post-Invoke:: "rm -rf /";',
    ]
    assert debian.reach("\n".join([dropped[0], kept[0], *dropped[1:], kept[1]])).splitlines() == kept


def test_mmdebstrap_leaves_no_trace_of_the_machine() -> None:
    arguments = debian.arguments(
        Path("/w/apt"), Path("/w/root.tar"), [Path("/w/sources.list")], [Path("/w/reach.conf")]
    )
    assert arguments[0] == "mmdebstrap"
    assert arguments[-3:] == ["bookworm", "/w/root.tar", "/w/sources.list"]
    assert {"--variant=minbase", "--aptopt=/w/reach.conf", "--dpkgopt=path-exclude=/usr/share/man/*"} < set(arguments)
    cleaning = arguments[-4]
    for trace in ("sources.list", "99mmdebstrap", "resolv.conf", "hostname"):
        assert trace in cleaning


def test_where_files_lie_does_not_change_the_definition() -> None:
    assert "/root.tar" not in debian.definition()
    assert debian.definition() == debian.definition()


def test_buildah_builds_without_daemon_or_registry() -> None:
    arguments = Buildah(Path("/w")).build(
        "localhost/a:v1", Path("/w/a"), Path("/w/a/Dockerfile"), {"VERSION": "1.0.0"}, ["/w/pip.conf:/etc/pip.conf:ro"]
    )
    assert {"--isolation=chroot", "--pull-never", "--signature-policy=/w/policy.json"} < set(arguments)
    assert {"--build-arg=VERSION=1.0.0", "--volume=/w/pip.conf:/etc/pip.conf:ro", "--tag=localhost/a:v1"} < set(
        arguments
    )
    assert arguments[-1] == "/w/a"


def test_buildah_keeps_away_from_the_machine_s_storage() -> None:
    assert {value.startswith("/w/") for value in Buildah(Path("/w")).environment().values()} == {True}


def test_an_archive_holds_the_full_name() -> None:
    saved = Buildah(Path("/w")).save("docker.io/library/redis:7.0.15", Path("/w/redis.tar"))
    assert saved[-1] == "docker-archive:/w/redis.tar:docker.io/library/redis:7.0.15"


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


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("E: Failed to fetch http://mirror.test/x.deb 404", "apt-get update"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "PIP_CERT"),
        ("ERROR: No matching distribution found for granian==99", "PIP_INDEX_URL"),
        ("write /w/storage: No space left on device", "Free some space"),
        ("E: unshare failed: Operation not permitted", "root"),
        ("something else", "Read the log"),
    ],
)
def test_a_failure_says_what_to_do(line: str, advice: str) -> None:
    assert advice in remedy(line)


def test_the_tail_of_a_log_has_no_empty_lines() -> None:
    assert tail("\n".join(f"{number}\n" for number in range(30))) == "\n".join(map(str, range(15, 30)))


def test_the_tail_of_a_log_cuts_long_lines() -> None:
    assert tail("x" * 1000) == "x" * 240 + "…"


def test_a_failed_step_is_named_with_its_own_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "CONTAINED", ())
    log = tmp_path / "logs" / "images-redis.log"
    command.run("Image redis", ["echo", "earlier"], log)
    with pytest.raises(ImageError) as error:
        command.run("Image redis", ["sh", "-c", "echo $WHAT; exit 3"], log, {"WHAT": "E: Failed to fetch"})
    assert error.value.message == f"Image redis failed: sh ended with status 3 (whole log: {log})"
    assert error.value.log_tail == "E: Failed to fetch"
    assert "apt-get update" in error.value.hint
    assert log.read_text() == "earlier\nE: Failed to fetch\n"


def test_secrets_of_the_package_index_are_for_root_alone(tmp_path: Path) -> None:
    path = command.write_private(tmp_path / "pip.conf", "[global]")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
