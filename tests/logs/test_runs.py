"""Which process and which run a record belongs to, and what follows from two iterations."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest

from stepscope.logs import Record, read, reads

_ROOT = Path(__file__).parents[2] / "recordings"


def _epoch(epoch: int, frames: int | None = None) -> str:
    counted = "" if frames is None else f" frames: {frames}"
    return f"fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: {epoch}/9{counted}\n"


def _block(iteration: int, *, planned: int = 9, elapsed: str = "00:00:01", eta: str = "00:00:09") -> str:
    return (
        f"{'#' * 80}\n  Learning iteration {iteration}/{planned} \n\n"
        f"{'Computation:':>35} 64 steps/s (collection: 0.500s, learning 0.500s)\n"
        f"{'Time elapsed:':>35} {elapsed}\n{'ETA:':>35} {eta}\n\n"
    )


def _table(iterations: int, steps: int, *, fps: int, elapsed: int) -> str:
    rows = {"fps": fps, "iterations": iterations, "time_elapsed": elapsed, "total_timesteps": steps}
    lines = ["| time/              |         |"] + [
        f"|    {key:<15} | {value:<7} |" for key, value in rows.items()
    ]
    dashes = "-" * len(lines[0])
    return "\n".join([dashes, *(line.ljust(len(dashes)) for line in lines), dashes, ""])


def _iterations(records: list[Record]) -> list[Record]:
    return [record for record in records if record.kind == "iteration"]


def test_a_count_that_starts_again_is_another_run() -> None:
    """Logs of a sweep that were put into one file."""
    assert [1, 1, 2, 2, 3] == [record.run for record in reads("".join(map(_epoch, [1, 2, 1, 2, 2])))]


def test_the_first_words_of_a_run_belong_to_it() -> None:
    """What a library says before it trains counts to what it then trains."""
    records = list(
        reads(f"self.seed = 1\nStarted to train\n{_epoch(1)}self.seed = 1\nStarted to train\n{_epoch(1)}")
    )
    assert [1, 1, 1, 2, 2, 2] == [record.run for record in records]


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("rl_games/1.6.5/resumed", 2),
        ("rsl_rl/5.5.1/continued", 2),
        ("rsl_rl/5.5.1/resumed", 2),
        ("rsl_rl/2.1.2/resumed", 2),
        ("sb3/2.9.2/resumed", 2),
        ("rsl_rl/5.5.1/default", 1),
        ("skrl/2.1.1/default", 1),
        ("skrl/2.1.1/step_trainer", 1),
        ("sb3/2.9.2/evaluation", 1),
        ("sb3/2.9.2/several_tables", 1),
        ("rl_games/1.6.5/ranks", 1),
    ],
)
def test_recorded_runs_are_told_apart(name: str, runs: int) -> None:
    """As many runs as were trained."""
    assert set(range(1, runs + 1)) == {record.run for record in read(_ROOT / f"{name}.txt")}


@pytest.mark.parametrize(("prefix", "rank"), [("[rank3]: ", 3), ("[default1]:", 1), ("[worker12]:", 12)])
def test_a_prefix_names_the_rank(prefix: str, rank: int) -> None:
    """What stands behind it is read as if it were not there."""
    lines = _epoch(1) + _block(0)
    plain = [record.to_dict() for record in reads(lines)]
    told = [
        record.to_dict()
        for record in reads("".join(prefix + line for line in lines.splitlines(keepends=True)))
    ]
    for one, other in zip(plain, told, strict=True):
        assert {**one, "rank": rank, "span": None} == {**other, "span": None}


def test_a_message_may_name_the_rank() -> None:
    """The libraries say it when they start."""
    lines = ["global_rank = 1 local_rank = 1 world_size = 2", "Synchronizing parameters for rank 0..."]
    assert [1, 0] == [record.rank for record in reads("\n".join(lines))]


def test_interleaved_lines_of_two_ranks() -> None:
    """Both tracebacks are whole, and no byte is lost or counted twice."""
    said = [
        "Traceback (most recent call last):",
        '  File "a.py", line 1, in f',
        "    g()",
        "ValueError: no {}",
    ]
    text = "".join(f"[rank{rank}]: {line.format(rank)}\n" for line in said for rank in (0, 1))
    records = list(reads(text))
    failures = {record.rank: record.text for record in records if record.kind == "failure"}
    assert {rank: "\n".join(said).format(rank) for rank in (0, 1)} == failures
    assert [0, *(record.span[1] for record in records)] == [
        *(record.span[0] for record in records),
        len(text),
    ]


def test_a_line_of_another_stream_does_not_end_a_block() -> None:
    """Warnings of the simulator land between the lines of an iteration."""
    lines = _block(0).splitlines(keepends=True)
    text = "".join([*lines[:4], "nefc overflow - please increase njmax to 8\n", "what is this\n", *lines[4:]])
    [iteration, *others] = list(reads(text))
    assert ("iteration", 64, 1, 9) == (
        iteration.kind,
        iteration.fps.total,
        iteration.seconds.elapsed,
        iteration.seconds.eta,
    )
    assert ["message", "unrecognised", "message"] == [record.kind for record in others]


def test_frames_that_lag_are_corrected() -> None:
    """PPO for continuous actions counts the frames before it adds this epoch's, PPO for discrete ones after."""
    lagging = list(reads("".join(_epoch(epoch, 64 * (epoch - 1)) for epoch in (1, 2, 3))))
    assert [None, 128, 192] == [record.derived.get("env_steps") for record in lagging]
    exact = list(reads("".join(_epoch(epoch, 64 * epoch) for epoch in (1, 2, 3))))
    assert [None] * 3 == [record.derived.get("env_steps") for record in exact]


