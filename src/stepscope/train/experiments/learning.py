"""Training until a reward, and the samples and the time that it took.

`learn` trains in this process and returns a `Curve`. `median_of` and `ratio_of_medians` summarise several seeds, of which
some may never have reached the reward.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import io
import logging
import math
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from stepscope import logs
from stepscope.errors import BadInputError
from stepscope.measure import Estimate
from stepscope.train._run import check_library

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gymnasium.vector import VectorEnv
    from torch import Tensor

__all__ = ["Curve", "learn", "median_of", "ratio_of_medians"]

_CONFIDENCE = 0.95
_RESAMPLES = 9999


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Mean reward of a training against samples and time, a number for each iteration.

    Attributes
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    num_envs, horizon, minibatches, seed
        As given.
    max_env_steps
        Budget of environment steps.
    env_steps
        Environment steps taken until the end of the iteration, in all environments.
    cpu_seconds
        Seconds that this process took of the processor, all threads together, from the first environment step until the
        iteration was printed. The time in which the output is read is left out.
    wall_seconds
        The same by the clock on the wall.
    rewards
        Mean reward as printed; NaN where the library printed none.
    """

    library: str
    num_envs: int
    horizon: int
    minibatches: int
    seed: int
    max_env_steps: int
    env_steps: tuple[int, ...]
    cpu_seconds: tuple[float, ...]
    wall_seconds: tuple[float, ...]
    rewards: tuple[float, ...]

    def iterations_to(self, until: float) -> int | None:
        """Return the number of the first iteration whose printed mean reward is at least `until`, counted from 1.

        None if none was: the run is censored at its budget.
        """
        # A comparison with NaN is false.
        return next((count for count, reward in enumerate(self.rewards, start=1) if reward >= until), None)

    def env_steps_to(self, until: float) -> int | None:
        """Return the environment steps until the mean reward was at least `until`; None if it never was."""
        count = self.iterations_to(until)
        return None if count is None else self.env_steps[count - 1]

    def cpu_seconds_to(self, until: float) -> float | None:
        """Return the CPU seconds until the mean reward was at least `until`; None if it never was."""
        count = self.iterations_to(until)
        return None if count is None else self.cpu_seconds[count - 1]

    def wall_seconds_to(self, until: float) -> float | None:
        """Return the seconds on the wall until the mean reward was at least `until`; None if it never was."""
        count = self.iterations_to(until)
        return None if count is None else self.wall_seconds[count - 1]


def learn(
    library: str,
    *,
    num_envs: int,
    horizon: int,
    minibatches: int,
    seed: int,
    until: float,
    max_env_steps: int,
    env: VectorEnv | None = None,
    stop: bool = True,
    **settings: Any,  # noqa: ANN401 - those of the library's module
) -> Curve:
    """Train in this process until the library prints a mean reward, or until a budget of samples is spent.

    What the library prints is read by `stepscope.logs` as it is printed. RSL-RL and Stable-Baselines3 print the mean of
    the last 100 episodes that have ended, once an iteration. RL-Games prints that mean only when it is the best so far,
    and skrl prints none: there it is what skrl writes into its event file, the mean over the steps of an iteration.

    Parameters
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    num_envs, horizon, minibatches
        Environments, vector steps per rollout, and equal minibatches that a rollout is cut into.
    seed
        Seed of the library and of the environment.
    until
        Mean reward to reach.
    max_env_steps
        Budget of environment steps, of which whole iterations are used.
    env
        Environment with `num_envs` environments; by default our cart-pole, on CUDA where there is one.
    stop
        Whether to end the training at that reward; otherwise it uses the whole budget.
    **settings
        More options of ``stepscope.train.LIBRARY.train``, such as ``learning_rate`` and ``hidden``.

    Returns
    -------
    Curve
        One number for each iteration.

    Raises
    ------
    BadInputError
        If the library is unknown, refuses a setting, or the budget is less than one iteration.

    Notes
    -----
    On a CPU torch uses one thread while it trains, so that the CPU seconds compare.
    """
    import torch  # noqa: PLC0415 - slow to import, and a curve is read without it

    from stepscope._common.devices import usable_device  # noqa: PLC0415 - imports torch, and so do those below
    from stepscope.envs import CartPole  # noqa: PLC0415

    check_library(library)
    iterations = max_env_steps // (num_envs * horizon)
    if iterations < 1:
        raise BadInputError(
            f"a budget of {max_env_steps} environment steps is less than one iteration of"
            f" {num_envs} environments x {horizon} steps; raise max_env_steps."
        )
    world = CartPole(num_envs, device=usable_device(None), seed=seed) if env is None else env
    if world.num_envs != num_envs:
        raise BadInputError(f"the environment has {world.num_envs} environments, and num_envs is {num_envs}.")
    module = importlib.import_module(f"stepscope.train.{library}")
    meter = _Meter(until if stop else math.inf)
    threads, level = torch.get_num_threads(), logging.root.manager.disable
    torch.set_num_threads(1)
    logging.disable(max(level, logging.INFO))  # skrl logs a line for each training
    try:
        with (
            contextlib.redirect_stdout(_Console(meter)),
            contextlib.redirect_stderr(io.StringIO()),
            _scalars_of_skrl(meter) if library == "skrl" else contextlib.nullcontext(),
            _starting(world, meter),
            contextlib.suppress(_ReachedError),
        ):
            module.train(
                world,
                iterations=iterations,
                horizon=horizon,
                seed=seed,
                minibatches=minibatches,
                **{"log_dir": tempfile.mkdtemp(dir=_event_files()), **settings},
            )
    finally:
        torch.set_num_threads(threads)
        logging.disable(level)
    batch = num_envs * horizon
    return Curve(
        library=library,
        num_envs=num_envs,
        horizon=horizon,
        minibatches=minibatches,
        seed=seed,
        max_env_steps=max_env_steps,
        env_steps=tuple(batch * count for count in range(1, len(meter.rewards) + 1)),
        cpu_seconds=tuple(meter.cpu_seconds),
        wall_seconds=tuple(meter.wall_seconds),
        rewards=tuple(meter.rewards),
    )


