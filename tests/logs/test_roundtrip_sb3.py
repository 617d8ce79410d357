"""Random numbers, printed by Stable-Baselines3's own logger, are read back as they were printed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stepscope.logs import Record

_LIMIT = 36  # the longest key or value, as stable_baselines3/common/logger.py cuts it
_INDENT = " " * 3

# Whatever a terminal can show, spaces, bars, colons and digits within included.
_letters = st.characters(codec="utf-8", exclude_categories=("C", "Z"))
# A key that starts or ends with a slash confuses the library itself.
_names = (
    st.text(_letters | st.sampled_from(" |:/-"), max_size=45).map(lambda text: text.strip(" /")).filter(bool)
)
_keys = st.tuples(
    st.sampled_from(["rollout/", "time/", "train/", "mine|/", f"{'very ' * 9}long/", ""]), _names
).map("".join)
_values = st.one_of(
    st.floats(),
    st.floats(-1e4, 1e4),
    st.integers(-(10**17), 10**17),
    st.floats(width=32).map(np.float32),
    st.floats().map(np.float64),
)
_usual = st.dictionaries(
    st.sampled_from(
        ["rollout/ep_rew_mean", "rollout/ep_len_mean", "time/fps", "time/iterations", "time/time_elapsed"]
    ),
    st.integers(0, 10**17) | st.floats(),
)
_tables = st.builds(lambda *parts: parts[0] | parts[1], _usual, st.dictionaries(_keys, _values, max_size=10))


def _alike(keys: list[str]) -> st.SearchStrategy[list[dict[str, object]]]:
    """Tables with the same keys and other numbers, as a run prints them: a reader may learn how they look."""
    wanted = {"time/fps": st.integers(0, 10**9), **dict.fromkeys(keys, _values)}
    return st.lists(st.fixed_dictionaries(wanted), min_size=3, max_size=8)


_logs = st.lists(_tables.filter(bool), min_size=1, max_size=5) | st.lists(_keys, max_size=6).flatmap(_alike)


@pytest.fixture(scope="module")
def printed(library: Callable[[str], Any]) -> Callable[[Sequence[dict[str, object]]], str | None]:
    """Return a function that has one logger print tables; None if the library gives up on one."""
    module = library("stable_baselines3.common.logger")

    def log(tables: Sequence[dict[str, object]]) -> str | None:
        out = io.StringIO()
        logger = module.Logger(None, [module.HumanOutputFormat(out)])
        for step, table in enumerate(tables):
            for key, value in table.items():
                logger.record(key, value)
            try:
                logger.dump(step)
            except ValueError:  # two keys are cut to the same text
                return None
        return out.getvalue()

    return log


@settings(deadline=None)
@given(
    tables=_logs,
    sizes=st.lists(st.integers(1, 500), min_size=1, max_size=5),
)
def test_tables_come_back(
    printed: Callable[[Sequence[dict[str, object]]], str | None],
    read_back: Callable[[str, Sequence[int]], list[Record]],
    tables: list[dict[str, Any]],
    sizes: list[int],
) -> None:
    """Tables of any keys and widths in a row keep every number, to the digits that were printed."""
    text = printed(tables)
    if text is None:
        return
    records = read_back(text, sizes)
    assert len(tables) == len(records)
    for table, record in zip(tables, records, strict=True):
        assert "sb3" == record.library
        assert ("iteration" if "time/fps" in table else "message") == record.kind
        expected = {_label(key): _number(value) for key, value in table.items()}
        assert _exactly(expected) == _exactly(record.metrics)
        _assert_fields(expected, record)


def _label(key: str) -> str:
    """Return what is printed of a key, with the section that it stands under."""
    section, slash, name = key.partition("/")
    if not section or not slash:
        return _cut(key)
    section = _cut(f"{section}/").removesuffix("/")
    return f"{section}/{_cut(_INDENT + name).removeprefix(_INDENT)}"


def _number(value: float) -> float:
    text = _cut(f"{value:<8.3g}" if isinstance(value, float) else str(value)).strip()
    return int(text) if text.removeprefix("-").isdigit() else float(text)


def _exactly(numbers: Mapping[str, float | None]) -> dict[str, str]:
    """Return what tells numbers apart to the last digit; NaN is itself."""
    return {label: repr(value) for label, value in numbers.items()}


def _cut(text: str) -> str:
    return text if len(text) <= _LIMIT else f"{text[: _LIMIT - 3]}..."


def _assert_fields(expected: dict[str, float], record: Record) -> None:
    found = {
        "time/fps": record.fps.cumulative,
        "time/time_elapsed": record.seconds.elapsed,
        "rollout/ep_rew_mean": record.reward,
        "rollout/ep_len_mean": record.episode_length,
    }
    assert _exactly({label: expected.get(label) for label in found}) == _exactly(found)
    count = expected.get("time/iterations")
    # Nothing counts to less than nothing.
    assert (count if isinstance(count, int) and count >= 0 else None) == record.iteration
