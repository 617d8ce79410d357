"""The parts of a view, each as rows of text with colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.text import Text

from stepscope.logs._report import count, number
from stepscope.watch.draw import chart, progress_bar, share_bar
from stepscope.watch.palette import BAD, COLOURS, GOOD, WARN
from stepscope.watch.words import about, clock, count_of, exactly, printable, when

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.watch.palette import Glyphs
    from stepscope.watch.shown import Progress, Quantity, RateShown, Shown, Warned

__all__ = ["Pieces"]

_WIDE = 66  # below that, labels are short and a line says one thing less
_LABEL, _SHORT_LABEL = 16, 11
_NUMBER, _UNIT = 11, 15
_DOTS = 5
_CURVE = 2  # points: fewer are no curve
_NARROWEST = 4
_TONES = {"silent": WARN, "failed": BAD, "finished": GOOD, "waiting": WARN}
_FRESH = 5.0  # seconds for which a warning counts as new
_SHORT = {"episode length": "length", "best reward": "best"}


class Pieces:
    """Makes the rows of one moment; each is at most `width` cells wide once it is cut."""

    def __init__(self, shown: Shown, *, width: int, glyphs: Glyphs) -> None:
        self._shown = shown
        self._width = width
        self._glyphs = glyphs
        self._wide = width >= _WIDE
        self._label = _LABEL if self._wide else _SHORT_LABEL
        self._accent = COLOURS.get(shown.library or "", "cyan")

    def head(self) -> Iterator[Text]:
        """Yield what is watched, what made it, and how it is."""
        shown, glyphs = self._shown, self._glyphs
        lit = shown.beat % _DOTS
        dots = [
            (f"{glyphs.lit if at == lit else glyphs.dot} ", self._accent if at == lit else "dim")
            for at in range(_DOTS)
        ]
        says = Text(shown.says, style=f"bold {_TONES.get(shown.phase, self._accent)}")
        yield self._spread(Text.assemble(*dots, (" stepscope watch", "dim")), says)
        name, by = Text(shown.name, style="bold"), Text(shown.by, style=self._accent)
        if name.cell_len + by.cell_len + 2 <= self._width:
            yield self._spread(name, by)
        else:
            yield name
            yield by
        for note in (*shown.notes, shown.hint):
            if note:
                yield Text(note, style=WARN if note == shown.hint else "dim")

    def progress(self) -> Iterator[Text]:
        """Yield how far it is and how long it will take."""
        progress = self._shown.progress
        if progress is None:
            return
        if progress.share is not None:
            percent = f" {progress.share:6.1%}"
            done, ahead = progress_bar(progress.share, width=self._width - len(percent), glyphs=self._glyphs)
            yield Text.assemble((done, self._accent), (ahead, "dim"), (percent, "bold"))
        of = "" if progress.planned is None else f" of {progress.planned:,}"
        yield self._spread(
            Text.assemble(f"{progress.unit} ", (f"{progress.done:,}", "bold"), of), *self._left(progress)
        )
        steps = "" if progress.env_steps is None else count_of(progress.env_steps, "env step")
        if steps or progress.elapsed is not None:
            yield self._spread(Text(steps, style="dim"), *self._pace(progress))

    def _left(self, progress: Progress) -> Iterator[Text]:
        if progress.left is None:
            return
        left = (f"{about(progress.left)} left", "bold")
        until = when(progress.left, wall=self._shown.wall)
        yield Text.assemble(left, (f", until {until}", "dim"))
        yield Text.assemble(left)

    @staticmethod
    def _pace(progress: Progress) -> Iterator[Text]:
        said = []
        if progress.pace is not None:
            said.append(f"{exactly(progress.pace)} an iteration")
        if progress.elapsed is not None:
            said.append(f"running for {clock(progress.elapsed)}")
        yield Text(", ".join(said), style="dim")
        yield from (Text(part, style="dim") for part in said[-1:])

    def rate(self, rate: RateShown) -> Text:
        """Return a rate with its scope."""
        scope = "bar's rate" if rate.scope == "bar" else rate.scope
        label = f"fps {scope}" if self._wide and rate.scope != "bar" else scope
        value = f"{self._glyphs.about if rate.derived else ''}{count(rate.value)}"
        unit = f"{rate.unit}{', derived' if rate.derived and self._wide else ''}"
        row = self._labelled(label, value, unit=unit)
        return self._with_curve(row, rate.trail)

    def time(self) -> Iterator[Text]:
        """Yield where the time goes."""
        time = self._shown.time
        if time is None:
            return
        parts = [("rollout", time.collect)]
        if time.step is not None:
            parts = [("stepping", time.step), ("inference", time.inference or 0.0)]
        parts.append(("learning", time.learn))
        row = Text("time".ljust(self._label), style="dim")
        said = Text(" " * self._label)
        cells = share_bar([share for _, share in parts], width=self._width - self._label)
        for (name, share), size, mark in zip(parts, cells, self._glyphs.shares, strict=False):
            row.append(mark * size, style=self._accent)
            said.append(f"{mark} ", style=self._accent).append(f"{name} {share:.0%}  ")
        yield row
        yield said

    def quantity(self, quantity: Quantity, rows: int) -> list[Text]:
        """Return a quantity, with a curve as high as there are rows."""
        label = quantity.name if self._wide else _SHORT.get(quantity.name, quantity.name)
        value = quantity.last
        found = [self._labelled(label, number(value), bad=not math.isfinite(value))]
        if len(quantity.trail) < _CURVE:
            return found
        side = found[0].cell_len + (_UNIT if self._wide else 0)  # below the curves of the rates
        found += [Text(said.rjust(side), style="dim") for said in quantity.most[: rows - 1]]
        found += [Text() for _ in range(rows - len(found))]
        curve = chart(quantity.trail, width=self._width - side - 2, height=rows, glyphs=self._glyphs)
        for row, line in zip(found, curve, strict=True):
            row.append(" " * (side + 2 - row.cell_len)).append(line, style=self._accent)
        return found

    def silent(self) -> list[Text]:
        """Return what the library does not print."""
        return [Text(printable(line), style="dim") for line in self._shown.silent]

    def warnings(self, rows: int) -> list[Text]:
        """Return the warnings that matter most, and how many others there are."""
        shown = self._shown.warnings
        more = sum(each.count for each in shown[rows:]) + self._shown.more_warnings
        if more and rows > 1:
            kept = shown[: rows - 1]
            more += shown[rows - 1].count if rows <= len(shown) else 0
        else:
            kept, more = shown[:rows], 0
        found = [self._warning(each, first=index == 0) for index, each in enumerate(kept)]
        if more:
            found.append(Text(f"{' ' * self._label}{more:,} more of other wordings", style="dim"))
        return found

    def _warning(self, warned: Warned, *, first: bool) -> Text:
        tone = BAD if warned.sign else WARN
        label = ("early signs" if warned.sign else "warnings") if first else ""
        fresh = warned.age is not None and warned.age < _FRESH
        age = "" if warned.age is None else "now" if fresh else f"{about(warned.age)} ago"
        row = Text(label.ljust(self._label), style="dim")
        row.append(f"{warned.count:,} {self._glyphs.times} ", style=f"bold {tone}" if fresh else tone)
        room = self._width - row.cell_len - (len(age) + 2 if self._wide and age else 0)
        text = Text(warned.text, style=tone)
        text.truncate(max(8, room), overflow="ellipsis")
        row.append_text(text)
        return self._spread(row, Text(age, style="bold" if fresh else "dim")) if self._wide else row

    def latest(self, rows: int) -> list[Text]:
        """Return the latest messages."""
        label = "latest lines" if self._wide else "latest"
        return [
            Text(f"{label if index == 0 else '':{self._label}}{line}", style="dim")
            for index, line in enumerate(self._shown.latest[-rows:])
        ]

    def failure(self, rows: int) -> list[Text]:
        """Return the first failure: the exception, where it was raised, and as much of the traceback as there is room."""
        failure = self._shown.failure
        if failure is None:
            return []
        said = [
            Text(f"first failure {failure.place}", style=f"bold {BAD}"),
            Text(printable(failure.text), style="bold"),
        ]
        if failure.where:
            said.append(Text(f"at {printable(failure.where)}"))
        room = rows - len(said)
        if room > 1:
            trace = [line for line in self._shown.trace.splitlines() if line.strip(" ^~")]
            said.append(Text())
            said += [Text(_untangled(line), style="dim") for line in trace[-(room - 1) :]]
        edge = f"{self._glyphs.edge} "
        return [Text(edge, style=BAD).append_text(line) for line in said[:rows]]

    def rule(self) -> Text:
        """Return a line that keeps the view and what stands above it apart."""
        shown = self._shown
        says = Text(f" {shown.says}", style=f"bold {_TONES.get(shown.phase, self._accent)}")
        name = Text(f"{shown.name} ", style="bold")
        name.truncate(max(8, self._width - says.cell_len - 4), overflow="ellipsis")
        dashes = max(0, self._width - name.cell_len - says.cell_len)
        return name.append(self._glyphs.ahead * dashes, style="dim").append_text(says)

    def _labelled(self, label: str, value: str, *, unit: str = "", bad: bool = False) -> Text:
        row = Text(label.ljust(self._label), style="dim")
        row.append(
            value.rjust(_NUMBER if self._wide else _NUMBER - 2), style=f"bold {BAD}" if bad else "bold"
        )
        if unit:
            row.append(f" {unit}".ljust(_UNIT), style="dim")
        return row

    def _with_curve(self, row: Text, values: Sequence[float]) -> Text:
        width = self._width - row.cell_len - 2
        if len(values) < _CURVE or width < _NARROWEST:
            return row
        [curve] = chart(values, width=width, height=1, glyphs=self._glyphs, low=0.0)
        return row.append("  ").append(curve, style=self._accent)

    def _spread(self, left: Text, *rights: Text) -> Text:
        """Return a row with something at each end; of several right ends, the first that fits."""
        for right in rights:
            if left.cell_len + right.cell_len + 2 <= self._width or right is rights[-1]:
                room = max(0, self._width - right.cell_len - 2)
                if right.plain:
                    left.truncate(room, overflow="ellipsis")
                gap = self._width - left.cell_len - right.cell_len
                return left.append(" " * max(0, gap)).append_text(right) if right.plain else left
        return left


def _untangled(line: str) -> str:
    """Return a line of a traceback with its indentation, harmless to a terminal."""
    indented = len(line) - len(line.lstrip(" "))
    return " " * min(indented, 8) + printable(line)
