"""Deploys a stack by either engine: Pulumi's own where its CLI is on PATH, the embedded one elsewhere."""

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any, Protocol

import yaml

from local import engine, paths, stack
from local.access import Access
from local.engine.report import OnEvent
from local.failures import Failure

ENGINES = ("pulumi", "embedded")


def chosen_engine() -> str:
    """ENGINE, or pulumi where its CLI is on PATH, or embedded. Raises Failure."""
    named = os.environ.get("ENGINE") or ("pulumi" if shutil.which("pulumi") else "embedded")
    if named not in ENGINES:
        raise Failure(f"ENGINE is {named!r}.", f"It is one of: {', '.join(ENGINES)}.")
    if named == "pulumi" and shutil.which("pulumi") is None:
        raise Failure("ENGINE is pulumi, and no `pulumi` is on PATH.", "Install the Pulumi CLI, or leave ENGINE away.")
    return named


class Deployment(Protocol):
    """A stack on a cluster, by one engine. Each raises Failure or EngineError."""

    def up(self, on_event: OnEvent) -> dict[str, Any]:
        """Make it so; the stack's outputs."""

    def preview(self, on_event: OnEvent) -> None: ...

    def down(self, on_event: OnEvent) -> None: ...

    def exists(self) -> bool:
        """Whether this engine has made anything that is still there."""
        ...


@dataclass(frozen=True)
class Embedded:
    """The embedded engine (local/engine)."""

    access: Access
    name: str
    config: dict[str, Any]

    def up(self, on_event: OnEvent) -> dict[str, Any]:
        outcome = engine.up(
            stack.ROOT, self._target(), project=stack.PROJECT, stack=self.name, config=self.config, on_event=on_event
        )
        return outcome.outputs

    def preview(self, on_event: OnEvent) -> None:
        engine.preview(
            stack.ROOT, self._target(), project=stack.PROJECT, stack=self.name, config=self.config, on_event=on_event
        )

    def down(self, on_event: OnEvent) -> None:
        engine.down(self._target(), stack=self.name, on_event=on_event)

    def exists(self) -> bool:
        found = self.access.run(
            "-n", "kube-system", "get", "configmap", f"journal-engine-{self.name}", "--ignore-not-found", "-o", "name"
        )
        return bool(found.strip())

    def _target(self) -> "engine.Target":
        access = self.access
        state = paths.state() if access.own else paths.state() / f"context-{access.context}"
        return engine.Target(state=state, kubeconfig=access.kubeconfig, context=access.context, helm=access.helm)


@dataclass(frozen=True)
class PulumiCli:
    """Pulumi's own engine, on a file backend under the project's ignored state folder."""

    name: str
    config: dict[str, Any]

    def up(self, on_event: OnEvent) -> dict[str, Any]:
        del on_event
        self._select()
        self._run("up", "--yes", "--skip-preview", "--refresh")
        return yaml.safe_load(self._output("stack", "output", "--json"))

    def preview(self, on_event: OnEvent) -> None:
        del on_event
        self._select()
        self._run("preview", "--diff")

    def down(self, on_event: OnEvent) -> None:
        del on_event
        if self.exists():
            self._run("destroy", "--yes", "--skip-preview")
            self._run("stack", "rm", "--yes", "--preserve-config")

    def exists(self) -> bool:
        return (stack.STATE / "pulumi" / ".pulumi" / "stacks" / stack.PROJECT / f"{self.name}.json").exists()

    def _select(self) -> None:
        stack.write(self.name, self.config)
        if self.exists():
            return
        file = stack.ROOT / f"Pulumi.{self.name}.yaml"
        before = file.read_bytes()
        try:
            self._run("stack", "init", self.name, quiet=True)
        finally:
            file.write_bytes(before)  # `init` writes the new salt there; the one in the state is what counts

    def _run(self, *arguments: str, quiet: bool = False) -> None:
        command = self._command(*arguments)
        output = subprocess.DEVNULL if quiet else None
        if subprocess.run(command, cwd=stack.ROOT, env=self._environment(), stdout=output, check=False).returncode != 0:
            raise Failure(f"pulumi {arguments[0]} failed; it says why above.", "Remove the cause and run it again.")

    def _output(self, *arguments: str) -> str:
        command = self._command(*arguments)
        done = subprocess.run(command, cwd=stack.ROOT, env=self._environment(), capture_output=True, check=False)
        if done.returncode != 0:
            raise Failure(f"pulumi {' '.join(arguments)} failed: {done.stderr.decode()}")
        return done.stdout.decode()

    def _command(self, *arguments: str) -> list[str]:
        own_config = ["--config-file", str(stack.STATE / f"Pulumi.{self.name}.yaml")]
        named = [] if arguments[:2] == ("stack", "init") else ["--stack", self.name]
        takes_config = arguments[0] in ("up", "preview", "destroy")
        return ["pulumi", "--non-interactive", *arguments, *named, *(own_config if takes_config else [])]

    def _environment(self) -> dict[str, str]:
        backend, passphrase = stack.STATE / "pulumi", stack.STATE / "passphrase"
        backend.mkdir(parents=True, exist_ok=True)
        if not passphrase.exists():
            descriptor = os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
        return {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{backend}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }


def deployment(access: Access, name: str, config: dict[str, Any]) -> Deployment:
    """The stack by the chosen engine. Raises Failure when the other engine made what is there."""
    embedded, pulumi = Embedded(access, name, config), PulumiCli(name, config)
    wanted = chosen_engine()
    other: Deployment = embedded if wanted == "pulumi" else pulumi
    if other.exists():
        made = "embedded" if wanted == "pulumi" else "pulumi"
        raise Failure(
            f"Stack {name} was made by the {made} engine; the {wanted} engine can't take it over.",
            f"Go on with ENGINE={made}, or run `make down ENGINE={made}` first.",
        )
    return pulumi if wanted == "pulumi" else embedded
