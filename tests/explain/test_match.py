"""Search for the patterns of the catalogue."""

from __future__ import annotations

import pytest

from stepscope.explain import catalogue
from stepscope.explain._match import FoldedLines, find_symptoms, needed_words

TEXTS = {slug: symptom for slug, symptom in catalogue().items() if symptom.pattern is not None}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"a line of words\.", {"words"}),
        (r"abcd?e fgh", {"fgh"}),
        (r"[Tt]ensors? of one", {"one"}),
        (r"(?:some|other) kinds", {"kinds"}),
        (r"(?:some|other)\d", {"some", "other"}),
        (r"(?:some|\d)\d", {""}),
        (r"(?:some)?\d", {""}),
        (r"(?!not) \w+", {""}),
        (r"^EOFError$", {"eoferror"}),
        (r"STATUS_(?P<status>NEW|OLD)", {"status"}),
        ("this|that", {"this", "that"}),
        (r"(?P<name>\d+) of", {"of"}),
    ],
)
def test_needed_words(pattern: str, expected: set[str]) -> None:
    """A text without any of them is not searched."""
    assert expected == needed_words(pattern)


@pytest.mark.parametrize("slug", TEXTS)
def test_a_symptom_is_found_in_a_longer_text(slug: str) -> None:
    """Lines around it and in front of it change nothing."""
    text = TEXTS[slug].text
    [match] = [match for match in find_symptoms(f"x\n{text}\ny") if match.symptom.slug == slug]
    assert match.line in f"x\n{text}\ny"


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("slug", TEXTS)
def test_a_symptom_is_found_in_folded_lines(slug: str, width: int) -> None:
    """A terminal breaks a line anywhere."""
    line = next(line for line in TEXTS[slug].text.split("\n") if slug in _slugs(line))
    folded, byte, slugs = FoldedLines(), 0, set()
    for start in range(0, len(line), width):
        part = line[start : start + width]
        slugs |= {match.symptom.slug for match in folded.find_symptoms(part, (byte, byte + width))}
        slugs |= _slugs(part)
        byte += width
    assert slug in slugs


def _slugs(text: str) -> set[str]:
    return {match.symptom.slug for match in find_symptoms(text)}


def test_lines_of_other_lengths_are_not_joined() -> None:
    """They were not folded."""
    first, second = (
        "x" * 60 + "Patch buffer overflow detected, ",
        "please increase its size to at least 17" + "0" * 80,
    )
    assert [] == [*FoldedLines().find_symptoms(first, (0, 92)), *find_symptoms(first), *find_symptoms(second)]
    folded = FoldedLines()
    folded.find_symptoms(first, (0, 92))
    assert [] == folded.find_symptoms(second, (92, 200))
