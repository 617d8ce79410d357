"""Stable-Baselines3's tables, printed by its own output format."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from stepscope.logs import read, reads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stepscope.logs import Record


@pytest.fixture(scope="module")
def printed(library: Callable[[str], Any]) -> Callable[[dict[str, object]], str]:
    """Return a function that prints one table."""
    module = library("stable_baselines3.common.logger")

    def table(values: dict[str, object]) -> str:
        out = io.StringIO()
        module.HumanOutputFormat(out).write(values, dict.fromkeys(values, ()))
        return out.getvalue()

    return table


_PPO: dict[str, object] = {
    "rollout/ep_len_mean": 26.2,
    "rollout/ep_rew_mean": -1.5,
    "time/fps": 32672,
    "time/iterations": 2,
    "time/time_elapsed": 3,
    "time/total_timesteps": 4096,
    "train/approx_kl": np.float32(0.0068043238),
}


def test_the_fields_of_ppo(printed: Callable[[dict[str, object]], str]) -> None:
    """The rate is the cumulative one, and the counts are those that were printed."""
    [record] = reads(printed(_PPO))
    assert ("iteration", 2, None, 4096) == (
        record.kind,
        record.iteration,
        record.iterations,
        record.env_steps,
    )
    assert (32672, None, 3) == (record.fps.cumulative, record.fps.total, record.seconds.elapsed)
    assert (-1.5, 26.2) == (record.reward, record.episode_length)
    assert record.metrics["train/approx_kl"] == 0.0068043238


def test_off_policy_tables_count_no_iterations(printed: Callable[[dict[str, object]], str]) -> None:
    """SAC and DQN print episodes instead."""
    [record] = reads(printed({"time/episodes": 4, "time/fps": 20555, "time/total_timesteps": 200}))
    assert ("iteration", None, 200, 4) == (
        record.kind,
        record.iteration,
        record.env_steps,
        record.metrics["time/episodes"],
    )


def test_an_evaluation_is_no_iteration(printed: Callable[[dict[str, object]], str]) -> None:
    """EvalCallback's own table has no rate: it is a message that keeps its numbers."""
    text = printed({"eval/mean_reward": 60.18, "time/total_timesteps": 4096})
    [record] = reads(text)
    assert ("message", text.strip()) == (record.kind, record.text)
    assert {"eval/mean_reward": 60.2, "time/total_timesteps": 4096} == record.metrics


def test_tables_follow_each_other(printed: Callable[[dict[str, object]], str]) -> None:
    """The dashes that close a table and those that open the next one are not confused."""
    text = printed(_PPO) + printed({**_PPO, "time/iterations": 10**12, "train/loss": 1})
    assert [2, 10**12] == [record.iteration for record in reads(text)]


def test_a_table_that_was_cut_off_gives_no_half_number(printed: Callable[[dict[str, object]], str]) -> None:
    """However many bytes of a table were written, each number is right or absent."""
    text = printed(_PPO)
    [whole] = reads(text)
    for length in range(1, len(text)):
        for record in read(io.StringIO(text[:length])):
            assert set(record.metrics.items()) <= set(whole.metrics.items())


def test_another_table_is_not_claimed() -> None:
    """A table of anything else that happens to have bars is nobody's."""
    assert [None, None] == [record.library for record in reads("-----\n| a | b |\n| c | d |\n")]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Using cpu device", "message"),
        ("Using cuda:0 device", "message"),
        ("Wrapping the env with a `Monitor` wrapper", "message"),
        ("Logging to runs/PPO_1", "message"),
        ("Early stopping at step 1 due to reaching max kl: 0.00", "message"),
        ("Eval num_timesteps=4096, episode_reward=60.18 +/- 32.75", "message"),
        ("New best mean reward!", "best_reward"),
        ("Saving model checkpoint to runs/rl_model_8192_steps.zip", "checkpoint"),
    ],
)
def test_lines_between_the_tables(line: str, kind: str) -> None:
    """What else the library says keeps its text."""
    [record] = reads(line)
    assert ("sb3", kind, line) == (record.library, record.kind, record.text)
    assert record.env_steps == (8192 if kind == "checkpoint" else None)


def test_the_rich_bar_counts_environment_steps(library: Callable[[str], Any]) -> None:
    """``progress_bar=True`` draws another bar than skrl's, which counts every environment's steps."""
    rich = library("rich.console")
    out = io.StringIO()
    console = rich.Console(file=out, force_terminal=True, width=100)
    with pytest.warns(library("tqdm.std").TqdmExperimentalWarning):
        bar = library("tqdm.rich").tqdm(total=8192, options={"console": console})
    bar.update(4096)
    bar.close()
    bars = [record for record in reads(out.getvalue()) if record.kind == "progress"]
    assert ("sb3", 4096, 8192) == (bars[-1].library, bars[-1].env_steps, bars[-1].metrics["max steps"])


def test_a_table_that_was_cut_off_takes_no_row_of_the_next() -> None:
    """A log that ended in the middle of a table may be followed by another one's."""
    whole = f"{'-' * 24}\n| time/     |          |\n|    fps    | 512      |\n{'-' * 24}\n"
    records = list(reads(f"{'-' * 20}\n| time/  |        |\n|    a  | 1       |\nUsing cpu device\n{whole}"))
    assert [{"time/fps": 512}] == [dict(record.metrics) for record in records if record.kind == "iteration"]


@pytest.mark.parametrize(
    "prefix", ["", "INFO:root:", "2026-11-25 10:00:00,123 - train - INFO - ", "[INFO]: "]
)
def test_a_table_behind_the_prefix_of_a_logger_is_found(
    accounted: Callable[[Iterable[Record], int], list[Record]], prefix: str
) -> None:
    """A message of several lines has it in front of the first, which is the table's dashes."""
    table = "| time/   |      |\n|    fps  | 7    |\n"
    log = f"Started\n{prefix}{'-' * 18}\n{table}{'-' * 18}\n" * 3
    found = accounted(reads(log), len(log))
    assert [7, 7, 7] == [record.fps.cumulative for record in found if record.kind == "iteration"]
    assert ["Started"] * 3 == [record.text for record in found if record.kind != "iteration"]


def test_rows_of_two_tables_are_kept_apart() -> None:
    """Where the dashes between them are damaged, and something else stands there, the second is none."""
    dashes, end = "-" * 18, "-" * 17 + "?"
    table = "{}\n| a/      | {}    |\n|    b    | {}    |\n| time/   |      |\n|    fps  | {}    |\n{}\n"
    log = table.format(dashes, " ", 1, 7, end) + table.format(end, " ", 2, 8, dashes)
    [record] = [record for record in reads(log) if record.kind == "iteration"]
    assert {"a/b": 1, "time/fps": 7} == record.metrics


def test_a_warning_about_minibatches_is_known_to_its_end() -> None:
    """Three lines of text, and the line of source that Python prints below them."""
    sb3 = pytest.importorskip("stable_baselines3")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sb3.PPO("MlpPolicy", "CartPole-v1", n_steps=10, batch_size=64, device="cpu")
    [warning] = [one for one in caught if "mini-batch size" in str(one.message)]
    text = warnings.formatwarning(warning.message, warning.category, warning.filename, warning.lineno)
    assert 4 == len(text.splitlines())
    assert {"message"} == {record.kind for record in reads(text)}
