"""Return of the policies that a training saved, in their own episodes.

What a library prints is the mean of the last 100 episodes that have ended, whenever they began: with many environments and
few steps each, a policy that no longer fails is not in it yet. `evaluate_checkpoints` asks the policy itself.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from stepscope.envs import CartPole

__all__ = ["evaluate_checkpoints", "interquartile_mean"]

_CONFIDENCE = 0.95
_QUARTER = 0.25


def evaluate_checkpoints(
    log_dir: str | Path,
    *,
    episodes: int = 64,
    seed: int = 0,
    make_env: Callable[[int], CartPole] | None = None,
) -> dict[int, float]:
    """Return the mean return of each checkpoint that RSL-RL saved while it trained the cart-pole.

    Each policy takes its mean action, without noise, in whole episodes. All checkpoints start from the same states.

    Parameters
    ----------
    log_dir
        Folder of the ``model_*.pt``, on which ``stepscope.train.rsl_rl`` trained an MLP.
    episodes
        Episodes of each policy.
    seed
        Seed of the start states.
    make_env
        Makes as many environments as it is given; by default our cart-pole, whose return is the number of its steps, at
        most 500.

    Returns
    -------
    dict
        The iteration in a checkpoint's name, from 0, to its mean return.

    Raises
    ------
    BadInputError
        If the folder holds no checkpoint.
    """
    import torch  # noqa: PLC0415 - slow to import

    from stepscope.envs import CartPole  # noqa: PLC0415 - imports torch

    make_env = make_env or CartPole
    paths = {int(path.stem.removeprefix("model_")): path for path in Path(log_dir).glob("model_*.pt")}
    if not paths:
        raise BadInputError(f"{str(log_dir)!r} holds no checkpoint model_*.pt; save one.")
    iterations = sorted(paths)
    layers = _stack([torch.load(paths[name], weights_only=True)["actor_state_dict"] for name in iterations])
    starts, _ = make_env(episodes).reset(seed=seed)
    env = make_env(episodes * len(iterations))
    env.reset()
    env.set_state(starts.repeat(len(iterations), 1))
    observations = env.state
    returns = torch.zeros(env.num_envs)
    running = torch.ones(env.num_envs, dtype=torch.bool)
    with torch.inference_mode():
        while running.any():
            actions = _act(layers, observations.reshape(len(iterations), episodes, -1))
            observations, rewards, terminated, truncated, _ = env.step(actions.reshape(env.num_envs, -1))
            returns += rewards * running
            running &= ~(terminated | truncated)
    means = returns.reshape(len(iterations), episodes).mean(1)
    return dict(zip(iterations, means.tolist(), strict=True))


def interquartile_mean(values: Sequence[float], *, seed: int = 0) -> Estimate:
    """Return the mean over seeds without the best and the worst quarter, with its 95 % interval.

    Parameters
    ----------
    values
        One for each seed. For a paired comparison, the difference of the two runs of each seed.
    seed
        Of the bootstrap's random numbers.

    Returns
    -------
    Estimate
        The interval is that of the bootstrap, bias-corrected and accelerated.

    Raises
    ------
    BadInputError
        If there are no values.

    Examples
    --------
    >>> interquartile_mean([1.0, 10.0, 11.0, 12.0, 13.0, 99.0, 10.0, 12.0]).value
    11.25
    """
    import numpy as np  # noqa: PLC0415 - slow to import, and a training needs neither
    from scipy import stats  # noqa: PLC0415

    if not values:
        raise BadInputError("an interquartile mean needs one value at least.")
    samples = np.asarray(values, dtype=float)
    mean = float(stats.trim_mean(samples, _QUARTER))
    if samples.min() == samples.max():
        return Estimate(value=mean, low=mean, high=mean, samples=len(samples))

    def trimmed(resampled: Any, axis: int = -1) -> Any:  # noqa: ANN401 - scipy calls it with arrays
        return stats.trim_mean(resampled, _QUARTER, axis=axis)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # then there is no such interval
        interval = stats.bootstrap(
            (samples,), trimmed, confidence_level=_CONFIDENCE, method="BCa", rng=np.random.default_rng(seed)
        ).confidence_interval
    low, high = float(interval.low), float(interval.high)
    if np.isnan(low) or np.isnan(high):
        low, high = float(samples.min()), float(samples.max())
    return Estimate(value=mean, low=low, high=high, samples=len(samples))


def _stack(states: Sequence[dict[str, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Return the weights, (K, inputs, outputs), and biases, (K, 1, outputs), of each layer of K multilayer perceptrons."""
    import torch  # noqa: PLC0415 - as above

    names = [
        name.removesuffix(".weight")
        for name in states[0]
        if name.startswith("mlp.") and name.endswith(".weight")
    ]
    return [
        (
            torch.stack([state[f"{name}.weight"] for state in states]).mT,
            torch.stack([state[f"{name}.bias"] for state in states]).unsqueeze(1),
        )
        for name in names
    ]


def _act(layers: Sequence[tuple[Tensor, Tensor]], observations: Tensor) -> Tensor:
    import torch  # noqa: PLC0415 - as above

    values = observations
    for number, (weights, biases) in enumerate(layers, start=1):
        values = torch.baddbmm(biases, values, weights)
        if number < len(layers):
            values = torch.nn.functional.elu(values)
    return values
