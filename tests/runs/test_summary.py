"""What a log comes to, against numbers that are found in its text by other means."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

import pytest

from stepscope.logs import Record, read, reads
from stepscope.runs._failure import parse_traceback
from stepscope.runs._messages import Place
from stepscope.runs._report import report
from stepscope.runs._summary import MOST_RUNS, RunSummary, Summary
from stepscope.runs._versions import Versions

RECORDINGS = Path(__file__).parents[2] / "recordings"
_EPOCH = "fps step: {0}00 fps step and policy inference: {0}0 fps total: {0} epoch: {0}/40 frames: 0\n"
_CRASH = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nRuntimeError: {}\n\n'


_FIELDS = (
    "library", "kind", "rank", "run", "iteration", "iterations", "env_steps", "fps", "seconds", "reward",
    "episode_length", "metrics", "derived", "text", "span",
)  # fmt: skip


def _changed(record: Record, **fields: object) -> Record:
    """Return a record like `record` in all but these fields."""
    return Record(**{name: getattr(record, name) for name in _FIELDS} | fields)


def _summed(text: str, **options: int) -> RunSummary:
    summary = Summary("a log")
    for record in reads(text, **options):
        summary.add(record)
    [run] = summary.runs()
    return run


def _of(name: str, **options: int) -> RunSummary:
    return _summed((RECORDINGS / f"{name}.txt").read_bytes().decode(), **options)


def _texts(run: RunSummary) -> dict[str, str]:
    return {line.label.strip(): line.text for line in report(run)}


def test_rates_are_medians_without_the_first_iteration() -> None:
    """Python's own statistics, over numbers that an expression finds, give the same median and IQR."""
    text = (RECORDINGS / "rl_games" / "1.6.5" / "default.txt").read_text(encoding="utf-8")
    rates = {rate.scope: rate for rate in _of("rl_games/1.6.5/default").rates}
    for scope, label in (("step", "fps step"), ("rollout", "policy inference"), ("total", "fps total")):
        first, *warm = (int(rate) for rate in re.findall(rf"{label}: (\d+)", text))
        spread = rates[scope].warm
        assert spread is not None
        assert first == rates[scope].first
        assert statistics.quantiles(warm, n=4, method="inclusive") == [spread.low, spread.median, spread.high]


def test_the_iterations_own_rate_follows_from_two_tables() -> None:
    """Stable-Baselines3 prints steps and their mean rate since the start; the differences are the iteration's own."""
    text = (RECORDINGS / "sb3" / "2.9.2" / "default.txt").read_text(encoding="utf-8")
    steps = [int(count) for count in re.findall(r"total_timesteps +\| (\d+)", text)]
    times = [count / int(fps) for count, fps in zip(steps, re.findall(r" fps +\| (\d+)", text), strict=True)]
    own = [(steps[n] - steps[n - 1]) / (times[n] - times[n - 1]) for n in range(1, len(steps))]
    [total] = [rate for rate in _of("sb3/2.9.2/default").rates if rate.scope == "total"]
    assert total.warm is not None
    assert (True, None, len(own)) == (total.derived, total.first, total.warm.count)
    assert statistics.median(own) == pytest.approx(
        total.warm.median, rel=1e-3
    )  # both are printed rounded down


def test_time_shares_of_three_rates_that_contain_each_other() -> None:
    """RL-Games divides one number of steps by the time of stepping, of the rollout, and of the iteration."""
    text = (RECORDINGS / "rl_games" / "1.6.5" / "default.txt").read_text(encoding="utf-8")
    lines = re.findall(r"fps step: (\d+) .*?inference: (\d+) fps total: (\d+)", text)[1:]
    step, rollout, total = (sum(1 / int(line[index]) for line in lines) for index in range(3))
    time = _of("rl_games/1.6.5/default").time
    assert time is not None
    assert (step / total, (rollout - step) / total) == pytest.approx((time.step, time.inference))
    assert (rollout / total, 1 - rollout / total) == pytest.approx((time.collect, time.learn))


def test_time_shares_of_printed_seconds() -> None:
    """RSL-RL prints how long it collected and learned; stepping and inference are one."""
    text = (RECORDINGS / "rsl_rl" / "5.5.1" / "default.txt").read_text(encoding="utf-8")
    collect, learn = (
        sum(map(float, re.findall(rf"{what} time: ([\d.]+)s", text)[1:]))
        for what in ("Collection", "Learning")
    )
    time = _of("rsl_rl/5.5.1/default").time
    assert time is not None
    assert (None, None) == (time.step, time.inference)
    assert (collect / (collect + learn), learn / (collect + learn)) == pytest.approx(
        (time.collect, time.learn)
    )


