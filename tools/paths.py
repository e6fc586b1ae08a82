"""Where the local stack keeps its files, outside the checkout."""

import os
from pathlib import Path


def _folder(own: str, base: str, fallback: str) -> Path:
    named = os.environ.get(own)
    if named:
        return Path(named).expanduser().absolute()
    parent = os.environ.get(base) or fallback
    return Path(parent).expanduser().absolute() / "journal-stack"


def cache() -> Path:
    """What can be made again: built programs and images. `JOURNAL_CACHE` names it."""
    return _folder("JOURNAL_CACHE", "XDG_CACHE_HOME", "~/.cache")


def state() -> Path:
    """What the running cluster keeps: etcd, keys, logs. `JOURNAL_STATE` names it."""
    return _folder("JOURNAL_STATE", "XDG_STATE_HOME", "~/.local/state")
