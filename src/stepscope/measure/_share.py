"""What a measured function returns, and PyTorch's share of the memory that its process took."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from stepscope.errors import BadInputError
from stepscope.measure._out_of_memory import find_out_of_memory

__all__ = ["with_share"]


def with_share(*, target: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call the target; runs in the fresh process.

    Returns
    -------
    dict
        ``result``, or ``refused`` with the sentence of a `BadInputError` and ``out_of_memory``, which is the error
        of an allocator if that is why; and ``torch``, see `torch_share`.
    """
    module, _, function = target.partition(":")
    try:
        result = getattr(importlib.import_module(module), function)(**arguments)
    except BadInputError as error:
        return {"refused": str(error), "out_of_memory": _allocator(error), "torch": None}
    return {"result": result, "torch": torch_share()}


def torch_share() -> dict[str, int] | None:
    """Return what PyTorch took of the GPUs at its peak, in bytes; None where it has not touched one.

    ``allocated`` lay in tensors at the worst moment, ``reserved`` is what its allocator held of the device then and
    keeps: what the driver reports includes all of it.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    devices = range(torch.cuda.device_count())
    return {
        "allocated": sum(torch.cuda.max_memory_allocated(device) for device in devices),
        "reserved": sum(torch.cuda.max_memory_reserved(device) for device in devices),
    }


def _allocator(error: BaseException) -> str | None:
    """Return what an allocator said, if that is what an error came from."""
    cause: BaseException | None = error
    while cause is not None:
        said = f"{type(cause).__name__}: {cause}"
        if isinstance(cause, MemoryError) or find_out_of_memory(said):
            return said.partition("\n")[0]
        cause = cause.__cause__ or cause.__context__
    return None