def test_where_the_time_goes_is_not_guessed() -> None:
    """What two of the libraries do not print is said to be so, and nothing is shown in its place."""
    for name, words in (("sb3/2.9.2/default", "Stable-Baselines3"), ("skrl/2.1.1/default", "skrl")):
        assert f"{words} does not print where it goes" == _texts(_of(name))["time"]


def test_reward_and_length_are_first_last_and_most() -> None:
    """Of RSL-RL, the means of every iteration."""
    text = (RECORDINGS / "rsl_rl" / "5.5.1" / "default.txt").read_text(encoding="utf-8")
    printed = [float(reward) for reward in re.findall(r"Mean reward: ([\d.]+)", text)]
    course = _of("rsl_rl/5.5.1/default").reward
    assert course is not None
    assert (printed[0], printed[-1], max(printed)) == (course.first, course.last, course.best)
    assert printed.index(max(printed)) == course.best_at


def test_rl_games_announces_only_the_best() -> None:
    """Its rewards come with the checkpoints of the best."""
    run = _of("rl_games/1.6.5/default")
    assert run.reward is None
    assert run.best_reward is not None
    assert (12, 12) == (run.best_reward.count, run.best_reward.best_at)
    assert (
        "best 77.32 after iteration 12, announced 12 times; only a best one is printed"
        == _texts(run)["reward"]
    )


@pytest.mark.parametrize("name", ["rl_games/1.6.5", "rsl_rl/5.5.1", "sb3/2.9.2", "skrl/2.1.1"])
def test_how_far_a_run_came(name: str) -> None:
    """All of twelve iterations of 2,048 environment steps, counted from one whoever counts from zero."""
    settings = json.loads((RECORDINGS / name / "default.json").read_text(encoding="utf-8"))["settings"]
    run = _of(f"{name}/default", num_envs=settings["num_envs"])
    steps = settings["num_envs"] * settings["horizon"]
    if run.unit == "vector step":
        assert settings["horizon"] * settings["iterations"] == run.done == run.planned
    else:
        assert (settings["iterations"], steps) == (run.done, run.env_steps_per_iteration)
    assert settings["iterations"] * steps in (
        run.env_steps,
        run.env_steps_corrected,
        (run.env_steps or 0) + steps,
    )


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (_EPOCH.format(40), "finished"),
        (_EPOCH.format(39), "unfinished"),
        (_EPOCH.format(39) + "Maximum reward achieved. Network won!\n", "finished"),
        (_EPOCH.format(40) + _CRASH.format("late"), "failed"),
        (_EPOCH.format(39).replace("/40", ""), "unknown"),
        ("\r100%|##########| 160/160 [00:00<00:00, 570.95it/s]\n", "finished"),
        ("\r 40%|####      | 64/160 [00:00<00:00, 570.95it/s]\n", "unfinished"),
    ],
)
def test_how_a_run_ended(text: str, outcome: str) -> None:
    """A run that neither finished nor failed is running, was killed, or its log is cut off."""
    assert outcome == _summed(text).outcome


def test_the_last_of_rsl_rl_counts_from_zero() -> None:
    """``11/12`` is the twelfth and last iteration, and ``10/12`` is not."""
    text = (RECORDINGS / "rsl_rl" / "5.5.1" / "default.txt").read_bytes().decode()
    cut = text[: text.index("Learning iteration 11/12")].rsplit("####", 1)[0]
    assert ["finished", "unfinished"] == [_summed(part).outcome for part in (text, cut)]


def test_warnings_are_clustered_by_template() -> None:
    """Numbers that change are given as a range, so that the largest that was asked for can be read."""
    lines = [f"nefc overflow - please increase njmax to {size}\n" for size in (8, 64, 16)]
    warning = "/usr/lib/a.py:254: FutureWarning: old\n  old()\n"
    run = _summed("Started to train\n" + "".join(lines) * 400 + warning + _EPOCH.format(1))
    assert [
        (1200, "nefc overflow - please increase njmax to 8…64"),
        (1, "a.py:254: FutureWarning: old"),
    ] == [(cluster.count, cluster.text) for cluster in run.warnings]
    assert len("Started to train\n") == run.warnings[0].first.byte


