"""The rows that a recorder keeps, against lists of all that was given to it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope.envs import CartPole
from stepscope.nans import cost, record
from stepscope.nans._ring import Ring, Size

MJLAB = 100 * 4096 * 71 * 4
"""Bytes that mjlab's guard takes for 100 steps of 4096 environments with 71 numbers of float32."""


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(1, 40),
    every=st.integers(1, 9),
    count=st.integers(1, 120),
    by_columns=st.booleans(),
)
def test_what_is_there_is_what_was_put(steps: int, every: int, count: int, by_columns: bool) -> None:  # noqa: FBT001 - given by name
    """The latest rows bit for bit, older ones rounded to bfloat16, actions never."""
    generator = torch.Generator().manual_seed(count)
    ring, observed, acted = Ring(steps=steps, every=every), [], []
    for step in range(count):
        tall = torch.randn(3, 5, generator=generator)
        observed.append(tall.T.contiguous() if not by_columns else tall.T)
        acted.append(torch.randn(5, 2, generator=generator))
        ring.begin(step, reset=False)
        ring.put("observations", observed[-1])
        ring.put("actions", acted[-1])
        if ring.written % every == 0:
            full = ring.history()
            assert min(steps, count, ring.written) <= len(full.steps)
            ring.turn()
    history = ring.history()
    first, exact = count - len(history.steps), history.exact_from
    assert list(range(first, count)) == history.steps.tolist()
    assert torch.equal(torch.stack(acted[first:]), history.tensors["actions"])
    assert torch.equal(torch.stack(observed[first + exact :]), history.tensors["observations"][exact:])
    older = torch.stack(observed[first:])[:exact].bfloat16().float()
    assert torch.equal(older, history.tensors["observations"][:exact])
    assert len(history.steps) - exact >= min(count, every)


def _stepped(env: Any, times: int) -> None:  # noqa: ANN401 - a recorder, which stands for its environment
    env.reset(seed=0)
    for _ in range(times):
        env.step(torch.zeros(env.num_envs, 1))


@pytest.mark.parametrize(("steps", "every"), [(32, 8), (8, 8), (5, 8), (100, 4), (1, 1)])
def test_memory_is_what_was_counted_before(steps: int, every: int) -> None:
    """Once everything is there, and no more later: rows, and snapshots of the environment."""
    env = record(CartPole(64, seed=0), steps=steps, every=every, folder=None)
    _stepped(env, 10 * (steps + every))
    most = 0
    for _ in range(4 * (steps + every)):
        env.step(torch.zeros(64, 1))
        most = max(most, env.number_of_bytes)
    assert cost(CartPole(64), steps=steps, every=every) == most


def test_memory_is_what_the_rows_take() -> None:
    """16 rows as they are, 16 in half the room for what was observed and rewarded, and two snapshots."""
    snapshot = sum(tensor.nbytes for tensor in CartPole(256).snapshot().values())
    rows = 16 * (4 + 1) * 4 + 16 * (4 + 1) * 2 + 32 * (4 + 1)
    assert 256 * rows + 2 * snapshot == cost(CartPole(256))


@pytest.mark.parametrize("cuda", [False, True])
def test_it_takes_less_than_a_copy_of_each_step(cuda: bool) -> None:  # noqa: FBT001 - a case
    """For as many steps of as many environments as mjlab's guard keeps by default."""
    size = Size.of(steps=100, every=8, cuda=cuda)
    assert size.number_of_bytes("observations", torch.float32, 4096 * 71) < 0.8 * MJLAB


def test_rooms_made_in_inference_mode_are_written_to_outside_of_it() -> None:
    """Libraries collect in inference mode, and some reset or evaluate outside of it."""
    env = record(CartPole(4, seed=0), folder=None)
    with torch.inference_mode():
        _stepped(env, 3)
    _stepped(env, 20)
    with torch.inference_mode():
        _stepped(env, 20)
    assert env.look() is None
