"""Take signals when there is time for them, instead of being interrupted anywhere."""

from __future__ import annotations

import os
import signal
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from typing_extensions import Self

__all__ = ["STOP", "Signals"]

_ENDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
STOP = getattr(signal, "SIGTSTP", None)
"""What Ctrl-Z sends, where there is such a thing."""


class Signals:
    """Collects the signals that ask to end or to stop, while it is entered.

    One that is ignored stays so: ``nohup`` has its say.
    """

    def __init__(self) -> None:
        self._came: deque[int] = deque()
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        numbers = [getattr(signal, name) for name in _ENDS if hasattr(signal, name)]
        for number in (*numbers, *([] if STOP is None else [STOP])):
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type] # what getsignal returned

    def _take(self, number: int, _frame: FrameType | None) -> None:
        self._came.append(number)

    def taken(self) -> list[int]:
        """Return the signals that came since the last call."""
        came = []
        while self._came:
            came.append(self._came.popleft())
        return came

    def stop(self) -> None:
        """Stop this process as Ctrl-Z does; return when it is told to continue."""
        if STOP is not None and STOP in self._before:
            signal.signal(STOP, signal.SIG_DFL)
            os.kill(os.getpid(), STOP)
            signal.signal(STOP, self._take)
