"""Known bad combinations: each rule on the facts of this machine, with what it lacks put in their place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stepscope.doctor import Facts, collect_facts, find_problems
from stepscope.doctor._checks import _is_supported, _parse_requirement
from stepscope.doctor._facts import Gpus, Package

GPU = Gpus(present=True, names=("NVIDIA L4",), driver="580.82.07")
DEVICE = {"name": "NVIDIA L4", "capability": "8.9", "memory_bytes": 24 * 2**30, "error": None}
TORCH = {
    "version": "2.13.0+cu130",
    "cuda": "13.0",
    "architectures": ["sm_75", "sm_80", "sm_90", "sm_120"],
    "threads": 1,
    "backends": ["gloo", "nccl"],
    "devices": [DEVICE],
    "cuda_error": None,
    "numpy_error": None,
}
WARP = {"version": "1.19.0", "cuda_available": True}


@pytest.fixture(scope="module")
def here() -> Facts:
    """Return the facts of this machine."""
    return collect_facts()


@pytest.fixture
def gpu(here: Facts) -> Facts:
    """Return those of a machine where nothing is wrong, with a GPU."""
    cpus = replace(here.cpus, count=8, usable=8, load=0.1)
    memory = replace(here.memory, shared=8 * 2**30)
    return replace(
        here,
        gpus=GPU,
        torch=TORCH,
        warp=WARP,
        cpus=cpus,
        memory=memory,
        variables={},
        system="Linux",
        packages=(),
        requires={},
    )


def _names(facts: Facts) -> set[str]:
    return {finding.name for finding in find_problems(facts)}


def test_nothing_is_found_where_nothing_is_wrong(gpu: Facts) -> None:
    """A rule that fires on a healthy machine is no rule."""
    assert set() == _names(gpu)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"cuda": None, "architectures": [], "devices": []}, "torch-for-cpu"),
        ({"cuda_error": "CUDA unknown error", "devices": []}, "cuda-broken"),
        ({"devices": [{**DEVICE, "capability": "7.0"}]}, "architecture-missing"),
        ({"devices": [{**DEVICE, "capability": "10.3"}]}, "architecture-missing"),
        ({"devices": [{**DEVICE, "error": "out of memory"}]}, "gpu-broken"),
        ({"numpy_error": "Numpy is not available"}, "torch-without-numpy"),
        ({"threads": 9}, "threads-beyond-cpus"),
        ({"threads": 8}, None),
    ],
)
def test_what_torch_says_is_checked(gpu: Facts, change: dict[str, Any], name: str | None) -> None:
    """One change at a time sets off one rule."""
    assert ({name} if name else set()) == _names(replace(gpu, torch={**TORCH, **change}))


@pytest.mark.parametrize(
    ("driver", "cuda", "name"),
    [
        ("580.65.06", "13.0", None),
        ("575.57.08", "13.0", "driver-old"),
        ("535.183.01", "12.8", None),
        ("470.256.02", "12.1", "driver-old"),
        ("470.256.02", "11.8", None),
    ],
)
def test_a_driver_is_held_against_the_minimum_of_its_cuda(
    gpu: Facts, driver: str, cuda: str, name: str | None
) -> None:
    """The minimum is that of the major version."""
    facts = replace(gpu, gpus=replace(GPU, driver=driver), torch={**TORCH, "cuda": cuda})
    assert ({name} if name else set()) == _names(facts)


def test_threads_compete_on_a_busy_machine(gpu: Facts) -> None:
    """Two threads are no trouble while the machine is idle, and one never is."""
    busy = replace(gpu.cpus, count=2, usable=2, load=1.5)
    two = {**TORCH, "threads": 2}
    assert {"threads-on-busy-machine"} == _names(replace(gpu, torch=two, cpus=busy))
    assert set() == _names(replace(gpu, torch=two, cpus=replace(busy, load=0.2)))
    assert set() == _names(replace(gpu, torch=TORCH, cpus=busy))


def test_what_the_driver_hides_or_refuses_is_named(gpu: Facts) -> None:
    """So is Warp without CUDA, a small /dev/shm and a setting for debugging."""
    silent = replace(GPU, names=(), error="NVIDIA-SMI has failed")
    assert "driver-silent" in _names(replace(gpu, gpus=silent))
    hidden = replace(gpu, variables={"CUDA_VISIBLE_DEVICES": ""}, torch={**TORCH, "devices": []})
    assert {"gpu-hidden"} == _names(hidden)
    assert {"warp-without-cuda"} == _names(replace(gpu, warp={**WARP, "cuda_available": False}))
    assert {"shared-memory-small"} == _names(replace(gpu, memory=replace(gpu.memory, shared=64 * 2**20)))
    assert {"launch-blocking"} == _names(replace(gpu, variables={"CUDA_LAUNCH_BLOCKING": "1"}))


def test_packages_that_exclude_each_other_are_named(gpu: Facts) -> None:
    """Requirements are the packages' own words."""
    packages = (
        Package(name="stable-baselines3", installed=("2.3.2",), described="2.9.2"),
        Package(name="numpy", installed=("2.4.6",), described=None),
        Package(name="torch", installed=("2.13.0+cpu", "2.4.0"), described=None),
    )
    requires = {"stable-baselines3": ("gymnasium<0.30,>=0.28.1", "numpy<2.0,>=1.20", "torch>=1.13")}
    facts = replace(gpu, packages=packages, requires=requires)
    findings = {finding.name: finding.text for finding in find_problems(facts)}
    assert {"package-twice", "requirement-unmet"} == findings.keys()
    assert "requires numpy<2.0,>=1.20, and 2.4.6 is installed" in findings["requirement-unmet"]


@pytest.mark.live
def test_each_finding_has_its_reason_and_source(gpu: Facts) -> None:
    """A source is an address, a line of an installed package, a package's metadata, or this project."""
    from stepscope._sphinx.citations import check_citation  # noqa: PLC0415 - it imports Sphinx

    bad = {
        "threads": 9,
        "numpy_error": "x",
        "devices": [{**DEVICE, "capability": "7.0"}, {**DEVICE, "error": "x"}],
    }
    facts = replace(
        gpu,
        gpus=replace(GPU, driver="450.0", error="x"),
        torch={**TORCH, **bad},
        warp={"error": "x"},
        memory=replace(gpu.memory, shared=1),
        variables={"OMP_NUM_THREADS": "x", "CUDA_LAUNCH_BLOCKING": "1"},
        packages=(Package(name="rl-games", installed=("1.6.5", "1.6.1"), described=None),),
    )
    findings = find_problems(facts)
    assert len(findings) > 9
    for finding in findings:
        assert finding.reason.endswith(".")
        assert finding.advice
        if "/" in finding.source and not finding.source.startswith("https://"):
            assert check_citation(finding.source) is None
    severities = [finding.severity for finding in findings]
    assert severities == sorted(severities, key=("bad", "warn", "").index)


def test_torch_and_this_rule_agree_on_architectures() -> None:
    """PyTorch warns of a device where none of its binaries is of the same generation and not newer."""
    assert _is_supported("9.0", ["sm_90a"])
    assert not _is_supported("9.0", ["sm_80", "sm_86"])
    assert _is_supported("12.1", ["sm_120"])


@pytest.mark.live
def test_requirements_of_installed_packages_are_parsed(here: Facts) -> None:
    """Whatever they are written like, each has a name."""
    texts = [text for requirements in here.requires.values() for text in requirements]
    assert len(texts) > 20
    assert all(_parse_requirement(text)[0] for text in texts)
    assert not [f for f in find_problems(here) if f.name == "requirement-unmet" and "stepscope" in f.text]
