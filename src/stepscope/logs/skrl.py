"""How skrl prints: a progress bar over vector steps, and log lines that carry its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Single, message
from stepscope.logs._records import Seconds
from stepscope.logs._values import duration, number

if TYPE_CHECKING:
    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line

LIBRARY = "skrl"
NAME = "skrl"

# The bar itself is made of blocks, or of digits and hashes where those cannot be shown.
_BAR = re.compile(rb"\s*+\d{1,3}%\|[ #\d\xe2|]")
_COUNTS = re.compile(
    rb"\| (\d{1,18})/(\d{1,18}) \[([-\d:]{1,20})<([-\d:?]{1,20}), \s*+([\d.]{1,400}|\?)(it/s|s/it)\]\s*+"
)
_MESSAGES = (b"[skrl:", b"[INFO] Processor ")


def begin(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if skrl prints such a line."""
    text = line.text
    if text.startswith(_MESSAGES):
        return message(line, LIBRARY)
    if _BAR.match(text) is None:
        return None
    found = _COUNTS.fullmatch(text, max(0, text.rfind(b"| ")))
    if found is None:  # a narrow terminal cuts the numbers off
        return message(line, LIBRARY, kind="progress")
    return _progress(found, context.num_envs)


def _progress(found: re.Match[bytes], num_envs: int | None) -> Block:
    """Return a progress update.

    The bar's rate is in vector steps per second, averaged with a weight on the latest (by the last bar: over everything)
    and updates included. That is none of the scopes of `Fps`, so it stays under the unit that was printed.
    """
    done, total, elapsed, remaining, rate, unit = found.groups()
    value = number(rate)
    return Single(
        "progress",
        LIBRARY,
        iteration=int(done),
        iterations=int(total),
        env_steps=None if num_envs is None else int(done) * num_envs,
        seconds=Seconds(elapsed=duration(elapsed), eta=duration(remaining)),
        metrics={} if value is None else {unit.decode(): value},
    )
