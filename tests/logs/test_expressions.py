"""Expressions whose quantifiers give nothing back, as Python 3.10 is given them."""

from __future__ import annotations

import re

import pytest

from fuzz._patterns import hostile, patterns
from stepscope.logs._values import compiled, translated

_RUN = {
    name: pattern
    for name, pattern in patterns().items()
    if isinstance(pattern.pattern, bytes) and translated(pattern.pattern) != pattern.pattern
}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (rb"\s*+x", rb"\s*(?!\s)x"),
        (rb"[^\]+*]++\]", rb"[^\]+*]+(?![^\]+*])\]"),
        (rb"\x1b*+", rb"\x1b*(?!\x1b)"),
        (rb"(?:\d|a)*+\++", rb"(?:\d|a)*\++"),
        (rb"\w{1,9}+(\+)?+", rb"\w{1,9}(\+)?"),
        (rb"[+-]?+[]+*]\\++", rb"[+-]?[]+*]\\+(?!\\)"),
    ],
)
def test_only_what_python_310_lacks_is_changed(pattern: bytes, text: bytes) -> None:
    """Escapes and classes may hold what looks like such a quantifier."""
    assert text == translated(pattern)
    assert text == translated(text)
    re.compile(text)


def test_what_is_compiled_gives_nothing_back() -> None:
    """On every version of Python."""
    assert compiled(rb"a*+a").match(b"aaa") is None
    assert compiled(rb"a*+b").match(b"aaab") is not None


@pytest.mark.parametrize("name", _RUN)
def test_both_find_the_same(name: str) -> None:
    """The reader reads the same on Python 3.10 as on those after it, of strings made to tell expressions apart."""
    pattern = _RUN[name]
    other = re.compile(translated(pattern.pattern), pattern.flags)
    for one in hostile(name, pattern):
        for size in (10, 60, 900):
            line = one.line(size)
            for text in (line, line[:-1], line + b"x"):
                assert _found(pattern, text) == _found(other, text)


def _found(pattern: re.Pattern[bytes], text: bytes) -> list[object]:
    matches = (pattern.match(text), pattern.fullmatch(text), pattern.search(text))
    return [None if match is None else (match.span(), match.groups()) for match in matches]
