"""The split of a footprint adds up to its total."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.measure import footprint_of
from stepscope.measure._footprint import split

sizes = st.integers(0, 2**40)


def _report(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of several types
    return {"peak_bytes": 2**30, "device_bytes": None, "device_from": None, **changed}


@given(allocated=sizes, unused=sizes, driver=sizes)
def test_the_parts_add_up_to_the_whole(allocated: int, unused: int, driver: int) -> None:
    """PyTorch's two parts and the rest are the driver's total, and no part is negative, however late it looked."""
    share = {"allocated": allocated, "reserved": allocated + unused}
    found = split(_report(device_bytes=driver, device_from="process"), torch=share)
    parts = (found.torch_allocated_bytes, found.torch_reserved_bytes, found.other_bytes)
    assert (allocated, unused) == parts[:2]
    assert all(part is not None and part >= 0 for part in parts)
    assert max(driver, allocated + unused) == found.device_bytes == sum(part or 0 for part in parts)


def test_without_a_gpu_there_is_no_split() -> None:
    """PyTorch cannot say what it holds of a machine's own memory, and no figure is made up."""
    found = split(_report(), torch=None)
    assert (2**30, None, None, None, None) == (
        found.host_bytes,
        found.device_bytes,
        found.torch_allocated_bytes,
        found.torch_reserved_bytes,
        found.other_bytes,
    )


def test_on_a_gpu_the_split_is_the_drivers_total() -> None:
    """A tensor of 256 MiB is PyTorch's, the context is not, and together they are what the driver reports."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    found = footprint_of("torch:ones", size=[2**26], device="cuda").footprint
    assert found is not None
    parts = (found.torch_allocated_bytes, found.torch_reserved_bytes, found.other_bytes)
    assert found.device_bytes == sum(part or 0 for part in parts)
