"""Random numbers, printed by RSL-RL's own logger, are read back as they were printed."""

from __future__ import annotations

import io
import statistics
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stepscope.logs import Record

_STEPS, _ENVS = 16, 4096
_seconds = st.floats(1e-6, 1e6) | st.floats(1e-3, 10.0)
_numbers = st.floats() | st.floats(-1e4, 1e4)
_singles = st.floats(width=32) | st.floats(-1e4, 1e4, width=32)
# Whatever a terminal can show, spaces, bars, colons and digits within included.
_letters = st.characters(codec="utf-8", exclude_categories=("C", "Z"))
_labels = (
    st.text(_letters | st.sampled_from(" :/-|"), max_size=60).map(lambda text: text.strip(" :")).filter(bool)
)


@dataclass(frozen=True, kw_only=True)
class _Block:
    """What RSL-RL is given to print in one iteration."""

    iteration: int
    more: int
    collect: float
    learn: float
    elapsed: float
    losses: dict[str, float] = field(default_factory=dict)
    rewards: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    curiosity: list[float] | None = None
    std: float = 1.0
    extras: dict[str, float] = field(default_factory=dict)
    run_name: str = ""
    minimal: bool = False


_LOSSES = ("value", "surrogate", "entropy", "rnd", "symmetry")
_RUN_NAMES = ("", "go2 flat", "go2: flat", "run: 7", "7", "ETA: 0:00:01")


def _block(
    *,
    losses: st.SearchStrategy[dict[str, float]],
    extras: st.SearchStrategy[dict[str, float]],
    episodes: st.SearchStrategy[int],
    run_name: st.SearchStrategy[str],
) -> st.SearchStrategy[_Block]:
    values = episodes.flatmap(lambda count: st.lists(_numbers, min_size=count, max_size=count))
    return st.builds(
        _Block,
        iteration=st.integers(0, 10**9),
        more=st.integers(1, 10**4),
        collect=_seconds,
        learn=_seconds,
        elapsed=st.floats(0, 1e9),
        losses=losses,
        rewards=values,
        lengths=st.lists(_numbers, min_size=1, max_size=3),
        curiosity=st.none() | st.lists(_numbers, min_size=1, max_size=3),
        std=_singles,
        extras=extras,
        run_name=run_name,
        minimal=st.booleans(),
    )


_blocks = _block(
    losses=st.dictionaries(st.sampled_from(_LOSSES), _numbers),
    extras=st.dictionaries(_labels, _singles, max_size=6),
    episodes=st.integers(0, 3),
    run_name=st.sampled_from(_RUN_NAMES),
)


def _alike(labels: list[str]) -> st.SearchStrategy[list[_Block]]:
    """Blocks with the same labels and other numbers, as a run prints them: a reader may learn how they look."""
    block = _block(
        losses=st.fixed_dictionaries(dict.fromkeys(_LOSSES[:3], _numbers)),
        extras=st.fixed_dictionaries(dict.fromkeys(labels, _singles)),
        episodes=st.just(1),
        run_name=st.just(""),
    )
    return st.lists(block, min_size=3, max_size=8)


_logs = st.lists(_blocks, min_size=1, max_size=5) | st.lists(_labels, max_size=3, unique=True).flatmap(_alike)


