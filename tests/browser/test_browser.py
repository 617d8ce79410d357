"""What the tools of the site call, without a browser: the same answers as the functions of the command line."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from stepscope.browser import BrowserFile, compare_logs, read_log, write_csv, write_json
from stepscope.errors import BadInputError
from stepscope.logs import read, reads

RECORDINGS = Path(__file__).parents[2] / "recordings"
LOGS = sorted(RECORDINGS.glob("*/*/*.txt"))


def _file(content: bytes, *, name: str = "train.log", complete: bool = False) -> BrowserFile:
    return BrowserFile(name, len(content), lambda begin, end: content[begin:end], complete=complete)


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.relative_to(RECORDINGS).as_posix())
def test_each_recording_is_read_as_a_file_is(path: Path) -> None:
    """The records are those of the reader, and what the page gets is strict JSON."""
    content = path.read_bytes()
    lines: list[str] = []
    write_json(_file(content), lines.append)
    assert "".join(lines) == "".join(record.to_json() + "\n" for record in read(path))
    json.dumps(read_log(_file(content)), allow_nan=False)


def test_pasted_text_is_complete() -> None:
    """Its last line needs no end, as for `reads`."""
    bar = b" 40%|####      | 64/160 [00:00<00:00, 570.95it/s]"
    [record] = _file(bar, complete=True).records()
    assert record.metrics == {"it/s": 570.95}
    assert [record] == [*reads(bar)]


def test_a_large_log_is_read_in_slices() -> None:
    """No slice is as large as the log, and together they are the log."""
    line = b"nefc overflow - please increase njmax to 8\n"
    content = line * 20_000
    slices: list[tuple[int, int]] = []

    def read_slice(begin: int, end: int) -> bytes:
        slices.append((begin, end))
        return content[begin:end]

    done: list[int] = []
    log = BrowserFile("train.log", len(content), read_slice, progress=done.append)
    assert sum(1 for _ in log.records()) == 20_000
    assert max(end - begin for begin, end in slices) < len(content) / 2
    assert slices[0][0] == 0
    assert slices[-1][1] == len(content)
    assert all(one[1] == other[0] for one, other in itertools.pairwise(slices))
    assert done == [begin for begin, _ in slices]


def test_curves_hold_every_value_of_a_short_log() -> None:
    """Against the numbers in the text itself."""
    path = RECORDINGS / "rsl_rl/5.5.1/default.txt"
    printed = [float(value) for value in re.findall(r"Mean reward: (\S+)", path.read_text("utf-8"))]
    [run] = read_log(_file(path.read_bytes()))["runs"]  # type: ignore[misc]
    panels = {panel["title"]: panel for panel in run["panels"]}
    assert panels["Reward"]["curves"][0]["y"] == printed
    losses = {curve["name"] for curve in panels["Losses"]["curves"]}
    assert losses == {"Mean value loss", "Mean surrogate loss", "Mean entropy loss"}


def test_a_curve_says_where_nan_begins() -> None:
    """A gap alone could be a value that was not printed."""
    log = b"".join(
        b"fps step: 9 fps step and policy inference: 8 fps total: 4 epoch: %d/9 frames: %d\n"
        b"saving next best rewards:  [%s]\n" % (number, number, reward)
        for number, reward in enumerate([b"1.5", b"2.5", b"nan", b"nan"], 1)
    )
    [run] = read_log(_file(log))["runs"]  # type: ignore[misc]
    rewards = [curve for panel in run["panels"] if panel["title"] == "Reward" for curve in panel["curves"]]
    assert [value for curve in rewards for value in curve["y"] if value is not None] == [1.5, 2.5]


def test_an_issue_folds_lines_that_differ_only_in_their_numbers() -> None:
    """Hundreds of overflow warnings would hide what else is there, and be too long to post."""
    path = RECORDINGS / "isaaclab/3.0.0/overflow_unbuffered.txt"
    [run] = read_log(_file(path.read_bytes()))["runs"]  # type: ignore[misc]
    assert run["issue"].count("nefc overflow") < 60
    assert "more lines that differ only in their numbers" in run["issue"]
    assert len(run["issue"]) < 10_000


def test_an_issue_has_no_names_of_people() -> None:
    """Home directories of any system become a tilde."""
    log = (
        b"Using cpu device\nTraceback (most recent call last):\n"
        b'  File "/home/ada/train.py", line 3, in <module>\n  File "C:\\Users\\ada\\x.py", line 4, in f\n'
        b"ValueError: no such file: /Users/ada/robots\n"
    )
    [run] = read_log(_file(log))["runs"]  # type: ignore[misc]
    assert "ada" not in run["issue"]
    assert "~/train.py" in run["issue"]


def test_a_fence_is_longer_than_any_in_the_log() -> None:
    """Else the log would end the block of code, and be read as Markdown."""
    log = b"Using cpu device\n````\nTraceback (most recent call last):\nValueError: ````` x\n"
    [run] = read_log(_file(log))["runs"]  # type: ignore[misc]
    fences = re.findall(r"(?m)^(`{3,})(?:text)?$", run["issue"])
    assert len(fences[0]) == max(map(len, fences)) > 5


def test_of_many_runs_those_that_went_wrong_are_shown() -> None:
    """A log of hundreds of restarts does not fill the page; the failed one is there."""
    good = (RECORDINGS / "rl_games/1.6.5/default.txt").read_bytes()
    bad = (RECORDINGS / "rl_games/1.6.5/diverged.txt").read_bytes()
    page = read_log(_file(good * 20 + bad))
    runs = page["runs"]
    assert isinstance(runs, list)
    assert len(runs) == 12
    assert page["more_runs"] == 9
    assert [run["run"] for run in runs if run["wrong"]] == [21]


def test_what_is_no_log_has_a_problem_and_no_runs() -> None:
    """The sentence is that of the command line."""
    page = read_log(_file(b"hello\n", name="notes.txt"))
    assert str(page["problem"]).startswith("notes.txt has no line that")
    assert page["runs"] == []


def test_logs_without_anything_in_common_are_not_compared() -> None:
    """The page says why."""
    skrl = (RECORDINGS / "skrl/2.1.1/default.txt").read_bytes()
    empty = compare_logs([_file(skrl), _file(b"")])
    assert "is empty" in str(empty["problem"])


def test_a_comparison_tells_when_a_reward_was_reached() -> None:
    """In a row of its own, with a cell for each run."""
    logs = [
        _file((RECORDINGS / f"{name}.txt").read_bytes(), name=name)
        for name in ("rsl_rl/5.5.1/extras", "sb3/2.9.2/default")
    ]
    rows = compare_logs(logs, until=50.0)["rows"]
    assert isinstance(rows, list)
    assert any("50" in label and len(cells) == 2 for label, *cells in rows)


def test_of_many_runs_a_comparison_shows_some_of_each_log() -> None:
    """A table with hundreds of columns says nothing; a note says how many are missing."""
    log = (RECORDINGS / "rsl_rl/5.5.1/default.txt").read_bytes()
    compared = compare_logs([_file(log * 30, name="a.log"), _file(log, name="b.log")])
    assert compared["names"] == [*(f"a.log run {run}" for run in range(1, 7)), "b.log"]
    notes = compared["notes"]
    assert isinstance(notes, list)
    assert notes[0].startswith("a.log holds 24 more runs")


def test_a_page_names_no_option_of_the_command() -> None:
    """What an option does, the page has a field for."""
    logs = [
        _file((RECORDINGS / f"{name}/default.txt").read_bytes()) for name in ("rsl_rl/5.5.1", "skrl/2.1.1")
    ]
    problem = str(compare_logs(logs)["problem"])
    assert "fill in the number of environments" in problem
    assert "--" not in problem


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_of_environments_is_at_least_one(number: int) -> None:
    """As for every other way to read a log."""
    with pytest.raises(BadInputError, match="at least 1"):
        read_log(_file((RECORDINGS / "skrl/2.1.1/default.txt").read_bytes()), num_envs=number)


def test_losses_beyond_what_can_be_drawn_are_left_out() -> None:
    """The scale of an axis would overflow; NaN has a mark of its own."""
    text = (RECORDINGS / "rsl_rl/5.5.1/default.txt").read_text("utf-8")
    values = iter(["1e308", "-1e308", "nan"])
    text = re.sub(r"(?<=Mean value loss: )\S+", lambda found: next(values, found[0]), text)
    [run] = read_log(_file(text.encode()))["runs"]  # type: ignore[misc]
    [losses] = [panel for panel in run["panels"] if panel["title"] == "Losses"]
    [curve] = [curve for curve in losses["curves"] if curve["name"] == "Mean value loss"]
    assert max(abs(value) for value in curve["y"] if value is not None) < 1e36
    assert curve["not_finite_from"] == 2


def test_a_table_has_a_row_for_each_iteration() -> None:
    """And a header."""
    path = RECORDINGS / "sb3/2.9.2/default.txt"
    parts: list[str] = []
    write_csv(_file(path.read_bytes()), parts.append)
    header, *rows = "".join(parts).splitlines()
    assert "fps.cumulative" in header.split(",")
    assert len(rows) == path.read_text("utf-8").count("total_timesteps")
