"""Python environments beside the project's own: for what pins other versions of the same packages."""

import subprocess
import sys
from pathlib import Path

from tools import paths
from tools.failures import Failure


def python_of(name: str) -> Path:
    """The interpreter of an environment."""
    return paths.cache() / "venvs" / name / "bin" / "python"


def prepare(name: str, lock: Path) -> Path:
    """Install exactly what a lock file names, each package by its hash; the interpreter. Raises Failure."""
    python = python_of(name)
    stamp = python.parent.parent / "lock"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return python
    uv = str(Path(sys.executable).parent / "uv")
    for arguments in (
        ["venv", "-q", "--clear", "--python", sys.executable, str(python.parent.parent)],
        ["pip", "sync", "-q", "--python", str(python), "--require-hashes", str(lock)],
    ):
        if subprocess.run([uv, *arguments], check=False).returncode != 0:
            raise Failure(f"The environment of {name} can't be made.", "Does the package index answer?")
    stamp.write_text(lock.read_text())
    return python
