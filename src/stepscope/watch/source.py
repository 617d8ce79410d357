"""The base of what text comes from: a file, a pipe, a command."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["Source"]


class Source(ABC):
    """Where text comes from.

    Attributes
    ----------
    live
        Whether what `next` returned last was written just now; false for what a file held before.
    reading
        How much of what a file held at first was read, from 0 to 1.
    age
        Seconds that what `next` returned last was on the disk.
    notes
        Messages about the source.
    """

    live = True
    reading = 1.0
    age = 0.0
    notes: tuple[str, ...] = ()

    @abstractmethod
    def next(self, timeout: float) -> bytes | None:
        """Return the output of the next `timeout` seconds, perhaps none; None at the end."""

    @abstractmethod
    def handle_signal(self, signum: int) -> bool:
        """Take a signal, and return whether to stop at once."""

    def pause(self) -> None:  # noqa: B027 - a file and a pipe have nothing to stop
        """Stop whatever was started for it."""

    def resume(self) -> None:  # noqa: B027 - the same
        """Let it continue."""
