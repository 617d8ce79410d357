"""What of a foreign text is shown."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stepscope._common import printable

# All of Unicode, surrogates included: what a file name or a damaged log can hold.
ANY = st.text(st.characters() | st.characters(categories=["Cc", "Cf", "Cs", "Zs", "Zl", "Zp"]))
INDENT = st.sampled_from([{}, {"indent": True}, {"gaps": True}])


@given(ANY, INDENT)
@example("\x1b", {})
@example("\x1b]0;never ended", {})
@example("\u202eabc\u2069", {})
def test_what_is_shown_is_one_line_of_glyphs(text: str, indent: dict[str, bool]) -> None:
    """By Unicode's categories: no control, no format character, no line end, no surrogate."""
    shown = printable(text, **indent)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode()


@given(ANY, st.integers(1, 50), INDENT)
def test_a_limit_is_one(text: str, limit: int, indent: dict[str, bool]) -> None:
    """What is longer says so."""
    whole, shown = printable(text, **indent), printable(text, limit=limit, **indent)
    assert shown == whole if len(whole) <= limit else shown == whole[: limit - 1] + "…"


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_what_has_a_glyph_is_kept(word: str) -> None:
    """Chinese, Greek, emoji."""
    assert printable(word) == word


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mError\x1b[0m: no", "Error: no"),
        ("\x1b]0;title\x07a", "a"),
        ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9d0;title\x9ca\x9b2Jb", "ab"),
        ("a\x1bPq#0\x1b\\b", "ab"),
        ("a\x1b]0;never ended", "a0;never ended"),
        ("a\r\nb\u2028c\x85d\x0be", "a b c d e"),
        ("name\udcff.log", "name\N{REPLACEMENT CHARACTER}.log"),
    ],
)
def test_escape_sequences_go_as_a_whole(text: str, shown: str) -> None:
    """The text between them stays; a string that never ends takes nothing with it."""
    assert printable(text) == shown


@pytest.mark.parametrize("char", ["\x1b", "\x9d", "\x1b]", "\x1b[", "\u202e", " \x1b]a"])
def test_the_time_grows_with_the_length_alone(char: str) -> None:
    """A line may be 5 MB long; quadratic time would take hours here."""
    assert len(printable(char * 300_000)) <= 600_000
