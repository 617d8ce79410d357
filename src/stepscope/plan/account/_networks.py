"""The networks of the four libraries, as what is noted of their forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope.plan.account._tape import Tape

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.plan.account._training import Training

__all__ = ["Networks", "networks"]

# Stable-Baselines3's NatureCNN: channels, edge of the kernel, stride; then a layer of 512.
_CONVOLUTIONS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
_FEATURES = 512


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The forward pass of actor and critic.

    Attributes
    ----------
    tape
        What was noted of it.
    outputs
        The tensors that the loss is computed from.
    parameters
        Numbers that are learned, the standard deviation of each action included.
    last
        Width of the last layer but the output.
    """

    tape: Tape
    outputs: tuple[int, int]
    parameters: int
    last: int


def networks(training: Training) -> Networks:
    """Return the networks, in the order in which the library computes them."""
    tape = Tape(training.numbers)
    outputs = _ORDERS[training.library](tape, training)
    last = training.hidden[-1] if training.hidden else _FEATURES
    return Networks(tape=tape, outputs=outputs, parameters=tape.weights + training.actions, last=last)


def _layers(tape: Tape, source: int, training: Training, activation: Callable[[int], int]) -> int:
    for width in training.hidden:
        source = activation(tape.linear(source, width))
    return source


def _one_after_the_other(tape: Tape, training: Training) -> tuple[int, int]:
    action = tape.linear(_layers(tape, 0, training, tape.elu), training.actions)
    return action, tape.linear(_layers(tape, 0, training, tape.elu), 1)


def _shared(tape: Tape, training: Training) -> tuple[int, int]:
    trunk = _layers(tape, 0, training, tape.elu)
    value = tape.linear(trunk, 1)
    return tape.linear(trunk, training.actions), value


def _heads_last(tape: Tape, training: Training) -> tuple[int, int]:
    features = _convolutions(tape, training) if training.is_image else 0
    actor = _layers(tape, features, training, tape.tanh)
    critic = _layers(tape, features, training, tape.tanh)
    value = tape.linear(critic, 1)
    return tape.linear(actor, training.actions), value


def _convolutions(tape: Tape, training: Training) -> int:
    channels, height, width = training.observation
    source = 0
    for outputs, edge, stride in _CONVOLUTIONS:
        height, width = (height - edge) // stride + 1, (width - edge) // stride + 1
        weights = (channels * edge * edge + 1) * outputs
        source = tape.tanh(tape.convolution(source, outputs * height * width, weights=weights))
        channels = outputs
    return tape.tanh(tape.linear(source, _FEATURES))


_ORDERS = {
    "rl_games": _shared,
    "rsl_rl": _one_after_the_other,
    "skrl": _one_after_the_other,
    "sb3": _heads_last,
}
