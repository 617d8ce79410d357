"""A directed hunt for regular expressions that take too long: strings made of the expressions' own parts."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from fuzz._time import check_linear
from fuzz._tools import BrokenLawError
from stepscope.explain import catalogue

# Nothing public tells what an expression is made of.
if sys.version_info >= (3, 11):
    from re import _constants, _parser
else:
    import sre_constants as _constants
    import sre_parse as _parser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    _Argument = Any  # whatever Python keeps beside a code
    _Tree = Iterable[tuple[Any, _Argument]]  # what Python makes of an expression

__all__ = ["Hostile", "check_pattern", "hostile", "patterns"]

_PACKAGES = ("stepscope.logs", "stepscope.runs", "stepscope.explain")
_LINE = 60_000  # bytes, less than what is kept of a line
_LONG = 10_000_000
_ENDS = (b"", b"!", b"\x00x", b": x", b"\n")


class Hostile(NamedTuple):
    """A string that an expression may choke on: `start`, then `pump` again and again, then `end`."""

    name: str
    start: bytes
    pump: bytes
    end: bytes

    def line(self, size: int) -> bytes:
        """Return it at about this length, as a line."""
        return self.start + self.pump * max(1, size // len(self.pump)) + self.end + b"\n"


def patterns() -> dict[str, re.Pattern[bytes] | re.Pattern[str]]:
    """Return every expression of the reader and of the catalogue, under the name of its module and its own."""
    found: dict[str, re.Pattern[bytes] | re.Pattern[str]] = {
        slug: re.compile(symptom.pattern)
        for slug, symptom in catalogue().items()
        if symptom.pattern is not None
    }
    for package in map(importlib.import_module, _PACKAGES):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, value in vars(module).items():
                for number, pattern in enumerate(_inside(value)):
                    found.setdefault(f"{info.name}.{name}" + (f"[{number}]" if number else ""), pattern)
    return found


def _inside(value: object) -> Iterator[re.Pattern[bytes] | re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from (pattern for inside in value.values() for pattern in _inside(inside))
    elif isinstance(value, (tuple, list, set, frozenset)):
        yield from (pattern for inside in value for pattern in _inside(inside))
    elif str(getattr(value, "__module__", "")).startswith(_PACKAGES) and isinstance(value, type):
        yield from (pattern for inside in vars(value).values() for pattern in _inside(inside))


def hostile(
    name: str,
    pattern: re.Pattern[bytes] | re.Pattern[str],
    *,
    samples: int = 3,
    ends: tuple[bytes, ...] = _ENDS,
) -> Iterator[Hostile]:
    """Yield strings that repeat what the expression repeats, behind what it wants before that."""
    choose = random.Random(name)  # noqa: S311 - not a secret
    encoded = pattern.pattern.encode() if isinstance(pattern.pattern, str) else pattern.pattern
    tree = _parser.parse(pattern.pattern, pattern.flags)
    seen = set()
    for sample in range(samples):
        for start, pump in _pumps(tree, choose, b""):
            for end in ends:
                one = Hostile(f"{name} {encoded[:40]!r}", start, pump or b" ", end)
                if one not in seen:
                    seen.add(one)
                    yield one
        whole = _sample(tree, choose)
        yield Hostile(f"{name}, whole, sample {sample}", b"", whole or b" ", b"!")


def check_pattern(
    name: str, pattern: re.Pattern[bytes] | re.Pattern[str], *, long: bool = True, samples: int = 3
) -> Iterator[str]:
    """Yield a sentence for each string made for an expression that takes the reader more than linear time."""
    for one in hostile(name, pattern, samples=samples, ends=_ENDS if long else _ENDS[:2]):
        for short, longer in _pairs(one, long=long):
            try:
                check_linear(short, longer)
            except BrokenLawError as error:
                yield f"{one}: {error}"


def _pairs(one: Hostile, *, long: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield a shorter and a longer log made of such a string: one line, and lines inside each kind of block."""
    yield one.line(_LINE // 4), one.line(_LINE)
    if long and one.end == b"!":
        yield one.line(_LONG // 10), one.line(_LONG)
    for inside in _INSIDE if long else _INSIDE[:1]:
        for size in (90, 900):
            line = one.line(size)
            count = max(1, _LINE // len(line))
            yield inside + line * count, inside + line * (4 * count)


_INSIDE = (
    b"",
    b"                          Learning iteration 0/9 \n",
    b"-----------------\n| time/fps | 12 |\n",
    b"Traceback (most recent call last):\n",
    b"Traceback (most recent call last):\nValueError: x\n",
    b"Env info:\n",
    b"Resolved observation sets:\n",
    b"Actor Model: MLPModel(\n",
    b"a.py:7: UserWarning: odd\n",
)


def _pumps(tree: _Tree, choose: random.Random, before: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield what stands before each repeated part of an expression, and a sample of that part."""
    for code, argument in tree:
        if code in _REPEATS:
            _, most, body = argument
            if most > _FEW:
                yield before, _sample(body, choose)
            yield from _pumps(body, choose, before)
        else:
            for body in _bodies(code, argument):
                yield from _pumps(body, choose, before)
        before += _sample([(code, argument)], choose)


# Python 3.10 lacks some.
_REPEATS = {_constants.MAX_REPEAT, _constants.MIN_REPEAT, getattr(_constants, "POSSESSIVE_REPEAT", None)}
_ATOMIC_GROUP = getattr(_constants, "ATOMIC_GROUP", None)
_FEW = 16


def _bodies(code: object, argument: _Argument) -> list[_Tree]:
    """Return the expressions inside one."""
    if code is _constants.SUBPATTERN:
        return [argument[-1]]
    if code is _constants.BRANCH:
        return list(argument[1])
    if code is _ATOMIC_GROUP:
        return [argument]
    if code in (_constants.ASSERT, _constants.ASSERT_NOT):
        return [argument[1]]
    return []


def _sample(tree: _Tree, choose: random.Random) -> bytes:
    """Return something that an expression matches, roughly: what follows is not looked at."""
    return b"".join(_piece(code, argument, choose) for code, argument in tree)


def _piece(code: object, argument: _Argument, choose: random.Random) -> bytes:
    if code is _constants.LITERAL:
        return _letter(argument)
    if code in (_constants.IN, _constants.NOT_LITERAL, _constants.ANY):
        return _letter(choose.choice(_members(code, argument)))
    if code in _REPEATS:
        least, most, body = argument
        count = choose.choice([least, least, min(most, least + 1), min(most, least + 3)])
        return b"".join(_sample(body, choose) for _ in range(count))
    if code is _constants.BRANCH:
        return _sample(choose.choice(argument[1]), choose)
    if code in (_constants.SUBPATTERN, _ATOMIC_GROUP):
        return b"".join(_sample(body, choose) for body in _bodies(code, argument))
    return b""  # an assertion, or a group again


def _members(code: object, argument: _Argument) -> list[int]:
    """Return characters of a class that tell the expressions' parts apart."""
    likely = [ord(letter) for letter in " 1a-:|/.[(%\x1b_'#"]
    if code is _constants.ANY:
        return likely
    chosen = re.compile(b"[%b]" % _source(code, argument), re.DOTALL)
    found = [letter for letter in likely if chosen.match(bytes([letter]))]
    return found or [letter for letter in range(256) if chosen.match(bytes([letter]))] or [ord("x")]


def _source(code: object, argument: _Argument) -> bytes:
    if code is _constants.NOT_LITERAL:
        return b"^" + _escaped(argument)
    parts = []
    for kind, value in argument:
        if kind is _constants.NEGATE:
            parts.append(b"^")
        elif kind is _constants.LITERAL:
            parts.append(_escaped(value))
        elif kind is _constants.RANGE:
            parts.append(_escaped(value[0]) + b"-" + _escaped(min(value[1], 255)))
        else:
            parts.append(_CATEGORIES[value])
    return b"".join(parts)


_CATEGORIES = {
    _constants.CATEGORY_DIGIT: rb"\d",
    _constants.CATEGORY_NOT_DIGIT: rb"\D",
    _constants.CATEGORY_SPACE: rb"\s",
    _constants.CATEGORY_NOT_SPACE: rb"\S",
    _constants.CATEGORY_WORD: rb"\w",
    _constants.CATEGORY_NOT_WORD: rb"\W",
}


def _escaped(code: int) -> bytes:
    return b"\\x%02x" % min(code, 255)


def _letter(code: int) -> bytes:
    return bytes([code]) if code < 256 else chr(code).encode()  # noqa: PLR2004 - all that a byte holds