def test_too_many_templates_are_counted_together() -> None:
    """Memory does not grow with them."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    text = "".join(f"UserWarning: {a}{b}\n" for a in letters for b in letters)
    run = _summed(f"Started to train\n{text}")
    assert (100, 26 * 26 - 100) == (len(run.warnings), run.more_warnings)
    assert (
        "671 more with other texts; --json shows all"
        == [line.text for line in report(run) if line.severity == "warn"][-1]
    )


def test_a_repeated_message_counts_as_a_new_one_does() -> None:
    """Texts that were seen before are only counted, more of them than are remembered too; nothing else differs."""
    lines = [f"nefc overflow - please increase njmax to {size}" for size in range(3000)] * 2
    run = _summed(
        "Started to train\n"
        + "\n".join(["Started to train", "hello 5", *lines, "NaN found in input"] * 2)
        + "\n"
    )
    assert [(12_000, "nefc overflow - please increase njmax to 0…2999")] == [
        (cluster.count, cluster.text) for cluster in run.warnings
    ]
    assert [2] == [cluster.count for cluster in run.early_warnings]
    assert (3 + 2 * 6000, ("MuJoCo Warp",)) == (run.kinds["message"], run.runtimes[1:])
    assert run.unrecognised is not None
    assert "hello 5" == run.unrecognised[0]


def test_a_clock_that_begins_again_goes_on() -> None:
    """RSL-RL 2.3.1 to 5.3 prints 00:00:01 again after a day."""
    block = "{}\n                            Learning iteration {}/5                             \n\n{:>40} {}\n{:>40} 00:00:01\n\n"
    clocks = enumerate(["23:59:50", "00:00:20"])
    text = "".join(block.format("#" * 80, n, "Time elapsed:", clock, "ETA:") for n, clock in clocks)
    assert 24 * 3600 + 20 == _summed(text).seconds


def test_numbers_that_are_not_finite_are_early_signs() -> None:
    """They come before a failure, or instead of one: some libraries train on with them."""
    block = "{}\n                            Learning iteration {}/5                             \n\n{:>40} {}\n{:>40} 0:00:01\n\n"
    text = "".join(
        block.format("#" * 80, n, "Mean value loss:", loss, "ETA:")
        for n, loss in enumerate(["1.5", "nan", "nan", "inf"])
    )
    assert [("Mean value loss is nan", 2, 1), ("Mean value loss is inf", 1, 3)] == [
        (sign.text, sign.count, sign.first.after) for sign in _summed(text).early_warnings
    ]


def test_what_tensorboard_warns_of_is_an_early_sign() -> None:
    """RL-Games goes on with NaN weights for a while, and this line is all that tells."""
    signs = _of("rl_games/1.6.5/diverged").early_warnings
    assert ["NaN or Inf found in input tensor."] == [sign.text for sign in signs]
    assert 1 == signs[0].first.after


def test_the_first_failure_is_told() -> None:
    """What, where, after which iteration and at which byte; later ones are counted."""
    text = _EPOCH.format(7) + _CRASH.format("first") + _EPOCH.format(8) + _CRASH.format("second")
    run = _summed(text)
    assert run.failure is not None
    assert ("RuntimeError: first", "a.py:1 in f", 7, len(_EPOCH.format(7))) == (
        run.failure.text, run.failure.where, run.failure.place.after, run.failure.place.byte,
    )  # fmt: skip
    assert 2 == run.kinds["failure"]


def test_a_failure_names_whose_code_called() -> None:
    """The frame that raised is deep in a library; the user's own last frame stands beside it."""
    failure = _of("rl_games/1.6.5/diverged").failure
    assert failure is not None
    assert re.fullmatch(
        r"distributions/normal\.py:\d+ in sample, called from train/rl_games\.py:\d+ in train", failure.where
    )


@pytest.mark.parametrize("prefix", ["[rank1]: ", "[default0]:[rank0]: ", ""])
def test_a_failure_is_the_same_in_any_process(prefix: str) -> None:
    """What torch and torchrun print before each line is no part of the exception."""
    text = "".join(f"{prefix}{line}\n" for line in _CRASH.format("first").splitlines())
    assert "RuntimeError: first" == parse_traceback(text, Place(byte=0)).text


def test_runs_are_told_apart() -> None:
    """Each run has its own count, rates, and failure."""
    summary = Summary("a log")
    texts = [_EPOCH.format(1) + _EPOCH.format(2), _EPOCH.format(1) + _CRASH.format("x")]
    for number, text in enumerate(texts, 1):
        for record in reads(text):
            summary.add(_changed(record, run=number))
    assert [(1, 2, "unfinished"), (2, 1, "failed")] == [
        (run.run, run.done, run.outcome) for run in summary.runs()
    ]
    assert summary.failed


def test_very_many_runs_do_not_take_memory() -> None:
    """Those beyond the bound count to the last."""
    summary = Summary("a log")
    for number in range(1, MOST_RUNS + 11):
        summary.add(
            Record(kind="message", run=number, span=(0, 1), text="Started to train", library="rl_games")
        )
    runs = summary.runs()
    assert (MOST_RUNS, {"message": 11}) == (len(runs), runs[-1].kinds)


