"""GPU memory that the driver reports, where there is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stepscope.measure._gpu_memory import GpuMemory, free_gpu_bytes

GPU = Path("/proc/driver/nvidia").exists()


@pytest.mark.skipif(GPU, reason="there is a GPU here")
def test_without_a_gpu_nothing_is_made_up() -> None:
    """No memory, no source, nothing free, and no error."""
    driver = GpuMemory()
    driver.sample([os.getpid()])
    assert (None, None, None) == (driver.peak, driver.source, free_gpu_bytes())


@pytest.mark.skipif(not GPU, reason="there is no GPU here")
def test_a_gpu_tells_what_is_free_and_who_takes_it() -> None:
    """A process that takes nothing of the GPU is told to take nothing."""
    pytest.importorskip("pynvml")
    driver = GpuMemory()
    driver.sample([os.getpid()])
    assert (0, True) == (driver.peak, (free_gpu_bytes() or 0) > 0)