def test_the_first_iteration_is_flagged() -> None:
    """Of each run: its rates hold what happens only once."""
    records = list(reads("".join(map(_epoch, [1, 2, 1]))))
    assert [1, None, 1] == [record.derived.get("cold") for record in records]


def test_the_early_time_left_is_corrected() -> None:
    """Up to 3.1 it counts one iteration too many: after the first of nine, eight are left."""
    [first, last] = reads(_block(0) + _block(8, eta="00:00:01"))
    assert (9, 8) == (first.seconds.eta, first.derived["seconds.eta"])
    assert 0 == last.derived["seconds.eta"]


def test_a_clock_of_24_hours_goes_on() -> None:
    """Up to 5.3 the elapsed time began again each day."""
    times = ["23:59:50", "00:00:10", "12:00:00", "00:00:05"]
    records = list(reads("".join(_block(number, elapsed=text) for number, text in enumerate(times))))
    assert [None, 86410, 129600, 172805] == [record.derived.get("seconds.elapsed") for record in records]


def test_two_tables_tell_the_rate_between_them() -> None:
    """2048 steps in about 2 s, though the cumulative rate still holds a slow start; too rounded numbers tell nothing."""
    first = _table(10, 20480, fps=505, elapsed=40)
    [_, exact] = _iterations(list(reads(first + _table(11, 22528, fps=530, elapsed=42))))
    assert pytest.approx(1024, rel=0.06) == exact.derived["fps.total"]
    [_, rounded] = _iterations(
        list(reads(_table(1, 64, fps=0, elapsed=40) + _table(2, 128, fps=0, elapsed=41)))
    )
    assert "fps.total" not in rounded.derived


def test_a_traceback_above_the_start_of_its_run_is_of_that_run() -> None:
    """Into a file, standard error is written at once and standard output when its buffer is full."""
    assert {1} == {record.run for record in read(_ROOT / "isaaclab/3.0.0/nan.txt")}


def test_a_continued_training_has_rates_of_its_own() -> None:
    """Its tables count all steps ever, and divide only its own by its own time."""
    records = _iterations(list(read(_ROOT / "sb3/2.9.2/resumed.txt")))
    own = [record for record in records if record.run == 2]
    start = records[len(records) - len(own) - 1].env_steps or 0
    for before, after in pairwise(own):
        seconds = [
            ((record.env_steps or 0) - start) / (record.fps.cumulative or 1) for record in (before, after)
        ]
        rate = ((after.env_steps or 0) - (before.env_steps or 0)) / (seconds[1] - seconds[0])
        assert pytest.approx(rate, rel=0.05) == after.derived["fps.total"]


def test_memory_does_not_grow_with_the_ranks() -> None:
    """Nobody trains in 30,000 processes; a log may say so, and what is kept of each is little, but for few."""
    line = "[default{}]:fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/2 frames: 0\n"
    log = "".join(line.format(rank) for rank in range(30_000))
    tracemalloc.start()
    assert 30_000 == sum(1 for _ in reads(log))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < len(log) + 5_000_000


@pytest.mark.parametrize(
    "prompt",
    [
        "robot@box:~/lab$ python train.py --headless",
        "(env_isaaclab) robot@box:~/IsaacLab$ ./isaaclab.sh -p train.py",
        "root@4f1c2a:/workspace# CUDA_VISIBLE_DEVICES=0 python3 train.py",
        "[robot@box lab]$ torchrun --nproc_per_node 2 train.py",
        "PS C:\\lab> python train.py",
        "$ python train.py",
    ],
)
def test_a_command_that_was_typed_begins_a_run(prompt: str) -> None:
    """A run that failed before it was typed has nothing to do with one that finished after."""
    failure = 'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\nKeyError: 1\n'
    epoch = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/1 frames: 0\n"
    records = list(reads(f"{prompt}\n{failure}{prompt}\n{epoch}"))
    assert [1, 1, 2, 2] == [record.run for record in records]


def test_a_price_begins_no_run() -> None:
    """Nor does a user's own line with a sign of a prompt."""
    epoch = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: {}/9 frames: 0\n"
    text = epoch.format(1) + "$ 3.50 an hour for python\nreward@box: 3 # python\n" + epoch.format(2)
    assert {1} == {record.run for record in reads(text)}
