"""Share the rows of a screen among the parts of a view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.text import Text

__all__ = ["Part", "fitted"]

_GAPS = 7.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Some rows that belong together.

    Attributes
    ----------
    build
        Returns at most as many rows as it is given.
    least, most
        How many make sense.
    importance
        From 0, which goes last when there is no room.
    wants
        Rows that it should have before another part gets more than its own wish.
    """

    build: Callable[[int], Sequence[Text]]
    least: int
    most: int
    importance: int
    wants: int = 0


def fitted(parts: Sequence[Part], height: int) -> list[list[Text]]:
    """Return the rows of each part that finds room within `height`, with one row left between two of them.

    If there is no room for all, what matters least goes first; the gaps matter more than some parts.
    """
    there = [part for part in parts if part.most > 0]
    sizes = {index: part.least for index, part in enumerate(there)}
    gaps = True
    while (spare := height - sum(sizes.values()) - gaps * (len(sizes) - 1)) < 0 and len(sizes) > 1:
        least = max(sizes, key=lambda index: there[index].importance)
        if gaps and there[least].importance < _GAPS:
            gaps = False
        else:
            del sizes[least]
    order = sorted(sizes, key=lambda index: there[index].importance)
    for limits in ([min(part.wants, part.most) for part in there], [part.most for part in there]):
        for index in order:
            more = max(0, min(spare, limits[index] - sizes[index]))
            sizes[index] += more
            spare -= more
    return [list(there[index].build(size))[:size] for index, size in sizes.items()]
