"""Expressions that every supported version of Python knows."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "stepscope"
_POSSESSIVE = re.compile(r"[*+?}]\+")


def _expressions(path: Path) -> list[str]:
    """Return what a module gives to `re.compile`."""
    calls = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]
    texts = [ast.literal_eval(call.args[0]) for call in calls if _is_constant(call)]
    return [text.decode("latin-1") if isinstance(text, bytes) else text for text in texts]


def _is_constant(call: ast.Call) -> bool:
    return (
        ast.unparse(call.func) == "re.compile" and bool(call.args) and isinstance(call.args[0], ast.Constant)
    )


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_translated_expressions_are_possessive(path: Path) -> None:
    """Python 3.10 refuses a quantifier that gives nothing back; `compiled` writes another for it."""
    for text in _expressions(path):
        plain = re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "x", re.sub(r"\\.", "x", text))
        assert _POSSESSIVE.search(plain) is None, text
