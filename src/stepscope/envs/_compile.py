"""The compiled step, and one sentence for a machine that cannot compile."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from stepscope.envs._step import Settings, make_step
from stepscope.errors import BadInputError

__all__ = ["compiled"]

# What torch's errors say when the compiler itself is what is missing, in its several places.
_SIGNS = ("InvalidCxxCompiler", "No working C++ compiler", "Failed to find C compiler", "triton")


@lru_cache(maxsize=64)
def compiled(settings: Settings, device: torch.device) -> Callable[..., tuple[Tensor, ...]]:
    """Return the step of these settings, compiled at its first call and shared by all environments that have them.

    Sizes are dynamic: one compilation serves every number of environments above 1, another serves 1.
    """
    fused = torch.compile(make_step(settings), dynamic=True, fullgraph=True, isolate_recompiles=True)

    def step(*tensors: Tensor) -> tuple[Tensor, ...]:
        try:
            return fused(*tensors)
        except Exception as error:
            if any(sign in f"{type(error).__name__} {error}" for sign in _SIGNS):
                raise BadInputError(_advice(device)) from error
            raise

    return step


def _advice(device: torch.device) -> str:
    needed = "a C++ compiler" if device.type == "cpu" else "triton and a C compiler"
    return (
        f"compile=True needs {needed}, and torch found none: install one (such as g++) on the PATH or name it in CXX, "
        "or leave compile=False."
    )
