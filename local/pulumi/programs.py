"""Pulumi's CLI and provider plugins: those that are installed, or else built from pinned Go modules.

An official `pulumi` on PATH is used when it is new enough, and an official plugin when `~/.pulumi/plugins` (or
PULUMI_HOME) holds the version that the SDK asks for. What is missing is built once and kept by the hash of its sources.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tools import golang, paths, stack
from tools.failures import Failure
from tools.progress import Progress

SOURCES = Path(__file__).parent / "programs"
LEAST_CLI = "3.260.0"
"""The oldest CLI that stack `local` was tried with."""
SDK_MAJOR_AFTER = "4"
"""The Automation API takes a CLI of its own major version."""
VERSION_SECONDS = 10
CLI_MODULE = "github.com/pulumi/pulumi/pkg/v3"
CLI_PACKAGE = f"{CLI_MODULE}/cmd/pulumi"
CLI_VERSION = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
PROVIDER_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"
EMBEDDED = ("schema.json", "terraform-mapping.json")
"""Files of the provider's module that its program has inside."""


@dataclass(frozen=True, kw_only=True)
class PulumiPrograms:
    """cli: the program. plugins: by package, the folder that holds `pulumi-resource-<package>`."""

    cli: Path
    plugins: dict[str, Path]


def build(progress: Progress) -> PulumiPrograms:
    """Find what is installed and build what is not; the plugin first, since it takes longest. Raises Failure."""
    kubernetes = installed_plugin("kubernetes")
    if kubernetes is None:
        kubernetes = _build_kubernetes(progress)
    random = installed_plugin("random")
    cli = installed_cli()
    return PulumiPrograms(
        cli=_build_cli(progress) if cli is None else cli,
        plugins={"kubernetes": kubernetes, "random": _write_random() if random is None else random},
    )


def installed_cli() -> Path | None:
    """The CLI on PATH when it is new enough. Raises Failure when it is too old and no Go could build a newer one."""
    found = shutil.which("pulumi")
    if found is None:
        return None
    said = _version(found)
    number = re.match(r"v?(\d+\.\d+\.\d+)", said)
    if number and not golang.older(number[1], LEAST_CLI) and golang.older(number[1], SDK_MAJOR_AFTER):
        return Path(found)
    if shutil.which("go") is None:
        which = said or "of an unknown version"
        raise Failure(
            f"The Pulumi CLI at {found} is {which}; at least {LEAST_CLI} and below {SDK_MAJOR_AFTER} is needed.",
            f"Install one that fits, or {golang.INSTALL[0].lower()}{golang.INSTALL[1:]} Then one is built.",
        )
    return None


def _version(cli: str) -> str:
    """The first line of what a CLI says of its version; empty when it says nothing, or does not run."""
    try:
        done = subprocess.run([cli, "version"], capture_output=True, timeout=VERSION_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter(done.stdout.decode(errors="replace").splitlines()), "").strip()


def installed_plugin(package: str) -> Path | None:
    """The folder of an official plugin, of the version that the SDK was made for."""
    home = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    folder = home / "plugins" / f"resource-{package}-v{plugin_version(package)}"
    return folder if (folder / f"pulumi-resource-{package}").exists() else None


def plugin_version(package: str) -> str:
    """The version of a plugin that the installed SDK asks for, like `4.34.2`."""
    return version(f"pulumi_{package}")


def _build_cli(progress: Progress) -> Path:
    sources = SOURCES / "cli"
    pinned = golang.module_versions((sources / "go.mod").read_text())[CLI_MODULE]
    flags = golang.build_flags(**{CLI_VERSION: pinned})

    def make(target: Path) -> None:
        golang.install(sources, [CLI_PACKAGE], flags, target, progress, "the Pulumi CLI")

    return golang.built(paths.cache() / "pulumi" / "cli", sources, flags, make, progress) / "pulumi"


def _build_kubernetes(progress: Progress) -> Path:
    """The provider, with the schema that its module holds; the version in it is the SDK's, as upstream's build does."""
    sources, sdk = SOURCES / "kubernetes", plugin_version("kubernetes")
    flags = golang.build_flags(**{"main.version": sdk})

    def make(target: Path) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            work = Path(temporary) / "sources"
            shutil.copytree(sources, work)
            module = golang.module_folder(work, PROVIDER_MODULE) / "cmd" / "pulumi-resource-kubernetes"
            for name in EMBEDDED:
                shutil.copyfile(module / name, work / name)
            schema = work / EMBEDDED[0]
            schema.write_text(json.dumps({**json.loads(schema.read_text()), "version": sdk}))
            golang.install(work, ["."], flags, target, progress, "Pulumi's Kubernetes provider")

    return golang.built(paths.cache() / "pulumi" / "kubernetes", sources, flags, make, progress)


def _write_random() -> Path:
    """The stand-in for the random provider: a program that starts `local.pulumi.serve_random`."""
    folder = paths.cache() / "pulumi" / "random"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi-resource-random"
    root, python = shlex.quote(str(stack.ROOT)), shlex.quote(sys.executable)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {python} -m local.pulumi.serve_random "$@"\n')
    program.chmod(0o755)
    return folder
