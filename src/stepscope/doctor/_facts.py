"""Versions, devices, threads and memory of this machine, collected without importing what may be broken."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope.doctor._probe import ask, last_error
from stepscope.evidence import device_name
from stepscope.measure import available_host_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cpus", "Facts", "Gpus", "Memory", "Package", "collect_facts"]

_PACKAGES = (
    "stepscope",
    "torch",
    "numpy",
    "gymnasium",
    "rl-games",
    "rsl-rl-lib",
    "skrl",
    "stable-baselines3",
    "tensordict",
    "isaaclab",
    "isaacsim",
    "isaacgym",
    "mjlab",
    "mujoco",
    "mujoco-warp",
    "newton",
    "warp-lang",
)
_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_LAUNCH_BLOCKING",
    "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_ALLOC_CONF",
    "NCCL_P2P_DISABLE",
    "NCCL_SHM_DISABLE",
    "NCCL_IB_DISABLE",
    "MUJOCO_GL",
)
_LIMIT = 120.0  # seconds: torch comes from a slow disk at times
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package of interest.

    Attributes
    ----------
    name
        Name of its distribution.
    installed
        Its versions on the path, the one in use first: more than one is a mistake. Empty if it is not installed.
    described
        Release that this project's pages describe; None where they are not bound to one.
    """

    name: str
    installed: tuple[str, ...]
    described: str | None


@dataclass(frozen=True, kw_only=True)
class Cpus:
    """Processors and threads.

    Attributes
    ----------
    name
        Name of the processor.
    count
        Processors of the machine.
    usable
        Processors that this process may use, by its affinity and the quota of its control group.
    load
        Processes that ran or waited for a processor, averaged over the last minute; None where the system does not say.
    """

    name: str
    count: int
    usable: float
    load: float | None


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memory of the host, in bytes; None where the system does not say.

    Attributes
    ----------
    total
        Of the machine, or less in a limited control group.
    available
        What a new process could take.
    shared
        Size of ``/dev/shm``.
    """

    total: int | None
    available: int | None
    shared: int | None


@dataclass(frozen=True, kw_only=True)
class Gpus:
    """NVIDIA GPUs as the driver lists them, whether PyTorch can use them or not.

    Attributes
    ----------
    present
        Whether the machine has any.
    names
        A name for each; empty where ``nvidia-smi`` is missing or fails.
    driver
        Version of the driver.
    error
        What ``nvidia-smi`` says instead.
    """

    present: bool
    names: tuple[str, ...] = ()
    driver: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that is known of this machine.

    Attributes
    ----------
    python
        Version of Python.
    requires
        Requirements of each installed package, as its metadata state them.
    system
        Operating system, and whether this is a container, a virtual environment and so on.
    packages
        Packages of interest.
    variables
        Environment variables that matter, those that are set.
    cpus, memory, gpus
        What the system says.
    torch, warp
        What PyTorch and Warp say of themselves, or ``error``; empty where they were not asked.
    """

    python: str
    system: str
    packages: tuple[Package, ...]
    variables: dict[str, str]
    cpus: Cpus
    memory: Memory
    gpus: Gpus
    torch: dict[str, Any] = field(default_factory=dict)
    warp: dict[str, Any] = field(default_factory=dict)
    requires: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def version(self, name: str) -> str | None:
        """Return the version of a package that is in use; None if it is not installed."""
        versions = next((package.installed for package in self.packages if package.name == name), ())
        return versions[0] if versions else None


def collect_facts(*, limit: float = _LIMIT) -> Facts:
    """Collect what is known of this machine.

    Parameters
    ----------
    limit
        Time that PyTorch and Warp may take each to answer, in seconds.
    """
    gpus = _describe_gpus()
    installed = {name: _installed(name) for name in _PACKAGES}
    described = _described()
    return Facts(
        python=platform.python_version(),
        system=_describe_system(),
        packages=tuple(
            Package(name=name, installed=versions, described=described.get(name))
            for name, versions in installed.items()
        ),
        variables={name: _shown(name, os.environ[name]) for name in _VARIABLES if name in os.environ},
        cpus=_describe_cpus(),
        memory=_describe_memory(),
        gpus=gpus,
        # Its metadata may be gone while it can be imported, as in Isaac Sim's bundle.
        torch=ask("torch", limit=limit),
        warp=ask("warp", limit=limit) if installed["warp-lang"] and gpus.present else {},
        requires={
            name: tuple(metadata.requires(name) or ()) for name, versions in installed.items() if versions
        },
    )


