"""Read and show a run until it ends, or until a signal ends the watch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stepscope.logs import stream
from stepscope.watch.child import STOP
from stepscope.watch.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepscope.watch.child import Signals
    from stepscope.watch.monitor import Monitor
    from stepscope.watch.source import Source
    from stepscope.watch.view_model import ViewModel

__all__ = ["WatchLoop", "WholeLines"]

_TICK = 0.25  # seconds
_IDLE = 1.0  # seconds from one frame to the next when nothing happens but time
_LONGEST_LINE = 1 << 17  # the reader keeps half of that of a line


class WatchLoop:
    """Passes a run from its source to a screen.

    Parameters
    ----------
    source
        Where its text comes from.
    monitor
        Takes its records.
    screen
        Where it is shown.
    signals
        Pending signals, which are being collected already.
    tee
        Takes every byte before anything else does.
    best_effort
        Whether to go on where neither can be written: a run that was started here matters more than its view.
    """

    def __init__(
        self,
        source: Source,
        monitor: Monitor,
        screen: Screen,
        signals: Signals,
        *,
        tee: Callable[[bytes], None] | None = None,
        best_effort: bool = False,
    ) -> None:
        self._source, self._monitor, self._screen, self._tee = source, monitor, screen, tee
        self._best_effort = best_effort
        self._signals = signals
        self._shown_at = float("-inf")
        self._changed = True
        self.stopped_by: int | None = None

    def run(self, *, num_envs: int | None = None) -> None:
        """Read to the end, or until a signal ends the watch, which is in `stopped_by` then."""
        try:
            self._ignore_io_errors(self._screen.enter)
            for record in stream(self._chunks(), num_envs=num_envs):
                self._monitor.add(record)
        except Exception:
            self._drain()
            raise
        finally:
            self._ignore_io_errors(self._screen.leave)

    def _drain(self) -> None:
        """Let a run that was started here come to its end, whatever went wrong."""
        if self._best_effort:
            self._ignore_io_errors(self._screen.leave)
            self._screen = Screen()
            for _ in self._chunks():
                continue

    def show_final(self) -> None:
        """Show the final state, which stays."""
        self._ignore_io_errors(lambda: self._screen.show_final(self._snapshot()))

    def _chunks(self) -> Iterator[bytes]:
        """Yield whole lines as they come, and an empty chunk when nothing came for a while."""
        lines = WholeLines()
        quiet = True
        while (data := self._source.next(_TICK)) is not None:
            if data:
                self._on_data(data)
                whole = lines.add(data)
                quiet = quiet and not whole
                if whole:
                    yield whole
            elif not quiet:
                quiet = True
                yield b""
            if self._handle_signals():
                break
            self._show()
        if rest := lines.rest():
            yield rest

    def _on_data(self, data: bytes) -> None:
        self._monitor.note_output(at=time.monotonic() - self._source.age, live=self._source.live)
        self._changed = True
        if self._tee is not None:
            try:
                self._tee(data)
            except OSError:
                if not self._best_effort:
                    raise
                self._tee = None
        self._ignore_io_errors(lambda: self._screen.text(data))

    def _handle_signals(self) -> bool:
        """Pass signals on, and return whether to stop."""
        for signum in self._signals.pending():
            if signum == STOP:
                self._pause()
            elif self._source.handle_signal(signum):
                self.stopped_by = signum
                return True
            self._shown_at = float("-inf")
        return False

    def _pause(self) -> None:
        """Stop as Ctrl-Z does, and go on."""
        self._ignore_io_errors(self._screen.leave)
        self._source.pause()
        self._signals.stop()
        self._source.resume()
        self._ignore_io_errors(self._screen.enter)

    def _show(self) -> None:
        passed = time.monotonic() - self._shown_at
        due = passed >= (self._screen.every if self._changed else _IDLE)
        if self._screen.draws and (due or self._screen.resized()):
            self._ignore_io_errors(lambda: self._screen.show(self._snapshot()))
            self._shown_at, self._changed = time.monotonic(), False

    def _snapshot(self) -> ViewModel:
        return self._monitor.snapshot(
            now=time.monotonic(), wall=time.time(), notes=self._source.notes, reading=self._source.reading
        )

    def _ignore_io_errors(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError:
            if not self._best_effort:
                raise
            self._screen = Screen()


class WholeLines:
    r"""Passes whole lines on; a carriage return ends a line too, since a progress bar prints no other end.

    Examples
    --------
    >>> lines = WholeLines()
    >>> lines.add(b"epoch: 1/20"), lines.add(b"0 frames: 0\nfps"), lines.rest()
    (b'', b'epoch: 1/200 frames: 0\n', b'fps')
    """

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> bytes:
        """Return the lines that are complete with `data`."""
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not end and len(self._rest) < _LONGEST_LINE:
            self._rest += data
            return b""
        whole = self._rest + (data[:end] if end else data)
        self._rest = data[end:] if end else b""
        return whole

    def rest(self) -> bytes:
        """Return the incomplete line, and forget it."""
        rest, self._rest = self._rest, b""
        return rest
