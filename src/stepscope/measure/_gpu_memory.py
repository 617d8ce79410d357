"""GPU memory of processes, and how busy the GPUs are, as the driver reports them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from typing_extensions import Self

__all__ = ["GpuMemory", "GpuUtilisation", "explain_unseen_gpu", "free_gpu_bytes"]

# The second is on Windows' subsystem for Linux.
_DRIVERS = (Path("/proc/driver/nvidia"), Path("/dev/dxg"))

_NOTHING = 32 * 2**20  # bytes: less growth is somebody else's; a CUDA context alone takes more
_PERIOD = 0.2  # seconds between two samples of how busy the GPUs are
_TICK = 0.05  # seconds between two samples, each of which takes the driver about a millisecond


class GpuMemory:
    """The memory that processes take on all GPUs together, watched from now on.

    Attributes
    ----------
    peak
        Most bytes seen so far; None without a GPU.
    source
        ``"process"`` where the driver reports the memory of each process; ``"growth"`` where it did not, as in a
        container with its own process numbers: what all processes of the machine took beyond what they took
        before, which is right if nothing else runs on the GPU.
    """

    def __init__(self) -> None:
        self.peak: int | None = None
        self.source: str | None = None
        self._next = 0.0
        self._nvml, self._devices = _open_nvml()
        self._before = self._used()

    def sample(self, pids: Collection[int]) -> None:
        """Ask the driver, unless it was asked just now."""
        if self._nvml is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _TICK
        taken, source = self._taken(set(pids)), "process"
        if taken is None:
            if self.source == "process":  # it has ended, or has let go of the GPU
                return
            grown = self._used() - self._before
            taken, source = (grown if grown > _NOTHING else 0), "growth"
        if self.peak is None or source != self.source or taken > self.peak:
            self.peak, self.source = taken, source

    def free(self) -> int | None:
        """Memory of the first GPU that this process may use and nobody has taken, in bytes; None without a GPU."""
        if not self._devices:
            return None
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
        index = int(first) if first.isdigit() and int(first) < len(self._devices) else 0
        return int(self._nvml.nvmlDeviceGetMemoryInfo(self._devices[index]).free)

    def _taken(self, pids: set[int]) -> int | None:
        """Return the bytes that these processes take; None where the driver does not report them."""
        used: dict[tuple[int, int], int | None] = {}
        for number, device in enumerate(self._devices):
            for process in self._processes(device):
                if process.pid in pids:  # one that computes and draws is in both lists, with the same figure
                    used[number, process.pid] = process.usedGpuMemory
        known = [taken for taken in used.values() if taken is not None]
        return sum(known) if used and len(known) == len(used) else None

    def _processes(self, device: Any) -> list[Any]:  # noqa: ANN401 - the driver's library has no types
        processes: list[Any] = []
        for ask in (
            self._nvml.nvmlDeviceGetComputeRunningProcesses,
            self._nvml.nvmlDeviceGetGraphicsRunningProcesses,
        ):
            with contextlib.suppress(self._nvml.NVMLError):
                processes += ask(device)
        return processes

    def _used(self) -> int:
        try:
            return sum(int(self._nvml.nvmlDeviceGetMemoryInfo(device).used) for device in self._devices)
        except Exception:  # noqa: BLE001 - its errors have no common base where the library is not there
            return 0


def explain_unseen_gpu() -> str | None:
    """Return why the memory of this machine's NVIDIA GPU cannot be measured; None where it can, and without one."""
    if not _has_driver():
        return None
    try:
        _load_nvml().nvmlInit()
    except Exception as error:  # noqa: BLE001 - its errors have no common base
        return f"its driver does not answer ({error})"
    return None


def _has_driver() -> bool:
    return any(path.exists() for path in _DRIVERS)


def _open_nvml() -> tuple[Any, list[Any]]:
    """Return the driver's library and a handle of each GPU; None and no handle where there is none."""
    if _has_driver():
        with contextlib.suppress(Exception):  # a driver that does not answer
            nvml = _load_nvml()
            nvml.nvmlInit()
            return nvml, [
                nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())
            ]
    return None, []


def _load_nvml() -> Any:  # noqa: ANN401 - a module
    """Return the module that speaks to the driver's library: NVIDIA's own where it is installed, else ours."""
    try:
        import pynvml  # noqa: PLC0415 - only where there is a GPU
    except ImportError:
        from stepscope.measure import _nvml  # noqa: PLC0415 - the same

        return _nvml
    return pynvml


class GpuUtilisation:
    """How busy the GPUs are inside of a ``with`` block.

    The driver (NVML) reports the share of its last sample period, of up to a second, in which at least one kernel
    ran: a GPU that one small kernel after another keeps busy counts as busy, however little of it they use.

    Attributes
    ----------
    busy
        Mean of the second half of the samples, from 0 to 1, of the busiest GPU; None without a GPU or
        before there are two samples. The first half is left out, since programs start up in it.
    """

    def __init__(self) -> None:
        self.busy: float | None = None
        self._nvml, self._devices = _open_nvml()
        self._samples: list[list[float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        if self._devices:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        late = self._samples[len(self._samples) // 2 :]
        if len(self._samples) > 1:
            self.busy = max(fmean(column) for column in zip(*late, strict=True))

    def _sample(self) -> None:
        while not self._stop.wait(_PERIOD):
            with contextlib.suppress(self._nvml.NVMLError):  # some GPUs and partitions do not report it
                self._samples.append(
                    [self._nvml.nvmlDeviceGetUtilizationRates(device).gpu / 100 for device in self._devices]
                )


def free_gpu_bytes() -> int | None:
    """Memory of the first GPU that nobody has taken yet; None without a GPU."""
    return GpuMemory().free()
