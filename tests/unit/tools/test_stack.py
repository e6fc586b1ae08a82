"""The stacks' files: settings by dotted key, and in what they differ."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.settings import SettingsError
from tools import cli, stack


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ({"host": "a.test"}, {"host": "a.test"}),
        ({"redis": {"servers": 3, "storageClass": None}}, {"redis.servers": "3"}),
        ({"protect": False, "replicas": 0}, {"protect": "no", "replicas": "0"}),
        ({"zones": ["a", "b"], "tags": {}, "labels": []}, {"zones": "a, b"}),
        ({"groups": [{"name": "apps", "size": 2}]}, {"groups.apps.size": "2"}),
        ({"taints": [{"key": "dedicated", "value": "x"}]}, {"taints.dedicated.value": "x"}),
        ({"history": [{"entries": 1}, {"entries": 2}]}, {"history.1.entries": "1", "history.2.entries": "2"}),
    ],
)
def test_settings_as_lines(value: dict[str, object], lines: dict[str, str]) -> None:
    assert dict(stack.flat(value)) == lines


@pytest.mark.parametrize(
    ("stacks", "rows"),
    [
        ({"dev": {"a.b": "1"}, "prod": {"a.b": "1"}}, []),
        ({"dev": {"a.b": "1"}, "prod": {"a.b": "2"}}, [("a.b", ["1", "2"])]),
        ({"dev": {"a.b": "1"}, "prod": {"a.b": "1", "a.c": "3"}}, [("a.c", ["", "3"])]),
        ({"dev": {}, "prod": {"dsn": "x"}}, [("dsn", ["", "x"])]),
        ({"local": {}, "dev": {"aws.nat": "single"}, "prod": {"aws.nat": "single"}}, []),
    ],
)
def test_only_what_differs_is_shown(stacks: dict[str, dict[str, str]], rows: list[tuple[str, list[str]]]) -> None:
    assert stack.settings_that_differ(stacks) == rows


def test_every_row_of_the_real_table_differs_and_the_known_differences_are_there() -> None:
    names = stack.environments()
    assert names == ["local", "dev", "staging", "prod"]
    rows = dict(stack.settings_that_differ({name: stack.settings_of(name) for name in names}))
    assert rows["redis.storage"] == ["512Mi", "5Gi", "10Gi", "50Gi"]
    assert rows["aws.network.nat"] == ["", "single", "perZone", "perZone"]
    assert rows["aws.nodeGroups.apps.capacityType"][1:] == ["SPOT", "ON_DEMAND", "ON_DEMAND"]
    assert [bool(value) for value in rows["sentryDsn"]] == [False, False, False, True]
    assert all(len(set(values)) > 1 for values in rows.values())


def test_the_table_is_printed_with_a_column_a_stack() -> None:
    result = CliRunner().invoke(cli.app, ["stacks"])
    assert result.exit_code == 0
    assert "aws.controlPlane.publicAccessCidrs" in result.output
    for name in ("local", "dev", "staging", "prod"):
        assert name in result.output


def test_a_stacks_name_may_have_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "ROOT", tmp_path)
    for name in ("dev", "my.stack"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    (tmp_path / "Pulumi.yaml").write_text("name: journal\n")
    assert stack.names() == ["dev", "my.stack"]


@pytest.mark.parametrize("name", ["", "a\nb", "a\0b", "../dev", "x" * 300])
def test_what_is_no_stack_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(stack.StackError) as caught:
        stack.read(name)
    assert str(caught.value).splitlines() == [
        f"There is no stack {name!r}. Stacks here: dev, local, prod, shared, staging."
    ]


def test_commands_about_several_stacks_name_the_file_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in stack.ROOT.glob("Pulumi.*.yaml"):
        text = path.read_text()
        (tmp_path / path.name).write_text(text.replace("journal:host: journal.dev.", "journal:host: Journal.dev."))
    monkeypatch.setattr(stack, "ROOT", tmp_path)
    for ask in (stack.environments, lambda: stack.config_of("dev"), lambda: stack.settings_of("dev")):
        with pytest.raises(
            SettingsError, match=r"^Pulumi\.dev\.yaml: 1 mistake in the stack's settings:\n  journal:host"
        ):
            ask()
