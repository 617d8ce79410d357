"""Read, show, read on: what goes on until the run or the reader has had enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from stepscope.logs import stream
from stepscope.watch.lines import WholeLines
from stepscope.watch.screen import Screen
from stepscope.watch.signals import STOP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepscope.watch.monitor import State
    from stepscope.watch.signals import Signals
    from stepscope.watch.view_model import Shown

__all__ = ["Source", "Watching"]

_TICK = 0.25  # seconds
_IDLE = 1.0  # seconds from one frame to the next when nothing happens but time


class Source(Protocol):
    """Where text comes from; see `Follow`, `Pipe` and `Child`."""

    live: bool
    reading: float
    age: float

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say about it."""

    def next(self, timeout: float) -> bytes | None:
        """Return what came within `timeout` seconds; None at the end."""

    def told(self, number: int) -> bool:
        """Take a signal, and say whether to stop at once."""

    def pause(self) -> None:
        """Stop whatever runs for it."""

    def resume(self) -> None:
        """Let it run again."""

    def close(self) -> None:
        """Let go of it."""


class Watching:
    """One run that is watched.

    Parameters
    ----------
    source
        Where its text comes from.
    state
        Takes its records.
    screen
        Where it is shown.
    signals
        Those that came, which are being collected already.
    tee
        Takes every byte before anything else does; None if nobody wants them.
    forgiving
        Whether to go on where neither can be written: a run that we started matters more than who looks at it.
    """

    def __init__(
        self,
        source: Source,
        state: State,
        screen: Screen,
        signals: Signals,
        *,
        tee: Callable[[bytes], None] | None = None,
        forgiving: bool = False,
    ) -> None:
        self._source, self._state, self._screen, self._tee = source, state, screen, tee
        self._forgiving = forgiving
        self._signals = signals
        self._shown_at = float("-inf")
        self._fresh = True
        self.stopped_by: int | None = None

    def watch(self, *, num_envs: int | None = None) -> None:
        """Read to the end, or until a signal says so; that is in `stopped_by` then."""
        try:
            self._safely(self._screen.enter)
            for record in stream(self._chunks(), num_envs=num_envs):
                self._state.add(record)
        except Exception:
            self._outlive()
            raise
        finally:
            self._safely(self._screen.leave)

    def _outlive(self) -> None:
        """Let a run that we started come to its end, whatever went wrong here."""
        if self._forgiving:
            self._safely(self._screen.leave)
            self._screen = Screen()
            for _ in self._chunks():
                continue

    def last(self) -> None:
        """Show the last moment, which stays."""
        self._safely(lambda: self._screen.last(self._moment(last=True)))

    def _chunks(self) -> Iterator[bytes]:
        """Yield whole lines as they come, and an empty chunk when nothing came for a while."""
        lines = WholeLines()
        quiet = True
        while (data := self._source.next(_TICK)) is not None:
            if data:
                self._heard(data)
                whole = lines.add(data)
                quiet = quiet and not whole
                if whole:
                    yield whole
            elif not quiet:
                quiet = True
                yield b""
            if self._stops():
                break
            self._show()
        if rest := lines.rest():
            yield rest

    def _heard(self, data: bytes) -> None:
        self._state.heard(at=time.monotonic() - self._source.age, live=self._source.live)
        self._fresh = True
        if self._tee is not None:
            try:
                self._tee(data)
            except OSError:
                if not self._forgiving:
                    raise
                self._tee = None
        self._safely(lambda: self._screen.text(data))

    def _stops(self) -> bool:
        for number in self._signals.taken():
            if number == STOP:
                self._pause()
            elif self._source.told(number):
                self.stopped_by = number
                return True
            self._shown_at = float("-inf")
        return False

    def _pause(self) -> None:
        """Stop as Ctrl-Z does, and go on."""
        self._safely(self._screen.leave)
        self._source.pause()
        self._signals.stop()
        self._source.resume()
        self._safely(self._screen.enter)

    def _show(self) -> None:
        passed = time.monotonic() - self._shown_at
        due = passed >= (self._screen.every if self._fresh else _IDLE)
        if self._screen.draws and (due or self._screen.resized()):
            self._safely(lambda: self._screen.show(self._moment()))
            self._shown_at, self._fresh = time.monotonic(), False

    def _moment(self, *, last: bool = False) -> Shown:
        source = self._source
        return self._state.shown(
            now=time.monotonic(), wall=time.time(), notes=source.notes, reading=source.reading, last=last
        )

    def _safely(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError:
            if not self._forgiving:
                raise
            self._screen = Screen()
