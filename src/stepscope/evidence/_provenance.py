"""Provenance of measurements: device, versions, date, time and memory."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import stepscope
from stepscope.evidence._ledger import append_evidence, calling_script

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Provenance", "device_name", "loaded_cuda", "provenance", "restart_clock"]

_PACKAGES = (
    "torch",
    "numpy",
    "gymnasium",
    "rl-games",
    "rsl-rl-lib",
    "skrl",
    "stable-baselines3",
    "mujoco",
    "mujoco-warp",
    "warp-lang",
    "triton",
)
_started = time.perf_counter()


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Provenance of a measurement.

    Attributes
    ----------
    device
        Name of the GPU, or of the processor.
    threads
        ``OMP_NUM_THREADS``; None where it is not set, and each library chooses.
    driver
        Version of the GPU's driver, ``"unknown"`` where the system does not tell; None on a CPU.
    versions
        Version of Python, of stepscope and of every package among the ones we measure that is installed.
    date
        Day, in UTC, as ``YYYY-MM-DD``.
    seconds
        Wall time since the script imported this package, in seconds.
    memory_mib
        Peak resident set of the process, in MiB; None where the system does not tell.
    """

    device: str
    threads: str | None
    driver: str | None
    versions: dict[str, str]
    date: str
    seconds: float
    memory_mib: float | None

    def __str__(self) -> str:
        """Format it as three lines."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        threads = f" with OMP_NUM_THREADS={self.threads}" if self.threads else ""
        memory = "unknown" if self.memory_mib is None else f"{self.memory_mib:.0f} MiB"
        return (
            f"measured on {self.device}{threads}, {self.date}\n"
            f"with {versions}\n"
            f"in {self.seconds:.1f} s, peak memory of this process {memory}"
        )


def provenance() -> Provenance:
    """Describe this process: device, versions, date, time so far and peak memory."""
    record = Provenance(
        device=device_name(),
        threads=os.environ.get("OMP_NUM_THREADS"),
        driver=_driver(),
        versions=versions(),
        date=datetime.now(tz=timezone.utc).date().isoformat(),
        seconds=time.perf_counter() - _started,
        memory_mib=_peak_memory_mib(),
    )
    append_evidence(calling_script(), "provenance", asdict(record))
    return record


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide what is measured or printed."""
    from importlib import metadata  # noqa: PLC0415 - most commands need no versions, and it is slow to import

    installed = {"python": platform.python_version(), "stepscope": stepscope.__version__}
    for package in _PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def device_name() -> str:
    """Return the name of the CUDA device in use, else of the processor."""
    cuda = loaded_cuda()
    return str(cuda.get_device_name()) if cuda else _processor()


def loaded_cuda() -> ModuleType | None:
    """Return `torch.cuda` where torch is imported and has a device, else None: what has no torch uses no GPU."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


@cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def _driver() -> str | None:
    if not loaded_cuda():
        return None
    try:
        first = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8").splitlines()[0]
    except OSError:
        return _driver_of_nvidia_smi() or "unknown"
    # The line holds the words "Kernel Module" and then the version.
    numbers = [word for word in first.split() if word[0].isdigit() and "." in word]
    return numbers[0] if numbers else "unknown"


def _driver_of_nvidia_smi() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(process.stdout.split()), None)


def _peak_memory_mib() -> float | None:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def restart_clock() -> None:
    """Count the seconds of `provenance` from now: the build runs several scripts in one process."""
    global _started  # noqa: PLW0603 - one process, one clock
    _started = time.perf_counter()
