"""Devices: which are taken, under which name, and how the others are refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from stepscope._common.devices import usable_device
from stepscope.envs import CartPole
from stepscope.errors import BadInputError


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find two CUDA devices, the second of which another process keeps for itself."""

    def empty(*_: int, device: torch.device) -> None:
        if device.index == 1:
            raise RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable\nCompile with")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "empty", empty)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find no CUDA device."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("name", "expected"), [(None, "cuda:0"), ("cuda", "cuda:0"), ("cuda:0", "cuda:0"), ("cpu", "cpu")]
)
def test_a_device_has_one_name(name: str | None, expected: str) -> None:
    """CUDA always comes with an index, and is what None means where there is one."""
    assert torch.device(expected) == usable_device(name)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", [None, "cpu", "cpu:0", torch.device("cpu")])
def test_the_cpu_is_what_there_is_without_cuda(name: str | torch.device | None) -> None:
    """The CPU has no index, as in the tensors that are on it, so that the two compare equal."""
    assert torch.device("cpu") == usable_device(name) == CartPole(2, device=name).state.device


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("name", "why"), [("cuda:2", ": the last one is cuda:1."), ("cuda:1", " (CUDA error: all CUDA-capable")]
)
def test_a_cuda_device_that_is_missing_or_busy_is_refused(name: str, why: str) -> None:
    """An index out of range names the last one, and a device that fails says why."""
    with pytest.raises(BadInputError) as refusal:
        usable_device(name)
    assert str(refusal.value).startswith(f"device '{name}' is not usable here{why}")
    assert "\n" not in str(refusal.value)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    "name", ["meta", "hpu", "mps", "xpu", "toaster", "", "cuda:-1", "cuda", "cuda:1", "cpu:1", 1.5]
)
def test_other_devices_get_a_short_sentence(name: Any) -> None:  # noqa: ANN401 - what users may pass
    """What is neither a CPU nor a CUDA device here is refused in one short line, by CartPole too."""
    for call in (usable_device, lambda name: CartPole(4, device=name)):
        with pytest.raises(BadInputError) as refusal:
            call(name)
        assert str(refusal.value).startswith(f"device '{name}' is not usable here")
        assert len(str(refusal.value)) < 130
        assert "\n" not in str(refusal.value)
