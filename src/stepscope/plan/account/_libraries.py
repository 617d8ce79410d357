"""What each library stores of a rollout, and what it makes of that for the update.

Sizes are those of the pinned releases; each names the line of the library that allocates it, which is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stepscope.plan.account._training import Training

__all__ = ["LOSSES", "Item", "Loss", "stored"]

_F = 4  # bytes of a float32


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that takes memory.

    Attributes
    ----------
    name
        What it is.
    place
        ``"torch"`` where PyTorch allocates it, ``"host"`` where NumPy does.
    number_of_bytes
        How much.
    formula
        How that was computed: how many times how many bytes.
    meaning
        What is in it.
    source
        The line that allocates it, as ``path:line words`` of an installed package.
    """

    name: str
    place: Literal["torch", "host"]
    number_of_bytes: int
    formula: str
    meaning: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What is there besides at some moments, in numbers for each sample of a minibatch.

    Attributes
    ----------
    backward, forward
        Of the loss, in the backward pass and while it is computed: so many for each action, and so many once.
    normalising
        Copies of the observations while they are normalised.
    loading
        Whether the next minibatch is copied while the last one is still there.
    """

    backward: tuple[int, int]
    forward: tuple[int, int]
    normalising: int = 0
    loading: bool = False


# Counted in the profiler's record of the real libraries: tensors that are alive when memory peaks.
LOSSES = {
    "rl_games": Loss(backward=(4, 5), forward=(13, 11), normalising=1),
    "rsl_rl": Loss(backward=(5, 12), forward=(9, 9)),
    "skrl": Loss(backward=(4, 7), forward=(6, 8), normalising=2),
    "sb3": Loss(backward=(2, 10), forward=(10, 9), loading=True),
}


def stored(training: Training) -> tuple[Item, ...]:
    """Return what the library stores besides its networks."""
    return _LIBRARIES[training.library](training)


def _item(
    name: str, times: int, each: int, words: str, source: str, *, place: Literal["torch", "host"] = "torch"
) -> Item:
    return Item(
        name=name,
        place=place,
        number_of_bytes=times * each,
        formula=f"{times:,} x {each:,}",
        meaning=words,
        source=source,
    )


def _rl_games(training: Training) -> tuple[Item, ...]:
    observation, a = training.observation_bytes, training.actions
    each = observation + _F * (3 * a + 3) + 1
    words = "observation, action, mean, deviation, 3 floats, flag"
    return (
        _item(
            "rollout",
            training.steps,
            each,
            words,
            "rl_games/common/experience.py:359 tensor_dict['obses']",
        ),
        _item(
            "rollout, reordered",
            training.steps,
            each + 3 * _F,
            "the same again, with values, returns and advantages normalised",
            "rl_games/common/a2c_common.py:919 swap_and_flatten01",
        ),
        _item(
            "network input",
            training.batch,
            _F * training.numbers,
            "normalised observations",
            "rl_games/algos_torch/models.py:56 running_mean_std(observation)",
        ),
    )


def _rsl_rl(training: Training) -> tuple[Item, ...]:
    observation, a = training.observation_bytes, training.actions
    return (
        _item(
            "rollout",
            training.steps,
            observation + _F * (3 * a + 5) + 1,
            "observation, action, mean, deviation, 5 floats, flag",
            "rsl_rl/storage/rollout_storage.py:142 TensorDict",
        ),
        _item(
            "step order",
            training.steps,
            8,
            "an index",
            "rsl_rl/storage/rollout_storage.py:231 randperm",
        ),
        _item(
            "minibatch",
            training.batch,
            observation + _F * (3 * a + 4),
            "the steps of a minibatch, copied",
            "rsl_rl/storage/rollout_storage.py:252 actions[batch_idx]",
        ),
        _item(
            "network input",
            training.batch,
            2 * _F * training.numbers,
            "observations put together, for the actor and for the critic",
            "rsl_rl/models/mlp_model.py:115 torch.cat",
        ),
    )


def _skrl(training: Training) -> tuple[Item, ...]:
    observation, a = _F * training.numbers, training.actions  # whatever the type of the observations
    return (
        _item(
            "rollout",
            training.steps,
            observation + _F * (a + 5) + 2,
            "observation, action, 5 floats, 2 flags",
            "skrl/agents/torch/ppo/ppo.py:176 create_tensor",
        ),
        _item("step order", training.steps, 8, "an index", "skrl/memories/torch/random.py:75 randperm"),
        _item(
            "all minibatches",
            training.steps,
            observation + _F * (a + 4),
            "the steps of all minibatches at once, copied",
            "skrl/memories/torch/base.py:304 self.tensors_view[name][batch]",
        ),
        _item(
            "returns, advantages",
            training.steps,
            2 * _F,
            "2 floats, held until the update is done",
            "skrl/agents/torch/ppo/ppo.py:344 compute_gae",
        ),
        _item(
            "network input",
            training.batch,
            observation,
            "normalised observations",
            "skrl/resources/preprocessors/torch/running_standard_scaler.py:95 torch.clamp",
        ),
    )


def _sb3(training: Training) -> tuple[Item, ...]:
    observation, a = training.observation_bytes, training.actions
    items = [
        _item(
            "rollout",
            training.steps,
            observation + _F * (a + 6),
            "observation, action, 6 floats",
            "stable_baselines3/common/buffers.py:392 np.zeros",
            place="host",
        ),
        _item(
            "minibatch",
            training.batch,
            observation + _F * (a + 4),
            "the steps of a minibatch, copied to the device",
            "stable_baselines3/common/buffers.py:522 self.to_torch",
        ),
    ]
    if training.is_image:
        items.append(
            _item(
                "network input",
                training.batch,
                _F * training.numbers,
                "images as floats",
                "stable_baselines3/common/preprocessing.py:119 obs.float()",
            )
        )
    return tuple(items)


_LIBRARIES = {"rl_games": _rl_games, "rsl_rl": _rsl_rl, "skrl": _skrl, "sb3": _sb3}
