"""Storage of a rollout in each library, and the copies that the update makes of it.

Each size names the line that allocates it in the pinned release, which is checked. What older releases store otherwise
was read in their sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.plan.memory._training import Training

__all__ = ["LOSSES", "Item", "Loss", "Part", "list_storage"]

Part = Literal["networks", "rollout", "update"]

_F = 4  # bytes of a float32


@dataclass(frozen=True, kw_only=True)
class Item:
    """An allocation.

    Attributes
    ----------
    name
        Label in the table.
    part
        ``"networks"``, which do not depend on the number of environments; ``"rollout"``, which grows with environment
        steps in a rollout; or ``"update"``, which grows with those in a minibatch.
    place
        ``"torch"`` where PyTorch allocates it, ``"host"`` where NumPy does.
    number_of_bytes
        Size.
    formula
        Count times bytes.
    meaning
        Contents.
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
    """Further memory at some moments, in numbers for each sample of a minibatch.

    A pair is a count for each number of an action, and a count without that factor.

    Attributes
    ----------
    backward, forward
        Of the loss, in the backward pass and while it is computed.
    probabilities
        Of the probabilities of the actions, when they or their gradients are computed and the value is not.
    gradients
        Share of the gradients of all parameters that is there at that moment: all of the previous minibatch in a forward
        pass; in a backward pass those of the critic, unless its layers come last.
    last_step
        Rest of the last vector step: numbers for each environment.
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


def list_storage(training: Training) -> Iterator[Item]:
    """Yield what the library stores besides its networks."""
    for part, name, size, meaning, source in _LIBRARIES[training.library](training):
        count = training.steps if part == "rollout" else training.batch
        yield Item(
            name=name,
            part=part,
            place="host" if training.library == "sb3" and part == "rollout" else "torch",
            number_of_bytes=count * size,
            formula=f"{count:,} x {size:,}",
            meaning=meaning,
            source=source,
        )


# Part, name, bytes for each environment step of a rollout or of a minibatch, meaning, source.
_Row = tuple[Part, str, int, str, str]


def _rl_games(training: Training) -> Iterator[_Row]:
    size = training.observation_bytes + _F * (3 * training.actions + 3) + 1
    meaning = "observation, action, mean, deviation, 3 floats, flag"
    yield "rollout", "rollout", size, meaning, "rl_games/common/experience.py:359 tensor_dict['obses']"
    meaning = "the same again, with values, returns and advantages normalised"
    source = "rl_games/common/a2c_common.py:919 swap_and_flatten01"
    yield "rollout", "reordered copy", size + 3 * _F, meaning, source
    if training.number_type == "uint8":
        yield _floats(training, "rl_games/common/a2c_common.py:777 obs_batch.float()")
    elif not training.is_image:
        source = "rl_games/algos_torch/models.py:56 running_mean_std(observation)"
        yield "update", "network input", _F * training.numbers, "normalised observations", source


def _rsl_rl(training: Training) -> Iterator[_Row]:
    observation, a = training.observation_bytes, training.actions
    size = observation + _F * (3 * a + 5) + 1
    meaning = "observation, action, mean, deviation, 5 floats, flag"
    yield "rollout", "rollout", size, meaning, "rsl_rl/storage/rollout_storage.py:142 TensorDict"
    yield "rollout", "step order", 8, "an index", "rsl_rl/storage/rollout_storage.py:231 randperm"
    size = observation + _F * (3 * a + 4)
    source = "rsl_rl/storage/rollout_storage.py:252 actions[batch_idx]"
    yield "update", "minibatch", size, "the steps of a minibatch, copied", source
    if not training.is_image:
        meaning = "observations put together, for the actor and for the critic"
        source = "rsl_rl/models/mlp_model.py:115 torch.cat"
        yield "update", "network input", 2 * _F * training.numbers, meaning, source


def _skrl(training: Training) -> Iterator[_Row]:
    observation, a = training.observation_bytes, training.actions
    flags = 2 if training.era in ("1.4.0", "2.1.0") else 1
    meaning = f"observation, action, 5 floats, {flags} flag{'s' * (flags - 1)}"
    source = "skrl/agents/torch/ppo/ppo.py:176 create_tensor"
    yield "rollout", "rollout", observation + _F * (a + 5) + flags, meaning, source
    if training.era == "2.1.0":
        yield "rollout", "step order", 8, "an index", "skrl/memories/torch/random.py:75 randperm"
    if training.era == "2.1.0" or (training.era == "1.0.0" and training.minibatches > 1):
        # From 1.4.0 to 2.0.0 minibatches are slices of the rollout.
        meaning = "the steps of all minibatches at once, copied"
        source = "skrl/memories/torch/base.py:304 self.tensors_view[name][batch]"
        yield "rollout", "all minibatches", observation + _F * (a + 4), meaning, source
    meaning = "advantage and return, held until the update is done"
    yield "rollout", "advantages", 2 * _F, meaning, "skrl/agents/torch/ppo/ppo.py:344 compute_gae"
    if not training.is_image:
        source = "skrl/resources/preprocessors/torch/running_standard_scaler.py:95 torch.clamp"
        yield "update", "network input", observation, "normalised observations", source


def _sb3(training: Training) -> Iterator[_Row]:
    observation, a = training.stored_bytes, training.actions
    source = "stable_baselines3/common/buffers.py:392 np.zeros"
    yield "rollout", "observations", observation, f"as {_type(observation, training)}", source
    source = "stable_baselines3/common/buffers.py:393 np.zeros"
    yield "rollout", "rollout", _F * (a + 6), "the rest of it: action, 6 floats", source
    meaning = "the steps of a minibatch, copied to the device"
    source = "stable_baselines3/common/buffers.py:522 self.to_torch"
    yield "update", "minibatch", observation + _F * (a + 4), meaning, source
    if training.number_type == "uint8":
        yield _floats(training, "stable_baselines3/common/preprocessing.py:119 obs.float()")


def _type(observation: int, training: Training) -> str:
    return "uint8" if observation == training.numbers else "float32"


def _floats(training: Training, source: str) -> _Row:
    return "update", "network input", _F * training.numbers, "images as floats", source


_LIBRARIES = {"rl_games": _rl_games, "rsl_rl": _rsl_rl, "skrl": _skrl, "sb3": _sb3}
