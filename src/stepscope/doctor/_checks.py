"""Known bad combinations, each with its reason and the source of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stepscope._common.format import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.doctor._facts import Facts

__all__ = ["Finding", "find_problems"]

_MINIMUM_DRIVER = {11: "450.80.02", 12: "525.60.13", 13: "580.65.06"}  # on Linux, by CUDA's major version
_SMALLEST_SHARED = 64 * 2**20  # bytes: what Docker gives without --shm-size
_SPARE = 0.5  # processors: what the system itself and this command take
_MOST_THREADS_OF_RL_GAMES = 4
_THREADS = re.compile(r"\d{1,6}(?:,\d{1,6})*")
_REQUIREMENT = re.compile(r"\s*([\w.-]{1,100})\s*(?:\[[^\]]{0,100}\])?\s*\(?([^;()]{0,200})\)?\s*")
_CONDITION = re.compile(r"(==|!=|<=|>=|<|>|~=)\s*(\d[\w.*+!-]{0,60})")
_NUMBERS = re.compile(r"\d{1,9}")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A known bad combination.

    Attributes
    ----------
    name
        Its name, for programs.
    severity
        ``"bad"`` where something cannot work, ``"warn"`` where it may be slow or fail, ``""`` for what is good to know.
    text
        What is so here.
    reason
        Why that is bad.
    advice
        What to do.
    source
        Where this is known from.
    """

    name: str
    severity: Literal["bad", "warn", ""]
    text: str
    reason: str
    advice: str
    source: str


def find_problems(facts: Facts) -> list[Finding]:
    """Return the known bad combinations that a machine has, the bad ones first."""
    findings = [finding for rule in _RULES for finding in rule(facts)]
    order = ("bad", "warn", "")
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def _torch_is_broken(facts: Facts) -> Iterator[Finding]:
    error = facts.torch.get("error")
    missing = facts.version("torch") is None
    if error and not (missing and "No module named 'torch'" in error):
        yield Finding(
            name="torch-broken",
            severity="bad",
            text=f"PyTorch cannot be imported: {error}",
            reason="Every training library here needs it.",
            advice="Remove a file called torch.py from the path, or install PyTorch anew in its own environment;"
            " where the disk is slow, raise --limit.",
            source="https://pytorch.org/get-started/locally/",
        )
    elif error:
        yield Finding(
            name="torch-missing",
            severity="",
            text="PyTorch is not installed in this environment.",
            reason="Reading logs does not need it; training does.",
            advice="Run stepscope doctor with the Python that trains.",
            source="https://pytorch.org/get-started/locally/",
        )
    if facts.torch.get("numpy_error"):
        yield Finding(
            name="torch-without-numpy",
            severity="bad",
            text=f"PyTorch {facts.torch['version']} cannot use NumPy {facts.version('numpy')}:"
            f" {facts.torch['numpy_error']}",
            reason="PyTorch before 2.3 was compiled for NumPy 1; without NumPy there are no arrays of tensors.",
            advice="Install PyTorch 2.3 or newer, or numpy<2.",
            source="https://github.com/pytorch/pytorch/issues/107302",
        )


