"""How mjlab prints around RSL-RL: how it starts, the tables of its managers, and what its guard against NaN found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Fields, decoded, message
from stepscope.logs._library import Library
from stepscope.logs._values import compiled, parse_number

if TYPE_CHECKING:
    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line

__all__ = ["MJLAB"]

_KEY = "mjlab"

_MANAGER = re.compile(rb"\[INFO\] <\w{1,60}Manager> (?:contains |\(inactive\))")
_EDGE = compiled(rb"\+-[-+]{1,400}+\s*+")
_CELLS = compiled(rb"\| ([^|]{1,200}?)\s{0,200}\| ([^|]{1,200}?)\s{0,200}\|\s*+")
_GUARD = b"[NanGuard] "
_SEED = b"Setting seed: "
_MESSAGES = (
    b"[INFO] Training with: device=",
    b"[INFO] NaN guard enabled, output dir: ",
    b"[INFO] Launching training with ",
    b"[INFO] Using local motion file: ",
    b"[INFO]: Loading checkpoint from W&B: ",
    b"[WARN] ONNX export failed (training continues): ",
    b"[WARN] Failed to load task package '",
    b"[WARNING] CUDA Graphs disabled: ",
    b"Detected legacy checkpoint at ",
)


def _open_block(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if mjlab prints such a line."""
    text = line.text
    if text.startswith(_MESSAGES):
        return message(line, _KEY)
    if text.startswith(_GUARD):
        return Fields(_KEY, line, lambda inner: () if inner.startswith(_GUARD) else None)
    if text.startswith(_SEED):  # as many other programs say it
        return message(line, context.library)
    if text.startswith(b"[INFO] <"):
        return None if _MANAGER.match(text) is None else Fields(_KEY, line, _cells)
    # The first table has no title of its own in front; kernels may have been loaded just before.
    if context.library in (_KEY, "warp") and _EDGE.fullmatch(text):
        return Fields(_KEY, line, _cells)
    return None


def _cells(text: bytes) -> list[tuple[str, float]] | None:
    """Return the number in a row of two cells, or None if the table is over."""
    if not text.startswith((b"+-", b"| ")):
        return None
    match = _CELLS.fullmatch(text)
    value = None if match is None else parse_number(match[2])
    return [] if match is None or value is None else [(decoded(match[1]), value)]


MJLAB = Library(
    key=_KEY, name="mjlab", open_block=_open_block, trains=False, distribution="mjlab", colour="#56b4e9"
)
