"""Where to train."""

from __future__ import annotations

import torch

from stepscope.errors import BadInputError

__all__ = ["pick_device"]


def pick_device(name: object) -> str:
    """Name of the device to train on: the one asked for, else CUDA's current one, else the CPU.

    Raises
    ------
    BadInputError
        There is no such device on this machine.
    """
    if name is None:
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(str(name))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadInputError(
            f"--device {name} is not usable here ({str(error).splitlines()[0]}); try --device cpu."
        ) from error
    return "cuda:0" if str(device) == "cuda" else str(device)
