"""A terminal to look at: it knows the few control codes that a view needs, and refuses all others.

It remembers everything that was ever on the glass, so that nothing is missed by somebody who looks too late.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_CODE = re.compile(r"\x1b\[(\?)?([\d;]*)([A-Za-z])")
_DRAWN = re.compile(r"(?<=\x1b\[\?2026l)")  # a view says so when it is complete
_LONG = 180.0  # seconds after which something hangs, be the machine as busy as it may


class Glass:
    """Rows of characters, a cursor, what scrolled away, and a second screen."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.gone: list[str] = []
        self.cursor_is_shown = True
        self.wraps = True
        self._first: list[list[str]] | None = None  # while the second screen is shown
        self._rows = self._blank()
        self._row = self._column = 0
        self._rest = ""

    def _blank(self) -> list[list[str]]:
        return [[" "] * self.columns for _ in range(self.lines)]

    @property
    def rows(self) -> list[str]:
        """What is on the screen."""
        return ["".join(row).rstrip() for row in self._rows]

    @property
    def is_second(self) -> bool:
        """Whether the second screen is shown."""
        return self._first is not None

    def resize(self, columns: int, lines: int) -> None:
        """Change the size; rows are cut, and not wrapped anew."""
        self.columns, self.lines = columns, lines
        rows = [(row + [" "] * columns)[:columns] for row in self._rows][-lines:]
        self._rows = rows + [[" "] * columns for _ in range(lines - len(rows))]
        self._row, self._column = min(self._row, lines - 1), min(self._column, columns - 1)

    def feed(self, text: str) -> None:
        """Take what was written."""
        text = self._rest + text
        self._rest = ""
        place = 0
        while place < len(text):
            if text[place] != "\x1b":
                self._put(text[place])
                place += 1
                continue
            code = _CODE.match(text, place)
            if code is None:
                self._rest = text[place:]  # the rest is still to come
                assert len(self._rest) < 20, f"no known control code: {self._rest[:20]!r}"
                return
            self._control(bool(code[1]), code[2], code[3])
            place = code.end()

    def _put(self, char: str) -> None:
        if char == "\r":
            self._column = 0
        elif char == "\n":
            self._down()
        elif char == "\x07":
            raise AssertionError("the bell rings")
        else:
            assert char.isprintable(), f"{char!r} is a control character"
            if self._column == self.columns:
                if not self.wraps:
                    return
                self._column = 0
                self._down()
            self._rows[self._row][self._column] = char
            self._column += 1

    def _down(self) -> None:
        if self._row < self.lines - 1:
            self._row += 1
            return
        row = self._rows.pop(0)
        if not self.is_second:
            self.gone.append("".join(row).rstrip())
        self._rows.append([" "] * self.columns)

    def _control(self, private: bool, numbers: str, letter: str) -> None:  # noqa: FBT001 - as matched
        if private:
            self._mode(numbers, on=letter == "h")
        elif letter == "A":
            self._row = max(0, self._row - int(numbers or 1))
        elif letter == "H":
            assert numbers == ""
            self._row = self._column = 0
        elif letter in "JK":
            assert numbers == ""
            self._rows[self._row][self._column :] = [" "] * (self.columns - self._column)
            for row in self._rows[self._row + 1 :] if letter == "J" else []:
                row[:] = [" "] * self.columns
        else:
            assert letter == "m", f"no known control code: {letter}"

    def _mode(self, number: str, *, on: bool) -> None:
        if number == "1049":
            assert on != self.is_second, "the screen that is asked for is shown already"
            if on:
                self._first, self._rows = self._rows, self._blank()
            else:
                assert self._first is not None
                self._rows, self._first = self._first, None
            self._row = (
                self._row
                if on
                else next((at for at in reversed(range(self.lines)) if "".join(self._rows[at]).strip()), -1)
                + 1
            )
            self._row = min(self._row, self.lines - 1)
            self._column = 0
        elif number == "25":
            self.cursor_is_shown = on
        elif number == "7":
            self.wraps = on
        else:
            assert number == "2026", f"no known mode: {number}"


class Moment(NamedTuple):
    """What was on the glass once."""

    rows: list[str]
    is_second: bool
    cursor_is_shown: bool

    @property
    def text(self) -> str:
        """The rows as one text."""
        return "\n".join(self.rows)