def test_a_run_that_is_over_keeps_what_it_came_to() -> None:
    """Of many runs, only the latest hold their values; the others are summed up already, and nothing is lost."""
    summary = Summary("a log")
    for number in range(1, 21):
        for record in reads(_EPOCH.format(1) + _EPOCH.format(2) + _EPOCH.format(3)):
            summary.add(_changed(record, run=number))
    summary.add(_changed(record, run=1))
    runs = summary.runs()
    assert [*range(1, 21)] == [run.run for run in runs]
    assert [3] * 19 + [4] == [run.kinds["iteration"] for run in runs]
    assert {2.5} == {run.rates[2].warm and run.rates[2].warm.median for run in runs[:-1]}
    assert 4 == len(summary._live)


def test_counts_of_records_are_those_of_the_log() -> None:
    """Every record of every recording is counted once, under its kind."""
    for path in RECORDINGS.glob("*/*/*.txt"):
        summary = Summary(path.name)
        records = list(summary.tee(read(path)))
        assert len(records) == sum(sum(run.kinds.values()) for run in summary.runs())


def test_the_best_is_a_number() -> None:
    """A reward of NaN at the end is the last, and never the best."""
    block = "{}\n                            Learning iteration {}/5                             \n\n{:>40} {}\n{:>40} 0:00:01\n\n"
    text = "".join(
        block.format("#" * 80, n, "Mean reward:", reward, "ETA:")
        for n, reward in enumerate(["1.5", "2.5", "nan"])
    )
    course = _summed(text).reward
    assert course is not None
    assert ("nan", 2.5, 1) == (str(course.last), course.best, course.best_at)


def test_vector_steps_become_environment_steps_if_their_number_is_known() -> None:
    """The rate of the bar is then there twice, the second one derived."""
    bars = "".join(f"\r 40%|####      | {n}/160 [00:00<00:00, {n}.00it/s]" for n in (10, 20, 30, 40)) + "\n"
    assert [("vector steps/s", False, 30)] == [
        (rate.unit, rate.derived, rate.warm and rate.warm.median) for rate in _summed(bars).rates
    ]
    with_number = _summed(bars, num_envs=64)
    assert [("vector steps/s", False, 30), ("env steps/s", True, 64 * 30)] == [
        (rate.unit, rate.derived, rate.warm and rate.warm.median) for rate in with_number.rates
    ]


def test_slow_bars_are_rates_too() -> None:
    """Below one step a second the bar says how long a step takes."""
    bars = "".join(f"\r 40%|####      | {n}/160 [00:00<00:00, {n:.2f}s/it]" for n in (1, 2, 4)) + "\n"
    [rate] = _summed(bars).rates
    assert (1.0, 0.25) == (rate.first, rate.last)


def test_a_summary_without_rates_costs_no_sorting() -> None:
    """A live view may ask several times a second."""
    summary = Summary("a log")
    for record in reads(_EPOCH.format(1)):
        summary.add(record)
    [run] = summary._live.values()
    assert ((), 1) == (run.summary(rates=False).rates, run.summary(rates=False).done)


@pytest.mark.parametrize("bar", ["progress_bar", "progress_bar_terminal", "tqdm_bar"])
def test_a_bar_tells_how_far_a_run_is_to_go(bar: str) -> None:
    """That of Stable-Baselines3 counts environment steps, and its tables go on counting iterations."""
    settings = json.loads((RECORDINGS / "sb3" / "2.9.2" / f"{bar}.json").read_text(encoding="utf-8"))[
        "settings"
    ]
    run = _of(f"sb3/2.9.2/{bar}")
    assert ("iteration", settings["iterations"], None, "finished") == (
        run.unit,
        run.done,
        run.planned,
        run.outcome,
    )


@pytest.mark.parametrize(
    "path", sorted(RECORDINGS.glob("*/*/*.txt")), ids=lambda path: "-".join(path.parts[-3:])
)
def test_every_recording_fits_on_a_screen(path: Path) -> None:
    """A report is a page, every line is one line, and none is empty."""
    summary = Summary(path.name)
    for record in read(path):
        summary.add(record)
    for run in summary.runs():
        lines = list(report(run))
        assert len(lines) < 40
        assert all(line.text and "\n" not in line.text for line in lines)


def test_versions_in_words() -> None:
    """One release, a range, or one with an open end."""
    words = ["1.6.0", "3.2.0 to 3.3.0", "5.0.0 or newer", "1.5.2 or older"]
    assert words == [
        str(Versions(first=first, last=last))
        for first, last in (("1.6.0", "1.6.0"), ("3.2.0", "3.3.0"), ("5.0.0", None), (None, "1.5.2"))
    ]
