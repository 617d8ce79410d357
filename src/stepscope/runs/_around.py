"""What the text of a message shows to be at work beside the training library."""

from __future__ import annotations

import re

__all__ = ["name_of"]

_WARP = re.compile(r"Warp (\d{1,4}(?:\.\w{1,20}){1,4}) initialized")
_OVERFLOW = re.compile(r"(?:nefc|broadphase|narrowphase|contact|constraint) overflow\b.{0,40}\bincrease n")


def name_of(line: str) -> str | None:
    """Return what the first line of a message shows to be at work, if it does.

    >>> name_of("Warp 1.19.0 initialized:"), name_of("nefc overflow - please increase njmax to 8")
    ('NVIDIA Warp 1.19.0', 'MuJoCo Warp')
    """
    if (found := _WARP.match(line)) is not None:
        return f"NVIDIA Warp {found[1]}"
    return "MuJoCo Warp" if _OVERFLOW.match(line) is not None else None
