"""Debian's buildah: its command lines, and a storage and configuration of its own, apart from the machine's."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

_POLICY = {"default": [{"type": "insecureAcceptAnything"}]}  # Images come from our own archives only.


class Buildah:
    """buildah with all its files in the folder `work`."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._policy = f"--signature-policy={work / 'policy.json'}"

    def environment(self) -> dict[str, str]:
        """The variables that keep it away from the machine's own storage and configuration."""
        files = {f"CONTAINERS_{kind.upper()}_CONF": self._work / f"{kind}.conf" for kind in ("storage", "registries")}
        files |= {"CONTAINERS_CONF": self._work / "containers.conf", "TMPDIR": self._work / "tmp"}
        return {name: str(path) for name, path in files.items()}

    def prepare(self) -> None:
        """Write the configuration into `work`, with the overlay driver where the file system can do it."""
        (self._work / "tmp").mkdir(parents=True)
        (self._work / "policy.json").write_text(json.dumps(_POLICY))
        (self._work / "registries.conf").write_text("unqualified-search-registries = []\n")
        (self._work / "containers.conf").write_text("")
        self._choose("overlay")
        probe = subprocess.run(
            ["buildah", "info"], env=os.environ | self.environment(), capture_output=True, check=False
        )
        if probe.returncode != 0:
            self._choose("vfs")

    def _choose(self, driver: str) -> None:
        root = self._work / "storage"
        settings = {"driver": driver, "graphroot": f"{root}/root", "runroot": f"{root}/run"}
        lines = [f'{name} = "{value}"\n' for name, value in settings.items()]
        (self._work / "storage.conf").write_text("".join(["[storage]\n", *lines]))

    def build(
        self, reference: str, context: Path, dockerfile: Path, arguments: Mapping[str, str], volumes: Iterable[str] = ()
    ) -> list[str]:
        """The command that builds `reference`; `volumes` (host:image[:ro]) are there while it builds only."""
        return [
            *("buildah", "build", "--isolation=chroot", "--pull-never", "--format=docker", self._policy),
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            *(f"--volume={volume}" for volume in volumes),
            *(f"--tag={reference}", f"--file={dockerfile}", str(context)),
        ]

    def save(self, reference: str, archive: Path) -> list[str]:
        """The command that writes the image as a docker-archive with its full name."""
        return ["buildah", "push", "--quiet", self._policy, reference, f"docker-archive:{archive}:{reference}"]

    def load(self, archive: Path) -> list[str]:
        """The command that reads a docker-archive back, under the name it holds."""
        return ["buildah", "pull", "--quiet", self._policy, f"docker-archive:{archive}"]
