"""The compiled step, and one sentence for a machine that cannot compile."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from stepscope.envs._step import Settings, make_step
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compile_step"]

# Words of torch's errors for a missing compiler.
_MISSING_COMPILER = (
    "InvalidCxxCompiler",
    "No working C++ compiler",
    "Failed to find C compiler",
    "TritonMissing",
)


@lru_cache(maxsize=64)
def compile_step(settings: Settings, device: torch.device) -> Callable[..., tuple[Tensor, ...]]:
    """Return the step of these settings, compiled at its first call and shared by all environments that have them."""
    step = make_step(settings)

    def bytewise(*tensors: Tensor) -> tuple[Tensor, ...]:
        # Inductor writes booleans to memory one by one, but bytes by the register.
        *numbers, terminated, truncated, done = step(*tensors)
        return *numbers, _bytes(terminated), _bytes(truncated), _bytes(done)

    fused = torch.compile(bytewise, fullgraph=True, options=_options(), **_isolation())

    def guarded(*tensors: Tensor) -> tuple[Tensor, ...]:
        try:
            *numbers, terminated, truncated, done = fused(*tensors)
        except Exception as error:
            if any(sign in f"{type(error).__name__} {error}" for sign in _MISSING_COMPILER):
                raise BadInputError(_advice(device)) from error
            raise
        return *numbers, terminated.view(torch.bool), truncated.view(torch.bool), done.view(torch.bool)

    return guarded


def _isolation() -> dict[str, Any]:
    """Keep environments with other settings from making these numbers dynamic, and from using up our compilations.

    PyTorch can do so since 2.13. Before, a second number of environments compiles for all numbers.
    """
    isolation = {"isolate_recompiles": True, "recompile_limit": 64}
    known = inspect.signature(torch.compile).parameters
    return {name: value for name, value in isolation.items() if name in known}


def _options() -> dict[str, bool]:
    """Leave out what Dynamo's guards have checked already: a second check takes a twelfth of a small step."""
    from torch._inductor import list_options  # noqa: PLC0415 - it takes seconds, and only a compiled step needs it

    return dict.fromkeys({"size_asserts", "alignment_asserts"} & set(list_options()), False)


def _bytes(flags: Tensor) -> Tensor:
    return torch.where(flags, 1, 0).to(torch.uint8)


def _advice(device: torch.device) -> str:
    needed = "a C++ compiler" if device.type == "cpu" else "triton and a C compiler"
    return (
        f"compile=True needs {needed}, and torch found none: install one (such as g++) on the PATH or name it in CXX, "
        "or leave compile=False."
    )