def _gpu_is_unusable(facts: Facts) -> Iterator[Finding]:
    if facts.gpus.error and facts.gpus.present:
        yield Finding(
            name="driver-silent",
            severity="bad",
            text=f"The driver's own program fails: {facts.gpus.error}",
            reason="Where nvidia-smi fails, so does every program that uses the GPU.",
            advice="Restart the machine after an update of the driver; in a container, pass --gpus all.",
            source="https://docs.nvidia.com/deploy/nvidia-smi/",
        )
    if not facts.gpus.present or "version" not in facts.torch:
        return
    version, cuda, error = facts.torch["version"], facts.torch["cuda"], facts.torch["cuda_error"]
    if not cuda:
        yield Finding(
            name="torch-for-cpu",
            severity="bad",
            text=f"This machine has an NVIDIA GPU, and PyTorch {version} is built without CUDA.",
            reason="It trains on the CPU, or fails where a device is named.",
            advice="Install a build with CUDA; choose it on PyTorch's page.",
            source="https://pytorch.org/get-started/locally/",
        )
    elif facts.variables.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        yield Finding(
            name="gpu-hidden",
            severity="warn",
            text="CUDA_VISIBLE_DEVICES hides all GPUs from this process.",
            reason="PyTorch, Warp and the simulators see no GPU.",
            advice="Unset it, or name the GPUs that may be used, such as 0.",
            source="https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables",
        )
    elif error:
        yield Finding(
            name="cuda-broken",
            severity="bad",
            text=f"PyTorch {version} for CUDA {cuda} cannot use the GPU: {error}",
            reason="CUDA does not start in a new process, so it is not the training's fault.",
            advice="Compare the driver with what this CUDA needs; in a container, pass --gpus all.",
            source="https://docs.nvidia.com/deploy/cuda-compatibility/",
        )


def _driver_is_old(facts: Facts) -> Iterator[Finding]:
    driver, cuda = facts.gpus.driver, facts.torch.get("cuda")
    needed = _MINIMUM_DRIVER.get(int(str(cuda).partition(".")[0])) if cuda else None
    if driver and needed and facts.system.startswith("Linux") and _is_older(driver, needed):
        yield Finding(
            name="driver-old",
            severity="bad",
            text=f"Driver {driver} is older than {needed}, which CUDA {cuda} needs at least.",
            reason="PyTorch then finds no GPU, or fails at its first kernel.",
            advice="Update the driver, or install a build of PyTorch for an older CUDA.",
            source="https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html",
        )


def _architecture_is_missing(facts: Facts) -> Iterator[Finding]:
    architectures = facts.torch.get("architectures") or []
    for device in facts.torch.get("devices") or []:
        capability = device.get("capability")
        if capability and architectures and not _is_supported(capability, architectures):
            yield Finding(
                name="architecture-missing",
                severity="bad",
                text=f"{device['name']} is of architecture {capability}, and PyTorch {facts.torch['version']} is compiled"
                f" for {', '.join(architectures)}.",
                reason='Its kernels do not run there: "no kernel image is available for execution on the device".',
                advice="Install a build of PyTorch that lists this architecture, mostly one for a newer CUDA.",
                source="torch/cuda/__init__.py:425 def _check_cubins",
            )
        elif device.get("error"):
            yield Finding(
                name="gpu-broken",
                severity="bad",
                text=f"A first kernel on {device.get('name', 'a GPU')} failed: {device['error']}",
                reason="It failed in a new process, so it is not the training's fault.",
                advice="See with nvidia-smi whether the GPU is full or in exclusive use.",
                source="https://docs.pytorch.org/docs/stable/notes/cuda.html",
            )


def _warp_is_without_cuda(facts: Facts) -> Iterator[Finding]:
    if facts.warp.get("error"):
        yield Finding(
            name="warp-broken",
            severity="bad",
            text=f"Warp cannot be imported: {facts.warp['error']}",
            reason="MuJoCo Warp, Newton, mjlab and Isaac Lab need it.",
            advice="Install warp-lang anew.",
            source="https://nvidia.github.io/warp/",
        )
    elif facts.warp and not facts.warp["cuda_available"]:
        yield Finding(
            name="warp-without-cuda",
            severity="bad",
            text=f"This machine has an NVIDIA GPU, and Warp {facts.warp['version']} does not find it.",
            reason="MuJoCo Warp, Newton and mjlab then simulate on the CPU, or fail.",
            advice="Install a build of warp-lang for the driver's CUDA; Warp prints what it needs when it starts.",
            source="https://nvidia.github.io/warp/",
        )


