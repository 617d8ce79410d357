"""The memory model against its closed form."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.errors import BadInputError
from stepscope.plan._memory_model import MemoryModel

MIB = 2**20
fixed = st.floats(MIB, 2**36)
per_env = st.floats(1.0, 2**31)


@given(fixed=fixed, per_env=per_env, budget=st.floats(MIB, 2**39))
def test_the_largest_fits_and_one_more_does_not(fixed: float, per_env: float, budget: float) -> None:
    """The prediction is the last size within the budget less its margin; 0 where none is."""
    model = MemoryModel(fixed_bytes=fixed, per_env_bytes=per_env)
    largest = model.largest(budget)
    assert largest is not None
    assert model.predict(largest + 1) > 0.98 * budget * (1 - 1e-12)
    assert largest == 0 or model.predict(largest) <= 0.98 * budget * (1 + 1e-12)


def test_residuals_are_relative() -> None:
    """Exact points have none; a point a tenth above its line has a positive one."""
    points = [(64, 1.064e9), (1024, 2.024e9), (4096, 5.096e9)]
    assert max(map(abs, MemoryModel.fit(points).residuals)) < 1e-9
    assert MemoryModel.fit([*points[:2], (4096, 6e9)]).residuals[2] > 0


def test_a_published_line_gives_its_published_ceiling() -> None:
    """A scene of 9 GB and 1.3 GB an environment fits into 32 GB about 17 times; with 2 % left free, 17 times."""
    model = MemoryModel(fixed_bytes=9e9, per_env_bytes=1.3e9)
    assert 17 == model.largest(32e9)
    assert math.isclose(9 / 32, model.fixed_share(32e9))


def test_what_does_not_grow_has_no_largest() -> None:
    """Without a cost per environment memory is no limit."""
    assert MemoryModel.fit([(64, 2.0e9), (4096, 2.0e9)]).largest(4e9) is None
    assert 0 == MemoryModel.fit([(64, 2.0e9), (4096, 2.0e9)]).largest(1e9)


@pytest.mark.parametrize("points", [[], [(64, 1e9)], [(64, 1e9), (64, 2e9)], [(64, 0.0), (128, 1e9)]])
def test_too_little_to_fit_gets_a_sentence(points: list[tuple[int, float]]) -> None:
    """Fewer than two sizes, or no bytes, are refused in one line about memory."""
    with pytest.raises(BadInputError, match=r"^a memory model needs the memory of two different"):
        MemoryModel.fit(points)
