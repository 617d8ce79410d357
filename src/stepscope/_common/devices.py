"""Devices to compute on."""

from __future__ import annotations

import torch

from stepscope.errors import BadInputError

__all__ = ["usable_device"]


def usable_device(name: str | torch.device | None) -> torch.device:
    """Return the device of this name.

    Parameters
    ----------
    name
        ``"cpu"``, ``"cuda"`` (the first CUDA device) or ``"cuda:1"`` and so on; None is the first CUDA device where
        there is one, else the CPU.

    Returns
    -------
    torch.device
        The device as tensors name it: ``cpu``, or ``cuda`` with an index.

    Raises
    ------
    BadInputError
        If it is of another kind, or this machine has none of this index.

    Examples
    --------
    >>> usable_device("cpu")
    device(type='cpu')
    """
    if name is None:
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
    problem = f"device {str(name)!r} is not usable here"
    kinds = "choose cpu, or cuda with or without an index, such as cuda:0."
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:  # torch would list two dozen kinds, of which two work here
        raise BadInputError(f"{problem}; {kinds}") from error
    if device.type not in {"cpu", "cuda"}:
        raise BadInputError(f"{problem}; {kinds}")
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    index = device.index or 0
    if not count:
        raise BadInputError(f"{problem}: torch finds no CUDA device; choose cpu.")
    if index >= count:
        raise BadInputError(f"{problem}: the last one is {device.type}:{count - 1}.")
    if device.type == "cpu":
        return torch.device("cpu")  # tensors made on "cpu:0" say "cpu", and devices are compared
    device = torch.device("cuda", index)
    try:
        torch.empty(1, device=device)
    except (
        RuntimeError,
        AssertionError,
    ) as error:  # in use by another process, full, or too old for this torch
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise BadInputError(f"{problem} ({reason}); choose cpu.") from error
    return device
