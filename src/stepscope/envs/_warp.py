"""Silent import of MuJoCo Warp, and sizes of its arrays."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from stepscope._common.optional import install_command
from stepscope.errors import BadInputError

__all__ = ["Engine", "load", "owned_bytes"]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The modules of the simulator.

    Attributes
    ----------
    warp, mujoco, mujoco_warp
        The modules.
    """

    warp: Any
    mujoco: Any
    mujoco_warp: Any


def load() -> Engine:
    """Import MuJoCo Warp.

    Its kernels are compiled when they are first needed, which takes 20 to 50 seconds for each kind of scene, and are
    kept in the folder that ``WARP_CACHE_PATH`` names, else in the user's cache.

    Raises
    ------
    BadInputError
        If it is not installed.
    """
    try:
        warp = importlib.import_module("warp")
        warp.config.log_level = 40  # errors only, from its start on: it would list devices and every kernel
        return Engine(
            warp=warp,
            mujoco=importlib.import_module("mujoco"),
            mujoco_warp=importlib.import_module("mujoco_warp"),
        )
    except ImportError as error:
        raise BadInputError(
            f"this scene needs MuJoCo Warp ({error}); install it with {install_command('examples')}."
        ) from error


def owned_bytes(warp: Any, *owners: object) -> int:  # noqa: ANN401 - a module
    """Return the bytes of all arrays in the fields of some objects, and of the objects in these.

    An array in two fields counts once, and one that repeats its numbers for every world counts with its allocation,
    not its shape.
    """
    arrays: dict[int, int] = {}
    pending = list(owners)
    while pending:
        for value in vars(pending.pop()).values():
            if isinstance(value, warp.array):
                if value.ptr:
                    arrays[value.ptr] = max(arrays.get(value.ptr, 0), int(value.capacity))
            elif type(value).__module__.startswith("mujoco_warp.") and hasattr(value, "__dict__"):
                pending.append(value)
            elif isinstance(value, tuple | list):
                arrays |= {
                    array.ptr: int(array.capacity)
                    for array in value
                    if isinstance(array, warp.array) and array.ptr
                }
    return sum(arrays.values())
