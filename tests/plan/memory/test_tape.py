"""The backward pass that is played through, against torch's own."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import torch

from stepscope.plan.memory._tape import Tape

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLES = 512


def _played(widths: Sequence[int], activation: str) -> int:
    tape = Tape(widths[0])
    tensor = 0
    for width in widths[1:-1]:
        tensor = getattr(tape, activation)(tape.linear(tensor, width))
    return tape.backward(SAMPLES, (tape.linear(tensor, widths[-1]),))


def _allocated(widths: Sequence[int], activation: torch.nn.Module) -> int:
    """Return the most floats beyond weights and input that torch has while it goes backwards."""
    layers = [torch.nn.Linear(*pair) for pair in pairwise(widths)]
    net = torch.nn.Sequential(*[part for layer in layers[:-1] for part in (layer, activation)], layers[-1])
    inputs = torch.ones(SAMPLES, widths[0])
    gradient = torch.ones(SAMPLES, widths[-1])
    cpu = torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[cpu], profile_memory=True) as profile:
        result = net(inputs)
        with torch.profiler.record_function("backwards"):
            result.backward(gradient)
    events = profile.profiler.kineto_results.events()
    begins = next(event.start_ns() for event in events if event.name() == "backwards")
    live = most = 0
    for event in sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns()):
        live += event.nbytes()
        most = max(most, live if event.start_ns() > begins else 0)
    return most // 4


@pytest.mark.parametrize("widths", [(20, 64, 64, 3), (20, 96, 40, 3), (5, 32, 256, 64, 1), (8, 200, 2)])
@pytest.mark.parametrize(
    ("name", "activation"), [("elu", torch.nn.ELU()), ("tanh", torch.nn.Tanh()), ("tanh", torch.nn.ReLU())]
)
def test_it_holds_what_torch_holds(widths: Sequence[int], name: str, activation: torch.nn.Module) -> None:
    """Kept tensors and gradients together, to 2 %: sums of biases are not noted."""
    assert _allocated(widths, activation) == pytest.approx(_played(widths, name), rel=0.02)
