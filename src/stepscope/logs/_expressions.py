"""Compile expressions whose quantifiers may give nothing back, which Python knows from 3.11 on."""

from __future__ import annotations

import re
import sys

__all__ = ["compiled", "translated"]

# One character, escape, class or bracket; then perhaps a quantifier that gives nothing back, without its last plus.
_PART = re.compile(
    rb"(\\x[0-9a-f]{2}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)(?:([*+?]|\{[\d,]{1,9}\})\+)?", re.DOTALL
)


def compiled(pattern: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """Return what `re.compile` does from Python 3.11 on."""
    if sys.version_info < (3, 11):
        pattern = translated(pattern)
    return re.compile(pattern, flags)


def translated(pattern: bytes) -> bytes:
    r"""Return an expression for Python 3.10.

    A run of one kind of character gives nothing back where no other may follow it, so the time stays linear. What is
    bounded, or a group, becomes an ordinary quantifier: what it gives back is little.

    >>> translated(rb"\s*+(?:a{1,9}+)?+b")
    b'\\s*(?!\\s)(?:a{1,9})?b'
    """
    return _PART.sub(_ordinary, pattern)


def _ordinary(part: re.Match[bytes]) -> bytes:
    what, quantifier = part.groups()
    if quantifier is None:
        return part[0]
    is_run = quantifier in (b"*", b"+") and what != b")"
    return what + quantifier + (b"(?!" + what + b")" if is_run else b"")
