"""The examples in docs/testing.md run as they stand there."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

from tests.conftest import ROOT, Recording

BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "testing.md").read_text(), re.MULTILINE | re.DOTALL)


def test_the_examples_in_the_guide_to_testing_pass(recorded: Callable[[str], Recording], tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text("\n\n".join(BLOCKS))
    module: dict[str, object] = {}
    exec(compile(file.read_text(), str(file), "exec"), module)
    tests = [value for name, value in module.items() if name.startswith("test_") and isinstance(value, FunctionType)]
    assert len(tests) == 2
    for test in tests:
        test(**dict.fromkeys(inspect.signature(test).parameters, recorded))


def test_a_component_is_tested_in_ten_lines() -> None:
    (example,) = [block for block in BLOCKS if block.startswith("from tools.recording")]
    assert len(example.splitlines()) <= 10
