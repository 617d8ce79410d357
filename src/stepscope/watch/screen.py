"""Screens for a view: the whole terminal, the rows below passing text, or plain lines."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from stepscope._common.format import format_count, format_duration, format_number, format_rate
from stepscope.watch import view
from stepscope.watch.layout import glyphs_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from stepscope.watch.view_model import ViewModel

__all__ = [
    "BelowText",
    "FullScreen",
    "Plain",
    "PlainLines",
    "Screen",
    "has_screen",
    "print_once",
    "summary_line",
]

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


_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
# A frame appears at once where the terminal knows that, and a row that became too long does not wrap.
_FRAME, _FRAME_END = "\x1b[?2026h\x1b[?7l", "\x1b[?7h\x1b[?2026l"
_HOME, _ERASE_REST, _ERASE_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_PAGE = 30  # rows where there is no terminal to fill
_PIPE_WIDTH = 80
_BELOW = 9
_MOST_HELD = 1 << 16


def has_screen(file: TextIO) -> bool:
    """Return whether `file` is a terminal that a view can be drawn on."""
    return file.isatty() and os.environ.get("TERM") != "dumb"


class Screen:
    """Shows a run; this one shows nothing.

    Attributes
    ----------
    every
        Seconds from one frame to the next while something happens.
    draws
        Whether it shows anything.
    """

    every = 1.0
    draws = False

    def enter(self) -> None:
        """Take the terminal."""

    def leave(self) -> None:
        """Give the terminal back as it was."""

    def resized(self) -> bool:
        """Return whether the size is another than at the last frame."""
        return False

    def show(self, model: ViewModel) -> None:
        """Show the state of the run."""

    def text(self, data: bytes) -> None:
        """Pass printed text on."""

    def show_final(self, model: ViewModel) -> None:
        """Show the final state, which stays; the terminal was given back."""


class _Terminal(Screen):
    """A screen that is drawn on a terminal."""

    every, draws = 0.25, True

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._glyphs = glyphs_for(file)
        self._size = self._terminal_size()

    def _terminal_size(self) -> os.terminal_size:
        try:
            columns, lines = os.get_terminal_size(self._file.fileno())
        except OSError:
            columns, lines = 0, 0
        return os.terminal_size((columns or 80, lines or 24))

    def resized(self) -> bool:
        """Return whether the terminal has another size than at the last frame."""
        return self._terminal_size() != self._size

    def _render(self, rows: Sequence[Text]) -> list[str]:
        console = Console(
            file=self._file, width=self._size.columns, force_terminal=True, legacy_windows=False
        )
        with console.capture() as capture:
            console.print(Text("\n").join(rows), highlight=False, no_wrap=True, overflow="crop", crop=True)
        return capture.get().rstrip("\n").split("\n")

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()

    def show_final(self, model: ViewModel) -> None:
        """Print the final state below what was on the terminal before."""
        self._size = self._terminal_size()
        height = max(4, min(_PAGE, self._size.lines - 2))
        rows = view.full_rows(model, width=self._size.columns, height=height, glyphs=self._glyphs, still=True)
        self._write("\n".join(self._render(rows)) + "\n")


class FullScreen(_Terminal):
    """A view that fills the terminal, and leaves what was there before as it was."""

    def enter(self) -> None:
        """Show the other screen of the terminal, without a cursor."""
        self._write(_ENTER)

    def leave(self) -> None:
        """Show the first screen again."""
        self._write(_LEAVE)

    def show(self, model: ViewModel) -> None:
        """Draw every row anew: whatever else was written here is gone with it."""
        self._size = self._terminal_size()
        rows = view.full_rows(model, width=self._size.columns, height=self._size.lines, glyphs=self._glyphs)
        rendered = f"{_ERASE_REST}\r\n".join(self._render(rows))
        self._write(f"{_FRAME}{_HOME}{rendered}{_ERASE_REST}{_ERASE_BELOW}{_FRAME_END}")


class BelowText(_Terminal):
    """A few rows below text that passes on the same terminal.

    A line of text is held until it is complete, and a progress bar until the next one: the view takes the row below.
    """

    def __init__(self, file: TextIO) -> None:
        super().__init__(file)
        self._drawn: list[Text] = []
        self._held = b""
        self._within_line = False

    def enter(self) -> None:
        """Hide the cursor."""
        self._write(_HIDE)

    def leave(self) -> None:
        """Take the view away and write what was held."""
        self._write(self._erase_sequence() + _SHOW)
        self._file.buffer.write(self._held)
        self._within_line = bool(self._held)
        self._held = b""
        self._file.flush()

    def show_final(self, model: ViewModel) -> None:
        """Print the final state below the text, of which the last line may have no end."""
        if self._within_line:
            self._write("\n")
        super().show_final(model)

    def text(self, data: bytes) -> None:
        """Write the lines that are complete above the view."""
        data = self._held + data
        end = max(data.rfind(b"\n"), data.rfind(b"\r") if len(data) > _MOST_HELD else -1) + 1
        if len(data) - end > _MOST_HELD:
            end = len(data)
        self._held = data[end:]
        if not end:
            return
        drawn = self._drawn
        self._write(self._erase_sequence())
        self._file.buffer.write(data[:end])
        if data[end - 1 : end] != b"\n":  # far too long a line: the view needs a row of its own
            self._file.buffer.write(b"\n")
        self._draw(drawn)

    def show(self, model: ViewModel) -> None:
        """Draw the view anew."""
        erase = self._erase_sequence()
        self._size = self._terminal_size()
        height = min(_BELOW, max(1, self._size.lines // 2))
        self._draw(
            view.brief_rows(model, width=self._size.columns, height=height, glyphs=self._glyphs), erase
        )

    def _erase_sequence(self) -> str:
        """Return what takes the view away: of its rows, those that a narrower terminal has wrapped are several."""
        columns = self._terminal_size().columns
        rows = sum(max(1, -(-row.cell_len // columns)) for row in self._drawn)
        self._drawn = []
        return f"\r\x1b[{rows - 1}A{_ERASE_BELOW}" if rows > 1 else f"\r{_ERASE_BELOW}" if rows else ""

    def _draw(self, rows: list[Text], erase: str = "") -> None:
        rendered = "\r\n".join(self._render(rows)) if rows else ""
        self._drawn = rows
        self._write(f"{_FRAME}{erase}{rendered}{_FRAME_END}")


class Plain(Screen):
    """Lines without control codes."""

    draws = True

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines = PlainLines()

    def show(self, model: ViewModel) -> None:
        """Print what is new."""
        for line in self._lines.lines(model, now=time.monotonic()):
            print(line, file=self._file, flush=True)

    def show_final(self, model: ViewModel) -> None:
        """Print how it ended."""
        for line in self._lines.final_lines(model):
            print(line, file=self._file, flush=True)


def print_once(model: ViewModel, file: TextIO) -> None:
    """Print the state of a run, with colours if `file` is a terminal."""
    if has_screen(file):
        _Terminal(file).show_final(model)
        return
    rows = view.full_rows(model, width=_PIPE_WIDTH, height=_PAGE, glyphs=glyphs_for(file), still=True)
    for row in rows:
        print(row.plain.rstrip(), file=file)
