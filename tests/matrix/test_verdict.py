"""The verdict on a recording: what is wrong with it is told, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib import metadata

import pytest

from matrix.__main__ import main
from matrix._run import RECORDINGS
from matrix._verdict import check_iterations, describe_difference, read_recording
from matrix._versions import Variant
from stepscope.logs import Record, reads
from stepscope.recordings import Recording

FOLDER = RECORDINGS / "rsl_rl" / metadata.version("rsl-rl-lib")


def recorded(name: str) -> tuple[bytes, Recording, Variant]:
    """Return a recording of the installed release as if it had just been made."""
    path = FOLDER / f"{name}.txt"
    recording = Recording(**json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    return path.read_bytes(), recording, Variant(name=name, settings=recording.settings)


@pytest.mark.parametrize("name", ["default", "diverged"])
def test_a_good_recording_has_no_fault(name: str) -> None:
    """A run that ended well, and one that failed and shows its failure."""
    text, recording, variant = recorded(name)

    reading = read_recording(text, recording, variant)
    assert ((), 0) == (reading.problems, reading.unrecognised)
    assert describe_difference(FOLDER / f"{name}.txt", text, recording) is None


@pytest.mark.parametrize(
    ("name", "was", "becomes", "message"),
    [
        ("default", rb"Learning iteration 4/", b"Learning iteration 5/", "the numbers of its iterations are"),
        ("default", rb"(?s)\A.*?(#{80}\n.{4} +Learning iteration 2/)", rb"\1", "the numbers of its"),
        ("default", rb"(?s)#{80}\n\x1b\[1m +Learning iteration 11/.*", b"", "11 of 12 iterations"),
        ("default", rb"\Z", b"Nobody prints this\n", "1 record unrecognised, the first 'Nobody"),
        ("default", rb"\Z", b'Traceback (most recent call last):\n  File "x"\nE: y\n', "1 failures are read"),
        ("diverged", rb"(?s)Traceback.*", b"", "the exit status is 1 and 0 failures are read"),
    ],
)
def test_a_fault_is_told(name: str, was: bytes, becomes: bytes, message: str) -> None:
    """Iterations that are missing or numbered otherwise, text that nothing reads, and a failure too many or too few."""
    text, recording, variant = recorded(name)
    changed = re.sub(was, becomes, text, count=1)

    assert text != changed
    assert message in "; ".join(read_recording(changed, recording, variant).problems)


def test_a_second_training_may_begin_its_numbers_anew() -> None:
    """Only where the list says that there are two, and without skipping any."""
    text, recording, _ = recorded("continued")
    records = list(reads(text.decode()))

    assert [] == check_iterations(records, recording.settings, runs=2)
    assert ["the numbers of its iterations are 0, 1, 2, 3, 3, 4, 5"] == check_iterations(
        records, recording.settings
    )


def test_fewer_iterations_are_allowed_where_something_else_may_end_the_run() -> None:
    """And more than were asked for nowhere."""
    text, recording, _ = recorded("default")
    records = list(reads(text.decode()))
    more, fewer = recording.settings | {"iterations": 20}, recording.settings | {"iterations": 6}

    assert ["12 of 20 iterations are read"] == check_iterations(records, more)
    assert [] == check_iterations(records, more, ends_early=True)
    assert ["12 of 6 iterations are read"] == check_iterations(records, fewer, ends_early=True)


def test_a_difference_is_told_in_one_sentence() -> None:
    """The first line that differs, and how many more there are; an exit status before any line."""
    text, recording, _ = recorded("default")
    changed = text.replace(b"Mean reward:", b"Mean return:").replace(b"ETA:", b"Time left:")
    failed = Recording(**{**vars(recording), "exit_code": 3})

    message = describe_difference(FOLDER / "default.txt", changed, recording) or ""
    assert "recorded 'Mean reward: …', printed now 'Mean return: …', and 1 more such" in message
    assert "it ended with exit status 3 instead of 0" == describe_difference(
        FOLDER / "default.txt", text, failed
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["gymnasium"], "'gymnasium' is not one of"), (["rsl_rl", "0.1"], "rsl_rl 0.1 is not in")],
)
def test_what_is_not_listed_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence and exit status 2."""
    assert 2 == main(arguments)
    assert message in capsys.readouterr().err


def test_processes_that_print_at_the_same_time_are_compared_by_how_they_ended() -> None:
    """Neither the order of their lines counts nor how many of them fail, as long as one does."""
    text, recording, variant = recorded("diverged")
    path = FOLDER / "diverged.txt"
    start = text.index(b"Traceback (most")
    two = replace(variant, processes=2)

    assert () == read_recording(text + text[start:], recording, two).problems
    assert read_recording(text + text[start:], recording, variant).problems
    assert describe_difference(path, text[start:], recording, processes=2) is None
    assert describe_difference(path, text[start:], replace(recording, exit_code=0), processes=2) is not None


def test_iterations_may_be_printed_once_in_so_many() -> None:
    """Then each number is so much above the one before, and so many times as many iterations are read."""
    numbers = range(100, 400, 100)
    records = [Record(kind="iteration", iteration=number, span=(0, 0)) for number in numbers]
    settings = {"num_envs": 1, "horizon": 1, "iterations": 300}

    assert [] == check_iterations(records, settings, every=100)
    assert ["the numbers of its iterations are 100, 300"] == check_iterations(
        records[::2], settings, every=100
    )
    assert ["200 of 300 iterations are read"] == check_iterations(records[:2], settings, every=100)
