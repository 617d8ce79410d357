"""What the fast lanes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from stepscope.logs._derived import Mark, derive
from stepscope.logs._records import NO_FPS, NO_SECONDS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs._records import Record

__all__ = ["REST", "Lane", "with_derived"]

REST: dict[str, Any] = {
    "schema": SCHEMA,
    "rank": None,
    "iteration": None,
    "iterations": None,
    "env_steps": None,
    "fps": NO_FPS,
    "seconds": NO_SECONDS,
    "reward": None,
    "episode_length": None,
    "metrics": {},
    "derived": {},
    "text": None,
}
"""Fields of a record of which nothing else is said."""


class Lane(Protocol):
    """One kind of record of one library.

    Attributes
    ----------
    at
        Where the last `skim` ended.
    library
        Whose records they are.
    """

    at: int
    library: str

    def fits(self, data: bytes, at: int) -> bool:
        """Say whether a record of this kind stands at `at`."""

    def skim(self, data: bytes, at: int, base: int) -> Iterator[Record]:
        """Yield the records that stand in `data` from `at` on, one right after the other."""


def with_derived(library: str, fields: dict[str, Any], own: Mark, before: Mark | None) -> dict[str, Any]:
    """Add what follows from an iteration and the one before to its fields."""
    fields["derived"] = derive(
        library,
        own,
        before,
        metrics=fields["metrics"],
        iterations=fields["iterations"],
        eta=fields["seconds"].eta,
    )
    return fields
