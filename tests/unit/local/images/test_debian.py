"""Root file systems come from the machine's own mirrors, and hold no trace of the machine."""

from pathlib import Path

import pytest

from local.images import debian

TARGETS = """\
http://mirror.test/debian/|bookworm|main|Debian
http://mirror.test/debian/|bookworm-updates|main|Debian
http://mirror.test/debian-security/|bookworm-security|main|
http://mirror.test/debian/|bookworm-backports|main|Debian
https://tools.test/debian/|bookworm|stable|Tools
file:/srv/debian/|bookworm|main|Debian
http://flat.test/debian/|./||Debian
"""


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_each_suite_comes_from_the_machine_s_own_mirrors(suite: str) -> None:
    assert debian.sources(suite, TARGETS).splitlines() == [
        f"deb http://mirror.test/debian-security/ {suite}-security main",
        f"deb http://mirror.test/debian/ {suite} main",
        f"deb http://mirror.test/debian/ {suite}-updates main",
    ]


def test_a_mirror_that_the_machine_names_for_the_suite_wins() -> None:
    targets = f"{TARGETS}http://other.test/debian/|trixie|main|Debian\n"
    assert debian.sources("trixie", targets) == "deb http://other.test/debian/ trixie main\n"
    assert "other.test" not in debian.sources("bookworm", targets)


def test_a_machine_of_another_suite_has_no_sources_to_offer() -> None:
    assert debian.sources("trixie", "http://mirror.test/ubuntu/|noble|main|Ubuntu\n") == ""


def test_apt_keeps_proxies_and_date_checks_alone() -> None:
    kept = ['Acquire::http::Proxy "http://proxy.test:3128";', 'Acquire::Check-Valid-Until "false";']
    dropped = [
        'Acquire::http "";',
        'Acquire::http::Proxy-Auto-Detect "/usr/bin/detect";',
        'Acquire::Languages "de";',
        'APT::Architecture "amd64";',
        'DPkg::Post-Invoke:: "rm -rf /";',
    ]
    assert debian.connection_options("\n".join([dropped[0], kept[0], *dropped[1:], kept[1]])).splitlines() == kept


def test_mmdebstrap_leaves_no_trace_of_the_machine() -> None:
    arguments = debian.arguments(
        "bookworm", Path("/w/apt"), Path("/w/root.tar"), [Path("/w/sources.list")], [Path("/w/connection.conf")]
    )
    assert arguments[0] == "mmdebstrap"
    assert arguments[-3:] == ["bookworm", "/w/root.tar", "/w/sources.list"]
    assert {"--variant=minbase", "--aptopt=/w/connection.conf", "--dpkgopt=path-exclude=/usr/share/man/*"} < set(
        arguments
    )
    cleaning = arguments[-4]
    for trace in ("sources.list", "99mmdebstrap", "resolv.conf", "hostname"):
        assert trace in cleaning


def test_the_definition_depends_on_the_suite_and_not_on_the_machine() -> None:
    bookworm, trixie = debian.definition("bookworm"), debian.definition("trixie")
    assert bookworm != trixie
    assert bookworm.replace("bookworm", "trixie") == trixie
    assert "'root.tar'" in trixie
    assert "--aptopt=/" not in trixie
