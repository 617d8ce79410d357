"""Random numbers, printed by RL-Games, are read back as they were printed."""

from __future__ import annotations

import io
import math
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from stepscope.logs import Record

# Down to where a rate is no float any more, and up to where it is zero.
_seconds = st.floats(1e-300, 1e300) | st.sampled_from([math.nan, math.inf, 5e-324])
_counts = st.integers(1, 10**17)
_limits = st.just(-1) | _counts
_rewards = st.floats(width=32)
_sizes = st.lists(st.integers(1, 300), min_size=1, max_size=5)


class _Epoch(NamedTuple):
    """The arguments of `print_statistics`, in its order."""

    frames: int
    step: float
    rollout: float
    total: float
    epoch: int
    max_epochs: int
    frame: int
    max_frames: int


_epochs = st.builds(
    _Epoch, _counts, _seconds, _seconds, _seconds, _counts, _limits, st.integers(0, 10**17), _limits
)
_best = st.lists(_rewards, min_size=1, max_size=3).map(lambda values: np.array(values, dtype=np.float32))


@pytest.fixture(scope="module")
def printed(library: Callable[[str], ModuleType]) -> Callable[[Sequence[object]], str]:
    """Return a function that prints epochs and best rewards as RL-Games does."""
    module = library("rl_games.common.a2c_common")

    def log(events: Sequence[object]) -> str:
        out = io.StringIO()
        with redirect_stdout(out):
            for event in events:
                if isinstance(event, _Epoch):
                    module.print_statistics(True, *event)  # noqa: FBT003 - their signature
                else:
                    # The statement of rl_games/common/a2c_common.py and algos_torch/sac_agent.py, on their own types.
                    print("saving next best rewards: ", event)  # noqa: T201 - the same
        return out.getvalue()

    return log


@settings(deadline=None)
@given(events=st.lists(_epochs | _best | _rewards.map(np.float32), min_size=1, max_size=8), sizes=_sizes)
def test_epochs_and_best_rewards_come_back(
    printed: Callable[[Sequence[object]], str],
    read_back: Callable[[str, Sequence[int]], list[Record]],
    events: list[object],
    sizes: list[int],
) -> None:
    """Each line is a record with what was printed, whatever was printed before it and however it arrives."""
    records = read_back(printed(events), sizes)
    assert len(events) == len(records)
    for event, record in zip(events, records, strict=True):
        assert "rl_games" == record.library
        if isinstance(event, _Epoch):
            _assert_epoch(event, record)
        else:
            _assert_best(event, record)


def _assert_epoch(event: _Epoch, record: Record) -> None:
    expected = {label: _number(text) for label, text in _printed_numbers(event).items()}
    assert "iteration" == record.kind
    assert _exactly(expected) == _exactly(record.metrics)
    rates = {"step": record.fps.step, "rollout": record.fps.rollout, "total": record.fps.total}
    assert list(_exactly(expected).values())[:3] == list(_exactly(rates).values())
    assert (expected["epoch"], expected.get("max epochs"), expected["frames"]) == (
        record.iteration,
        record.iterations,
        record.env_steps,
    )
    assert (None, None, None) == (record.fps.cumulative, record.reward, record.text)


def _printed_numbers(event: _Epoch) -> dict[str, str]:
    """Return what stands in the line, by the format that the library gives Python."""
    printed = {
        "fps step": f"{event.frames / max(event.step, 1e-9):.0f}",
        "fps step and policy inference": f"{event.frames / event.rollout:.0f}",
        "fps total": f"{event.frames / event.total:.0f}",
        "epoch": f"{event.epoch:.0f}",
        "max epochs": f"{event.max_epochs:.0f}",
        "frames": f"{event.frame:.0f}",
        "max frames": f"{event.max_frames:.0f}",
    }
    return {label: text for label, text in printed.items() if text != "-1"}


def _number(text: str) -> float:
    # No counter is longer than 18 digits; what is, was computed as a float.
    return int(text) if text.isdigit() and len(text) <= 18 else float(text)


def _exactly(numbers: Mapping[str, float | None]) -> dict[str, str]:
    """Return what tells numbers apart to the last digit; NaN is itself."""
    return {label: repr(value) for label, value in numbers.items()}


def _assert_best(rewards: object, record: Record) -> None:
    # NumPy prints eight decimals of an array, and as many digits of a single float as tell it from all others.
    numbers = str(rewards).strip("[ ]").split()
    assert "best_reward" == record.kind
    assert repr(float(numbers[0]) if len(numbers) == 1 else None) == repr(record.reward)


@settings(deadline=None, max_examples=50)
@given(
    reward=_rewards,
    final=st.booleans(),
    counter=st.sampled_from(["ep", "frame"]),
    count=st.integers(0, 10**17),
    name=st.text("abzAZ059._-", min_size=1, max_size=12),
    sizes=_sizes,
)
def test_the_name_of_a_checkpoint_comes_back(
    *,
    library: Callable[[str], ModuleType],
    tmp_path_factory: pytest.TempPathFactory,
    read_back: Callable[[str, Sequence[int]], list[Record]],
    reward: float,
    final: bool,
    counter: str,
    count: int,
    name: str,
    sizes: list[int],
) -> None:
    """The epoch or the frames, and the reward, come back from the path that the library prints when it saves."""
    value = np.array([reward], dtype=np.float32)
    # As rl_games/common/a2c_common.py puts it together, with the whole array at the end of training.
    shown = str(value).replace("[", "_").replace("]", "_") if final else str(value[0])
    path = tmp_path_factory.mktemp("nn") / f"last_{name}_{counter}_{count}_rew_{shown}"
    out = io.StringIO()
    with redirect_stdout(out):
        library("rl_games.algos_torch.torch_ext").save_checkpoint(str(path), {})
    [record] = read_back(out.getvalue(), sizes)
    assert "checkpoint" == record.kind
    assert {"ep": (count, None), "frame": (None, count)}[counter] == (record.iteration, record.env_steps)
    assert repr(float(str(value).strip("[]") if final else str(value[0]))) == repr(record.reward)
    assert f"{path}.pth" in (record.text or "")
