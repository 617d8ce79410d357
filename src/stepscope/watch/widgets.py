"""The parts of a view that are words: what is watched, how far it is, what goes wrong."""

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
from stepscope.watch.draw import progress_bar
from stepscope.watch.palette import BAD, WARN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.watch.layout import Layout
    from stepscope.watch.view_model import Progress, Warned

__all__ = [
    "failure_rows",
    "field_rows",
    "head_rows",
    "latest_rows",
    "progress_rows",
    "rule",
    "silent_rows",
    "warning_rows",
]

_DOTS = 5
_SOON = 60  # seconds; nobody looks at the clock for less
_FRESH = 5.0  # seconds for which a warning counts as new
_INDENTED = 8
_APART = 4  # cells from one dot to the next
_MESSAGE = 3  # rows for what the exception says
_CALLED = ", called from "
_STRIDE = 7919  # a prime: the lit dot seems to jump anywhere


def head_rows(layout: Layout) -> Iterator[Text]:
    """Yield what is watched, what made it, and how it is."""
    shown, glyphs = layout.shown, layout.glyphs
    lit = shown.beat % _DOTS
    dots = [(f"{glyphs.lit}", layout.accent) if at == lit else (glyphs.dot, "dim") for at in range(_DOTS)]
    title = Text(" ").join(Text.assemble(dot) for dot in dots).append("  stepscope watch", style="dim")
    yield layout.spread(title, _says(layout), needed=True)
    name, by = _name(layout, layout.width), Text.assemble((shown.by, layout.accent))
    if name.cell_len + by.cell_len + 2 <= layout.width:
        yield layout.spread(name, by)
    else:
        yield name
        yield by
    yield from (Text(note, style="dim") for note in shown.notes)
    if shown.hint:
        yield Text(shown.hint, style=WARN)


def field_rows(layout: Layout, rows: int) -> list[Text]:
    """Return a field of environments, of which another one is lit every second: nothing came yet, and we are awake."""
    across = layout.width // _APART
    lit = int(layout.shown.wall) * _STRIDE % max(1, across * rows)
    found = []
    for row in range(rows):
        dots = [layout.glyphs.dot] * across
        found.append(Text((" " * (_APART - 1)).join(dots), style="dim"))
        if lit // across == row:
            at = _APART * (lit % across)
            found[-1] = Text.assemble(
                (found[-1].plain[:at], "dim"),
                (layout.glyphs.lit, layout.accent),
                (found[-1].plain[at + 1 :], "dim"),
            )
    return found


def rule(layout: Layout) -> Text:
    """Return a line that keeps the view and what stands above it apart."""
    says = Text(" ").append_text(_says(layout))
    name = _name(layout, max(8, layout.width - says.cell_len - 4)).append(" ")
    dashes = max(0, layout.width - name.cell_len - says.cell_len)
    return name.append(layout.glyphs.ahead * dashes, style="dim").append_text(says)


def _name(layout: Layout, width: int) -> Text:
    """Return what is watched; of a long path the end tells most, of a long command the beginning."""
    name = Text.assemble((layout.shown.name, "bold"))
    if name.cell_len > width and " " not in name.plain:
        name = Text.assemble(("…" + layout.shown.name[-width + 1 :], "bold"))
    name.truncate(width, overflow="ellipsis")
    return name


def _says(layout: Layout) -> Text:
    return Text.assemble((layout.shown.says, f"bold {layout.tone}"))


def progress_rows(layout: Layout) -> Iterator[Text]:
    """Yield how far it is and how long it will take."""
    progress = layout.shown.progress
    if progress is None:
        return
    if progress.share is not None:
        percent = f" {progress.share:6.1%}"
        done, ahead = progress_bar(progress.share, width=layout.width - len(percent), glyphs=layout.glyphs)
        yield Text.assemble((done, layout.accent), (ahead, "dim"), (percent, "bold"))
    of = "" if progress.planned is None else f" of {progress.planned:,}"
    count = Text.assemble(f"{progress.unit} ", (f"{progress.done:,}", "bold"), of)
    steps = "" if not progress.env_steps else format_count(progress.env_steps, "env step")
    left, pace = list(_left(layout, progress)), list(_pace(layout, progress))
    yield layout.spread(count, *(left or pace))
    below = layout.spread(Text.assemble((steps, "dim")), *(pace if left else ()))
    if below.plain:
        yield below


