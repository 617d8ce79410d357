"""The rows that a recorder keeps, against lists of all that was given to it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope.envs import CartPole
from stepscope.nans import cost, record
from stepscope.nans._names import TensorName, parse_tensor_name
from stepscope.nans._ring import RingBuffer, RingSize

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
    ring, observed, acted = RingBuffer(steps=steps, every=every), [], []
    for step in range(count):
        tall = torch.randn(3, 5, generator=generator)
        observed.append(tall.T.contiguous() if not by_columns else tall.T)
        acted.append(torch.randn(5, 2, generator=generator))
        ring.begin(step, reset=False)
        ring.write("observations", observed[-1])
        ring.write("actions", acted[-1])
        if ring.written % every == 0:
            full = ring.history()
            assert min(steps, count, ring.written) <= len(full.steps)
            ring.rotate()
    history = ring.history()
    first, exact = count - len(history.steps), history.exact_from
    assert list(range(first, count)) == history.steps.tolist()
    assert torch.equal(torch.stack(acted[first:]), history.tensors["actions"])
    assert torch.equal(torch.stack(observed[first + exact :]), history.tensors["observations"][exact:])
    older = torch.stack(observed[first:])[:exact].bfloat16().float()
    assert torch.equal(older, history.tensors["observations"][:exact])
    assert len(history.steps) - exact >= min(count, every)


KINDS: dict[str, tuple[int, torch.dtype]] = {
    "narrow": (3, torch.float32),
    "wide": (4, torch.float32),
    "double": (3, torch.float64),
}


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(1, 20),
    every=st.integers(1, 6),
    kinds=st.lists(st.sampled_from(["", *KINDS]), min_size=1, max_size=60),
)
def test_a_tensor_may_be_missing_or_of_another_kind(steps: int, every: int, kinds: list[str]) -> None:
    """Each row is there once, under its own name or that of its kind, and is 0 where it was not put."""
    generator = torch.Generator().manual_seed(len(kinds))
    ring, put = RingBuffer(steps=steps, every=every, num_envs=5), []
    for step, kind in enumerate(kinds):
        columns, dtype = KINDS.get(kind, (3, torch.float32))
        put.append(torch.randn(5, columns, generator=generator, dtype=dtype))
        ring.begin(step, reset=False)
        ring.write("rewards", torch.ones(5))
        if kind:
            ring.write("actions", put[-1])
        if ring.written % every == 0:
            ring.rotate()
    history = ring.history()
    acted = {name for name in history.tensors if name.startswith("actions")}
    for row, step in enumerate(history.steps.tolist()):
        there = {name for name in acted if history.present[name][row]}
        assert len(there) == bool(kinds[step])
        for name in acted:
            values = history.tensors[name][row]
            assert torch.equal(values, put[step]) if name in there else not values.any()
    assert {parse_tensor_name(name) for name in acted} <= {
        TensorName("actions", "", former) for former in ("", "5x3 float32", "5x4 float32", "5x3 float64")
    }


def test_resets_that_follow_one_another_take_no_more() -> None:
    """An evaluation may reset again and again; snapshots are taken at each, and not all are kept."""
    env = record(CartPole(64, seed=0), folder=None)
    for _ in range(100):
        env.reset()
        env.step(torch.zeros(64, 1))
    assert cost(CartPole(64)) >= env.number_of_bytes


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
    size = RingSize.of(steps=100, every=8, cuda=cuda)
    assert size.number_of_bytes("observations", torch.float32, 4096 * 71) < 0.8 * MJLAB


def test_rooms_made_in_inference_mode_are_written_to_outside_of_it() -> None:
    """Libraries collect in inference mode, and some reset or evaluate outside of it."""
    env = record(CartPole(4, seed=0), folder=None)
    with torch.inference_mode():
        _stepped(env, 3)
    _stepped(env, 20)
    with torch.inference_mode():
        _stepped(env, 20)
    assert env.check() is None
