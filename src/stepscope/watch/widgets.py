"""Widgets of a view: heading, progress, warnings, messages, failure."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.text import Text

from stepscope._common import printable
from stepscope._common.format import (
    format_count,
    format_duration,
    format_finish_time,
    format_hms,
    format_seconds,
)
from stepscope.watch.charts import progress_bar
from stepscope.watch.layout import BAD, WARN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.watch.layout import Layout
    from stepscope.watch.view_model import Progress, WarningView

__all__ = [
    "failure_rows",
    "field_rows",
    "head_rows",
    "latest_rows",
    "not_printed_rows",
    "progress_rows",
    "rule",
    "warning_rows",
]

_DOTS = 5
_SOON = 60  # seconds; the time of day does not help with less
_NEW = 5.0  # seconds for which a warning counts as new
_DEEPEST_INDENT = 8
_PITCH = 4  # cells from one dot to the next
_MESSAGE_ROWS = 3  # rows for what the exception says
_CALLED = ", called from "
_STRIDE = 7919  # a prime: the lit dot seems to jump anywhere


def head_rows(layout: Layout) -> Iterator[Text]:
    """Yield the name of the log, the library, and the state of the run."""
    model, glyphs = layout.model, layout.glyphs
    lit = model.beat % _DOTS
    dots = [(glyphs.lit, layout.accent) if at == lit else (glyphs.dot, "dim") for at in range(_DOTS)]
    title = Text(" ").join(Text.assemble(dot) for dot in dots).append("  stepscope watch", style="dim")
    yield layout.spread(title, _status(layout), required=True)
    name, library = _name(layout, layout.width), Text.assemble((model.library_label, layout.accent))
    if name.cell_len + library.cell_len + 2 <= layout.width:
        yield layout.spread(name, library)
    else:
        yield name
        yield library
    yield from (Text(note, style="dim") for note in model.notes)
    if model.hint:
        yield Text(model.hint, style=WARN)


def field_rows(layout: Layout, height: int) -> list[Text]:
    """Return a field of environments, one of them lit, another one every second: nothing came yet, but we watch."""
    columns = layout.width // _PITCH
    lit = int(layout.model.wall) * _STRIDE % max(1, columns * height)
    line = (" " * (_PITCH - 1)).join([layout.glyphs.dot] * columns)
    rows = [Text(line, style="dim") for _ in range(height)]
    if rows and columns:
        at = _PITCH * (lit % columns)
        rows[lit // columns] = Text.assemble(
            (line[:at], "dim"), (layout.glyphs.lit, layout.accent), (line[at + 1 :], "dim")
        )
    return rows


def rule(layout: Layout) -> Text:
    """Return a line that keeps the view and what is printed above it apart."""
    status = Text(" ").append_text(_status(layout))
    name = _name(layout, max(8, layout.width - status.cell_len - 4)).append(" ")
    dashes = max(0, layout.width - name.cell_len - status.cell_len)
    return name.append(layout.glyphs.ahead * dashes, style="dim").append_text(status)


def _name(layout: Layout, width: int) -> Text:
    """Return the name of the log; of a long path the end tells most, of a long command the beginning."""
    name = Text.assemble((layout.model.name, "bold"))
    if name.cell_len > width and " " not in name.plain:
        name = Text.assemble(("…" + layout.model.name[-width + 1 :], "bold"))
    name.truncate(width, overflow="ellipsis")
    return name


def _status(layout: Layout) -> Text:
    return Text.assemble((layout.model.status, f"bold {layout.phase_style}"))


def progress_rows(layout: Layout) -> Iterator[Text]:
    """Yield the progress, with the time that is left."""
    progress = layout.model.progress
    if progress is None:
        return
    if progress.share is not None:
        percent = f" {progress.share:6.1%}"
        done, ahead = progress_bar(progress.share, width=layout.width - len(percent), glyphs=layout.glyphs)
        yield Text.assemble((done, layout.accent), (ahead, "dim"), (percent, "bold"))
    of = "" if progress.planned is None else f" of {progress.planned:,}"
    count = Text.assemble(f"{progress.unit} ", (f"{progress.done:,}", "bold"), of)
    steps = "" if not progress.env_steps else format_count(progress.env_steps, "env step")
    eta, pace = list(_eta(layout, progress)), list(_pace(layout, progress))
    yield layout.spread(count, *(eta or pace))
    below = layout.spread(Text.assemble((steps, "dim")), *(pace if eta else ()))
    if below.plain:
        yield below


def _eta(layout: Layout, progress: Progress) -> Iterator[Text]:
    """Yield the time that is left, with and without the time of day."""
    if progress.eta is None:
        return
    left = (f"{format_duration(progress.eta)} left", "bold")
    if progress.eta >= _SOON:
        finish = format_finish_time(progress.eta, wall=layout.model.wall)
        yield Text.assemble(left, (f", until {finish}", "dim"))
    yield Text.assemble(left)


def _pace(layout: Layout, progress: Progress) -> Iterator[Text]:
    """Yield the time so far, with and without that of an iteration."""
    parts = []
    if progress.pace is not None:
        parts.append(f"{format_seconds(progress.pace)} an iteration")
    if progress.elapsed is not None and progress.elapsed >= 1:
        over = layout.model.phase in ("finished", "failed", "ended")
        parts.append(f"{'ran' if over else 'running'} for {format_hms(progress.elapsed)}")
    if parts:
        yield Text.assemble((", ".join(parts), "dim"))
        yield Text.assemble((parts[-1], "dim"))


def not_printed_rows(layout: Layout) -> list[Text]:
    """Return sentences about what the library does not print."""
    return [Text(printable(line), style="dim") for line in layout.model.not_printed]


def warning_rows(layout: Layout, height: int) -> list[Text]:
    """Return the warnings that matter most, and how many others there are."""
    warnings, others = layout.model.warnings, layout.model.more_warnings
    kept = height if height == 1 or (len(warnings) <= height and not others) else height - 1
    rows = [_warning(layout, warning, first=index == 0) for index, warning in enumerate(warnings[:kept])]
    others += sum(warning.count for warning in warnings[kept:])
    if others and height > 1:
        rows.append(Text(f"{' ' * layout.label}{others:,} more with other texts", style="dim"))
    return rows


def _warning(layout: Layout, warning: WarningView, *, first: bool) -> Text:
    style = BAD if warning.early else WARN
    label = "warnings"
    if warning.early:
        label = "early warnings" if layout.wide else "early"
    new = warning.age is not None and warning.age < _NEW
    age = ""
    if layout.wide and warning.age is not None:
        age = "now" if new else f"{format_duration(warning.age)} ago"
    count = f"{warning.count:,} {layout.glyphs.times} "
    row = Text.assemble(
        ((label if first else "").ljust(layout.label), "dim"), (count, f"bold {style}"), (warning.text, style)
    )
    return layout.spread(row, Text.assemble((age, "bold" if new else "dim")), required=True)


def latest_rows(layout: Layout, height: int) -> list[Text]:
    """Return the latest messages."""
    label = "latest lines" if layout.wide else "latest"
    return [
        Text(f"{label if index == 0 else '':{layout.label}}{line}", style="dim")
        for index, line in enumerate(layout.model.latest[-height:])
    ]


def failure_rows(layout: Layout, height: int) -> list[Text]:
    """Return the first failure: the exception, where it was raised, and as many frames as fit."""
    failure = layout.model.failure
    if failure is None:
        return []
    text, where = printable(failure.text), printable(failure.where)
    title = Text.assemble((f"{failure.title} {failure.place}", f"bold {BAD}"))
    message = textwrap.wrap(text, layout.width - 2)[:_MESSAGE_ROWS]
    frames = (f"at {where}" * bool(where)).replace(_CALLED, f"\n{_CALLED[2:]}").splitlines()
    rows = [title, *(Text.assemble((line, "bold")) for line in message), *map(Text, frames)]
    if len(rows) > height:
        rows = [title, Text.assemble((text, "bold")), *([Text(f"at {where}")] if where else [])]
    if (spare := height - len(rows) - 1) > 0 and (frame_rows := _frames(layout)):
        rows += [Text(), *frame_rows[-spare:]]
    return [Text.assemble((f"{layout.glyphs.edge} ", BAD)).append_text(row) for row in rows[:height]]


def _frames(layout: Layout) -> list[Text]:
    """Return the lines of the traceback down to the exception, without those that only point at something."""
    failure = layout.model.failure
    lines = [line for line in layout.model.traceback.splitlines() if line.strip(" ^~")]
    ends = [index for index, line in enumerate(lines) if failure and failure.text in line]
    return [Text(_clean_frame(line), style="dim") for line in lines[: ends[-1] if ends else len(lines)]]


def _clean_frame(line: str) -> str:
    """Return a line of a traceback with its indentation, harmless to a terminal."""
    indentation = len(line) - len(line.lstrip(" "))
    return " " * min(indentation, _DEEPEST_INDENT) + printable(line)
