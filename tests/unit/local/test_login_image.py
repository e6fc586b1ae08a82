"""The sign-in's image: made where stack `local` asks for it, and no other image is another one for it."""

from typing import Any

import pytest

from local import overrides
from local.images import catalog
from tests.conftest import config_of
from tools import stack

RESOURCES = {"cpu": "20m", "memory": "96Mi", "cpuLimit": "1", "memoryLimit": "192Mi"}


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stack `local` with a sign-in."""
    config = {
        **config_of("local"),
        "journal:login": {"image": "localhost/journal/auth:v1.0.0", "resources": RESOURCES},
    }
    for module in (stack, overrides):
        monkeypatch.setattr(module, "read", lambda _: dict(config))
    return config


def test_without_it_nothing_is_made() -> None:
    assert "auth" not in catalog.references()


def test_with_it_the_others_stay_as_they_are(asked_for: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with_it = catalog.references()
    assert with_it.pop("auth").startswith("localhost/journal/auth:v1.0.0-")
    monkeypatch.undo()
    assert with_it == catalog.references()


def test_the_stack_gets_its_reference(asked_for: dict[str, Any]) -> None:
    config = overrides.effective("local", {"auth": "localhost/journal/auth:v1.0.0-0123abcd"})
    assert config["journal:login"] == {"image": "localhost/journal/auth:v1.0.0-0123abcd", "resources": RESOURCES}
