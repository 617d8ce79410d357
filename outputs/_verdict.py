"""What is wrong with a recording: as the reader of logs sees it, and against what was recorded before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

from stepscope.evidence import drift
from stepscope.logs import read

if TYPE_CHECKING:
    from pathlib import Path

    from outputs._versions import Variant
    from stepscope.logs import Record
    from stepscope.train.record import Recording

__all__ = ["Reading", "difference", "read_recording"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the reader of logs made of a recording.

    Attributes
    ----------
    records
        How many there are.
    unrecognised
        How many of them are of that kind.
    faults
        One sentence for each thing that is wrong.
    """

    records: int
    unrecognised: int
    faults: tuple[str, ...]


def read_recording(text: bytes, recording: Recording, variant: Variant) -> Reading:
    """Read what was printed and compare it with what was asked for."""
    records = list(read(BytesIO(text), num_envs=int(str(variant.settings["num_envs"]))))
    unread = [record for record in records if record.kind == "unrecognised"]
    faults = [
        *_span_faults(records, len(text)),
        *(
            [f"{len(unread)} pieces are unrecognised, the first {(unread[0].text or '')[:80]!r}"]
            if unread
            else []
        ),
        *_failure_faults(records, recording.exit_code),
        *(
            _iteration_faults(records, recording, ends_early=variant.ends_early)
            if recording.exit_code == 0
            else []
        ),
    ]
    libraries = {record.library for record in records} - {recording.library}
    if libraries:
        faults.append(f"some of it is taken for {', '.join(map(str, libraries))}")
    return Reading(records=len(records), unrecognised=len(unread), faults=tuple(faults))


def difference(path: Path, text: bytes, recording: Recording) -> str | None:
    """Say in one sentence how what is printed now differs from what was recorded; None when it does not."""
    before = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["exit_code"]
    if recording.exit_code != before:
        return f"it ended with exit status {recording.exit_code} instead of {before}"
    found = drift(path.read_bytes().decode(errors="replace"), text.decode(errors="replace"))
    more = f", and {len(found) - 1} more such" if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else None


def _span_faults(records: list[Record], size: int) -> list[str]:
    ends = [0, *(record.span[1] for record in records)]
    starts = [*(record.span[0] for record in records), size]
    return [] if ends == starts else ["the spans do not cover it exactly once"]


def _failure_faults(records: list[Record], exit_code: int) -> list[str]:
    failures = sum(record.kind == "failure" for record in records)
    if failures == (exit_code != 0):
        return []
    return [f"the exit status is {exit_code} and {failures} failures are read"]


def _iteration_faults(records: list[Record], recording: Recording, *, ends_early: bool) -> list[str]:
    """Compare with the numbers asked for; a second call of a library's ``learn`` may begin its numbers anew."""
    asked = {name: int(str(recording.settings[name])) for name in ("num_envs", "horizon", "iterations")}
    steps = asked["num_envs"] * asked["horizon"] * asked["iterations"]
    bars = [record for record in records if record.kind == "progress"]
    numbers = [record.iteration for record in records if record.kind == "iteration"]
    if bars:
        found, wanted = bars[-1].env_steps, steps
    elif any(number is not None for number in numbers):
        found, wanted = len(numbers), asked["iterations"]
        if not _consecutive(numbers):
            return [f"the numbers of its iterations are {numbers}"]
    else:  # off-policy tables count episodes
        last = max((record.env_steps or 0 for record in records), default=0)
        return [] if 0 < last <= steps else [f"its last step is {last}, of {steps} asked for"]
    if found == wanted or (ends_early and found is not None and 0 < found < wanted):
        return []
    return [f"{found} of {wanted} {'environment steps' if bars else 'iterations'} are read"]


def _consecutive(numbers: list[int | None]) -> bool:
    return all(
        now is not None and before is not None and (now == before + 1 or now <= before)
        for before, now in pairwise(numbers)
    )