@functools.cache
def _event_files() -> str:
    """Return a folder that lives as long as the process, because a thread of TensorBoard may write until then."""
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return folder.name


class _ReachedError(BaseException):
    """Ends a training at its reward; no library catches what is not an Exception."""


@dataclass
class _Meter:
    """Collects the iterations of a training run with the times at which they ended."""

    until: float
    cpu_seconds: list[float] = field(default_factory=list)
    wall_seconds: list[float] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    cpu_start: float = math.nan
    wall_start: float = math.nan

    def start(self) -> None:
        self.cpu_start, self.wall_start = time.process_time(), time.perf_counter()

    def end_iteration(self, reward: float | None) -> None:
        self.cpu_seconds.append(time.process_time() - self.cpu_start)
        self.wall_seconds.append(time.perf_counter() - self.wall_start)
        self.rewards.append(math.nan)
        if reward is not None:
            self.reward(reward)

    def reward(self, reward: float) -> None:
        """Take the mean reward of the latest iteration."""
        self.rewards[-1] = reward
        if reward >= self.until:
            raise _ReachedError

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time of a block."""
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            yield
        finally:
            self.cpu_start += time.process_time() - cpu
            self.wall_start += time.perf_counter() - wall


class _Console(io.StringIO):
    """Standard output that is read whenever lines have been completed."""

    def __init__(self, meter: _Meter) -> None:
        super().__init__()
        self.meter = meter
        self.pending = ""

    def write(self, text: str) -> int:
        self.pending += text
        if self.pending.endswith("\n"):
            lines, self.pending = self.pending, ""
            with self.meter.paused():
                records = list(logs.reads(lines)) if lines.strip() else []
            for record in records:
                if record.kind == "iteration":
                    self.meter.end_iteration(record.reward)
                elif record.kind == "best_reward" and record.reward is not None and self.meter.rewards:
                    self.meter.reward(record.reward)
        return len(text)


_REWARD_OF_SKRL, _LAST_OF_SKRL = "Reward / Total reward (mean)", "Loss / Policy loss"


@contextlib.contextmanager
def _scalars_of_skrl(meter: _Meter) -> Iterator[None]:
    """Read the mean reward that skrl writes into its event file, for it prints none."""
    from skrl.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - of this library only

    original = SummaryWriter.add_scalar
    latest: list[float] = []

    def add_scalar(writer: Any, *, tag: str, value: float, timestep: int) -> None:  # noqa: ANN401 - skrl has no types
        original(writer, tag=tag, value=value, timestep=timestep)
        if tag == _REWARD_OF_SKRL:
            latest[:] = [float(value)]
        elif tag == _LAST_OF_SKRL:  # written after the rewards of the same iteration
            reward = latest.pop() if latest else None
            meter.end_iteration(reward)

    SummaryWriter.add_scalar = add_scalar
    try:
        yield
    finally:
        SummaryWriter.add_scalar = original


@contextlib.contextmanager
def _starting(env: Any, meter: _Meter) -> Iterator[None]:  # noqa: ANN401 - an attribute is put in front of its method
    """Start the clocks at the first step, after what a library does once."""

    def step(actions: Tensor) -> Any:  # noqa: ANN401 - whatever the environment returns
        del env.step
        meter.start()
        return env.step(actions)

    env.step = step
    try:
        yield
    finally:
        vars(env).pop("step", None)


def median_of(values: Sequence[float | None], *, seed: int = 0) -> Estimate:
    """Return the median over seeds with a 95 % interval, where None stands for a seed that never got there.

    Parameters
    ----------
    values
        One for each seed, such as those of `Curve.cpu_seconds_to`.
    seed
        Of the bootstrap's random numbers.

    Returns
    -------
    Estimate
        The interval is that of the bootstrap (bias-corrected and accelerated) where all seeds got there. Otherwise a seed
        that did not counts as later than any that did, and the interval lies between order statistics, as of the sign
        test. Its ends, and the median, are infinite where too few seeds got there to give them.

    Raises
    ------
    BadInputError
        If there are no values.

    Examples
    --------
    >>> median_of([3.0, 1.0, 2.0, None, 4.0, 5.0, 2.0, None]).show("{:.1f}")
    '3.5 (1.0 to inf)'
    """
    if not values:
        raise BadInputError("a median needs one value at least.")
    times = _with_censored(values)
    ranks = Estimate.of(times)
    if math.inf in times or min(times) == max(times):
        return ranks
    from numpy.random import default_rng  # noqa: PLC0415 - slow to import, and a training needs neither
    from scipy import stats  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of data so alike that there is no such interval: then it is NaN
        interval = stats.bootstrap(
            (times,), _medians, confidence_level=_CONFIDENCE, method="BCa", rng=default_rng(seed)
        ).confidence_interval
    low, high = float(interval.low), float(interval.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        return ranks
    return Estimate(value=ranks.value, low=low, high=high, samples=len(times))


def ratio_of_medians(
    numerator: Sequence[float | None], denominator: Sequence[float | None], *, seed: int = 0
) -> Estimate:
    """Return the ratio of two medians over seeds, with a 95 % interval of the percentile bootstrap.

    Parameters
    ----------
    numerator, denominator
        One for each seed, None for a seed that never got there. The two need not have the same seeds: each is resampled
        by itself.
    seed
        Of the bootstrap's random numbers.

    Returns
    -------
    Estimate
        Infinite where the numerator never got there, 0 where the denominator did not; where neither did, the ratio is
        unknown, and the interval is as wide as those samples can make it.
    """
    import numpy as np  # noqa: PLC0415 - a curve is read without it

    if not numerator or not denominator:
        raise BadInputError("a ratio of medians needs one value of each at least.")
    rng = np.random.default_rng(seed)
    above, below = (_resampled_medians(_with_censored(values), rng) for values in (numerator, denominator))
    with np.errstate(invalid="ignore"):
        ratios = above / below
    unknown = np.isnan(ratios)
    tail = (1 - _CONFIDENCE) / 2
    low = float(np.quantile(np.where(unknown, 0.0, ratios), tail, method="lower"))
    high = float(np.quantile(np.where(unknown, math.inf, ratios), 1 - tail, method="higher"))
    return Estimate(
        value=_ratio(median(_with_censored(numerator)), median(_with_censored(denominator))),
        low=low,
        high=high,
        samples=min(len(numerator), len(denominator)),
    )


def _ratio(one: float, other: float) -> float:
    return math.nan if math.isinf(one) and math.isinf(other) else one / other


def _with_censored(values: Sequence[float | None]) -> list[float]:
    return [math.inf if value is None else float(value) for value in values]


def _resampled_medians(values: list[float], rng: Any) -> Any:  # noqa: ANN401 - numpy is imported when it is needed
    import numpy as np  # noqa: PLC0415

    drawn = rng.integers(len(values), size=(_RESAMPLES, len(values)))
    return np.median(np.asarray(values)[drawn], axis=1)


def _medians(samples: Any, axis: int = -1) -> Any:  # noqa: ANN401 - scipy calls it with arrays
    import numpy as np  # noqa: PLC0415

    return np.median(samples, axis=axis)
