"""Search of texts for the patterns of the catalogue, in time that grows with the length of a text alone."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from stepscope.explain._catalogue import catalogue

if TYPE_CHECKING:
    from stepscope.explain._catalogue import Symptom

__all__ = ["FoldedLines", "Match", "find_symptoms", "merge_facts", "needed_words"]

_MOST = 100  # occurrences in one text whose numbers are compared
_SHORTEST_FOLD = 40
_MOST_LINES = 4  # of a folded text
_LONGEST_FOLD = 300
_LONGEST_WORD = 40
_TOKENS = re.compile(
    r"\((?:\?(?:P<\w+>|[:=!]|<[=!]|[a-zA-Z]+(?=\))))?|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}|.",
    re.DOTALL,
)
_LOOKS = {"(?=", "(?!", "(?<=", "(?<!"}
_BOUNDARIES = {"\\b", "\\s", "^", "$", "[ \\t]"}
_CUT = "\x01"  # where a word may go on
_CUT_WORD = re.compile(r"[^\W\d_]*\x01[^\W\d_]*")
_SHORTEST_WORD = 4  # that tells anything
_WORD = re.compile(r"[^\W\d_]{2,}")


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
    """A pattern, and its symptom."""

    pattern: re.Pattern[str]
    symptom: Symptom


@cache
def _searchers() -> dict[str, list[_Searcher]]:
    """Return the patterns by words of which a matching text holds one; those that need none by the empty one."""
    searchers: dict[str, list[_Searcher]] = {"": []}
    for symptom in catalogue().values():
        if symptom.pattern is not None:
            searcher = _Searcher(re.compile(symptom.pattern, re.MULTILINE), symptom)
            for word in needed_words(symptom.pattern):
                searchers.setdefault(word, []).append(searcher)
    return searchers


def needed_words(pattern: str) -> set[str]:
    r"""Return words of which each text that `pattern` matches holds one, in lower case; the empty one if none.

    What a pattern begins and ends with is taken for a whole word only where there is no other.

    >>> sorted(needed_words(r"(?i)out of memory\. Tried to (?:allocate|get) \d+"))
    ['memory']
    >>> sorted(needed_words(r"(?:Out of memory|Failed to allocate): \d+"))
    ['failed', 'memory']
    """
    words, _ = _needed(_TOKENS.findall(pattern), 0)
    return words or {""}


def _needed(tokens: list[str], index: int) -> tuple[set[str], int]:
    """Return words of which each match holds one, up to the end of a group, and where that is."""
    branches: list[set[str]] = []
    text = ""
    groups: list[set[str]] = []
    while True:
        part = tokens[index] if index < len(tokens) else ")"
        if part in {"|", ")"}:
            branches.append(_needed_in_branch(text, groups))
            text, groups = "", []
            if part == ")":
                return set().union(*branches) if all(branches) else set(), index
        elif part.startswith("("):
            words, index = _needed(tokens, index + 1)
            following = tokens[index + 1] if index + 1 < len(tokens) else ""
            glued = text[-1:].isalpha() or (len(following) == 1 and following.isalpha())
            if not glued and part not in _LOOKS and not following.startswith(("?", "*", "{0", "{,")):
                groups.append(words)
            text += _CUT
        elif part[0] in "?*{":
            text = text[:-1] + _CUT  # the last character is optional, or comes several times
        else:
            text += _plain(part)
        index += 1


def _plain(part: str) -> str:
    """Return the character that a part stands for, a blank where a word ends, or a mark where it may go on."""
    if part in _BOUNDARIES:
        return " "
    if part[0] == "\\":
        return _CUT if part[1].isalnum() else part[1]
    return part if len(part) == 1 and part not in ".+" else _CUT


def _needed_in_branch(text: str, groups: list[set[str]]) -> set[str]:
    """Return the longest word, or the words of the smallest group if there is none."""
    words = _WORD.findall(_CUT_WORD.sub(" ", text.lower()))
    # What a pattern ends with may go on in a text, as where a shell fills a column; what it begins with, rarely.
    inner = words[text[:1].isalpha() :]
    for some in (inner[:-1], words[:-1], words) if text[-1:].isalpha() else (inner, words):
        word = max(some, key=len, default="")
        if len(word) >= _SHORTEST_WORD or (word and some is words):
            return {word}
    return min((group for group in groups if group), key=len, default=set())


def find_symptoms(text: str) -> list[Match]:
    """Return the symptoms in `text`, each once, in the order of their first occurrences."""
    return _find(text, _words(text))


def _words(text: str) -> set[str]:
    """Return the words of `text` that patterns need."""
    return _searchers().keys() & _WORD.findall(text.lower())


def _find(text: str, words: set[str]) -> list[Match]:
    """Return the symptoms in `text`, which holds these words of those that patterns need."""
    searchers = _searchers()
    found = {}
    for word in (*words, ""):
        for searcher in searchers[word]:
            if (match := searcher.pattern.search(text)) is not None:
                found[searcher.symptom.slug] = _match(match, text, searcher)
    return sorted(found.values(), key=lambda match: match.start) if found else []


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
        self._words: set[str] = set()  # of these lines and those before, as long as they are of one length
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
            # The fold may part a word that a pattern needs.
            joint = before[-_LONGEST_WORD:] + first[:_LONGEST_WORD]
            self._words |= _words(first) | _words(joint)
            matches = [
                match for match in _find(before + first, self._words) if match.start < len(before) < match.end
            ]
        last = rest.rpartition("\n")[2] if rest else first
        if rest or (self._lines and len(last) != len(self._lines[-1])):
            self._lines.clear()
        if not self._lines:
            self._words = set()
        if _SHORTEST_FOLD <= len(last) <= _LONGEST_FOLD:
            self._lines = [*self._lines[1 - _MOST_LINES :], last]
            self._words |= _words(last)
        return matches
