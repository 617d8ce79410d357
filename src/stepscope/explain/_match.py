"""Search of texts for the patterns of the catalogue, in time that grows with the length of a text alone."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from stepscope.explain._catalogue import catalogue

if TYPE_CHECKING:
    from stepscope.explain._catalogue import Symptom

__all__ = ["FoldedLines", "Match", "find_symptoms", "literal", "merge_facts"]

_MOST = 100  # occurrences in one text whose numbers are compared
_SHORTEST_FOLD = 40
_MOST_LINES = 4  # of a folded text
_LONGEST_FOLD = 300
_TOKENS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}|.")
_WORD = re.compile(r"[a-z_]{3,}")
_INNER = re.compile(r"^\w+|\w+$")
_SPECIAL = set(".^$()|?*+")


class Match(NamedTuple):
    """A symptom in a text.

    Attributes
    ----------
    symptom
        Which one.
    start, end
        Characters of its first occurrence.
    line
        The line that holds it.
    facts
        What its named groups hold: of numbers the largest, else the first.
    """

    symptom: Symptom
    start: int
    end: int
    line: str
    facts: dict[str, str]


class _Searcher(NamedTuple):
    """A pattern with characters that it cannot do without, in lower case."""

    literal: str
    pattern: re.Pattern[str]
    symptom: Symptom


@cache
def _searchers() -> dict[str, list[_Searcher]]:
    """Return all patterns by a word that each needs; those that need none under the empty one."""
    searchers: dict[str, list[_Searcher]] = {"": []}
    for symptom in catalogue().values():
        if symptom.pattern is not None:
            needed = literal(symptom.pattern)
            # The first and the last word may go on in a text.
            word = max(_WORD.findall(_INNER.sub(" ", needed)), key=len, default="")
            searchers.setdefault(word, []).append(
                _Searcher(needed, re.compile(symptom.pattern, re.MULTILINE), symptom)
            )
    return searchers


def literal(pattern: str) -> str:
    r"""Return the longest run of plain characters that every match of `pattern` holds, in lower case.

    >>> literal(r"(?i)out of memory\. Tried to (?:allocate|get) \d+")
    'out of memory. tried to '
    >>> literal("this|that")
    ''
    """
    runs, depth = [""], 0
    for part in _TOKENS.findall(pattern):
        if part == "|" and not depth:
            return ""
        depth += (part == "(") - (part == ")")
        escaped = len(part) == 2 and part[0] == "\\" and not part[1].isalnum()  # noqa: PLR2004
        plain = part[-1] if escaped or (len(part) == 1 and part not in _SPECIAL) else ""
        if part[0] in "?*{":
            runs[-1] = runs[-1][:-1]  # it is optional
        if plain and not depth:
            runs[-1] += plain
        elif runs[-1]:
            runs.append("")
    return max(runs, key=len).lower()


def find_symptoms(text: str) -> list[Match]:
    """Return the symptoms in `text`, each once, in the order of their first occurrences."""
    lowered = text.lower()
    searchers = _searchers()
    words = searchers.keys() & set(_WORD.findall(lowered))
    matches = [
        _match(match, text, searcher)
        for word in ("", *words)
        for searcher in searchers[word]
        if searcher.literal in lowered and (match := searcher.pattern.search(text)) is not None
    ]
    return sorted(matches, key=lambda match: match.start) if len(matches) > 1 else matches


def _match(first: re.Match[str], text: str, searcher: _Searcher) -> Match:
    facts: dict[str, str] = {}
    if searcher.pattern.groupindex:
        for match, _ in zip(searcher.pattern.finditer(text, first.start()), range(_MOST), strict=False):
            merge_facts(facts, match.groupdict())
    start = text.rfind("\n", 0, first.start()) + 1
    end = text.find("\n", first.end())
    line = text[start : len(text) if end < 0 else end]
    return Match(searcher.symptom, first.start(), first.end(), line, facts)


def merge_facts(facts: dict[str, str], others: dict[str, str]) -> None:
    """Add other facts to `facts`; of two numbers the larger stays, else the first."""
    for name, value in others.items():
        if value is None:
            continue
        known = facts.setdefault(name, value)
        if known is not value and known.isdecimal() and value.isdecimal() and int(value) > int(known):
            facts[name] = value


class FoldedLines:
    """Joins lines that a terminal folded: all of one length but the last."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._end = -1

    def find_symptoms(self, text: str, span: tuple[int, int]) -> list[Match]:
        """Return the symptoms that end in the first line of `text` and began in the lines before it.

        Parameters
        ----------
        text
            Text that was printed next.
        span
            Its bytes; what does not follow at once was not folded.
        """
        follows, self._end = span[0] == self._end, span[1]
        first, _, rest = text.partition("\n")
        if not follows or (self._lines and len(first) > len(self._lines[-1])):
            self._lines.clear()
        matches = []
        if self._lines:
            before = "".join(self._lines)
            matches = [
                match for match in find_symptoms(before + first) if match.start < len(before) < match.end
            ]
        last = rest.rpartition("\n")[2] if rest else first
        if rest or (self._lines and len(last) != len(self._lines[-1])):
            self._lines.clear()
        if _SHORTEST_FOLD <= len(last) <= _LONGEST_FOLD:
            self._lines = [*self._lines[1 - _MOST_LINES :], last]
        return matches