@pytest.fixture(scope="module")
def printed(library: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return a function that has one logger of a real run print blocks."""
    torch = library("torch")
    cfg = {"num_steps_per_env": _STEPS, "algorithm": {"rnd_cfg": {}}, "run_name": ""}
    logger = library("rsl_rl.utils.logger").Logger(
        log_dir=str(tmp_path_factory.mktemp("runs")),
        cfg={**cfg, "algorithm": {"rnd_cfg": {"weight": 1.0}}},
        env_cfg={},
        num_envs=_ENVS,
        is_distributed=False,
        gpu_world_size=1,
        gpu_global_rank=0,
        device="cpu",
    )
    with redirect_stdout(io.StringIO()):
        logger.init_logging_writer()

    def log(blocks: Sequence[_Block]) -> str:
        out = io.StringIO()
        logger.tot_timesteps = 0
        with redirect_stdout(out):
            for block in blocks:
                _log(logger, block, torch)
        return out.getvalue()

    return log


def _log(logger: Any, block: _Block, torch: Any) -> None:  # noqa: ANN401 - the library's own objects
    """Print a block; what the logger remembers of the episodes is replaced."""
    curiosity = block.curiosity is not None
    logger.cfg = {
        **logger.cfg,
        "run_name": block.run_name,
        "algorithm": {"rnd_cfg": {"weight": 1.0} if curiosity else None},
    }
    logger.tot_time = block.elapsed
    logger.ep_extras = [dict(block.extras)] if block.extras else []
    for buffer, values in (
        (logger.rewbuffer, block.rewards),
        (logger.lenbuffer, block.lengths),
        (logger.erewbuffer, block.curiosity or []),
        (logger.irewbuffer, block.curiosity or []),
    ):
        buffer.clear()
        buffer.extend(values)
    logger.log(
        block.iteration,
        0,
        block.iteration + block.more,
        block.collect,
        block.learn,
        dict(block.losses),
        1e-3,
        torch.tensor([block.std]),
        1.0,
        print_minimal=block.minimal,
    )


@settings(deadline=None)
@given(
    blocks=_logs,
    sizes=st.lists(st.integers(1, 900), min_size=1, max_size=5),
)
def test_blocks_come_back(
    printed: Callable[[Sequence[_Block]], str],
    read_back: Callable[[str, Sequence[int]], list[Record]],
    blocks: list[_Block],
    sizes: list[int],
) -> None:
    """Every number of blocks of changing lines comes back to the printed precision, and what was not printed is absent."""
    records = read_back(printed(blocks), sizes)
    assert len(blocks) == len(records)
    for number, (block, record) in enumerate(zip(blocks, records, strict=True), start=1):
        assert ("rsl_rl", "iteration") == (record.library, record.kind)
        assert (block.iteration, block.iteration + block.more) == (record.iteration, record.iterations)
        assert number * _STEPS * _ENVS == record.env_steps
        expected = list(_expected(block, steps=number * _STEPS * _ENVS))
        assert [repr(value) for _, value in expected] == [repr(value) for value in record.metrics.values()]
        _assert_labels([label for label, _ in expected], list(record.metrics))
        _assert_fields(dict(reversed(expected)), record)


def _expected(block: _Block, *, steps: int) -> Iterator[tuple[str, float]]:
    """Yield labels and values in the order and the formats of rsl_rl/utils/logger.py."""
    yield "Learning iteration", block.iteration
    yield "Total steps", steps
    yield "Steps per second", int(f"{int(_STEPS * _ENVS / (block.collect + block.learn)):.0f}")
    yield "Collection time", float(f"{block.collect:.3f}")
    yield "Learning time", float(f"{block.learn:.3f}")
    for name, loss in block.losses.items():
        yield f"Mean {name} loss", float(f"{loss:.4f}")
    if block.rewards:
        if block.curiosity is not None:
            yield "Mean extrinsic reward", float(f"{statistics.mean(block.curiosity):.2f}")
            yield "Mean intrinsic reward", float(f"{statistics.mean(block.curiosity):.2f}")
        yield "Mean reward", float(f"{statistics.mean(block.rewards):.2f}")
        yield "Mean episode length", float(f"{statistics.mean(block.lengths):.2f}")
    yield "Mean action std", float(f"{_single(block.std):.2f}")
    for name, extra in block.extras.items() if not block.minimal else ():
        yield name if "/" in name else f"Mean episode {name}", float(f"{_single(extra):.4f}")
    total = block.elapsed + (block.collect + block.learn)
    yield "Iteration time", float(f"{block.collect + block.learn:.2f}")
    yield "Time elapsed", int(total)
    yield "ETA", int(total / (block.iteration + 1) * (block.more - 1))


def _single(value: float) -> float:
    """Return the mean of a tensor of one float of 32 bits; a sum starts at zero, so it is never -0."""
    return 0.0 + float(np.float32(value))


def _assert_labels(expected: list[str], found: list[str]) -> None:
    """Compare labels; one that is printed again has a count behind it."""
    for index, (label, name) in enumerate(zip(expected, found, strict=True)):
        if label not in expected[:index] and label not in found[:index]:
            assert label == name
        else:
            assert name.startswith(f"{label} (")


def _assert_fields(expected: dict[str, float], record: Record) -> None:
    """Compare the fields with the library's own labels, which come first where an environment prints them too."""
    found = {
        "Steps per second": record.fps.total,
        "Collection time": record.seconds.collect,
        "Learning time": record.seconds.learn,
        "Iteration time": record.seconds.iteration,
        "Time elapsed": record.seconds.elapsed,
        "ETA": record.seconds.eta,
        "Mean reward": record.reward,
        "Mean episode length": record.episode_length,
    }
    for label, value in found.items():
        assert repr(expected.get(label)) == repr(value), label
