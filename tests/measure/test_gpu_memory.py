"""GPU memory that the driver reports, where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
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
    without_package = explain_unseen_gpu()

    assert nothing is None
    assert (silent or "").startswith("its driver does not answer (")
    assert (without_package or "").startswith("its driver does not answer (")


# What the driver's library answers, with the types of NVIDIA's header: two GPUs, and two processes on each.
LIBRARY = """
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } rates_t;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu, compute; } process_t;
int nvmlInit_v2(void) { return 0; }
int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    if (index > 1) return 2; *device = (void *)(1024UL + index); return 0; }
int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
    memory->total = 85899345920ULL; memory->free = 80000000000ULL + (unsigned long)device;
    memory->used = 5899345920ULL; return 0; }
int nvmlDeviceGetUtilizationRates(void *device, rates_t *rates) { rates->gpu = 73; rates->memory = 21; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned int *count, process_t *processes) {
    if (*count < 2) { *count = 2; return 7; }
    *count = 2;
    processes[0].pid = 4000000000U; processes[0].used = 6000000000ULL;
    processes[1].pid = 77; processes[1].used = -1ULL; return 0; }
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, unsigned int *count, process_t *processes) {
    *count = 0; return 0; }
"""
ASK = """
import sys, importlib
nvml = importlib.import_module(sys.argv[1])
nvml.nvmlInit()
devices = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
for device in devices:
    memory, rates = nvml.nvmlDeviceGetMemoryInfo(device), nvml.nvmlDeviceGetUtilizationRates(device)
    running = nvml.nvmlDeviceGetComputeRunningProcesses(device)
    print(memory.total, memory.free, memory.used, rates.gpu, [(each.pid, each.usedGpuMemory) for each in running])
    print(nvml.nvmlDeviceGetGraphicsRunningProcesses(device))
try:
    nvml.nvmlDeviceGetHandleByIndex(2)
except nvml.NVMLError:
    print("no third one")
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no compiler here")
def test_without_nvidias_package_the_driver_is_asked_the_same(tmp_path: Path) -> None:
    """Our few functions and NVIDIA's own package read the same from a library with the driver's types."""
    pytest.importorskip("pynvml")
    (tmp_path / "library.c").write_text(LIBRARY)
    compile_it = ["cc", "-shared", "-fPIC", "-o", tmp_path / "libnvidia-ml.so.1", tmp_path / "library.c"]
    subprocess.run(compile_it, check=True)
    answers = [
        subprocess.run(
            [sys.executable, "-c", ASK, module],
            env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for module in ("pynvml", "stepscope.measure._nvml")
    ]
    assert answers[0] == answers[1]
    assert "85899345920 80000001025 5899345920 73 [(4000000000, 6000000000), (77, None)]" in answers[0]
    assert "no third one" in answers[0]
