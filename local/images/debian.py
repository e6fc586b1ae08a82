"""The root file systems under the base images: Debian's packages, unpacked by mmdebstrap."""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

SUITES = ("bookworm", "trixie")
_POCKETS = ("", "updates", "security")  # of a suite: its releases, and what is named bookworm-updates and the like
# Nothing that runs reads these.
_EXCLUDED = ("doc", "info", "lintian", "locale", "man")
_DPKG = (
    *(f"path-exclude=/usr/share/{name}/*" for name in _EXCLUDED),
    "path-exclude=/usr/lib/*/gconv/*",
    "force-unsafe-io",
)
_APT = ('Acquire::Languages "none"', 'APT::Install-Recommends "false"')
# Packages start no service while they are installed (the script's status says so to invoke-rc.d).
_NO_SERVICES = r"""printf '#!/bin/sh\nexit 101\n' > "$1/usr/sbin/policy-rc.d" && chmod 755 "$1/usr/sbin/policy-rc.d" """
_NO_TRACES = (
    'cd "$1/etc" && rm -rf apt/sources.list apt/sources.list.d/* apt/apt.conf.d/99mmdebstrap resolv.conf hostname'
)
# What the machine's apt downloads, in lines `uri|release|component|origin`.
LIST_TARGETS = (
    *("apt-get", "indextargets", "Created-By: Packages"),
    *("--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"),
)
# Settings of the machine's apt that decide whether it reaches its mirror.
_CONNECTION = re.compile(
    r'Acquire::(?:(?:https?|ftp)::(?!Proxy-Auto-Detect)[\w:-]+|Check-[\w-]+|Retries|ForceIPv[46]) "[^"]+";'
)


def definition(suite: str) -> str:
    """All that decides what the root file system of a suite holds, except the packages' versions."""
    return repr(arguments(suite, Path("apt"), Path("root.tar")))


def arguments(
    suite: str, apt: Path, target: Path, sources: Iterable[Path] = (), options: Iterable[Path] = ()
) -> list[str]:
    """The mmdebstrap command that writes `target` and leaves apt's configuration and lists in the folder `apt`.

    sources: files with apt sources; without any, mmdebstrap uses Debian's public mirror.
    options: files with apt options.
    """
    chosen = [
        *("--mode=root", "--variant=minbase", "--format=tar"),
        *("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--include=usr-is-merged"),
        *(f"--aptopt={option}" for option in (*_APT, *options)),
        *(f"--dpkgopt={option}" for option in _DPKG),
        f"--customize-hook={_NO_SERVICES}",
        f"--customize-hook=sync-out /etc/apt {shlex.quote(str(apt / 'etc'))}",
        f"--customize-hook=sync-out /var/lib/apt/lists {shlex.quote(str(apt / 'lists'))}",
        f"--customize-hook={_NO_TRACES}",
    ]
    return ["mmdebstrap", *chosen, suite, str(target), *map(str, sources)]


def sources(suite: str, targets: str) -> str:
    """A sources.list of `suite` on the machine's own mirrors; empty when the machine runs none of SUITES.

    targets: what LIST_TARGETS prints. A machine of one suite gets the other from the same mirrors, and trusts it by
    the same package, debian-archive-keyring.
    """
    found: dict[str, set[str]] = {known: set() for known in SUITES}
    for target in targets.splitlines():
        uri, release, component, origin = target.split("|")
        known, dash, pocket = release.partition("-")
        # Before the first `apt-get update` apt knows no origin.
        of_debian = uri.startswith(("http:", "https:")) and origin in ("", "Debian")
        if known in found and pocket in _POCKETS and of_debian:
            found[known].add(f"deb {uri} {suite}{dash}{pocket} {component}\n")
    return "".join(sorted(found[suite] or set().union(*found.values())))


def connection_options(configuration: str) -> str:
    """Those lines of `apt-config dump` that decide whether apt reaches its mirror: proxies, date checks, retries."""
    return "".join(f"{line}\n" for line in configuration.splitlines() if _CONNECTION.fullmatch(line))
