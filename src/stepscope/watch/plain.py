"""Plain lines about a run, where there is no terminal to draw on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common.format import format_count, format_duration, format_number, format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.watch.view_model import ViewModel

__all__ = ["PlainLines", "summary_line"]

_EVERY = 5.0  # seconds
_MOST_TEMPLATES = 20


class PlainLines:
    """Prints progress every few seconds, and warnings and failures at once, but only once."""

    def __init__(self) -> None:
        self._printed: set[str] = set()
        self._templates: set[str] = set()
        self._next = 0.0
        self._done = -1

    def lines(self, model: ViewModel, *, now: float) -> Iterator[str]:
        """Yield the lines to print at a time."""
        if model.library_label:
            yield from self._once(f"{model.name}: {model.library_label}")
        yield from (line for note in model.notes for line in self._once(note))
        done = -1 if model.progress is None else model.progress.done
        if done != self._done and now >= self._next:
            self._done, self._next = done, now + _EVERY
            yield summary_line(model)
        yield from self._warnings(model)
        if model.phase == "silent":
            yield from self._once(
                f"{model.status}{f' ({model.hint})' if model.hint else ''}", key=f"silent {done}"
            )
        yield from self._failure(model)

    def final_lines(self, model: ViewModel) -> Iterator[str]:
        """Yield the lines to print at the end."""
        yield from self._warnings(model)
        yield from self._failure(model)
        if model.failure is None and model.phase == "failed":
            yield from model.latest  # the reason is most likely there
        yield f"{model.status}: {summary_line(model)}{f' ({model.hint})' if model.hint else ''}"
        for warning in model.warnings:
            if warning.count > 1:
                yield f"{warning.count:,} times: {warning.text}"

    def _once(self, line: str, *, key: str = "") -> Iterator[str]:
        if (key or line) not in self._printed:
            self._printed = {*list(self._printed)[-100:], key or line}
            yield line

    def _warnings(self, model: ViewModel) -> Iterator[str]:
        """Yield the first warning of each template, as long as there are few."""
        for warning in model.warnings:
            if warning.template not in self._templates and len(self._templates) < _MOST_TEMPLATES:
                self._templates.add(warning.template)
                yield f"{'early warning' if warning.early else 'warning'}: {warning.text}"

    def _failure(self, model: ViewModel) -> Iterator[str]:
        failure = model.failure
        if failure is not None:
            where = f", at {failure.where}" if failure.where else ""
            yield from self._once(
                f"{failure.title} {failure.place}: {failure.text}{where}", key=f"failure {failure.place.byte}"
            )


def summary_line(model: ViewModel) -> str:
    """Return progress, rate, reward and the time that is left."""
    progress = model.progress
    parts = []
    if progress is not None:
        of = "" if progress.planned is None else f" of {progress.planned:,}"
        parts.append(f"{progress.unit} {progress.done:,}{of}")
        if progress.env_steps is not None:
            parts.append(format_count(progress.env_steps, "env step"))
    parts += [f"{rate.scope} {format_rate(rate.value)} {rate.unit}" for rate in model.rates[-1:]]
    parts += [f"{quantity.name} {format_number(quantity.last)}" for quantity in model.quantities[:1]]
    if progress is not None and progress.eta is not None:
        parts.append(f"{format_duration(progress.eta)} left")
    return ", ".join(parts) or "nothing was reported yet"
