"""The images there are: their references, what they are made from, and the hash of that."""

import hashlib
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from components.versions import HAPROXY_IMAGE
from local.images import context, debian
from local.images.errors import ImageError
from tools import stack

ROOT = Path(__file__).parents[2]
RECIPES = Path(__file__).parent / "bases"
DEBIAN = "localhost/journal/debian"  # its tag is the suite
VALKEY = "docker.io/valkey/valkey:8.1.1"
STACK = "local"
APPS = ("frontend", "fileserver")
OPTIONAL = {"auth": "login"}
"""Applications that stack `local` runs where its file has this section, which names their image."""

_BASE_ARGUMENT = re.compile(r"^ARG\s+(?P<name>[A-Z]+)_BASE=(?P<reference>\S+)\s*$", re.MULTILINE)
_SUITE = re.compile(rf"^FROM {DEBIAN}:(?P<suite>{'|'.join(debian.SUITES)})$", re.MULTILINE)
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that this machine can make.

    name: of its logs and archives. reference: its full name, with tag. digest: SHA-256 over what it is made from,
    as 64 hex digits.
    """

    name: str
    reference: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Base(Image):
    """A base image, made from `recipe` on the root file system of a Debian suite, under an upstream name."""

    recipe: Path
    suite: str


@dataclass(frozen=True, kw_only=True)
class Application(Image):
    """An image of ours.

    folder: its sources. version: semantic. bases: pairs of a build argument and the base image it names.
    """

    folder: Path
    version: str
    bases: tuple[tuple[str, Base], ...]

    @property
    def commit(self) -> str:
        """The eight digits that stand for a commit in a locally built image."""
        return self.digest[:8]


def base(name: str, reference: str) -> Base:
    """The base image with the recipe of this name, under an upstream reference; raises ImageError without a recipe."""
    recipe = RECIPES / f"{name}.Dockerfile"
    if not recipe.is_file():
        known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.Dockerfile") if path.stem != "debian"))
        raise ImageError(f"There is no recipe for a base image {name!r} ({reference})", f"Known are: {known}.")
    text = recipe.read_text()
    found = _SUITE.search(text)
    if found is None:
        suites = " or ".join(f"{DEBIAN}:{suite}" for suite in debian.SUITES)
        raise ImageError(f"{recipe} starts from no Debian suite that is known", f"Its FROM names {suites}.")
    parts = [reference, platform.machine(), debian.definition(found["suite"])]
    parts += [(RECIPES / "debian.Dockerfile").read_text(), text]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Base(name=name, reference=reference, digest=digest, recipe=recipe, suite=found["suite"])


def application(folder: Path) -> Application:
    """The image of the application in `folder`; raises ImageError when its base images or its VERSION are wrong.

    A Dockerfile takes its base images as `ARG <NAME>_BASE=<reference>`.
    """
    version_file = folder / "VERSION"
    version = version_file.read_text().strip()
    if not _VERSION.fullmatch(version):
        raise ImageError(
            f"{version_file} holds {version!r}", "It holds a semantic version without build metadata, like 1.0.0."
        )
    bases = tuple(
        (f"{match['name']}_BASE", base(match["name"].lower(), match["reference"]))
        for match in _BASE_ARGUMENT.finditer((folder / "Dockerfile").read_text())
    )
    digest = context.digest(folder, *(image.digest for _, image in bases))
    reference = f"localhost/journal/{folder.name}:v{version}-{digest[:8]}"
    return Application(
        name=folder.name, reference=reference, digest=digest, folder=folder, version=version, bases=bases
    )


def deployed() -> dict[str, Image]:
    """The images that the cluster runs, by tier (frontend, fileserver, auth where it is on, redis, redis-write)."""
    config = stack.read(STACK)
    apps = [*APPS, *(app for app, section in OPTIONAL.items() if config.get(f"{stack.PROJECT}:{section}") is not None)]
    bases = {"redis": base("valkey", VALKEY), "redis-write": base("haproxy", HAPROXY_IMAGE)}
    return {**{name: application(ROOT / "apps" / name) for name in apps}, **bases}


def references() -> dict[str, str]:
    """The references of `deployed`, by tier. Builds nothing."""
    return {tier: image.reference for tier, image in deployed().items()}
