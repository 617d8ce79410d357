"""Numbers and texts as a line of a report holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DASH", "count", "listed", "number", "one_line", "shortened"]

DASH = "\N{EN DASH}"
"""What stands for a value that there is not."""

_WIDTH = 200


def count(value: float) -> str:
    """Return a rate as it is read: small ones with decimals, and what no rate can be without hundreds of digits.

    >>> count(112918), count(7.96), count(1e308)
    ('112,918', '7.96', '1e+308')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:,.4g}"  # noqa: PLR2004 - five digits are enough


def number(value: float | None) -> str:
    """Return a reward or a length.

    >>> number(99.756), number(123456.7), number(float("nan"))
    ('99.76', '123,457', 'nan')
    """
    if value is None:
        return DASH
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"  # noqa: PLR2004 - the same


def one_line(text: str) -> str:
    r"""Return `text` with single blanks for every gap.

    >>> one_line("a\n  b")
    'a b'
    """
    return " ".join(text.split())


def shortened(text: str, size: int = _WIDTH) -> str:
    """Return `text`, with ``…`` for what is beyond so many characters."""
    return text if len(text) <= size else f"{text[: size - 1]}…"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
