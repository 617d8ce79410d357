"""How Isaac Gym prints, on which IsaacGymEnvs and legged_gym run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import message
from stepscope.logs._library import Library
from stepscope.logs.libraries.kit import is_fatal

if TYPE_CHECKING:
    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line

__all__ = ["ISAACGYM"]

_KEY = "isaacgym"

_MESSAGES = (
    b"Importing module 'gym_",
    b"Setting GYM_USD_PLUG_INFO_PATH to ",
    b"PyTorch version ",
    b"Device count ",
    b"Not connected to PVD",
    b"Can't use GPU pipeline with CPU Physics",
    b"+++ Using ",
    b"Physics Engine: ",
    b"Physics Device: ",
    b"GPU Pipeline: ",
    b"Connected to PVD",
    b"WARNING: Forcing CPU pipeline.",
    b"GPU Pipeline can only be used with GPU simulation",
    b"WARNING: lavapipe is not a conformant vulkan implementation",
    b"Loading extension module gymtorch",
    b"Building extension module gymtorch",
)
# PhysX names the file, the line in it and a kind of message in front of each.
_PHYSX = re.compile(rb"(?:\S{1,400}/)?source/\S{1,300}\.(?:cpp|cu|h) \(\d{1,9}\) : [a-z ]{1,40} : ")
_GYM = re.compile(rb"\[(?:Warning|Error|Fatal)\] \[carb\.gym\.plugin\] ")
_ERROR = re.compile(rb"\[Error\]|\[Fatal\]|: internal error : |: out of memory : ")


def _open_block(line: Line, context: Context) -> Block | None:  # noqa: ARG001 - a line tells by itself
    """Return the block that `line` opens, if Isaac Gym prints such a line."""
    text = line.text
    if text.startswith(_MESSAGES):
        return message(line, _KEY)
    if (text.startswith(b"[") and _GYM.match(text)) or (text.startswith(b"/") and _PHYSX.match(text)):
        fatal = _ERROR.search(text, 0, 1000) is not None and is_fatal(text)
        return message(line, _KEY, kind="failure" if fatal else "message")
    return None


ISAACGYM = Library(key=_KEY, name="Isaac Gym", open_block=_open_block, trains=False, colour="#56b4e9")
