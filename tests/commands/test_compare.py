"""``stepscope compare``: runs side by side."""

from __future__ import annotations

import json
import re
import statistics
from typing import TYPE_CHECKING

import pytest

from stepscope.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def default(recordings: Path) -> dict[str, str]:
    """Return the path of a recording of each library's newest version."""
    newest = {"rl_games": "1.6.5", "rsl_rl": "5.5.1", "skrl": "2.1.1", "sb3": "2.9.2"}
    return {name: str(recordings / name / version / "default.txt") for name, version in newest.items()}


def _rows(text: str) -> dict[str, list[str]]:
    """Return the cells of each row, by its label."""
    rows = [re.split(r" {2,}", line.strip()) for line in text.splitlines() if "  " in line.strip()]
    return {label: cells for label, *cells in rows}


def test_rates_of_one_scope_are_compared(default: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Medians of the warm iterations, and the ratio of the second to the first."""
    medians = []
    for name, label in (("rl_games", r"fps total: (\d+)"), ("rsl_rl", r"Steps per second: (\d+)")):
        with open(default[name], encoding="utf-8") as log:  # noqa: PTH123 - the path is a text
            medians.append(statistics.median(list(map(int, re.findall(label, log.read())))[1:]))
    assert 0 == main(["compare", default["rl_games"], default["rsl_rl"]])
    first, second = medians
    expected = [f"{first:,.0f}", f"{second:,.0f} ({second / first:.2f}\N{MULTIPLICATION SIGN})"]
    assert expected == _rows(capsys.readouterr().out)["fps total, env steps/s"]


def test_what_only_one_prints_is_shown_alone(
    default: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """RSL-RL does not print how fast it steps: a dash, and no ratio."""
    main(["compare", default["rl_games"], default["rsl_rl"]])
    rows = _rows(capsys.readouterr().out)
    assert ["358,873", "\N{EN DASH}"] == rows["fps step, env steps/s"]
    assert ["9%", "\N{EN DASH}"] == rows["in stepping"]
    assert ["62%", "73%"] == rows["time in learning"]


def test_a_rate_of_zero_is_no_base(
    default: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stable-Baselines3 rounds: of less than one step a second it prints 0, and nothing is a multiple of that."""
    slow = tmp_path / "slow.txt"
    with open(default["sb3"], encoding="utf-8") as log:  # noqa: PTH123 - the path is a text
        slow.write_text(re.sub(r"( fps +\|) \d+ +", r"\1 0 ", log.read()), encoding="utf-8")
    assert 0 == main(["compare", str(slow), default["sb3"]])
    zero, alone = _rows(capsys.readouterr().out)["fps cumulative, env steps/s"]
    assert "0" == zero
    assert re.fullmatch(r"[\d,]+", alone)


def test_rates_of_other_scopes_are_refused_in_words(
    default: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The total of RL-Games and the cumulative rate of Stable-Baselines3 get no ratio, but a reason and another way."""
    assert 0 == main(["compare", default["rl_games"], default["sb3"]])
    text = capsys.readouterr().out
    words = " ".join(text.split())
    assert (
        "are not compared: the first covers an iteration, rollout and update, the second covers everything since training began"
        in words
    )
    assert "compared instead: fps" in words
    assert "Derived rates are computed from printed numbers" in words
    printed, derived = _rows(text)["fps cumulative, env steps/s"]
    assert "28,826 derived" == printed
    assert derived == f"18,493 ({18493 / 28826:.2f}\N{MULTIPLICATION SIGN})"


def test_a_rate_over_all_iterations_is_their_harmonic_mean(
    default: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As many steps in each iteration, divided by the sum of the times."""
    with open(default["rl_games"], encoding="utf-8") as log:  # noqa: PTH123 - the path is a text
        rates = list(map(int, re.findall(r"fps total: (\d+)", log.read())))
    main(["compare", default["rl_games"], default["rsl_rl"]])
    cell, _ = _rows(capsys.readouterr().out)["fps cumulative, env steps/s"]
    assert f"{statistics.harmonic_mean(rates):,.0f} derived" == cell


def test_nothing_in_common_is_one_sentence(
    default: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Vector steps per second of skrl and environment steps per second: exit status 2, and what would help."""
    assert 2 == main(["compare", default["rl_games"], default["skrl"]])
    streams = capsys.readouterr()
    assert ("", 1) == (streams.out, streams.err.count("\n"))
    assert streams.err.startswith("stepscope: nothing can be compared: fps total of ")
    assert streams.err.endswith("give --num-envs N, which turns vector steps into environment steps.\n")


def test_the_number_of_environments_makes_skrl_comparable(
    default: dict[str, str], recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last bar of a run that is complete holds its whole rate; times the environments it is cumulative."""
    settings = json.loads((recordings / "skrl/2.1.1/default.json").read_text(encoding="utf-8"))["settings"]
    with open(default["skrl"], encoding="utf-8", newline="") as log:  # noqa: PTH123 - the path is a text
        last = float(re.findall(r"([\d.]+)it/s\]", log.read())[-1])
    assert 0 == main(["compare", default["sb3"], default["skrl"], "--num-envs", str(settings["num_envs"])])
    _, cell = _rows(capsys.readouterr().out)["fps cumulative, env steps/s"]
    assert cell.startswith(f"{last * settings['num_envs']:,.0f} derived (")


def test_overlapping_rates_are_not_called_faster(
    default: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the IQRs overlap, a ratio says little."""
    main(["compare", default["rl_games"], default["rsl_rl"]])
    words = " ".join(capsys.readouterr().out.split())
    assert "the IQRs overlap, so that the runs may be equally fast." in words


def test_the_rate_of_a_run_is_the_same_wherever_it_stands(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table of runs, the summary of one and the comparison show the last cumulative rate, which covers the run."""
    once = (recordings / "sb3" / "2.9.2" / "dqn.txt").read_text(encoding="utf-8")
    last = re.findall(r"fps +\| +(\d+)", once)[-1]
    path = tmp_path / "four.txt"
    path.write_text(4 * once, encoding="utf-8")
    assert [0, 0, 0] == [
        main(words)
        for words in (["read", str(path)], ["read", "--run", "1", str(path)], ["compare", str(path)])
    ]
    text = capsys.readouterr().out
    table, alone, comparison = (
        re.findall(line, text)
        for line in (
            r"([\d,]+)  cumulative",
            r"fps cumulative  ([\d,]+)",
            r"fps cumulative, env steps/s +([\d,]+)",
        )
    )
    assert [f"{int(last):,}"] * 6 == table + alone + comparison
    assert "IQRs overlap" not in text  # one value has none


def test_rewards_have_a_caveat(default: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Another task or another reward makes them incomparable, and a log does not tell."""
    main(["compare", default["rsl_rl"], default["sb3"]])
    text = capsys.readouterr().out
    assert ["109.7", "103"] == _rows(text)["reward, last mean"]
    assert "Rewards compare only between runs of one task with one reward" in " ".join(text.split())


def test_many_runs_stand_in_several_tables(
    default: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """No line is wider than a page."""
    assert 0 == main(["compare", *default.values(), *default.values(), "--num-envs", "64"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 110
    assert 1 < sum(line.startswith("library") for line in lines)


def test_what_a_benchmark_reports_is_compared(
    default: dict[str, str], recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Isaac Lab times stepping alone in one workflow, and says its mean."""
    benchmark = recordings / "isaaclab" / "3.0.0" / "benchmark.txt"
    [printed] = re.findall(r"total_fps +([\d,]+) steps/s", benchmark.read_text(encoding="utf-8"))
    assert 0 == main(["compare", str(benchmark), default["rl_games"]])
    text = capsys.readouterr().out
    assert printed == _rows(text)["fps step, env steps/s"][0]
    assert "A benchmark reports the mean of all its iterations." in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["A"], "holds one run; give a second LOG to compare it with."),
        (["A", "nowhere.log"], "nowhere.log does not exist; check the path"),
        (["A", "."], ". is a directory; give the file"),
        (["A", "EMPTY"], "is empty; give the file that holds the console output of a run."),
        (["A", "NOTES"], "has no line that "),
        ([], "the following arguments are required: LOG"),
    ],
)
def test_bad_input_gets_one_sentence(
    default: dict[str, str],
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It says what was wrong, on standard error, and the exit status is 2."""
    (tmp_path / "empty.log").touch()
    (tmp_path / "notes.txt").write_text("dear diary\n", encoding="utf-8")
    paths = {
        "A": default["rl_games"],
        "EMPTY": str(tmp_path / "empty.log"),
        "NOTES": str(tmp_path / "notes.txt"),
    }
    assert 2 == main(["compare", *(paths.get(name, name) for name in arguments)])
    streams = capsys.readouterr()
    assert ("", 1) == (streams.out, streams.err.count("\n"))
    assert sentence in streams.err


def test_time_and_samples_to_a_reward(default: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Of RSL-RL the sum of both times of each block; of RL-Games steps over the rate; the ratio is to the first run."""
    with open(default["rsl_rl"], encoding="utf-8") as log:  # noqa: PTH123 - the path is a text
        text = log.read()
    times = [float(time) for time in re.findall(r"(?:Collection|Learning) time: (\d+\.\d+)s", text)]
    rewards = [float(reward) for reward in re.findall(r"Mean reward: (-?[\d.]+)", text)]
    at = next(index for index, reward in enumerate(rewards, 1) if reward >= 60)
    seconds = sum(times[: 2 * at])
    assert 0 == main(["compare", default["rsl_rl"], default["rl_games"], "--until", "reward=60"])
    rows = _rows(capsys.readouterr().out)
    first, second = rows["time to reward 60"]
    assert f"{seconds:.3g} s" == first
    ratio = float(second.split("(")[1].rstrip(")\N{MULTIPLICATION SIGN}"))
    assert pytest.approx(float(second.split(" s")[0]) / seconds, abs=0.01) == ratio


def test_a_reward_that_no_run_reached(default: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """The row says so, and so does the note about a run without a reward."""
    args = ["compare", default["rsl_rl"], default["skrl"], "--num-envs", "64", "--until", "reward=1e6"]
    assert 0 == main(args)
    text = capsys.readouterr().out
    assert ["not reached", "\N{EN DASH}"] == _rows(text)["time to reward 1,000,000"]
    assert "skrl/2.1.1/default.txt: no learning curve" in " ".join(text.split())


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_figure_of_both_curves(
    default: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    """One panel for seconds and one for environment steps; the titles give the answer."""
    file = tmp_path / f"learning.{suffix}"
    assert 0 == main(
        ["compare", default["rsl_rl"], default["sb3"], "--until", "reward=60", "--plot", str(file)]
    )
    assert f"figure saved as {file}" in capsys.readouterr().out
    if suffix == "svg":
        words = " ".join(re.findall(r">([^<>]+)</text>", file.read_text(encoding="utf-8")))
        assert "seconds of training" in words
        assert "environment steps" in words
        assert "is first at a mean reward of" in words


def test_nothing_to_draw(default: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log of skrl holds no reward: one sentence, and no file."""
    file = tmp_path / "learning.svg"
    assert 2 == main(["compare", default["skrl"], default["skrl"], "--plot", str(file)])
    assert "nothing to draw" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize("argument", ["reward=", "reward=nan", "fps=3", "much"])
def test_until_wants_a_reward(
    default: dict[str, str], capsys: pytest.CaptureFixture[str], argument: str
) -> None:
    """Anything else is one sentence and status 2."""
    assert 2 == main(["compare", default["rsl_rl"], default["sb3"], "--until", argument])
    assert "is not reward=R" in capsys.readouterr().err
