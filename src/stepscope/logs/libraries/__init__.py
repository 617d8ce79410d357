"""Each library that is known: a new one is a module here, and its line in `LIBRARIES`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.logs.libraries.isaacgym import ISAACGYM
from stepscope.logs.libraries.isaaclab import ISAACLAB
from stepscope.logs.libraries.kit import KIT
from stepscope.logs.libraries.mjlab import MJLAB
from stepscope.logs.libraries.rl_games import RL_GAMES
from stepscope.logs.libraries.rsl_rl import RSL_RL
from stepscope.logs.libraries.sb3 import SB3
from stepscope.logs.libraries.skrl import SKRL
from stepscope.logs.libraries.warp import WARP

if TYPE_CHECKING:
    from stepscope.logs._library import Library

__all__ = ["BY_KEY", "BY_PACKAGE", "LIBRARIES", "library_name"]

LIBRARIES: tuple[Library, ...] = (ISAACGYM, KIT, ISAACLAB, MJLAB, RL_GAMES, RSL_RL, SB3, SKRL, WARP)
"""In this order they are asked whether a line is theirs."""

BY_KEY = {library.key: library for library in LIBRARIES}
BY_PACKAGE = {library.package or library.key: library for library in LIBRARIES}


def library_name(key: str) -> str:
    """Return the name of a library as its authors write it.

    >>> library_name("sb3")
    'Stable-Baselines3'
    """
    return BY_KEY[key].name
