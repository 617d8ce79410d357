"""Collect signals, to be handled between two steps instead of anywhere."""

from __future__ import annotations

import os
import signal
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

    from typing_extensions import Self

__all__ = ["STOP", "Signals"]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
STOP = getattr(signal, "SIGTSTP", None)
"""Sent by Ctrl-Z, where there is such a signal."""


class Signals:
    """Collects the signals that ask to end or to stop, while it is entered.

    One that is ignored stays so, as under ``nohup``.
    """

    def __init__(self) -> None:
        self._arrived: deque[int] = deque()
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        signums = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        for signum in (*signums, *([] if STOP is None else [STOP])):
            before = signal.getsignal(signum)
            if before is not signal.SIG_IGN:
                self._before[signum] = before
                signal.signal(signum, self._collect)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, before in self._before.items():
            signal.signal(signum, before)  # type: ignore[arg-type] # what getsignal returned

    def _collect(self, signum: int, _frame: FrameType | None) -> None:
        self._arrived.append(signum)

    def pending(self) -> Iterator[int]:
        """Yield the signals that have arrived, and forget them."""
        while self._arrived:
            yield self._arrived.popleft()

    def stop(self) -> None:
        """Stop this process as Ctrl-Z does; return when it is told to continue."""
        if STOP is not None and STOP in self._before:
            signal.signal(STOP, signal.SIG_DFL)
            os.kill(os.getpid(), STOP)
            signal.signal(STOP, self._collect)
