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
    footprint = split(_report(device_bytes=driver, device_from="process"), torch=share)
    parts = (footprint.torch_allocated_bytes, footprint.torch_reserved_bytes, footprint.other_bytes)
    assert (allocated, unused) == parts[:2]
    assert all(part is not None and part >= 0 for part in parts)
    assert max(driver, allocated + unused) == footprint.device_bytes == sum(part or 0 for part in parts)


def test_without_a_gpu_there_is_no_split() -> None:
    """PyTorch cannot say what it holds of a machine's own memory, and no figure is made up."""
    footprint = split(_report(), torch=None)
    assert (2**30, None, None, None, None) == (
        footprint.host_bytes,
        footprint.device_bytes,
        footprint.torch_allocated_bytes,
        footprint.torch_reserved_bytes,
        footprint.other_bytes,
    )


def test_on_a_gpu_the_split_is_the_drivers_total() -> None:
    """A tensor of 256 MiB is PyTorch's, the context is not, and together they are what the driver reports."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    footprint = footprint_of("torch:ones", size=[2**26], device="cuda").footprint
    assert footprint is not None
    parts = (footprint.torch_allocated_bytes, footprint.torch_reserved_bytes, footprint.other_bytes)
    assert footprint.device_bytes == sum(part or 0 for part in parts)
