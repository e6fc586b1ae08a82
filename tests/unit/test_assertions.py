"""A kind of test that cannot fail: `assert a == b if c else d` asserts nothing but `d` where `c` is false."""

import ast

import pytest

from tests.conftest import ROOT

FILES = sorted({*ROOT.glob("tests/**/*.py"), *ROOT.glob("apps/**/tests/**/*.py"), *ROOT.glob("examples/**/test*.py")})


def conditional_assertions(source: str) -> list[int]:
    """The lines of assertions whose whole test is a conditional expression."""
    nodes = ast.walk(ast.parse(source))
    return [node.lineno for node in nodes if isinstance(node, ast.Assert) and isinstance(node.test, ast.IfExp)]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = 1\nassert x == {1} if x else {2}", [2]),
        ("assert (x if y else z)", [1]),
        ("assert x == (1 if y else 2)", []),
        ("assert all(x if y else z for x in w)", []),
    ],
)
def test_a_conditional_expression_as_an_assertion_is_seen(source: str, lines: list[int]) -> None:
    assert conditional_assertions(source) == lines


def test_no_test_asserts_a_conditional_expression() -> None:
    found = {str(path.relative_to(ROOT)): conditional_assertions(path.read_text()) for path in FILES}
    assert len(found) > 50
    assert {path: lines for path, lines in found.items() if lines} == {}
