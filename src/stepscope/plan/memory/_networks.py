"""Forward passes of the networks of the four libraries, recorded on a tape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from stepscope._common.images import CONVOLUTIONS, FEATURES, convolved_shapes
from stepscope.plan.memory._tape import Tape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepscope.plan.memory._training import Training

__all__ = ["Networks", "record_networks"]


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The forward pass of actor and critic.

    Attributes
    ----------
    tape
        The record of it.
    outputs
        The tensors that the loss is computed from.
    actor
        Numbers that are kept for each sample of the layers that lead to the action, as long as those of the critic are
        not there: in libraries that compute them together, all of them and the gradient of its last hidden layer.
    parameters
        Numbers that are learned, the standard deviation of each action included.
    last
        Width of the last layer but the output.
    """

    tape: Tape
    outputs: tuple[int, int]
    actor: int
    parameters: int
    last: int


def record_networks(training: Training) -> Networks:
    """Record the networks, in the order in which the library computes them."""
    tape = Tape(training.numbers)
    last = training.hidden[-1] if training.hidden else FEATURES
    outputs, actor = _LIBRARIES[training.library](tape, training)
    return Networks(
        tape=tape, outputs=outputs, actor=actor, parameters=tape.weights + training.actions, last=last
    )


def _layers(tape: Tape, source: int, widths: Sequence[int], activation: Callable[[int], int]) -> int:
    for width in widths:
        source = activation(tape.linear(source, width))
    return source


def _convolutions(tape: Tape, training: Training) -> int:
    """Record the convolutions; return their flattened result."""
    source, channels = 0, training.observation[0]
    for (outputs, height, width), (_, edge, _) in zip(
        convolved_shapes(training.observation), CONVOLUTIONS, strict=True
    ):
        weights = (channels * edge * edge + 1) * outputs
        source = tape.tanh(
            tape.convolution(source, outputs * height * width, weights=weights, channels=channels)
        )
        channels = outputs
    return source


def _trunk(tape: Tape, training: Training, *, copied: bool = False) -> int:
    """Record a network without its last layer."""
    if not training.is_image:
        return _layers(tape, 0, training.hidden, tape.elu)
    row = _convolutions(tape, training)
    return _layers(tape, tape.copy(row) if copied else row, (FEATURES, *training.hidden), tape.elu)


def _shared(tape: Tape, training: Training) -> tuple[tuple[int, int], int]:
    """Record actor and critic that share their layers."""
    trunk = _trunk(tape, training)
    value = tape.linear(trunk, 1)
    return (tape.linear(trunk, training.actions), value), tape.kept


def _sequential(tape: Tape, training: Training, *, copied: bool) -> tuple[tuple[int, int], int]:
    """Record all of the actor, then all of the critic."""
    action = tape.linear(_trunk(tape, training, copied=copied), training.actions)
    actor = tape.kept
    return (action, tape.linear(_trunk(tape, training, copied=copied), 1)), actor


def _heads_last(tape: Tape, training: Training) -> tuple[tuple[int, int], int]:
    """Record actor and critic with their own layers, whose output layers come last."""
    features = 0
    if training.is_image:
        features = _layers(tape, _convolutions(tape, training), (FEATURES,), tape.tanh)
    actor = _layers(tape, features, training.hidden, tape.tanh)
    critic = _layers(tape, features, training.hidden, tape.tanh)
    value = tape.linear(critic, 1)
    return (tape.linear(actor, training.actions), value), tape.kept + tape.size(critic)


_LIBRARIES: dict[str, Callable[[Tape, Training], tuple[tuple[int, int], int]]] = {
    "rl_games": _shared,
    # Its latent is concatenated even where it has one part.
    "rsl_rl": partial(_sequential, copied=True),
    "skrl": partial(_sequential, copied=False),
    "sb3": _heads_last,
}
