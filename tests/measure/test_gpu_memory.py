"""GPU memory that the driver reports, where there is one."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from stepscope.measure._gpu_memory import GpuMemory, GpuUtilisation, explain_unseen_gpu, free_gpu_bytes

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


@pytest.mark.skipif(GPU, reason="there is a GPU here")
def test_without_a_gpu_nothing_is_busy() -> None:
    """It is unknown, which is not the same as idle."""
    with GpuUtilisation() as utilisation:
        pass
    assert utilisation.busy is None


@pytest.mark.skipif(not GPU, reason="there is no GPU here")
def test_a_gpu_that_computes_is_busy() -> None:
    """One matrix product after another keeps it busy for most of the time."""
    pytest.importorskip("pynvml")
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch cannot use the GPU")
    matrix = torch.ones(4096, 4096, device="cuda")
    until = time.monotonic() + 4.0
    with GpuUtilisation() as utilisation:
        while time.monotonic() < until:
            matrix @ matrix
            torch.cuda.synchronize()
    assert utilisation.busy is not None
    assert utilisation.busy > 0.5


@pytest.mark.skipif(GPU, reason="there is a GPU here")
def test_a_gpu_that_cannot_be_measured_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the driver's library, and with a driver that does not answer; a machine without a GPU needs no word."""
    nothing = explain_unseen_gpu()
    monkeypatch.setattr("stepscope.measure._gpu_memory._DRIVERS", (tmp_path,))
    silent = explain_unseen_gpu()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    missing = explain_unseen_gpu()

    assert nothing is None
    assert (silent or "").startswith("its driver does not answer (")
    assert missing == "nvidia-ml-py is not installed (pip install nvidia-ml-py)"