def _threads_compete(facts: Facts) -> Iterator[Finding]:
    variable = facts.variables.get("OMP_NUM_THREADS")
    if variable is not None and not _THREADS.fullmatch(variable.strip()):
        yield Finding(
            name="threads-invalid",
            severity="warn",
            text=f"OMP_NUM_THREADS={variable} is not a number.",
            reason="GNU's OpenMP ignores it and takes a thread for each processor.",
            advice="Set OMP_NUM_THREADS=1.",
            source="https://www.openmp.org/spec-html/5.0/openmpse50.html",
        )
    threads, cpus = facts.torch.get("threads"), facts.cpus
    if not threads or threads == 1:
        return
    if threads > cpus.usable:
        yield Finding(
            name="threads-beyond-cpus",
            severity="warn",
            text=f"PyTorch uses {threads} OpenMP threads, and this process may use {cpus.usable:g} of {cpus.count} CPUs.",
            reason="Threads that wait for one another spin, and so take the processor from the one that they wait for.",
            advice=f"Set OMP_NUM_THREADS={max(1, int(cpus.usable))}, or 1 for small networks.",
            source="https://github.com/llvm/llvm-project/issues/225493",
        )
    elif cpus.load is not None and cpus.load + threads > cpus.count + _SPARE:
        yield Finding(
            name="threads-on-busy-machine",
            severity="warn",
            text=f"PyTorch uses {threads} OpenMP threads, and the {cpus.count} CPUs are busy with other processes (load"
            f" {cpus.load:g}).",
            reason="Each parallel part ends with its slowest thread, and the others spin until then. Two threads on a"
            " shared machine can be many times slower than one.",
            advice="Set OMP_NUM_THREADS=1 while the machine is shared.",
            source="https://github.com/llvm/llvm-project/issues/225493",
        )


def _rl_games_sets_threads(facts: Facts) -> Iterator[Finding]:
    release, count = facts.version("rl-games"), min(_MOST_THREADS_OF_RL_GAMES, facts.cpus.count)
    variable = facts.variables.get("OMP_NUM_THREADS", str(count))
    if release and not _is_older(release, "1.6.5") and variable != str(count):
        yield Finding(
            name="rl-games-sets-threads",
            severity="",
            text=f"RL-Games {release} uses {count} threads here, whatever OMP_NUM_THREADS says.",
            reason="It sets PyTorch's threads itself: one for each CPU of its rank, up to 4.",
            advice="Set torch_threads: 1 in the params of its configuration; 0 leaves PyTorch's own number.",
            source="rl_games/torch_runner.py:152 torch.set_num_threads",
        )


def _shared_memory_is_small(facts: Facts) -> Iterator[Finding]:
    shared = facts.memory.shared
    if shared is not None and shared <= _SMALLEST_SHARED:
        yield Finding(
            name="shared-memory-small",
            severity="warn",
            text=f"There are {format_bytes(shared)} in /dev/shm, which is Docker's default.",
            reason="NCCL and PyTorch's processes share memory there, and die of a bus error where it is full.",
            advice="Start the container with --shm-size=8g or --ipc=host.",
            source="https://github.com/pytorch/pytorch#docker-image",
        )


def _kernels_are_waited_for(facts: Facts) -> Iterator[Finding]:
    if facts.variables.get("CUDA_LAUNCH_BLOCKING", "0") != "0" and facts.gpus.present:
        yield Finding(
            name="launch-blocking",
            severity="warn",
            text="CUDA_LAUNCH_BLOCKING is set.",
            reason="The CPU waits for every kernel; simulation and inference consist of thousands of small ones.",
            advice="Unset it once the failing kernel is found.",
            source="https://docs.pytorch.org/docs/stable/notes/cuda.html#asynchronous-execution",
        )


def _packages_contradict(facts: Facts) -> Iterator[Finding]:
    for package in facts.packages:
        if len(package.installed) > 1:
            yield Finding(
                name="package-twice",
                severity="warn",
                text=f"{package.name} is on the path in several versions: {', '.join(package.installed)}.",
                reason="The first one is imported, and pip may show another.",
                advice=f"Run pip uninstall {package.name} until none is left, and install one.",
                source="https://docs.python.org/3/library/sys_path_init.html",
            )
    versions = {package.name: package.installed[0] for package in facts.packages if package.installed}
    for name, requirements in facts.requires.items():
        for other, conditions in map(_parse_requirement, requirements):
            if other in versions and not all(_holds(versions[other], *each) for each in conditions):
                wanted = ",".join(f"{operator}{version}" for operator, version in conditions)
                yield Finding(
                    name="requirement-unmet",
                    severity="warn",
                    text=f"{name} {versions[name]} requires {other}{wanted}, and {versions[other]} is installed.",
                    reason="Its authors exclude this combination; whether it fails depends on what is used of it.",
                    advice=f'Run pip install "{other}{wanted}", or take a release of {name} that allows it.',
                    source=f"the metadata of {name} {versions[name]}",
                )


