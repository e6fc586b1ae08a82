"""The stack's state on this machine, and the Automation API's workspace around it.

Everything lies beside the cluster's own state (`JOURNAL_STATE`), so that each checkout sees the same stack: Pulumi's
file backend, the passphrase that encrypts its secrets, a PULUMI_HOME with the plugins, and a work folder with the
project's and the stack's settings.
"""

import fcntl
import json
import os
import re
import runpy
import secrets
import shlex
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from local.pulumi.programs import PulumiPrograms, plugin_version
from tools import paths, stack
from tools.failures import Failure
from tools.files import write_atomically

STACK = "local"
CLI_IN_ITS_SESSION = """\
#!/bin/sh
unset PULUMI_CONFIG_PASSPHRASE
exec setpriv --pdeathsig INT setsid {cli} "$@"
"""
"""Ctrl-C reaches the terminal program alone, which passes it on: at the second one the CLI drops what is under way.
When the terminal program is killed, the CLI is interrupted, or ends at the next line that nobody reads. A passphrase of
the user's own stacks would win over the file that names ours."""


class StackHeld(Failure):
    """A living process holds the stack."""


@dataclass(frozen=True)
class StateFolder:
    """Where a cluster's stack has its state. context: the existing cluster's, None for the one that was built here."""

    root: Path

    @classmethod
    def of(cls, context: str | None) -> "StateFolder":
        return cls(paths.state() / "pulumi" if context is None else paths.state() / f"context-{context}" / "pulumi")

    @property
    def backend(self) -> Path:
        return self.root / "backend"

    @property
    def passphrase(self) -> Path:
        return self.root / "passphrase"

    @property
    def home(self) -> Path:
        """PULUMI_HOME."""
        return self.root / "home"

    @property
    def work(self) -> Path:
        """The folder of Pulumi.yaml and Pulumi.local.yaml as the CLI reads them."""
        return self.root / "work"

    @property
    def stack_file(self) -> Path:
        """The stack's resources."""
        return self.backend / ".pulumi" / "stacks" / stack.PROJECT / f"{STACK}.json"

    @property
    def locks(self) -> Path:
        return self.backend / ".pulumi" / "locks" / "organization" / stack.PROJECT / STACK

    @property
    def hold(self) -> Path:
        """The file that a command locks while it works with the stack; it holds the command's process id."""
        return self.root / "hold"

    def exists(self) -> bool:
        """Whether there is a stack."""
        return self.stack_file.exists()

    def remove(self) -> None:
        """Forget the stack, the passphrase with it."""
        shutil.rmtree(self.root, ignore_errors=True)


