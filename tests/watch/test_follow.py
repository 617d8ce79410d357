"""Following files through all that happens to logs; the files, renames and writers are real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope.watch.source import Follow
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Begin = Callable[[Path], Follow]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return the path of a log that does not exist yet."""
    return tmp_path / "train.log"


@pytest.fixture
def follow() -> Iterator[Callable[[Path], Follow]]:
    """Return a function that follows a file; it is closed in the end."""
    sources: list[Follow] = []

    def begin(path: Path) -> Follow:
        sources.append(Follow(path))
        return sources[-1]

    yield begin
    for source in sources:
        source.close()


def all_of(source: Follow, *, seconds: float = 0.0) -> bytes:
    """Return all that comes until nothing does."""
    output = b""
    while data := source.next(seconds):
        output += data
    return output


def test_what_a_file_holds_is_not_live(log: Path, follow: Begin) -> None:
    """Times of arrival mean nothing before the end of what was there is reached."""
    log.write_bytes(b"one\ntwo\n")
    source = follow(log)
    assert (False, 0.0) == (source.live, source.reading)
    assert b"one\ntwo\n" == source.next(0)
    assert (False, 1.0) == (source.live, source.reading)
    assert b"" == source.next(0)
    assert source.live


def test_what_is_appended_comes(log: Path, follow: Begin) -> None:
    """A file that grows is read on, half lines included: whoever puts lines together holds them back."""
    log.write_bytes(b"one\n")
    source = follow(log)
    all_of(source)
    with log.open("ab", buffering=0) as writer:
        for part in (b"tw", b"o\n", b"three\n"):
            writer.write(part)
            assert part == source.next(0)
            assert source.live


def test_a_log_that_does_not_exist_yet_is_waited_for(log: Path, follow: Begin) -> None:
    """One starts to watch before the run; it is said what is waited for, until it is there."""
    source = follow(log)
    assert b"" == source.next(0)
    assert ("waiting for the log, which does not exist yet",) == source.notes
    log.write_bytes(b"one\n")
    assert b"one\n" == source.next(0)
    assert () == source.notes
    assert source.live


def test_even_its_folder_may_come_later(tmp_path: Path, follow: Begin) -> None:
    """A library makes the folder of a run when it starts."""
    source = follow(tmp_path / "runs" / "train.log")
    assert b"" == source.next(0)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "train.log").write_bytes(b"one\n")
    assert b"one\n" == source.next(0)


def test_a_renamed_log_is_read_to_its_end_and_then_the_new_one(log: Path, follow: Begin) -> None:
    """Nothing is lost that the writer still put into the old file."""
    log.write_bytes(b"one\n")
    source = follow(log)
    all_of(source)
    with log.open("ab", buffering=0) as old:
        log.rename(log.with_suffix(".1"))
        old.write(b"two\n")
        log.touch()  # empty: the writer has not come over yet
        assert b"two\n" == all_of(source)
        old.write(b"three\n")
        log.write_bytes(b"four\n")
        assert b"three\nfour\n" == all_of(source)
    assert ("the log was replaced by a new file, which is read on",) == source.notes


def test_a_half_line_of_the_old_log_gets_an_end(log: Path, follow: Begin) -> None:
    """What the new file begins with is no part of it."""
    log.write_bytes(b"one\nfps st")
    source = follow(log)
    all_of(source)
    log.rename(log.with_suffix(".1"))
    log.write_bytes(b"two\n")
    assert b"\ntwo\n" == all_of(source)


def test_a_log_that_is_emptied_is_read_anew(log: Path, follow: Begin) -> None:
    """With copytruncate the writer goes on in the same file, from its beginning if it appends."""
    log.write_bytes(b"one\ntwo")
    source = follow(log)
    all_of(source)
    os.truncate(log, 0)
    with log.open("ab", buffering=0) as writer:
        writer.write(b"3\n")
    assert b"\n3\n" == all_of(source)
    assert ("the log was emptied or overwritten; it is read from its beginning",) == source.notes


def test_a_log_that_was_emptied_and_grew_again_is_noticed(log: Path, follow: Begin) -> None:
    """Between two looks it may have become longer than it was; its size tells nothing then."""
    log.write_bytes(b"one\n" * 10)
    source = follow(log)
    all_of(source)
    log.write_bytes(b"two\n" * 30)
    assert b"two\n" * 30 == all_of(source)


@pytest.mark.parametrize("looked", [True, False])
def test_a_hole_is_no_text(log: Path, follow: Begin, *, looked: bool) -> None:
    """A writer that does not append goes on where it was in the emptied file; what lies before is zeros."""
    with log.open("wb", buffering=0) as writer:
        writer.write(b"one\n" * 5000)
        source = follow(log)
        all_of(source)
        os.truncate(log, 0)
        if looked:
            assert b"" == all_of(source)
        writer.write(b"two\n")
        assert b"two\n" == all_of(source)
        writer.write(b"three\n")
        assert b"three\n" == all_of(source)


def test_a_deleted_log_is_waited_for(log: Path, follow: Begin) -> None:
    """What its writer still prints is read, and a new file when it comes."""
    log.write_bytes(b"one\n")
    source = follow(log)
    all_of(source)
    with log.open("ab", buffering=0) as writer:
        log.unlink()
        assert b"" == source.next(0)
        assert ("the log was deleted; a new one is read when there is one",) == source.notes
        writer.write(b"two\n")
        assert b"two\n" == source.next(0)
    log.write_bytes(b"three\n")
    assert b"three\n" == all_of(source)


