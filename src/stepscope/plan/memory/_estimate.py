"""Peak of PyTorch's memory: everything allocated at the moment when that is most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope.plan.memory._libraries import LOSSES, Item, list_storage
from stepscope.plan.memory._networks import record_networks

if TYPE_CHECKING:
    from stepscope.plan.memory._libraries import Part
    from stepscope.plan.memory._networks import Networks
    from stepscope.plan.memory._training import Training

__all__ = ["Item", "MemoryEstimate", "estimate_memory"]

_F = 4  # bytes of a float32
_ADAM = "torch/optim/adam.py:178 exp_avg"
_ELU = "torchgen/packaged/autograd/derivatives.yaml:2132 elu_backward"
_ENGINE = "torch/autograd/graph.py:979 run_backward"


@dataclass(frozen=True, kw_only=True)
class MemoryEstimate:
    """Memory of a training run, part by part.

    Attributes
    ----------
    training
        The training.
    items
        Allocations at the moment when PyTorch's share is largest, without the simulator's.
    moment
        When that is, in words.
    """

    training: Training
    items: tuple[Item, ...]
    moment: str

    @property
    def torch_bytes(self) -> int:
        """PyTorch's share at its peak, in bytes."""
        return sum(item.number_of_bytes for item in self.items if item.place == "torch")

    def torch_bytes_of(self, part: Part) -> int:
        """Return PyTorch's share of the networks, of the rollout or of the update, in bytes."""
        return sum(item.number_of_bytes for item in self.items if item.place == "torch" and item.part == part)

    @property
    def host_bytes(self) -> int:
        """Bytes that NumPy holds, in the memory of the host even with a GPU."""
        return sum(item.number_of_bytes for item in self.items if item.place == "host")


def estimate_memory(training: Training) -> MemoryEstimate:
    """Count what PyTorch will take, before anything runs.

    The update of PPO is simulated to find its peak: while the loss is computed, when the gradients of the previous
    minibatch are still there, or in the backward pass. The rollout itself is not simulated: with more minibatches than
    vector steps, the peak may be there.

    Parameters
    ----------
    training
        Sizes and library.

    Returns
    -------
    MemoryEstimate
        The parts, in bytes.

    Examples
    --------
    >>> from stepscope.plan.memory import Training
    >>> sizes = {"num_envs": 4096, "horizon": 24, "observation": (48,), "actions": 12, "hidden": (512, 256, 128)}
    >>> estimate = estimate_memory(Training(library="rsl_rl", **sizes))
    >>> round(estimate.torch_bytes / 2**20)
    411
    """
    nets = record_networks(training)
    moments = _simulate_update(training, nets)
    moment = max(moments, key=lambda name: sum(moments[name]))
    kept, rest = moments[moment]
    n = nets.parameters
    items = [
        Item(
            name="weights",
            part="networks",
            place="torch",
            number_of_bytes=_F * n,
            formula=f"{n:,} x {_F}",
            meaning="parameters of actor and critic",
            source="torch/nn/modules/linear.py:109 torch.empty",
        ),
        Item(
            name="Adam",
            part="networks",
            place="torch",
            number_of_bytes=2 * _F * n,
            formula=f"{n:,} x {2 * _F}",
            meaning="two moments of each parameter",
            source=_ADAM,
        ),
        *list_storage(training),
        Item(
            name="activations",
            part="update",
            place="torch",
            number_of_bytes=_F * kept,
            formula=f"{training.batch:,} x {_F * kept // training.batch:,}",
            meaning="kept for the backward pass",
            source=_ELU,
        ),
        Item(
            name="gradients, loss",
            part="update",
            place="torch",
            number_of_bytes=_F * rest,
            formula="",
            meaning=f"all other tensors, {moment}",
            source=_ENGINE,
        ),
    ]
    return MemoryEstimate(
        training=training, items=tuple(item for item in items if item.number_of_bytes), moment=moment
    )


def _simulate_update(training: Training, nets: Networks) -> dict[str, tuple[int, int]]:
    """Return numbers kept for the backward pass and other numbers, for each moment that may be the peak."""
    loss, samples, actions = LOSSES[training.library], training.batch, training.actions

    def per_sample(numbers: tuple[int, int]) -> int:
        return numbers[0] * actions + numbers[1]

    kept = samples * nets.tape.kept
    gradients = nets.parameters  # of the previous minibatch: zero_grad() comes after the forward pass
    moments = {
        "in the backward pass": (
            kept,
            nets.tape.backward(samples, nets.outputs) - kept + samples * per_sample(loss.backward),
        ),
        "while the loss is computed": (kept, gradients + samples * per_sample(loss.forward)),
        "in the step of the optimiser": (0, gradients + loss.stepping * nets.tape.largest),
    }
    if loss.probabilities:
        moments["while probabilities are computed"] = (
            samples * nets.actor,
            round(loss.gradients * gradients) + samples * per_sample(loss.probabilities),
        )
    if training.library == "sb3":  # its tanh keeps its input until the result is there
        moments["in the last hidden layer"] = (kept, gradients + samples * nets.last)
    if loss.normalising:
        copies = loss.normalising * training.numbers
        moments["while observations are normalised"] = (0, gradients + samples * (copies + actions + 4))
    if loss.loading:
        minibatch = training.stored_bytes // _F + actions + 4
        moments["while the next minibatch is loaded"] = (
            0,
            gradients + samples * (minibatch + 3 * actions + 8),
        )
    left = training.num_envs * per_sample(loss.last_step)
    return {moment: (held, rest + left) for moment, (held, rest) in moments.items()}
