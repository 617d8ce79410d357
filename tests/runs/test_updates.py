"""Updates per sample, against what each recording was trained with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from stepscope._common.format import DASH
from stepscope.logs import reads
from stepscope.runs import RunSummary, Summary, compare, report

RECORDINGS = Path(__file__).parents[2] / "recordings"
SB3 = sorted(path.name for path in (RECORDINGS / "sb3").iterdir())
_POLICY_LOSS = ("policy_loss", 1)


def _summaries(text: str) -> list[RunSummary]:
    summary = Summary("a log")
    for record in reads(text):
        summary.add(record)
    return list(summary.runs())


def _of(name: str) -> RunSummary:
    return _summaries((RECORDINGS / name).read_text(encoding="utf-8"))[0]


def _table(iteration: int, count: int, *others: tuple[str, int]) -> str:
    """Return a table of an iteration of 100 environment steps, with a count of updates and other rows."""
    time = [("fps", 1000), ("iterations", iteration), ("total_timesteps", 100 * iteration)]
    rows = [("time/", ""), *time, ("train/", ""), ("n_updates", count), *others]
    cells = [(name if name.endswith("/") else f"   {name}", value) for name, value in rows]
    lines = [f"| {name:<21} | {value!s:<8} |" for name, value in cells]
    rule = "-" * len(lines[0])
    return "\n".join([rule, *lines, rule, ""])


@pytest.mark.parametrize("version", SB3)
def test_a2c_makes_one_update_of_each_rollout(version: str) -> None:
    """Of as many samples as it was told to collect."""
    settings = json.loads((RECORDINGS / "sb3" / version / "a2c.json").read_text(encoding="utf-8"))["settings"]
    updates = _of(f"sb3/{version}/a2c.txt").updates
    assert updates is not None
    assert 1 / (settings["num_envs"] * settings["horizon"]) == updates.per_env_step
    assert not updates.approximate


@pytest.mark.parametrize("version", SB3)
@pytest.mark.parametrize("algorithm", ["sac", "dqn", "td3"])
def test_off_policy_algorithms_make_eight_gradient_steps_of_a_rollout(algorithm: str, version: str) -> None:
    """The count is printed some steps later: it is off by less than a rollout at each end."""
    path = RECORDINGS / "sb3" / version / f"{algorithm}.txt"
    text = path.read_text(encoding="utf-8")
    updates = _of(f"sb3/{version}/{algorithm}.txt").updates
    assert updates is not None
    assert updates.approximate
    counts = [int(count) for count in re.findall(r"n_updates +\| (\d+)", text)]
    rollouts = (counts[-1] - counts[0]) / 8
    assert rollouts / (rollouts + 1) < updates.per_env_step / (8 / (8 * 32)) < rollouts / (rollouts - 1)


@pytest.mark.parametrize("version", SB3)
def test_ppo_makes_ten_passes(version: str) -> None:
    """How many updates each of them makes is not printed, and not guessed."""
    run = _of(f"sb3/{version}/default.txt")
    assert run.updates is not None
    assert (None, 10) == (run.updates.per_env_step, run.updates.passes)
    lines = {line.label: line.text for line in report(run)}
    assert lines["passes"].startswith("10 over each rollout")
    assert "updates" not in lines


def test_passes_that_ended_early_are_missing_from_the_mean() -> None:
    """The messages say at which pass it stopped, counted from zero."""
    text = (RECORDINGS / "sb3/2.9.2/early_stopping.txt").read_text(encoding="utf-8")
    *stops, _ = [int(epoch) + 1 for epoch in re.findall(r"Early stopping at step (\d+)", text)]
    counts = [int(count) for count in re.findall(r"n_updates +\| (\d+)", text)]
    updates = _of("sb3/2.9.2/early_stopping.txt").updates
    assert updates is not None
    assert updates.passes == (counts[-1] - counts[0]) / (len(counts) - 1)
    assert stops
    assert updates.passes < 10


@pytest.mark.parametrize("name", ["rl_games/1.6.5/default", "rsl_rl/5.5.1/default", "skrl/2.1.1/default"])
def test_nothing_is_shown_where_no_update_is_counted(name: str) -> None:
    """Neither in the report, nor next to a run that has a count."""
    run = _of(f"{name}.txt")
    assert run.updates is None
    assert not {"updates", "passes"} & {line.label for line in report(run)}
    rows = {row.label: row.cells for row in compare([("a", run), ("b", _of("sb3/2.9.2/a2c.txt"))]).rows}
    assert (DASH, "12.5") == rows["updates per 1,000 env steps"]
    assert "passes over a rollout" not in rows


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ([_table(1, 5), _table(2, 10)], None),  # nothing tells what another algorithm counts
        ([_table(1, 5, _POLICY_LOSS)], None),  # the count may go on from another training
        ([_table(n, 7 * (9 - n), _POLICY_LOSS) for n in (6, 7, 8)], None),
        ([_table(n, 7 * n + 1000, _POLICY_LOSS) for n in (6, 7, 8)], 0.07),
    ],
)
def test_a_count_that_does_not_tell_is_left_out(tables: list[str], expected: float | None) -> None:
    """What a resumed training counted before is not counted again."""
    [run] = _summaries("".join(tables))
    assert len(tables) == run.kinds["iteration"]
    assert expected == (None if run.updates is None else run.updates.per_env_step)


@pytest.mark.live
def test_counted_updates_are_steps_of_the_optimiser(tmp_path: Path) -> None:
    """DQN has one optimiser: its steps, counted by torch, are those of the printed count."""
    pytest.importorskip("torch")
    import contextlib  # noqa: PLC0415 - for this test only, as below
    import io  # noqa: PLC0415

    from torch.optim.optimizer import register_optimizer_step_post_hook  # noqa: PLC0415

    from stepscope.envs import CartPole  # noqa: PLC0415
    from stepscope.train import sb3  # noqa: PLC0415

    steps = []
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(1))
    console = io.StringIO()
    try:
        with contextlib.redirect_stdout(console):
            sb3.train(CartPole(8), iterations=20, horizon=32, algorithm="dqn", log_dir=str(tmp_path))
    finally:
        hook.remove()
    counts = [
        record.metrics["train/n_updates"]
        for record in reads(console.getvalue())
        if "train/n_updates" in record.metrics
    ]
    assert (
        len(steps) - 8 <= counts[-1] <= len(steps)
    )  # the last rollout may end no episode, and print no table
    [run] = _summaries(console.getvalue())
    assert run.updates is not None
    assert 8 / (8 * 32) == pytest.approx(run.updates.per_env_step, rel=0.2)
