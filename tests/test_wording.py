"""Expressions that a reader stumbles over, in pages, examples, messages and docstrings.

``nox -s lint`` runs this file as a script, which prints each place with a better wording; the tests run it, too.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

# An expression, and what to write instead.
RULES = {
    r"\b(?:an?|each|every|whole|such a) training(?=[.,;:)]|$| (?:that|which|is|was|with|on|in|by|has|ended|to|until|and)\b)": "a training run",
    r"\btrainings\b(?!$)": "training runs",
    r"\bof (?:its|your|their|our|my) own\b(?! \w)": "its own ..., your own ...",
    r"\b(?:is|are|was) no (?:NaN|number|matter|cure|comparison|help|folder|file|failure|script)\b": "is not a ...",
    r"\bbeside\b": "next to",
    r"\b(?:hold|holds|held|holding) (?:\w+ ){0,3}against\b": "compare with",
    r"\b(?:twice|half) as many\b(?! as)": "name the thing, and give a number or a per cent",
    r"\bpractitioners are told\b|\bwhat is told\b|\b(?:is|are|was|were) (?:un)?told[.,;]|\brarely said\b": "name the advice",
    r"\b(?:says|said) (?:which|whether|how|what|where|when|that)\b": "shows, reports, states",
    r"\btoo large to be true\b": "implausibly large",
    r"\b(?:was|were|is) struck\b|\bstruck (?:once|with)\b": "inject a value",
    r"\bstands? (?:below|above|between|behind|there|next to)\b": "is, appears",
    r"\bsome 100\b": "about 100",
    r", too[.;:]": "also",
    r"\b(?:go|goes|went|gone|going) on (?:with|from)\b": "continue, resume",
    r"\b(?:the processor's time|time of the processor|seconds of the processor)\b": "CPU time, CPU seconds",
    r"\bcannot be told\b": "is not distinguishable",
    r"\b(?:and|that) proves it\b": "tests it",
    r"\b[Nn]obody(?:'s| known| uses)\b": "no known ..., unused",
    r"\ball the same\b": "anyway",
    r"\bcome(?:s|) to\b(?= [\d~])": "is",
}
_RULES = [(re.compile(pattern, re.MULTILINE), better) for pattern, better in RULES.items()]


def complaints(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the expression and what to write instead.

    >>> list(complaints("It stands below, beside the log."))
    [(1, 'beside', 'next to'), (1, 'stands below', 'is, appears')]
    """
    for expression, better in _RULES:
        for match in expression.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match[0], better


def prose(path: Path) -> str:
    """Return the text of a file that people read, on its own lines; the rest is blank."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return _python(text, comments="gallery" in path.parts)
    return re.sub(
        r"^( *)(`{3,})(?!\{(?:claims|math)\}).*?^\1\2`*$",
        lambda match: "\n" * match[0].count("\n"),
        text,
        flags=re.MULTILINE | re.DOTALL,
    )


def _python(text: str, *, comments: bool) -> str:
    lines = [""] * (text.count("\n") + 2)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for offset, line in enumerate(node.value.split("\n")):
                lines[min(node.lineno - 1 + offset, len(lines) - 1)] += f" {line}"
    if comments:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                lines[token.start[0] - 1] += f" {token.string.lstrip('# ')}"
    return "\n".join(lines)


def files() -> list[Path]:
    """Return what is checked."""
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    for folder, pattern in (
        ("docs", "*.md"),
        ("gallery", "*.py"),
        ("gallery", "*.rst"),
        ("src", "*.py"),
        ("src", "*.toml"),
    ):
        paths += sorted(path for path in (ROOT / folder).rglob(pattern) if not _is_generated(path))
    return paths


def _is_generated(path: Path) -> bool:
    folder = path.parent.name
    return "auto_gallery" in path.parts or (folder == "troubleshooting" and path.name != "index.md")


def check() -> list[str]:
    """Return a line for each place."""
    return [
        f"{path.relative_to(ROOT)}:{line}: {expression!r}; better: {better}"
        for path in files()
        for line, expression, better in sorted(complaints(prose(path)))
    ]


def test_an_expression_is_found_in_prose_alone(tmp_path: Path) -> None:
    """Code blocks of a page are not prose; strings of Python are."""
    page = tmp_path / "page.md"
    page.write_text("beside\n\n```console\n$ beside\n```\n\nbeside\n")
    assert [1, 7] == [line for line, _, _ in complaints(prose(page))]
    script = tmp_path / "script.py"
    script.write_text('beside = 1  # beside\nprint("beside")\n')
    assert [2] == [line for line, _, _ in complaints(prose(script))]


def test_nothing_reads_like_a_private_dialect() -> None:
    """Each page, example and message uses the words of the field."""
    assert [] == check()


if __name__ == "__main__":
    sys.exit("\n".join(check()) or None)
