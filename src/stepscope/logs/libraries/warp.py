"""How NVIDIA Warp prints, and what runs on it: MuJoCo Warp and Newton.

MuJoCo Warp's warnings come from within a kernel, so they are C's `printf`: Python's prints may stand in the middle of
one. Up to 3.12 they say by how much a buffer is to grow, ``increase njmax to 8``; later ones what did not suffice,
``increase njmax beyond 4``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Passage, message
from stepscope.logs._library import Library
from stepscope.logs._values import parse_number

if TYPE_CHECKING:
    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line
    from stepscope.logs._records import Kind

__all__ = ["WARP"]

_KEY = "warp"

_BANNER = re.compile(rb"Warp [\w.+]{1,40} initialized")
_WARNING = re.compile(rb"Warp (?:\w{1,20} ){0,2}(?:error|warning|Error|\w{0,40}Warning)\b")
# What CUDA did not do leaves the state of the simulation behind.
_FATAL = re.compile(
    rb"Warp CUDA (?:driver )?error (?:\d|:)|Warp (?:CUDA )?[Ee]rror: (?:Failed to allocate|Out of memory)"
)
_LOADED = re.compile(
    rb"Module \S{1,400} (?:\S{1,80} )?load on device '[^']{1,40}' took (\d{1,12}\.\d\d) ms\b"
)
_ADVICE = re.compile(rb"(?:increase|or) ([\w.]{1,60}) (?:to|beyond) (\d{1,18})(?!\d)")
_INCREASE = b"please increase "
_LONGEST = 300
_SILENCE = b"To disable the print warning: m.opt.warn_overflow"
_HEIGHT_FIELD = b"height field collision overflow, "
_KERNEL_MESSAGES = (
    _SILENCE,
    b"nvmax overflow: world ",
    b"tactile sensor collision pair overflow: ",
    b"Warning: EPA horizon = ",
    b"Warning: efm_con_max_dof overflow (",
    b"unhandled transmission type ",
    b"unrecognized joint type",
    b"ERROR: SDF ",
    b"ERROR: user_sdf",
    b"ERROR: Node not found",
    b"ERROR: Invalid node number",
)
_NEWTON = (
    b"Warning: MuJoCo actuator ",
    b"Warning: Skipping tendon ",
    b"Warning: Equality constraint references ",
    b"Warning: Mimic constraint references ",
    b"Warning: Heightfield shape ",
    b"Setting model.sensor_rne_postconstraint ",
    b"Info: Tiled solve requires ",
    b"inverted or degenerate triangle element",
    b"inverted tetrahedral element",
)


def _open_block(line: Line, context: Context) -> Block | None:  # noqa: ARG001 - each line tells by itself
    """Return the block that `line` opens, if Warp or what runs on it prints such a line."""
    text = line.text
    if _INCREASE in text[:_LONGEST]:
        return _advice(line)
    if text.startswith(b"Module "):
        match = _LOADED.match(text)
        return None if match is None else message(line, _KEY, metrics={"ms": parse_number(match[1])})
    if text.startswith(b"Warp "):
        if _BANNER.match(text):
            return Passage(_KEY, line, lambda inner: inner.startswith(b"   "))
        kind: Kind = "failure" if _FATAL.match(text) else "message"
        return message(line, _KEY, kind=kind) if kind == "failure" or _WARNING.match(text) else None
    if text.startswith(_HEIGHT_FIELD):
        return Passage(_KEY, line, lambda inner: b"decrease the number of hfield" in inner[:40])
    return message(line, _KEY) if text.startswith((*_KERNEL_MESSAGES, *_NEWTON)) else None


def _advice(line: Line) -> Block | None:
    """Return the message with the size that each buffer is said to need."""
    text = line.text[:_LONGEST]
    sizes = {
        match[1].decode(): int(match[2])
        for match in _ADVICE.finditer(text)
        if line.whole or match.end() < len(text)
    }
    return message(line, _KEY, metrics=sizes) if sizes or not line.whole else None


WARP = Library(key=_KEY, name="NVIDIA Warp", open_block=_open_block, trains=False)
