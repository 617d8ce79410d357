"""What each library stores of a rollout, and what it makes of that for the update.

Sizes are those of the pinned releases; each names the line of the library that allocates it, which is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stepscope.plan.memory._training import Training

__all__ = ["LOSSES", "Item", "Loss", "Part", "stored"]

Part = Literal["networks", "rollout", "update"]

_F = 4  # bytes of a float32


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that takes memory.

    Attributes
    ----------
    name
        What it is.
    part
        What it belongs to: ``"networks"``, which are there however many environments there are; ``"rollout"``, which
        grows with environment steps in a rollout; or ``"update"``, which grows with those in a minibatch.
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
    part: Part
    place: Literal["torch", "host"]
    number_of_bytes: int
    formula: str
    meaning: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What is there besides at some moments, in numbers for each sample of a minibatch.

    A pair stands for so many for each number of an action, and so many once.

    Attributes
    ----------
    backward, forward
        Of the loss, in the backward pass and while it is computed.
    probabilities
        Of the probabilities of the actions, when they or their gradients are computed and the value is not.
    gradients
        Share of the gradients of all parameters that is there at that moment: all of the minibatch before, in a forward
        pass; in a backward pass those of the critic, unless its layers come last.
    last_step
        What is left of the last vector step: numbers for each environment.
    normalising
        Copies of the observations while they are normalised.
    loading
        Whether the next minibatch is copied while the last one is still there.
    stepping
        Copies of the largest layer's parameters in the step of the optimiser. Adam goes through the layers one by one on
        a CPU and needs two; a fused one needs none.
    """

    backward: tuple[int, int]
    forward: tuple[int, int]
    probabilities: tuple[int, int] | None = None
    gradients: float = 1.0
    last_step: tuple[int, int] = (0, 0)
    normalising: int = 0
    loading: bool = False
    stepping: int = 2


# Counted in the profiler's record of the real libraries: tensors that are alive when memory peaks.
LOSSES = {
    "rl_games": Loss(backward=(4, 3), forward=(13, 15), last_step=(0, 4), normalising=1, stepping=0),
    "rsl_rl": Loss(backward=(4, 11), forward=(9, 9), probabilities=(10, 11), gradients=0.5, last_step=(1, 6)),
    "skrl": Loss(backward=(3, 5), forward=(6, 8), probabilities=(11, 5), last_step=(2, 5), normalising=2),
    "sb3": Loss(
        backward=(2, 9),
        forward=(10, 9),
        probabilities=(12, 10),
        gradients=0.0,
        last_step=(1, 2),
        loading=True,
    ),
}


def stored(training: Training) -> tuple[Item, ...]:
    """Return what the library stores besides its networks."""
    return _LIBRARIES[training.library](training)


def _of_rollout(
    training: Training,
    name: str,
    each: int,
    meaning: str,
    source: str,
    *,
    place: Literal["torch", "host"] = "torch",
) -> Item:
    """Something with so many bytes for each environment step of a rollout."""
    return Item(
        name=name,
        part="rollout",
        place=place,
        number_of_bytes=training.steps * each,
        formula=f"{training.steps:,} x {each:,}",
        meaning=meaning,
        source=source,
    )


def _of_minibatch(training: Training, name: str, each: int, meaning: str, source: str) -> Item:
    """Something with so many bytes for each environment step of a minibatch."""
    return Item(
        name=name,
        part="update",
        place="torch",
        number_of_bytes=training.batch * each,
        formula=f"{training.batch:,} x {each:,}",
        meaning=meaning,
        source=source,
    )