def _installed(name: str) -> tuple[str, ...]:
    versions = [_version(distribution) for distribution in metadata.distributions(name=name)]
    return tuple(dict.fromkeys(version for version in versions if version))


def _version(distribution: metadata.Distribution) -> str | None:
    try:
        return distribution.version
    except (KeyError, TypeError):  # its metadata are missing: an installation was interrupted
        return None


def _described() -> dict[str, str]:
    """Return the releases that the examples of this project are pinned to."""
    try:
        requirements = metadata.requires("stepscope") or []
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return {}
    pins = (text.partition(";")[0].strip().partition("==") for text in requirements)
    return {name: version for name, equals, version in pins if equals}


def _shown(name: str, value: str) -> str:
    if name == "CUDA_VISIBLE_DEVICES" and not value.replace(",", "").isdigit() and value:
        return f"{len(value.split(','))} by identifier"  # a GPU's identifier is as good as a name
    return value


def _describe_system() -> str:
    parts = [f"{platform.system()} {platform.release()} {platform.machine()}"]
    libc = " ".join(part for part in platform.libc_ver() if part)
    parts += [libc] if libc else []
    if "microsoft" in platform.release().lower():
        parts.append("Windows Subsystem for Linux")
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        parts.append("container")
    if "SLURM_JOB_ID" in os.environ:
        parts.append("Slurm job")
    if "CONDA_PREFIX" in os.environ:
        parts.append("conda environment")
    elif sys.prefix != sys.base_prefix:
        parts.append("virtual environment")
    return ", ".join(parts)


def _describe_cpus() -> Cpus:
    count = os.cpu_count() or 1
    usable: float = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else count
    for folder in _groups("cpu"):
        quota = _read(folder / "cpu.max").split() or [
            _read(folder / "cpu.cfs_quota_us"),
            _read(folder / "cpu.cfs_period_us"),
        ]
        if len(quota) == 2 and all(part.isdigit() for part in quota) and int(quota[1]):  # noqa: PLR2004 - quota and period
            usable = min(usable, int(quota[0]) / int(quota[1]))
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return Cpus(name=device_name(), count=count, usable=usable, load=load)


def _describe_memory() -> Memory:
    total = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for folder in _groups("memory"):
        most = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if most.isdigit() and total is not None:
            total = min(total, int(most))
    try:
        available = available_host_bytes()
    except OSError:  # not Linux
        available = None
    try:
        shared = shutil.disk_usage("/dev/shm").total  # noqa: S108 - its size is asked for, nothing is written
    except OSError:
        shared = None
    return Memory(total=total, available=available, shared=shared)


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control group and of those above it, of either version."""
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        folder = _CGROUPS / controllers / path.lstrip("/")
        yield from (parent for parent in (folder, *folder.parents) if parent.is_relative_to(_CGROUPS))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _describe_gpus() -> Gpus:
    present = any(Path(path).exists() for path in ("/proc/driver/nvidia/version", "/dev/nvidia0", "/dev/dxg"))
    command = shutil.which("nvidia-smi")
    if command is None:
        return Gpus(present=present, driver=_kernel_driver())
    query = [command, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            query, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = "does not answer" if isinstance(error, subprocess.TimeoutExpired) else "cannot be executed"
        return Gpus(present=present, driver=_kernel_driver(), error=f"nvidia-smi {reason}")
    rows = [
        line.rpartition(", ") for line in done.stdout.decode(errors="replace").splitlines() if ", " in line
    ]
    if done.returncode or not rows:
        error_text = last_error(done.stdout + done.stderr)
        return Gpus(present=present, driver=_kernel_driver(), error=error_text or "nvidia-smi lists no GPU")
    return Gpus(present=True, names=tuple(row[0] for row in rows), driver=rows[0][2])


def _kernel_driver() -> str | None:
    # The first line holds the words "Kernel Module" and then the version.
    words = _read(Path("/proc/driver/nvidia/version")).partition("\n")[0].split()
    return next((word for word in words if word[0].isdigit() and "." in word), None)