def _left(layout: Layout, progress: Progress) -> Iterator[Text]:
    """Yield how long what remains will take, at length and in short."""
    if progress.left is None:
        return
    left = (f"{format_duration(progress.left)} left", "bold")
    if progress.left >= _SOON:
        yield Text.assemble(
            left, (f", until {format_finish_time(progress.left, wall=layout.shown.wall)}", "dim")
        )
    yield Text.assemble(left)


def _pace(layout: Layout, progress: Progress) -> Iterator[Text]:
    """Yield how long it runs, with how long one iteration takes and without."""
    said = []
    if progress.pace is not None:
        said.append(f"{format_seconds(progress.pace)} an iteration")
    if progress.elapsed is not None and progress.elapsed >= 1:
        over = layout.shown.phase in ("finished", "failed", "ended")
        said.append(f"{'ran' if over else 'running'} for {format_hms(progress.elapsed)}")
    if said:
        yield Text.assemble((", ".join(said), "dim"))
        yield Text.assemble((said[-1], "dim"))


def silent_rows(layout: Layout) -> list[Text]:
    """Return what the library does not print."""
    return [Text(printable(line), style="dim") for line in layout.shown.silent]


def warning_rows(layout: Layout, rows: int) -> list[Text]:
    """Return the warnings that matter most, and how many others there are."""
    shown = layout.shown.warnings
    kept = rows if rows == 1 or (len(shown) <= rows and not layout.shown.more_warnings) else rows - 1
    found = [_warning(layout, each, first=index == 0) for index, each in enumerate(shown[:kept])]
    more = sum(each.count for each in shown[kept:]) + layout.shown.more_warnings
    if more and rows > 1:
        found.append(Text(f"{' ' * layout.label}{more:,} more of other wordings", style="dim"))
    return found


def _warning(layout: Layout, warned: Warned, *, first: bool) -> Text:
    tone = BAD if warned.sign else WARN
    label = ("early signs" if warned.sign else "warnings") if first else ""
    fresh = warned.age is not None and warned.age < _FRESH
    age = ""
    if layout.wide and warned.age is not None:
        age = "now" if fresh else f"{format_duration(warned.age)} ago"
    count = f"{warned.count:,} {layout.glyphs.times} "
    row = Text.assemble((label.ljust(layout.label), "dim"), (count, f"bold {tone}"), (warned.text, tone))
    return layout.spread(row, Text.assemble((age, "bold" if fresh else "dim")), needed=True)


def latest_rows(layout: Layout, rows: int) -> list[Text]:
    """Return the latest messages."""
    label = "latest lines" if layout.wide else "latest"
    return [
        Text(f"{label if index == 0 else '':{layout.label}}{line}", style="dim")
        for index, line in enumerate(layout.shown.latest[-rows:])
    ]


def failure_rows(layout: Layout, rows: int) -> list[Text]:
    """Return the first failure: the exception, where it was raised, and as many frames as there is room for."""
    failure = layout.shown.failure
    if failure is None:
        return []
    text, where = printable(failure.text), printable(failure.where)
    first = Text.assemble((f"{failure.title} {failure.place}", f"bold {BAD}"))
    said = [
        first,
        *(Text.assemble((line, "bold")) for line in textwrap.wrap(text, layout.width - 2)[:_MESSAGE]),
    ]
    said += [
        Text(line) for line in (f"at {where}" * bool(where)).replace(_CALLED, f"\n{_CALLED[2:]}").splitlines()
    ]
    if len(said) > rows:
        said = [first, Text.assemble((text, "bold")), *([Text(f"at {where}")] if where else [])]
    if (room := rows - len(said) - 1) > 0 and (frames := _frames(layout)):
        said += [Text(), *frames[-room:]]
    return [Text.assemble((f"{layout.glyphs.edge} ", BAD)).append_text(line) for line in said[:rows]]


def _frames(layout: Layout) -> list[Text]:
    """Return the lines of the traceback down to the exception, without those that only point at something."""
    lines = [line for line in layout.shown.trace.splitlines() if line.strip(" ^~")]
    ends = [at for at, line in enumerate(lines) if layout.shown.failure and layout.shown.failure.text in line]
    return [Text(_untangled(line), style="dim") for line in lines[: ends[-1] if ends else len(lines)]]


def _untangled(line: str) -> str:
    """Return a line of a traceback with its indentation, harmless to a terminal."""
    indented = len(line) - len(line.lstrip(" "))
    return " " * min(indented, _INDENTED) + printable(line)
