"""The few functions of NVIDIA's management library that are asked here, for machines without ``nvidia-ml-py``.

Names, arguments and results are those of ``pynvml``. The library itself comes with the driver:
https://docs.nvidia.com/deploy/nvml-api/.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_uint, c_ulonglong, c_void_p
from typing import Any

__all__ = [
    "NVMLError",
    "nvmlDeviceGetComputeRunningProcesses",
    "nvmlDeviceGetCount",
    "nvmlDeviceGetGraphicsRunningProcesses",
    "nvmlDeviceGetHandleByIndex",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetUtilizationRates",
    "nvmlInit",
]

_SUCCESS, _INSUFFICIENT_SIZE = 0, 7  # of nvmlReturn_t
_NOT_AVAILABLE = 2**64 - 1  # NVML_VALUE_NOT_AVAILABLE, of 64 bits
_MORE = 8  # processes that may begin between two calls


class NVMLError(Exception):
    """The library answered with an error."""


class Memory(Structure):
    """``nvmlMemory_t``, in bytes."""

    _fields_ = (("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong))


class Utilization(Structure):
    """``nvmlUtilization_t``, in per cent."""

    _fields_ = (("gpu", c_uint), ("memory", c_uint))


class ProcessInfo(Structure):
    """``nvmlProcessInfo_t``."""

    _fields_ = (
        ("pid", c_uint),
        ("used", c_ulonglong),
        ("gpuInstanceId", c_uint),
        ("computeInstanceId", c_uint),
    )

    @property
    def usedGpuMemory(self) -> int | None:  # noqa: N802 - pynvml's name
        """Bytes; None where the driver does not report it."""
        return None if self.used == _NOT_AVAILABLE else int(self.used)


def nvmlInit() -> None:  # noqa: N802 - pynvml's name, as all below
    """Load the library and begin to use it."""
    _call("nvmlInit_v2")


def nvmlDeviceGetCount() -> int:  # noqa: N802
    """Return the number of GPUs."""
    count = c_uint()
    _call("nvmlDeviceGetCount_v2", byref(count))
    return count.value


def nvmlDeviceGetHandleByIndex(index: int) -> Any:  # noqa: N802, ANN401 - a pointer
    """Return the handle of a GPU."""
    handle = c_void_p()
    _call("nvmlDeviceGetHandleByIndex_v2", c_uint(index), byref(handle))
    return handle


def nvmlDeviceGetMemoryInfo(handle: Any) -> Memory:  # noqa: N802, ANN401 - a pointer
    """Return the memory of a GPU."""
    memory = Memory()
    _call("nvmlDeviceGetMemoryInfo", handle, byref(memory))
    return memory


def nvmlDeviceGetUtilizationRates(handle: Any) -> Utilization:  # noqa: N802, ANN401 - a pointer
    """Return how busy a GPU was."""
    rates = Utilization()
    _call("nvmlDeviceGetUtilizationRates", handle, byref(rates))
    return rates


def nvmlDeviceGetComputeRunningProcesses(handle: Any) -> list[ProcessInfo]:  # noqa: N802, ANN401 - a pointer
    """Return the processes that compute."""
    return _processes("nvmlDeviceGetComputeRunningProcesses_v3", handle)


def nvmlDeviceGetGraphicsRunningProcesses(handle: Any) -> list[ProcessInfo]:  # noqa: N802, ANN401 - a pointer
    """Return the processes that draw."""
    return _processes("nvmlDeviceGetGraphicsRunningProcesses_v3", handle)


def _processes(function: str, handle: Any) -> list[ProcessInfo]:  # noqa: ANN401 - a pointer
    count = c_uint()
    none = POINTER(ProcessInfo)()
    if _call(function, handle, byref(count), none, allowed=_INSUFFICIENT_SIZE) == _SUCCESS:
        return []
    count = c_uint(2 * count.value + _MORE)
    processes = (ProcessInfo * count.value)()
    _call(function, handle, byref(count), processes)
    return list(processes[: count.value])


def _call(function: str, *arguments: Any, allowed: int = _SUCCESS) -> int:  # noqa: ANN401 - C's
    try:
        status = int(getattr(ctypes.CDLL("libnvidia-ml.so.1"), function)(*arguments))
    except (OSError, AttributeError) as error:  # no driver, or one before 2021
        raise NVMLError(str(error)) from error
    if status not in (_SUCCESS, allowed):
        raise NVMLError(f"{function} returned {status}")
    return status
