"""Ways in, accounting for every byte, and which library a record counts to."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from collections import deque
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope.logs import Record, library_name, read, reads
from stepscope.logs._read import stream
from stepscope.logs._table import table
from stepscope.runs._summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_RECORDINGS = sorted(Path(__file__).parents[2].glob("recordings/*/*/*.txt"))
_EPOCH = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/2 frames: 0\n"
_LONG = b"9" * 350  # more than a float holds
_TRICKS = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"\x1b[1m",
        b"\x1b[",
        b"\x00",
        b"\xff\xfe",
        b"-" * 40 + b"\n",
        b"#" * 80 + b"\n",
        b"Traceback (most recent call last):\n",
        b'  File "a.py", line 1, in f\n',
        b"ValueError: x\n",
        b"| time/ | |\n",
        b" 40%|####      | 64/160 [00:00<00:00, 570.95it/s]",
        b"      Learning iteration 3/4 \n",
        b"                Mean reward: nan\n",
        _EPOCH.encode(),
        b"\xef\xbb\xbf",
        _LONG,
        re.sub(rb"\d", _LONG, _EPOCH.encode()),
        re.sub(rb"[978]", _LONG, _EPOCH.encode()),
        b"      Learning iteration 3/4 \n  Mean reward: %b\n  Collection time: %bs\n" % (_LONG, _LONG),
        b"  Steps per second: %b\n  Total steps: %b\n" % (_LONG, _LONG),
        b" 40%%|####      | 64/160 [00:00<00:00, %bit/s]\n" % _LONG,
        b"-" * 362 + b"\n| time/fps | %b |\n" % _LONG[:347],
    ]
)


@st.composite
def _logs(draw: st.DrawFn) -> bytes:
    """Draw pieces of real logs, cut anywhere, mixed with each other and with whatever breaks readers."""
    parts = []
    for _ in range(draw(st.integers(0, 8))):
        if _RECORDINGS and draw(st.booleans()):
            data = draw(st.sampled_from(_RECORDINGS)).read_bytes()
            start = draw(st.integers(0, max(0, len(data) - 1)))
            parts.append(data[start : start + draw(st.integers(0, 1500))])
        else:
            parts.append(draw(_TRICKS | st.binary(max_size=30)))
    return b"".join(parts)


@settings(max_examples=300, deadline=None)
@given(data=_logs(), size=st.integers(1, 2000))
def test_every_byte_is_accounted_for(
    accounted: Callable[[Iterable[Record], int], list[Record]], data: bytes, size: int
) -> None:
    """However logs are cut, mixed or damaged, and however they arrive, spans cover them and JSON stays strict."""
    at_once = accounted(read(io.BytesIO(data)), len(data))
    in_parts = accounted(stream(data[at : at + size] for at in range(0, len(data), size)), len(data))
    assert [record.to_json() for record in at_once] == [record.to_json() for record in in_parts]


@settings(max_examples=300, deadline=None)
@given(data=_logs(), everything=st.booleans())
def test_whatever_is_read_can_be_shown(data: bytes, *, everything: bool) -> None:
    """A table and a summary of any records are lines of text, numbers beyond every bound included."""
    summary = Summary("a.log")
    lines = list(table(summary.tee(read(io.BytesIO(data))), everything=everything))
    said = [*summary.sentences(), summary.problem() or ""]
    assert all(line == line.rstrip() and "\n" not in line for line in lines)
    assert all("\n" not in sentence for sentence in said)


@pytest.mark.parametrize(
    "line",
    [
        _EPOCH,
        "Traceback (most recent call last):\nValueError: x\n",
        "\r 40%|####      | 64/160 [00:00<00:00, 570.95it/s]",
        "Using cpu device",
    ],
)
def test_a_byte_order_mark_hides_nothing(line: str) -> None:
    """A file of Windows starts with three bytes that belong to its first record and change nothing in it."""
    [plain] = read(io.BytesIO(line.encode()))
    [marked] = read(io.BytesIO(line.encode("utf-8-sig")))
    assert replace(plain, span=(0, len(line) + 3)) == marked


def test_a_last_line_with_colours_is_not_shortened() -> None:
    """Only a line of which bytes were left out ends in an ellipsis."""
    [record] = read(io.BytesIO(b"\x1b[31mred\x1b[0m"))
    assert "red" == record.text


@given(st.text())
def test_spans_of_text_count_its_bytes(text: str) -> None:
    """Text that was decoded has spans in its UTF-8 bytes, lone surrogates included."""
    size = len(text.encode(errors="surrogatepass"))
    assert size == max((record.span[1] for record in read(io.StringIO(text, newline=""))), default=0)
    assert size == max((record.span[1] for record in reads(text)), default=0)


def test_every_kind_of_source_reads_the_same(tmp_path: Path) -> None:
    """A path, its name, an open file and text at hand give equal records."""
    path = tmp_path / "log.txt"
    path.write_text(_EPOCH, encoding="utf-8")
    expected = list(reads(_EPOCH))
    with path.open("rb") as binary, path.open(encoding="utf-8") as text:
        for source in (path, str(path), binary, text, io.BytesIO(_EPOCH.encode()), io.StringIO(_EPOCH)):
            assert expected == list(read(source))
    assert expected == list(reads(_EPOCH.encode()))


@pytest.mark.parametrize("source", [b"", b"\n", b"\r\n \n"])
def test_a_log_of_nothing(source: bytes) -> None:
    """An empty log has no records; blank lines alone are one message."""
    assert ["message"] * bool(source) == [record.kind for record in read(io.BytesIO(source))]


def test_a_last_line_without_an_end_may_lack_digits() -> None:
    """A file may have been cut inside its last number; text at hand is complete."""
    line = _EPOCH.removesuffix("\n")
    assert [None] == [record.env_steps for record in read(io.StringIO(line))]
    assert [0] == [record.env_steps for record in reads(line)]


def test_blank_lines_go_up_and_separators_go_down() -> None:
    """Neither is a record of its own, unless there is nothing to go with."""
    text = f"\n{_EPOCH}\n\n====\n\nStarted to train\n----\n"
    records = list(reads(text))
    pieces = [text[start:end] for start, end in (record.span for record in records)]
    assert [f"\n{_EPOCH}\n\n", "====\n\nStarted to train\n", "----\n"] == pieces
    assert ["iteration", "message", "message"] == [record.kind for record in records]


def test_lines_before_the_first_known_one_count_to_its_library() -> None:
    """A run starts with lines of the simulator and of Python; the library shows only later."""
    records = list(reads(f"simulator ready\n{_EPOCH}what\nUsing cpu device\nwhat\n"))
    assert ["rl_games", "rl_games", "rl_games", "sb3", "sb3"] == [record.library for record in records]
    assert ["unrecognised", "iteration", "unrecognised"] == [record.kind for record in records[:3]]


def test_only_so_much_waits_for_a_library() -> None:
    """What lies far before the first known line is not held back, and its library stays open."""
    records = list(reads("x" * 999 + "\n" + f"{'y' * 999}\n" * 999 + _EPOCH))
    named = [record.library == "rl_games" for record in records]
    assert (False, True) == (named[0], named[-2])
    assert 1 == sum(before != after for before, after in pairwise(named))


def test_an_unrecognised_line_keeps_its_text() -> None:
    """Bytes that are not UTF-8 and control codes become readable, and a long line is shortened."""
    [odd, long] = reads(b"caf\xe9 \x1b[31m\x07red\n" + b"x" * 10**6)
    assert ("unrecognised", "caf\N{REPLACEMENT CHARACTER} red") == (odd.kind, odd.text)
    assert long.text is not None
    assert (True, 2**16 + 1) == (long.text.endswith("x…"), len(long.text))


_HOSTILE = {
    "letters": b"x",
    "spaces": b" ",
    "escapes": b"\x1b[",
    "titles": b"\x1b]",
    "dashes": b"-",
    "digits": b"1",
    "bars": b" 40%|",
    "rows": b"| ",
    "labels": b": ",
    "rates": b"fps step: ",
    "tracebacks": b"Traceback (most recent call last):",
    "ranks": b"[a] ",
    "warnings": b":1: a.Warning",
    "labels of RSL-RL": b"\n   Learning iteration 0/1 \n" + (b"  %b: 1\n" % (b"a" * 200)) * 4000,
    "keys of SB3": b"\n%b\n" % (b"-" * 206) + (b"| %b | 1 |\n" % (b"a" * 198)) * 4000,
}


@pytest.mark.parametrize(
    "before", [b"", b"fps step: 1 fps step and policy inference: 1 fps total: ", b"| ", b"\x1b]", b" "]
)
@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_log_takes_linear_time(name: str, before: bytes) -> None:
    """Four megabytes are read in a moment, be they one line or one label again and again."""
    data = before + _HOSTILE[name] * (4_000_000 // len(_HOSTILE[name]))
    if (long := _processor_seconds(data)) > 2:  # a slow machine, or time that is not linear
        short = min(_processor_seconds(data[: len(data) // 4]) for _ in range(3))
        long = min(_processor_seconds(data) for _ in range(3))
        assert long < 8 * short  # a square would be sixteen times as much


def _processor_seconds(data: bytes) -> float:
    started = time.process_time()
    last = deque(read(io.BytesIO(data)), maxlen=1)[0]
    assert len(data) == last.span[1]
    return time.process_time() - started


_MEASURE = """
import resource, sys
from stepscope.logs import read
count = sum(record.kind == "iteration" for record in read(sys.argv[1]))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_a_long_log_is_read_in_constant_memory(tmp_path: Path) -> None:
    """A hundred megabytes take no more memory than two."""
    pytest.importorskip("resource", reason="peak memory is asked of a Unix system")
    extras = "".join(f"    Episode_Reward/term_{index}: 0.5\n" for index in range(200))
    block = f"{_EPOCH}{'#' * 80}\n  Learning iteration 0/2 \n\n{extras}   ETA: 0:00:00\n\nanything else\n".encode()
    peaks = []
    for megabytes in (2, 100):
        path = tmp_path / "log.txt"
        repeats = megabytes * 10**6 // len(block) + 1
        with path.open("wb") as file:
            for _ in range(repeats):
                file.write(block)
        run = subprocess.run(
            [sys.executable, "-c", _MEASURE, str(path)], capture_output=True, text=True, check=True
        )
        count, peak = map(int, run.stdout.split())
        assert 2 * repeats == count
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 4 * 1024  # KiB


