"""Where a program is found, and how its failures read."""

from pathlib import Path

import pulumi
import pytest
from pydantic import BaseModel

from tests.unit.engine_programs import config_map, execute
from tools.recording import EngineError, ProgramError, Recorder, Registration, ResourceError, Result


def test_a_program_is_a_folder_or_file_with_its_folder_to_import_from(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("WORD = 'hello'\n")
    (tmp_path / "__main__.py").write_text(
        "import os, neighbour, pulumi\npulumi.export('w', [neighbour.WORD, os.getcwd()])\n"
    )
    before = Path.cwd()
    _, done = execute(tmp_path)
    assert done.outputs == {"w": ["hello", str(tmp_path)]}
    assert Path.cwd() == before


def test_a_bug_shows_the_programs_own_lines_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("def inner():\n    return {}['missing']\n\ninner()\n")
    with pytest.raises(ProgramError) as caught:
        execute(tmp_path)
    message = str(caught.value)
    assert f'{tmp_path}/__main__.py", line 2, in inner' in message
    assert "KeyError: 'missing'" in message
    assert "runpy" not in message
    assert "site-packages" not in message


def test_a_bug_inside_apply_names_its_line() -> None:
    def program() -> None:
        config_map("a", x="1").data.apply(lambda data: data["y"])

    with pytest.raises(ProgramError, match=r"(?s)test_engine_failures\.py.*KeyError: 'y'"):
        execute(program)


def test_errors_for_the_user_are_shown_as_they_are() -> None:
    class Settings(BaseModel):
        replicas: int

    def program() -> None:
        raise pulumi.RunError("replicas: 0 is too few")

    with pytest.raises(EngineError) as caught:
        execute(program)
    assert str(caught.value) == "replicas: 0 is too few"
    with pytest.raises(EngineError, match="1 validation error for Settings") as caught:
        execute(lambda: Settings.model_validate({"replicas": "many"}))
    assert not isinstance(caught.value, ProgramError)


def test_no_program_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no Pulumi program at"):
        execute(tmp_path)


def test_a_program_that_exits() -> None:
    def program() -> None:
        raise SystemExit(3)

    with pytest.raises(ProgramError, match="status 3"):
        execute(program)


class Refusing(Recorder):
    """Refuses resources named `bad`."""

    stopped = False

    def register(self, r: Registration) -> Result:
        if r.name == "bad":
            raise ResourceError(r, "no room", "Make some.")
        return super().register(r)

    def stop(self) -> None:
        self.stopped = True


def test_one_failure_ends_the_run_with_one_message() -> None:
    def program() -> None:
        bad = config_map("bad", a="1")
        config_map("after", b=bad.data["a"])

    engine = Refusing()
    with pytest.raises(ResourceError) as caught:
        execute(program, engine)
    assert str(caught.value).startswith("ConfigMap bad: no room\n  declared at ")
    assert str(caught.value).endswith("Make some.")
    assert engine.stopped
    assert engine.registrations == []
