"""Run a command again in a terminal, in which a progress bar draws itself differently."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

__all__ = ["ensure_terminal"]


def ensure_terminal(*, columns: int = 100, lines: int = 30) -> None:
    """Return if standard output is a terminal; otherwise run the same command in one, pass on all it prints, and exit."""
    if sys.stdout.isatty():
        return
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    # The size of the terminal counts only where the environment variables do not set another.
    variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, *sys.orig_argv[1:]],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=variables | {"TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(theirs)
    with contextlib.suppress(OSError):  # how Linux reports that the other end is closed
        while printed := os.read(ours, 1 << 16):
            sys.stdout.buffer.write(printed)
    sys.stdout.flush()
    sys.exit(process.wait())
