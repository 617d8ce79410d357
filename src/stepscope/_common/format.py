"""Numbers and texts as a line of a report holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DASH", "format_bytes", "format_number", "format_rate", "listed", "one_line", "shortened"]

DASH = "\N{EN DASH}"
"""What stands for a value that there is not."""

_WIDTH = 200


def format_rate(value: float) -> str:
    """Return a rate as it is read: small ones with decimals, and what no rate can be without hundreds of digits.

    >>> format_rate(112918), format_rate(7.96), format_rate(1e308)
    ('112,918', '7.96', '1e+308')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:,.4g}"  # noqa: PLR2004 - five digits are enough


def format_number(value: float | None) -> str:
    """Return a reward or a length.

    >>> format_number(99.756), format_number(123456.7), format_number(float("nan"))
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


def format_bytes(size: float) -> str:
    """Return a number of bytes as it is read most easily.

    Examples
    --------
    >>> format_bytes(8 * 2**30), format_bytes(1536), format_bytes(12)
    ('8.00 GiB', '1.50 KiB', '12 B')
    """
    for unit, of in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(size) >= of:
            return f"{size / of:.{2 if size / of < 10 else 1 if size / of < 100 else 0}f} {unit}"  # noqa: PLR2004 - three digits
    return f"{size:.0f} B"
