"""The origins that a stack's settings take are those that the API takes: its own tests read the same examples."""

import json
from typing import Any

import pytest

from components import settings
from components.settings import FrontendConfig
from tests.conftest import ROOT, settings_of

EXAMPLES = json.loads((ROOT / "apps/frontend/tests/origins.json").read_text())


@pytest.mark.parametrize("origin", EXAMPLES["accepted"])
def test_an_origin_as_a_browser_sends_it(origin: str) -> None:
    assert FrontendConfig.model_validate({"crossOrigins": [origin]}).cross_origins == [origin]


@pytest.mark.parametrize("origin", EXAMPLES["refused"])
def test_what_no_browser_sends_as_origin(origin: str) -> None:
    raw: dict[str, Any] = {**settings_of("local"), "crossOrigins": [origin]}
    with pytest.raises(settings.SettingsError, match=r"journal:crossOrigins\.0 = .*is no origin"):
        settings.parse(raw)
