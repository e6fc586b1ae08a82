"""The real process: one that tests share, and one of a test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .processes import Auth


@pytest.fixture
def auth(tmp_path: Path) -> Iterator[Auth]:
    """Of a test's own: attempts are counted in the process."""
    with Auth(tmp_path / "auth").running() as auth:
        yield auth


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auth]:
    with Auth(tmp_path_factory.mktemp("shared") / "auth").running() as auth:
        yield auth
