"""The images there are: their references, what they are made from, and the hash of that."""

import hashlib
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from local.images import context, debian
from local.images.errors import ImageError

ROOT = Path(__file__).parents[2]
BASES = Path(__file__).parent / "bases"
APPS = ("frontend", "fileserver")
REDIS = "docker.io/library/redis:7.0.15"

_BASE_ARGUMENT = re.compile(r"^ARG\s+(?P<kind>[A-Z]+)_BASE=(?P<reference>\S+)\s*$", re.MULTILINE)
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


@dataclass(frozen=True, kw_only=True)
class Image:
    """A base image.

    name: what logs and archives are called after. reference: its full name, with tag.
    digest: SHA-256 over all it is made from, 64 hex digits.
    """

    name: str
    reference: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Application(Image):
    """An image of ours.

    folder: its sources. version: semantic. bases: pairs of a build argument and the base image it names.
    """

    folder: Path
    version: str
    bases: tuple[tuple[str, Image], ...]

    @property
    def commit(self) -> str:
        """The eight digits that stand for a commit in a locally built image."""
        return self.digest[:8]


def base_references(dockerfile: str) -> dict[str, str]:
    """The base images that a Dockerfile takes as `ARG <KIND>_BASE=<reference>`, by kind in lower case."""
    return {match["kind"].lower(): match["reference"] for match in _BASE_ARGUMENT.finditer(dockerfile)}


def base(kind: str, reference: str) -> Image:
    """The base image of a kind (python, nginx, redis) under an upstream name; raises ImageError for another kind."""
    recipe = BASES / f"{kind}.Dockerfile"
    if not recipe.is_file():
        known = ", ".join(sorted(path.stem for path in BASES.glob("*.Dockerfile") if path.stem != "debian"))
        raise ImageError(f"No base image of kind {kind!r} for {reference}", f"Known kinds: {known}.")
    parts = [reference, platform.machine(), debian.definition()]
    parts += [path.read_text() for path in (BASES / "debian.Dockerfile", recipe)]
    return Image(name=kind, reference=reference, digest=hashlib.sha256("\0".join(parts).encode()).hexdigest())


def application(folder: Path) -> Application:
    """The image of the application in `folder`; raises ImageError when its Dockerfile or VERSION is wrong."""
    dockerfile, version_file = folder / "Dockerfile", folder / "VERSION"
    for path in (dockerfile, version_file):
        if not path.is_file():
            raise ImageError(f"{path} is missing", "An application has a Dockerfile and a VERSION (like 1.0.0).")
    version = version_file.read_text().strip()
    if not _VERSION.fullmatch(version):
        raise ImageError(
            f"{version_file} holds {version!r}", "It holds a semantic version without build metadata, like 1.0.0."
        )
    bases = tuple(
        (f"{kind.upper()}_BASE", base(kind, reference))
        for kind, reference in base_references(dockerfile.read_text()).items()
    )
    digest = context.digest(folder, *(image.digest for _, image in bases))
    reference = f"localhost/journal/{folder.name}:v{version}-{digest[:8]}"
    return Application(
        name=folder.name, reference=reference, digest=digest, folder=folder, version=version, bases=bases
    )


def deployed(root: Path = ROOT) -> dict[str, Image]:
    """The images that the cluster runs, by name."""
    images: list[Image] = [*(application(root / "apps" / name) for name in APPS), base("redis", REDIS)]
    return {image.name: image for image in images}


def references(root: Path = ROOT) -> dict[str, str]:
    """The references of `deployed`, by name (frontend, fileserver, redis). Builds nothing."""
    return {name: image.reference for name, image in deployed(root).items()}
