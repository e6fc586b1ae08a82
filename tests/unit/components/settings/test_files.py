"""A stack's file as the tools read it: they take and refuse what Pulumi's engine does, with a message that helps."""

import codecs
from pathlib import Path
from typing import Any

import pytest

from components.settings import files

RIGHT = "config:\n  journal:host: journal.test\n"


def read(path: Path) -> dict[str, Any]:
    return files.read(path, "journal")


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "Pulumi.test.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("text", [RIGHT, codecs.BOM_UTF8 + RIGHT.encode(), RIGHT.replace("\n", "\r\n")])
def test_utf_8_is_read(tmp_path: Path, text: str | bytes) -> None:
    assert read(written(tmp_path, text)) == {"journal:host": "journal.test"}


BAD = {
    "UTF-16": (RIGHT.encode("utf-16"), "Pulumi.test.yaml is not UTF-8; save it as UTF-8"),
    "UTF-16 without a mark": (RIGHT.encode("utf-16-le"), "is no YAML"),
    "UTF-32": (RIGHT.encode("utf-32"), "is not UTF-8"),
    "Latin-1": ("config: {a: ü}".encode("latin-1"), "is not UTF-8"),
    "a key twice": ("config:\n  a:b: 1\n  a:b: 2\n", "line 3: a:b is there already, in line 2; keep one of them"),
    "a key of a section twice": ("config:\n  a:b: {c: 1, d: 2, c: 3}\n", "line 2: c is there already, in line 2"),
    "the config twice": ("config: {}\nconfig: {a:b: 1}\n", "line 2: config is there already, in line 1"),
    "a key in an item twice": ("config:\n  a:b:\n    - c: 1\n      c: 2\n", "line 4: c is there already, in line 3"),
    "a key that is a number": ("config: {1: a}", "the key 1 is no text to YAML; put it in quotes"),
    "a key that is nothing": ("config: {a:b: {~: 1}}", "the key None is no text to YAML"),
    "a key that is a truth": ("config: {a:b: {yes: 1}}", "the key True is no text to YAML"),
    "a key that is a list": ("config: {[a]: 1}", "the key ['a'] is no text to YAML"),
    "a key with and without its project": ("config: {host: a, journal:host: b}", "host and journal:host are one key"),
    "no mapping": ("- a", "has no `config:`"),
    "nothing": ("", "has no `config:`"),
    "two documents": ("config: {}\n---\nconfig: {}\n", "is no YAML"),
    "a day that no month has": (
        "config:\n  a:b: {since: 2026-02-30}\n",
        "line 2: '2026-02-30' is no timestamp to YAML",
    ),
    "an hour that no day has": ("config: {a:b: 2026-01-01T25:00:00Z}", "is no timestamp to YAML; put it in quotes"),
    "a number that is none": ("config: {a:b: !!int abc}", "'abc' is no int to YAML"),
    "a fraction that is none": ("config: {a:b: !!float abc}", "'abc' is no float to YAML"),
    "a truth that is none": ("config: {a:b: !!bool abc}", "'abc' is no bool to YAML"),
    "a date that is none": ("config: {a:b: !!timestamp abc}", "'abc' is no timestamp to YAML"),
    "a number of 5,000 digits": (f"config: {{a:b: {'9' * 5000}}}", "is no int to YAML; put it in quotes"),
    "lists in lists in lists": (f"config: {{a:b: {'[' * 3000}", "is nested too deep"),
    "a tag of Python": ("config: !!python/object:os.system {}", "is no YAML"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_told_in_one_message(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    with pytest.raises(files.FileError) as caught:
        read(written(tmp_path, text))
    assert message in str(caught.value)
    assert str(caught.value).startswith("Pulumi.test.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.test.yaml").mkdir()
    with pytest.raises(files.FileError, match="can't be read: Is a directory"):
        read(tmp_path / "Pulumi.test.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000),
        ("012345678901", 12345678901),
        ("111122223333", 111122223333),
        ('"012345678901"', "012345678901"),
        ("1.36", 1.36),
        (".1Gi", ".1Gi"),
        ("250m", "250m"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
    ],
)
def test_numbers_are_those_of_the_engines_reader(tmp_path: Path, text: str, value: Any) -> None:
    assert read(written(tmp_path, f"config:\n  a:b: {{c: {text}}}"))["a:b"] == {"c": value}


def test_a_section_may_take_over_anothers_keys(tmp_path: Path) -> None:
    text = "config:\n  a:b: &b {c: 1, d: 2}\n  a:e: {<<: *b, c: 3}\n"
    assert read(written(tmp_path, text))["a:e"] == {"c": 3, "d": 2}


def test_a_key_without_a_project_is_this_ones_as_the_engine_takes_it(tmp_path: Path) -> None:
    assert read(written(tmp_path, "config: {host: a, aws:region: b}")) == {"journal:host": "a", "aws:region": "b"}
