"""Images and a listener to their making, for the tests of this folder."""

import threading
from pathlib import Path

from local.images.catalog import Application, Base


def base(name: str, reference: str, digit: str) -> Base:
    return Base(name=name, reference=reference, digest=digit * 64, recipe=Path(f"{name}.Dockerfile"), suite="trixie")


def application(name: str, digit: str, *bases: Base) -> Application:
    return Application(
        name=name,
        reference=f"localhost/journal/{name}:v1.0.0-{digit * 8}",
        digest=digit * 64,
        folder=Path(name),
        version="1.0.0",
        bases=tuple((f"{base.name.upper()}_BASE", base) for base in bases),
    )


PYTHON = base("python", "docker.io/library/python:3.11", "1")
NGINX = base("nginx", "docker.io/library/nginx:1.22", "2")
VALKEY = base("valkey", "docker.io/valkey/valkey:8.1.1", "3")
FRONTEND = application("frontend", "a", PYTHON)
FILESERVER = application("fileserver", "b", PYTHON, NGINX)


class RecordedSteps:
    def __init__(self) -> None:
        self.steps: list[tuple[str, int | None, int | None]] = []
        self.told = threading.Event()

    def step(self, name: str, done: int | None = None, total: int | None = None) -> None:
        self.steps.append((name, done, total))
        self.told.set()