@contextmanager
def held(folder: StateFolder) -> Generator[None]:
    """Keep other commands of this machine away from the stack. Raises StackHeld naming the one that has it."""
    folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with folder.hold.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StackHeld(
                f"Another run holds the stack: process {file.read().strip()}.",
                "Wait until it ends. If it hangs, interrupt it: it ends in order.",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        os.set_inheritable(file.fileno(), True)  # by the CLI that takes this process's place
        yield


def select(
    folder: StateFolder, programs: PulumiPrograms, config: dict[str, Any], program: automation.PulumiFn
) -> automation.Stack:
    """The stack, made when there is none. config: the effective one, by full keys. Raises Failure, CommandError."""
    for path in (folder.backend, folder.work, folder.home / "plugins", folder.home / "bin"):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_passphrase(folder)
    _write_settings(folder, config)
    for package, plugin in programs.plugins.items():
        if not (plugin / f"pulumi-resource-{package}").exists():
            raise Failure(
                f"The plugin pulumi-resource-{package} {plugin_version(package)} is missing in {plugin}.",
                f"Remove {paths.cache() / 'pulumi'} and run `make up`: it builds what is missing.",
            )
        _install(folder.home / "plugins" / f"resource-{package}-v{plugin_version(package)}", plugin)
    write_atomically(
        folder.home / "bin" / "pulumi", CLI_IN_ITS_SESSION.format(cli=shlex.quote(str(programs.cli))), mode=0o755
    )
    workspace = automation.LocalWorkspace(
        work_dir=str(folder.work),
        pulumi_home=str(folder.home),
        program=program,
        env_vars=environment(folder),
        pulumi_command=automation.PulumiCommand(root=str(folder.home)),
    )
    return automation.Stack.create_or_select(STACK, workspace)


def _write_passphrase(folder: StateFolder) -> None:
    """A passphrase that is made once, with the stack, and that its owner alone may read. Raises Failure."""
    if folder.passphrase.exists():
        return
    if folder.exists():
        raise Failure(
            f"{folder.passphrase} is missing: it decrypts the secrets of stack {STACK}.",
            f"Put it back. To begin anew: `make down`; with KUBE_CONTEXT, remove {folder.root}: its objects stay.",
        )
    write_atomically(folder.passphrase, secrets.token_urlsafe(32), mode=0o600)


def _write_settings(folder: StateFolder, config: dict[str, Any]) -> None:
    """Pulumi.yaml and Pulumi.local.yaml. The salt that `stack init` wrote there stays: it goes with the passphrase."""
    project = {"name": stack.PROJECT, "runtime": "python", "backend": {"url": folder.backend.as_uri()}}
    write_atomically(folder.work / "Pulumi.yaml", yaml.safe_dump(project))
    path = folder.work / f"Pulumi.{STACK}.yaml"
    found = re.search(r"^encryptionsalt: \S+$", path.read_text(errors="replace") if path.exists() else "", re.MULTILINE)
    salt = {} if found is None else yaml.safe_load(found[0])
    write_atomically(path, yaml.safe_dump({"config": config, **salt}))


def _install(folder: Path, plugin: Path) -> None:
    """Make a plugin's folder of links to what is in `plugin`: the CLI passes over folders that are links themselves."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in plugin.glob("*"):
        (folder / path.name).symlink_to(path)


def environment(folder: StateFolder) -> dict[str, str]:
    """What the CLI must know, whoever starts it."""
    return {
        "PULUMI_HOME": str(folder.home),
        "PULUMI_BACKEND_URL": folder.backend.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder.passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_K8S_CLIENT_BURST": "400",
        "PULUMI_K8S_CLIENT_QPS": "200",
        "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
    }


def journal() -> None:
    """The project's program, as `pulumi up` runs it."""
    runpy.run_path(str(stack.ROOT / "__main__.py"), run_name="__main__")


def resource_count(folder: StateFolder) -> int | None:
    """How many objects of their own the state holds, components and providers left out; None before the first run."""
    resources = _deployment(folder).get("resources") or []
    return sum(bool(r.get("custom")) and not r["type"].startswith("pulumi:") for r in resources) or None


def releases(folder: StateFolder) -> list[tuple[str, str]]:
    """Namespace and name of every Helm release that the state holds."""
    found = [r["inputs"] for r in _deployment(folder).get("resources") or [] if r["type"].endswith("/v3:Release")]
    return [(inputs.get("namespace", "default"), inputs["name"]) for inputs in found if "name" in inputs]


def declared(folder: StateFolder) -> dict[tuple[str, str, str], dict[str, Any]]:
    """What the last run declared of each object in the cluster, by kind, namespace and name."""
    found = [
        r.get("inputs") or {}
        for r in _deployment(folder).get("resources") or []
        if r["type"].startswith("kubernetes:") and not r["type"].endswith("Patch") and not r.get("delete")
    ]
    objects = [inputs for inputs in found if {"apiVersion", "kind", "metadata"} <= inputs.keys()]
    return {(i["kind"], i["metadata"].get("namespace", ""), i["metadata"]["name"]): i for i in objects}


def was_interrupted(folder: StateFolder) -> bool:
    """Whether the state names operations that were under way when a run ended."""
    return bool(_deployment(folder).get("pending_operations"))


def _deployment(folder: StateFolder) -> dict[str, Any]:
    """What the state file says of the last run; empty before the first one."""
    try:
        return json.loads(folder.stack_file.read_text())["checkpoint"]["latest"] or {}
    except (OSError, ValueError, KeyError):
        return {}
