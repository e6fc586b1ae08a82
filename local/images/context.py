"""An application's build context: the files of its folder that a build sees, and their hash."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

# Never part of an image: tests, and what tools leave behind.
EXCLUDED = frozenset({"tests", "__pycache__", ".venv", ".pytest_cache", ".ruff_cache", "node_modules"})
EPOCH = 1735689600  # 2025-01-01, the modification time of every file in a build context


def files(folder: Path) -> list[Path]:
    """The files of `folder` that its build sees, as sorted relative paths.

    In a checkout they are the tracked files and new ones that are not ignored.
    """
    # Root may list a checkout that belongs to another user.
    git = ["git", "-c", "safe.directory=*", "-C", str(folder)]
    command = [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    try:
        listing = subprocess.run(command, capture_output=True, check=True).stdout
        listed = [folder / os.fsdecode(name) for name in listing.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        listed = folder.rglob("*")
    names = {path.relative_to(folder) for path in listed if path.is_file()}
    return sorted(name for name in names if EXCLUDED.isdisjoint(name.parts) and name.suffix != ".pyc")


def _executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def digest(folder: Path, *more: str) -> str:
    """SHA-256 over names, contents and executable bits of `files(folder)`, and over `more`; 64 hex digits."""
    whole = hashlib.sha256()
    for name in files(folder):
        content = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        whole.update(f"{name.as_posix()}\0{_executable(folder / name)}\0{content}\n".encode())
    for text in more:
        whole.update(f"{hashlib.sha256(text.encode()).hexdigest()}\n".encode())
    return whole.hexdigest()


def stage(folder: Path, target: Path) -> None:
    """Copy `files(folder)` to the new folder `target`, with times and modes that don't depend on the checkout."""
    target.mkdir(parents=True)
    for name in files(folder):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, copy)
        copy.chmod(0o755 if _executable(folder / name) else 0o644)
    for path in (target, *target.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (EPOCH, EPOCH))