_RULES = (
    _torch_is_broken,
    _gpu_is_unusable,
    _driver_is_old,
    _architecture_is_missing,
    _warp_is_without_cuda,
    _threads_compete,
    _rl_games_sets_threads,
    _shared_memory_is_small,
    _kernels_are_waited_for,
    _packages_contradict,
)


def _is_supported(capability: str, architectures: list[str]) -> bool:
    """Return whether one of the compiled architectures runs on a device: its own generation, or PTX of an older one.

    >>> _is_supported("8.9", ["sm_80", "sm_90"]), _is_supported("12.0", ["sm_80", "sm_90"])
    (True, False)
    >>> _is_supported("12.0", ["sm_90", "compute_90"]), _is_supported("8.0", ["sm_86"])
    (True, False)
    """
    major, minor = (int(part) for part in capability.split("."))
    for architecture in architectures:
        kind, _, digits = architecture.partition("_")
        number = int(re.sub(r"\D", "", digits) or 0)
        if kind == "compute" and number <= 10 * major + minor:
            return True
        if number // 10 == major and number % 10 <= minor:
            return True
    return False


def _parse_requirement(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the name and the conditions of a requirement; none where it depends on an extra or on the platform.

    >>> _parse_requirement("numpy<3.0,>=1.20"), _parse_requirement('torch (>=2.3) ; extra == "all"')
    (('numpy', (('<', '3.0'), ('>=', '1.20'))), ('torch', ()))
    """
    match = _REQUIREMENT.match(text)
    if match is None:
        return "", ()
    name = re.sub(r"[-_.]+", "-", match[1]).lower()
    return name, () if ";" in text else tuple(_CONDITION.findall(match[2]))


def _holds(version: str, operator: str, other: str) -> bool:
    """Return whether a version meets a condition; a version of the same number counts as equal to it.

    >>> _holds("2.4.6", "<", "2.0"), _holds("2.13.0+cpu", ">=", "2.3"), _holds("1.4.1", "==", "1.4.*")
    (False, True, True)
    >>> _holds("1.5", "~=", "1.4.0"), _holds("1.4.9", "~=", "1.4.0")
    (False, True)
    """
    if operator == "~=":
        prefix = _numbers(other)[:-1]
        return not _is_older(version, other) and _numbers(version)[: len(prefix)] == prefix
    if other.endswith(".*"):
        prefix = _numbers(other)
        same = _numbers(version)[: len(prefix)] == prefix
        return same if operator == "==" else not same
    older, newer = _is_older(version, other), _is_older(other, version)
    return {
        "==": not older and not newer,
        "!=": older or newer,
        "<": older,
        ">": newer,
        "<=": not newer,
        ">=": not older,
    }[operator]


def _is_older(version: str, other: str) -> bool:
    a, b = _numbers(version), _numbers(other)
    length = max(len(a), len(b))
    return a + (0,) * (length - len(a)) < b + (0,) * (length - len(b))


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a release, without what marks a build or what comes before and after it.

    >>> _numbers("2.13.0+cu130"), _numbers("2.7.1a3"), _numbers("580.65.06")
    ((2, 13, 0), (2, 7, 1), (580, 65, 6))
    """
    numbers = []
    for part in version.partition("+")[0].split("."):
        match = _NUMBERS.match(part)
        if match is None:
            break
        numbers.append(int(match[0]))
        if match[0] != part:
            break
    return tuple(numbers)