def test_a_log_that_comes_back_is_the_same(log: Path, follow: Begin) -> None:
    """Moved away and back, it is no new file, and nothing comes twice."""
    log.write_bytes(b"one\n")
    source = follow(log)
    all_of(source)
    log.rename(log.with_suffix(".1"))
    assert b"" == source.next(0)
    log.with_suffix(".1").rename(log)
    assert b"" == source.next(0)
    assert () == source.notes


def test_a_link_to_the_latest_log_is_followed(tmp_path: Path, follow: Begin) -> None:
    """``latest.log`` often names the log of the newest run."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"{name}\n", encoding="utf-8")
    link = tmp_path / "latest.log"
    link.symlink_to("a")
    source = follow(link)
    assert b"a\n" == all_of(source)
    (tmp_path / "new").symlink_to("b")
    (tmp_path / "new").replace(link)
    assert b"b\n" == all_of(source)


def test_a_folder_is_no_log(tmp_path: Path, follow: Begin) -> None:
    """It is refused at once, for the command to say so."""
    with pytest.raises(IsADirectoryError):
        follow(tmp_path)


def test_it_does_not_wait_longer_than_asked(
    log: Path, follow: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view has to be drawn in the meantime, and whoever waits looks four times a second."""
    clock = VirtualTime()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock.advance(seconds)

    log.touch()
    source = follow(log)
    clock.install(monkeypatch.setattr)
    monkeypatch.setattr(time, "sleep", sleep)
    assert b"" == source.next(0.9)
    assert pytest.approx([0.25, 0.25, 0.25, 0.15]) == pauses


def test_it_tells_how_long_ago_something_was_written(log: Path, follow: Begin) -> None:
    """An old log is known to be silent at once."""
    log.write_bytes(b"one\n")
    an_hour_ago = time.time() - 3600
    os.utime(log, (an_hour_ago, an_hour_ago))
    source = follow(log)
    source.next(0)
    assert 3600 <= source.age < 4200


def test_it_lets_go_of_the_file(log: Path, follow: Begin) -> None:
    """WatchLoop for days must not keep every file open that had the name."""
    log.write_bytes(b"one\n")
    source = follow(log)
    open_files = Path("/proc/self/fd")
    if not open_files.exists():
        pytest.skip("counts open files in /proc")
    before = len(list(open_files.iterdir()))
    for number in range(5):
        all_of(source)
        log.rename(log.with_suffix(f".{number}"))
        log.write_bytes(b"two\n")
    all_of(source)
    assert before == len(list(open_files.iterdir()))
    source.close()
    assert before - 1 == len(list(open_files.iterdir()))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "write", "rotate", "look"]),
            st.binary(max_size=30).map(lambda text: text.replace(b"\n", b" ") + b"\n"),
        )
    )
)
def test_nothing_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, bytes]]
) -> None:
    """However writing, rotating and looking follow each other, all lines come once and in order."""
    log = tmp_path_factory.mktemp("logs") / "train.log"
    log.touch()
    source = Follow(log)
    written = output = b""
    for number, (action, line) in enumerate(actions):
        if action == "write":
            with log.open("ab") as writer:
                writer.write(line)
            written += line
        elif action == "rotate" and log.stat().st_size:
            output += all_of(source)  # a log that is rotated twice between two looks cannot be followed
            log.rename(log.with_suffix(f".{number}"))
            log.touch()
        else:
            output += source.next(0) or b""
    output += all_of(source)
    source.close()
    assert written == output


_WRITER = """
import logging, logging.handlers, sys
handler = logging.handlers.RotatingFileHandler(sys.argv[1], maxBytes=20_000, backupCount=1000)
log = logging.getLogger("train")
log.addHandler(handler)
for number in range(int(sys.argv[2])):
    if number % 200 == 0:
        print(number, flush=True)
        input()
    log.warning("epoch: %d/%s", number, sys.argv[2])
"""


def test_a_log_that_python_rotates_is_followed(log: Path, follow: Begin) -> None:
    """A writer in a process of its own renames its log dozens of times while it is read.

    It waits for the reader now and then: a file that comes and goes between two looks is lost to anybody.
    """
    source = follow(log)
    command = [sys.executable, "-c", _WRITER, str(log), "20000"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        output = b""
        while writer.stdout.readline():
            output += all_of(source)
            writer.stdin.write(b"go on\n")
            output += source.next(0.001) or b""  # while it writes
        output += all_of(source)
    lines = [int(line.split(b" ")[1].split(b"/")[0]) for line in output.splitlines()]
    assert list(range(20_000)) == lines
    assert len(list(log.parent.iterdir())) > 10


def test_a_reader_that_waits_hears_of_a_line(log: Path, follow: Begin) -> None:
    """A line that is written while nothing happens comes."""
    log.touch()
    source = follow(log)
    source.next(0)

    def write() -> None:
        time.sleep(0.3)
        log.write_bytes(b"one\n")

    thread = threading.Thread(target=write)
    thread.start()
    assert b"one\n" == source.next(300)
    thread.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_a_log_that_becomes_a_pipe_keeps_nobody_waiting(log: Path) -> None:
    """To open one waits for its writer, and no signal would be taken meanwhile."""
    command = [sys.executable, "-m", "stepscope", "watch", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        patience = threading.Timer(60, process.kill)
        patience.start()
        os.mkfifo(log)
        assert "it has become a pipe" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        patience.cancel()
    assert 130 == process.returncode
