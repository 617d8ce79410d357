"""What is worth a line of its own where there is no terminal to draw on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common.format import format_count, format_duration, format_number, format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.watch.view_model import Shown

__all__ = ["PlainLines", "summary_line"]

_EVERY = 5.0  # seconds
_MOST_KINDS = 20


class PlainLines:
    """Says what is new: how far the run is every few seconds, and at once what is remarkable, once."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._kinds: set[str] = set()
        self._next = 0.0
        self._done = -1

    def lines(self, shown: Shown, *, now: float) -> Iterator[str]:
        """Yield the lines to print at a time."""
        if shown.by:
            yield from self._once(f"{shown.name}: {shown.by}")
        yield from (line for note in shown.notes for line in self._once(note))
        done = -1 if shown.progress is None else shown.progress.done
        if done != self._done and now >= self._next:
            self._done, self._next = done, now + _EVERY
            yield summary_line(shown)
        yield from self._warnings(shown)
        if shown.phase == "silent":
            yield from self._once(
                f"{shown.says}{f' ({shown.hint})' if shown.hint else ''}", key=f"silent {done}"
            )
        yield from self._failure(shown)

    def last(self, shown: Shown) -> Iterator[str]:
        """Yield what there is to say at the end."""
        yield from self._warnings(shown)
        yield from self._failure(shown)
        if shown.failure is None and shown.phase == "failed":
            yield from shown.latest  # where else would it say why?
        yield f"{shown.says}: {summary_line(shown)}{f' ({shown.hint})' if shown.hint else ''}"
        for warned in shown.warnings:
            if warned.count > 1:
                yield f"{warned.count:,} times: {warned.text}"

    def _once(self, line: str, *, key: str = "") -> Iterator[str]:
        if (key or line) not in self._said:
            self._said = {*list(self._said)[-100:], key or line}
            yield line

    def _warnings(self, shown: Shown) -> Iterator[str]:
        """Yield the first of each wording, as long as there are few."""
        for warned in shown.warnings:
            kind = "".join(char for char in warned.text if not char.isdigit() and char not in ".…")
            if kind not in self._kinds and len(self._kinds) < _MOST_KINDS:
                self._kinds.add(kind)
                yield f"{'early sign' if warned.sign else 'warning'}: {warned.text}"

    def _failure(self, shown: Shown) -> Iterator[str]:
        failure = shown.failure
        if failure is not None:
            where = f", at {failure.where}" if failure.where else ""
            yield from self._once(
                f"{failure.title} {failure.place}: {failure.text}{where}", key=f"failure {failure.place.byte}"
            )


def summary_line(shown: Shown) -> str:
    """Return how far a run is, how fast, how good, and how long it will take."""
    progress = shown.progress
    parts = []
    if progress is not None:
        of = "" if progress.planned is None else f" of {progress.planned:,}"
        parts.append(f"{progress.unit} {progress.done:,}{of}")
        if progress.env_steps is not None:
            parts.append(format_count(progress.env_steps, "env step"))
    parts += [f"{rate.scope} {format_rate(rate.value)} {rate.unit}" for rate in shown.rates[-1:]]
    parts += [f"{quantity.name} {format_number(quantity.last)}" for quantity in shown.quantities[:1]]
    if progress is not None and progress.left is not None:
        parts.append(f"{format_duration(progress.left)} left")
    return ", ".join(parts) or "nothing was reported yet"
