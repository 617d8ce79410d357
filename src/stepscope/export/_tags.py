"""TensorBoard tags and steps under which each library writes what it also prints."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from stepscope.runs import bar_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs import Record

__all__ = ["BAR_TAG", "Scalar", "Tags"]

BAR_TAG = "Bar / Vector steps per second"
"""Tag of skrl's bar: skrl writes no rate itself, so the name follows its style."""


class Scalar(NamedTuple):
    """A number in an event file.

    Attributes
    ----------
    tag
        Its name.
    step
        Where it stands on the axis that the library itself uses for this tag.
    value
        The number as printed.
    """

    tag: str
    step: int
    value: float


class Tags:
    """Turns the records of one run, printed by one process, into numbers with the library's own tags."""

    def __init__(self) -> None:
        self._frames: int | None = None

    def scalars(self, record: Record) -> Iterator[Scalar]:
        """Return the numbers of `record` that the library writes under a tag."""
        if record.library == "rl_games":
            return self._rl_games(record)
        if record.library == "rsl_rl" and record.kind == "iteration":
            return _rsl_rl(record)
        if record.library == "sb3":
            return _sb3(record)
        if record.library == "skrl" and record.kind == "progress":
            return _skrl(record)
        return iter(())

    def _rl_games(self, record: Record) -> Iterator[Scalar]:
        if record.kind == "iteration" and record.iteration is not None:
            # Version 1.5.2 does not print the frames that are its axis: the epoch has to do.
            self._frames = record.env_steps
            step = record.iteration if self._frames is None else self._frames
            for tag, rate in (
                ("performance/step_fps", record.fps.step),
                ("performance/step_inference_fps", record.fps.rollout),
                ("performance/step_inference_rl_update_fps", record.fps.total),
                ("info/epochs", record.iteration),
            ):
                if rate is not None:
                    yield Scalar(tag, step, rate)
        elif record.kind == "best_reward" and record.reward is not None and self._frames is not None:
            yield Scalar("rewards/step", self._frames, record.reward)


# RSL-RL prints these under names of their own; everything else follows a rule. They are fields of the record, or are
# not written at all.
_RSL_RL_OTHER = frozenset(
    {
        "Learning iteration",
        "Total steps",
        "Total timesteps",
        "Steps per second",
        "Computation",
        "collection",
        "learning",
        "Collection time",
        "Learning time",
        "Mean reward",
        "Mean total reward",
        "Mean episode length",
        "Iteration time",
        "Time elapsed",
        "Total time",
        "ETA",
    }
)
_RSL_RL_NAMED = {
    "Mean action noise std": "Policy/mean_noise_std",
    "Mean action std": "Policy/mean_std",
    "Value function loss": "Loss/value_function",
    "Surrogate loss": "Loss/surrogate",
    "Symmetry loss": "Loss/symmetry",
    "RND loss": "Loss/rnd",
    "Mean extrinsic reward": "Rnd/mean_extrinsic_reward",
    "Mean intrinsic reward": "Rnd/mean_intrinsic_reward",
}
_LOSS = re.compile(r"Mean (.+) loss")
_EXTRA = "Mean episode "


def _rsl_rl(record: Record) -> Iterator[Scalar]:
    step = record.iteration
    if step is None:
        return
    collection = "Perf/collection time" if "Total timesteps" in record.metrics else "Perf/collection_time"
    elapsed = record.derived.get("seconds.elapsed", record.seconds.elapsed)
    for tag, at, value in (
        ("Perf/total_fps", step, record.fps.total),
        (collection, step, record.seconds.collect),
        ("Perf/learning_time", step, record.seconds.learn),
        ("Train/mean_reward", step, record.reward),
        ("Train/mean_episode_length", step, record.episode_length),
        ("Train/mean_reward/time", elapsed, record.reward),
        ("Train/mean_episode_length/time", elapsed, record.episode_length),
    ):
        if value is not None and at is not None and math.isfinite(at):
            yield Scalar(tag, int(at), value)
    for label, value in record.metrics.items():
        name = _rsl_rl_tag(label)
        if name:
            yield Scalar(name, step, value)


def _rsl_rl_tag(label: str) -> str | None:
    if label in _RSL_RL_OTHER:
        return None
    if label in _RSL_RL_NAMED:
        return _RSL_RL_NAMED[label]
    if "/" in label:  # an environment's own number, under its own name
        return label
    if label.startswith(_EXTRA):
        return f"Episode/{label.removeprefix(_EXTRA)}"
    # Before an episode ends, versions 2.3.0 to 3.1.3 print a loss under its bare name.
    match = _LOSS.fullmatch(label)
    return f"Loss/{label if match is None else match[1]}"


# Keys that Stable-Baselines3 keeps from TensorBoard.
_SB3_EXCLUDED = frozenset(
    {"time/iterations", "time/episodes", "time/time_elapsed", "time/total_timesteps", "train/n_updates"}
)


def _sb3(record: Record) -> Iterator[Scalar]:
    """Yield the rows of a table, an evaluation's too; a key that was cut off in print keeps its dots."""
    if record.kind not in ("iteration", "message") or record.env_steps is None:
        return
    for label, value in record.metrics.items():
        if label and label not in _SB3_EXCLUDED:
            yield Scalar(label, record.env_steps, value)


def _skrl(record: Record) -> Iterator[Scalar]:
    if (rate := bar_rate(record)) is not None and record.iteration is not None:
        yield Scalar(BAR_TAG, record.iteration, rate)