def _rl_games(training: Training) -> tuple[Item, ...]:
    observation, a = training.observation_bytes, training.actions
    each = observation + _F * (3 * a + 3) + 1
    words = "observation, action, mean, deviation, 3 floats, flag"
    items = [
        _of_rollout(
            training,
            "rollout",
            each,
            words,
            "rl_games/common/experience.py:359 tensor_dict['obses']",
        ),
        _of_rollout(
            training,
            "reordered copy",
            each + 3 * _F,
            "the same again, with values, returns and advantages normalised",
            "rl_games/common/a2c_common.py:919 swap_and_flatten01",
        ),
    ]
    if training.number_type == "uint8":
        items.append(_floats(training, "rl_games/common/a2c_common.py:777 obs_batch.float()"))
    elif not training.is_image:
        items.append(
            _of_minibatch(
                training,
                "network input",
                _F * training.numbers,
                "normalised observations",
                "rl_games/algos_torch/models.py:56 running_mean_std(observation)",
            )
        )
    return tuple(items)


def _rsl_rl(training: Training) -> tuple[Item, ...]:
    observation, a = training.observation_bytes, training.actions
    items = [
        _of_rollout(
            training,
            "rollout",
            observation + _F * (3 * a + 5) + 1,
            "observation, action, mean, deviation, 5 floats, flag",
            "rsl_rl/storage/rollout_storage.py:142 TensorDict",
        ),
        _of_rollout(
            training,
            "step order",
            8,
            "an index",
            "rsl_rl/storage/rollout_storage.py:231 randperm",
        ),
        _of_minibatch(
            training,
            "minibatch",
            observation + _F * (3 * a + 4),
            "the steps of a minibatch, copied",
            "rsl_rl/storage/rollout_storage.py:252 actions[batch_idx]",
        ),
    ]
    if not training.is_image:
        items.append(
            _of_minibatch(
                training,
                "network input",
                2 * _F * training.numbers,
                "observations put together, for the actor and for the critic",
                "rsl_rl/models/mlp_model.py:115 torch.cat",
            )
        )
    return tuple(items)


def _skrl(training: Training) -> tuple[Item, ...]:
    observation, a = training.observation_bytes, training.actions
    items = [
        _of_rollout(
            training,
            "rollout",
            observation + _F * (a + 5) + 2,
            "observation, action, 5 floats, 2 flags",
            "skrl/agents/torch/ppo/ppo.py:176 create_tensor",
        ),
        _of_rollout(training, "step order", 8, "an index", "skrl/memories/torch/random.py:75 randperm"),
        _of_rollout(
            training,
            "all minibatches",
            observation + _F * (a + 4),
            "the steps of all minibatches at once, copied",
            "skrl/memories/torch/base.py:304 self.tensors_view[name][batch]",
        ),
        _of_rollout(
            training,
            "advantages",
            2 * _F,
            "advantage and return, held until the update is done",
            "skrl/agents/torch/ppo/ppo.py:344 compute_gae",
        ),
    ]
    if not training.is_image:
        items.append(
            _of_minibatch(
                training,
                "network input",
                observation,
                "normalised observations",
                "skrl/resources/preprocessors/torch/running_standard_scaler.py:95 torch.clamp",
            )
        )
    return tuple(items)


def _sb3(training: Training) -> tuple[Item, ...]:
    observation, a = training.observation_bytes, training.actions
    items = [
        _of_rollout(
            training,
            "rollout",
            observation + _F * (a + 6),
            "observation, action, 6 floats",
            "stable_baselines3/common/buffers.py:392 np.zeros",
            place="host",
        ),
        _of_minibatch(
            training,
            "minibatch",
            observation + _F * (a + 4),
            "the steps of a minibatch, copied to the device",
            "stable_baselines3/common/buffers.py:522 self.to_torch",
        ),
    ]
    if training.number_type == "uint8":
        items.append(_floats(training, "stable_baselines3/common/preprocessing.py:119 obs.float()"))
    return tuple(items)


def _floats(training: Training, source: str) -> Item:
    return _of_minibatch(training, "network input", _F * training.numbers, "images as floats", source)


_LIBRARIES = {"rl_games": _rl_games, "rsl_rl": _rsl_rl, "skrl": _skrl, "sb3": _sb3}