class Terminal:
    """A pseudo-terminal with a command in it, and somebody who looks at the glass."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.glass = Glass(columns, lines)
        self.raw = b""
        self._moments: list[Moment] = []
        self._noticed = 0  # the moment up to which somebody has waited
        self._lock = threading.Lock()
        self._ended: int | None = None
        sized, go = os.pipe()
        self.pid, self._end = pty.fork()
        if self.pid == 0:  # the other process
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup, too
            os.close(go)
            os.read(sized, 1)  # ends when the size is set
            keep = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
            variables = {**keep, "TERM": "xterm-256color", "OMP_NUM_THREADS": "1", **(environment or {})}
            os.execvpe(command[0], list(command), variables)  # noqa: S606 - our own command
        self._set_size(columns, lines)
        os.close(sized)
        os.close(go)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _look(self) -> None:
        held = b""
        while True:
            try:
                data = os.read(self._end, 1 << 16)
            except OSError:  # nobody is at the other side any more
                return
            if not data:
                return
            held += data
            with self._lock:
                self.raw += data
                text = held.decode(errors="ignore") if _whole(held) else None
                if text is not None:
                    for part in _DRAWN.split(text):
                        self.glass.feed(part)
                        self._moments.append(
                            Moment(self.glass.rows, self.glass.is_second, self.glass.cursor_is_shown)
                        )
                    held = b""

    @property
    def text(self) -> str:
        """What is on the glass."""
        with self._lock:
            return "\n".join(self.glass.rows)

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the window; the kernel sends SIGWINCH. What was there before does not count any more."""
        with self._lock:
            self._noticed = len(self._moments)
            self.glass.resize(columns, lines)
            self._set_size(columns, lines)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._end, keys)

    def wait_for(self, *texts: str, until: Callable[[Moment], bool] = lambda _: True) -> Moment:
        """Return the first moment, from the one last waited for on, in which all of `texts` are on the glass."""
        deadline = time.monotonic() + _LONG
        while time.monotonic() < deadline:
            over = self._poll() is not None
            if over:
                self._thread.join(_LONG)
            with self._lock:
                for number in range(self._noticed, len(self._moments)):
                    moment = self._moments[number]
                    if all(text in moment.text for text in texts) and until(moment):
                        self._noticed = number
                        return moment
            if over:
                break
            time.sleep(0.05)
        raise AssertionError(f"{texts} are not on the glass:\n{self.text}")

    def _poll(self) -> int | None:
        if self._ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._ended = os.waitstatus_to_exitcode(status) if pid else None
        return self._ended

    def status(self) -> int:
        """Return the exit status of the command, when it has ended and all that it wrote was seen."""
        deadline = time.monotonic() + _LONG
        while self._poll() is None:
            assert time.monotonic() < deadline, f"it does not end:\n{self.text}"
            time.sleep(0.02)
        self._thread.join(_LONG)
        assert self._ended is not None
        return self._ended

    def close(self) -> None:
        """End what is left."""
        if self._poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._end)


def _whole(data: bytes) -> bool:
    """Say whether the last character is complete."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.end < len(data)
    return True


@pytest.fixture
def watch() -> Iterator[Callable[..., Terminal]]:
    """Return a function that starts ``stepscope watch`` on a terminal of its own."""
    terminals: list[Terminal] = []

    def start(*arguments: str, before: str = "", **options: Any) -> Terminal:  # noqa: ANN401 - those of Terminal
        command = ["-m", "stepscope"]
        if before:  # some code for the same process
            command = ["-c", f"{before}\nimport sys\nfrom stepscope.cli import main\nsys.exit(main())"]
        terminals.append(Terminal([sys.executable, *command, "watch", *arguments], **options))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def shell() -> Iterator[Callable[..., Terminal]]:
    """Return a function that runs a line of a shell on a terminal of its own; ``$WATCH`` is ``stepscope watch``."""
    terminals: list[Terminal] = []

    def start(line: str, **options: Any) -> Terminal:  # noqa: ANN401 - those of Terminal
        variables = {"PYTHON": sys.executable, "WATCH": f"{sys.executable} -m stepscope watch"}
        terminals.append(Terminal(["bash", "-c", line], environment=variables, **options))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def cpu_seconds() -> Callable[[int], float]:
    """Return a function that returns the processor time that a process took."""
    return _cpu_seconds


def _cpu_seconds(pid: int) -> float:
    """Return the processor time that a process took."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="utf-8").split()[0]) / 1e9
