"""Reading pipes without waiting."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from stepscope.watch.source import Pipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONG = 300.0  # seconds after which something hangs, be the machine as busy as it may


@pytest.fixture
def ends() -> Iterator[tuple[Pipe, int]]:
    """Return the reader of a pipe, and the end that is written to."""
    reading, writing = os.pipe()
    pipe = Pipe(lambda: reading, note="waiting")
    yield pipe, writing
    with contextlib.suppress(OSError):  # the test closed it
        os.close(writing)
    all_of(pipe)  # else its thread may read on from whatever gets the same descriptor next
    os.close(reading)


def all_of(pipe: Pipe) -> bytes:
    """Return all that comes until the end."""
    output = b""
    while (data := pipe.next(_LONG)) is not None:
        output += data
    return output


def test_what_is_written_comes_at_once(ends: tuple[Pipe, int]) -> None:
    """And nothing where there is nothing, after the time that was given."""
    pipe, writing = ends
    assert ("waiting",) == pipe.notes
    began = time.monotonic()
    assert b"" == pipe.next(0.2)
    assert 0.2 <= time.monotonic() - began < _LONG
    os.write(writing, b"one\n")
    assert b"one\n" == pipe.next(_LONG)
    assert () == pipe.notes


def test_the_end_is_told_again_and_again(ends: tuple[Pipe, int]) -> None:
    """After the writer closed its end there is nothing more, however often one asks."""
    pipe, writing = ends
    os.write(writing, b"one")
    os.close(writing)
    assert b"one" == all_of(pipe)
    assert pipe.next(_LONG) is None


def test_much_passes_in_order(ends: tuple[Pipe, int]) -> None:
    """Sixteen megabytes come as they were written."""
    pipe, writing = ends
    data = os.urandom(1 << 20) * 16

    def write() -> None:
        with os.fdopen(writing, "wb", closefd=False) as file:
            file.write(data)
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    output = all_of(pipe)
    thread.join()
    assert data == output


def test_a_reader_that_is_slow_makes_the_writer_wait(ends: tuple[Pipe, int]) -> None:
    """Memory does not grow with what nobody has looked at yet."""
    pipe, writing = ends
    os.set_blocking(writing, False)
    written = refused = 0
    while refused < 50:
        try:
            written += os.write(writing, bytes(1 << 16))
        except BlockingIOError:
            refused += 1
            time.sleep(0.01)
    assert written <= (16 + 1 + 16) * (1 << 16)  # ahead, at hand, and in the pipe itself
    os.set_blocking(writing, True)
    os.close(writing)
    assert written == len(all_of(pipe))


def test_an_error_is_raised_where_it_can_be_caught(tmp_path: Path) -> None:
    """It happens in another thread, where nobody would hear of it."""
    folder = os.open(tmp_path, os.O_RDONLY)
    pipe = Pipe(lambda: folder, note="")
    with pytest.raises(IsADirectoryError):
        pipe.next(_LONG)
    assert pipe.next(_LONG) is None
    os.close(folder)


def test_the_writer_of_a_named_pipe_may_come_late(tmp_path: Path) -> None:
    """Opening one waits for the other side; the view does not."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    pipe = Pipe(lambda: os.open(path, os.O_RDONLY), note="waiting")
    assert b"" == pipe.next(0.1)
    path.write_bytes(b"one\n")
    assert b"one\n" == all_of(pipe)


def test_what_still_comes_after_ctrl_c_is_read(ends: tuple[Pipe, int]) -> None:
    """Ctrl-C goes to the run as well, whose last words are worth reading; a second one means us."""
    pipe, writing = ends
    assert not pipe.handle_signal(signal.SIGINT)
    os.write(writing, b"KeyboardInterrupt\n")
    assert b"KeyboardInterrupt\n" == pipe.next(_LONG)
    assert "interrupted" in pipe.notes[0]
    assert pipe.handle_signal(signal.SIGINT)


def test_other_signals_end_it_at_once(ends: tuple[Pipe, int]) -> None:
    """Whoever terminates the view preferred it gone."""
    assert ends[0].handle_signal(signal.SIGTERM)