def test_strict_json_has_the_fields_of_the_schema() -> None:
    """A program that reads the JSON finds every field, absent ones as null and NaN as a word."""
    [record] = reads("saving next best rewards:  [nan]\n")
    fields = json.loads(record.to_json(), parse_constant=pytest.fail)
    names = "schema library kind rank run iteration iterations env_steps fps seconds reward episode_length metrics derived text span"
    assert names.split() == list(fields)
    assert (1, "rl_games", None, "nan", [0, 33]) == tuple(
        fields[name] for name in ("schema", "library", "rank", "reward", "span")
    )
    assert {"step": None, "rollout": None, "total": None, "cumulative": None} == fields["fps"]
    assert dict.fromkeys(["collect", "learn", "iteration", "elapsed", "eta"]) == fields["seconds"]


def test_libraries_have_names() -> None:
    """A table or a sentence calls a library what its authors call it."""
    names = [library_name(key) for key in ("rl_games", "rsl_rl", "skrl", "sb3")]
    assert ["RL-Games", "RSL-RL", "skrl", "Stable-Baselines3"] == names


def test_reading_needs_the_standard_library_only() -> None:
    """The reader runs in a browser, so it imports nothing that is installed."""
    program = (
        "import sys; import stepscope.logs; from stepscope.logs import reads; list(reads('x'));"
        "print(sorted(m for m in {n.partition('.')[0] for n in sys.modules}"
        " - set(sys.stdlib_module_names) - {'__main__', 'stepscope'} if not m.startswith('_')))"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-c", _WITH_PATH + program], capture_output=True, text=True, check=True
    )
    assert "[]" == run.stdout.strip()


# Without site-packages the version of this package is unknown; its source is all that a reader of logs needs.
_WITH_PATH = f"""
import importlib.metadata, sys
importlib.metadata.version = lambda _: "0"
sys.path.insert(0, {str(Path(__file__).parents[2] / "src")!r})
"""
