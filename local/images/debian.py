"""The root file system under the base images: Debian's packages, unpacked by mmdebstrap."""

import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

SUITE = "bookworm"
_HOOKS = "/usr/share/mmdebstrap/hooks/merged-usr"
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
# Settings of the machine's apt that decide whether it reaches its mirror.
_REACH = re.compile(
    r'Acquire::(?:(?:https?|ftp)::(?!Proxy-Auto-Detect)[\w:-]+|Check-[\w-]+|Retries|ForceIPv[46]) "[^"]+";'
)


def definition() -> str:
    """All that decides what the root file system holds, but for the packages' versions."""
    return repr(arguments(Path("apt"), Path("root.tar")))


def arguments(apt: Path, target: Path, sources: Iterable[Path] = (), options: Iterable[Path] = ()) -> list[str]:
    """The mmdebstrap command that writes `target` and leaves apt's configuration and lists in the folder `apt`.

    sources: files with apt sources; mmdebstrap's default where there are none. options: files with apt options.
    """
    chosen = [
        *("--mode=root", "--variant=minbase", "--format=tar", f"--hook-dir={_HOOKS}", "--include=usr-is-merged"),
        *(f"--aptopt={option}" for option in (*_APT, *options)),
        *(f"--dpkgopt={option}" for option in _DPKG),
        f"--customize-hook={_NO_SERVICES}",
        f"--customize-hook=sync-out /etc/apt {shlex.quote(str(apt / 'etc'))}",
        f"--customize-hook=sync-out /var/lib/apt/lists {shlex.quote(str(apt / 'lists'))}",
        f"--customize-hook={_NO_TRACES}",
    ]
    return ["mmdebstrap", *chosen, SUITE, str(target), *map(str, sources)]


def sources(targets: str) -> str:
    """sources.list with the machine's own mirrors of the suite, from lines `uri|release|component|origin` of apt."""
    lines = set()
    for target in targets.splitlines():
        uri, release, component, origin = target.split("|")
        ours = release in (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
        if ours and uri.startswith(("http:", "https:")) and origin in ("", "Debian"):
            lines.add(f"deb {uri} {release} {component}\n")
    return "".join(sorted(lines))


def reach(configuration: str) -> str:
    """Those lines of `apt-config dump` that decide whether apt reaches its mirror: proxies, date checks, retries."""
    return "".join(f"{line}\n" for line in configuration.splitlines() if _REACH.fullmatch(line))


def machine_sources() -> str:
    """`sources` of this machine; empty when it is not of this suite."""
    fields = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"
    return sources(_output("apt-get", "indextargets", "--format", fields, "Created-By: Packages"))


def machine_reach() -> str:
    """`reach` of this machine."""
    return reach(_output("apt-config", "dump"))


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
