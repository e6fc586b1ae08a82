"""The published schema of the settings, and the page that is made from it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from components import settings
from tests.conftest import ROOT, settings_of
from tools import settings_reference

SCHEMA = settings.schema()
BRANCHES = SCHEMA["properties"]["config"]


def described() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every setting by model and key."""
    for name, model in {**SCHEMA["$defs"], "Settings": BRANCHES["else"], "SharedSettings": BRANCHES["then"]}.items():
        for key, value in model["properties"].items():
            text = {} if "description" in value else {"description": model_of(value)["description"]}
            yield f"{name}.{key}", {**value, **text}


def model_of(value: dict[str, Any]) -> dict[str, Any]:
    """The model that a setting refers to: Pydantic leaves out a description that repeats its model's."""
    return SCHEMA["$defs"][value["$ref"].rpartition("/")[2]]


EVERY = dict(described())


def test_the_schema_knows_every_key_of_the_stacks_files() -> None:
    assert set(BRANCHES["else"]["properties"]) >= {f"journal:{key}" for key in settings_of("prod")}
    assert set(BRANCHES["then"]["properties"]) == {f"journal:{key}" for key in settings_of("shared")} | {
        "journal:protect"
    }


@pytest.mark.parametrize("name", EVERY)
def test_a_setting_is_described_in_whole_sentences(name: str) -> None:
    text = EVERY[name]["description"]
    prose = re.sub(r"\s*https://\S+$", "", text)
    first = re.split(r"(?<=\.)\s", prose)[0]
    assert prose.endswith("."), text
    assert len(first.split()) >= 4, text
    assert "\n" not in text


@pytest.mark.parametrize("name", [name for name, value in EVERY.items() if value.get("default", ...) in (None, [], {})])
def test_a_setting_without_a_value_by_default_says_what_happens_then(name: str) -> None:
    assert "By default" in EVERY[name]["description"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("stack.schema.json", json.dumps(SCHEMA, indent=2) + "\n"),
        ("settings.md", settings_reference.markdown()),
    ],
    ids=["stack.schema.json", "settings.md"],
)
def test_the_files_are_current(file: str, text: str) -> None:
    assert (ROOT / "docs" / file).read_text() == text, "run `python -m tools schema` and commit what it writes"


def test_the_page_has_a_row_for_every_setting() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", settings_reference.markdown(), re.MULTILINE)
    assert sorted(rows) == sorted(name.partition(".")[2] for name in EVERY)
