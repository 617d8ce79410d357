"""What is wrong with a recording: as the reader of logs sees it, and against what was recorded before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

from stepscope.logs import read
from stepscope.recordings import diff_templates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matrix._versions import Variant
    from stepscope.logs import Record
    from stepscope.recordings import Recording

__all__ = ["Reading", "difference", "iteration_faults", "read_recording"]


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
        *_unread_faults(unread),
        *_failure_faults(records, recording.exit_code, variant.processes),
        *_asked_faults(records, recording, variant),
    ]
    libraries = {record.library for record in records} - {recording.library}
    if libraries:
        faults.append(f"some of it is taken for {', '.join(map(str, libraries))}")
    return Reading(records=len(records), unrecognised=len(unread), faults=tuple(faults))


def difference(path: Path, text: bytes, recording: Recording, *, processes: int = 1) -> str | None:
    """Say in one sentence how what is printed now differs from what was recorded; None when it does not.

    Several `processes` race for every line, and when they fail for the last ones: only how they ended is compared.
    """
    before = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["exit_code"]
    if recording.exit_code != before:
        return f"it ended with exit status {recording.exit_code} instead of {before}"
    if processes > 1:
        return None
    found = diff_templates(path.read_bytes().decode(errors="replace"), text.decode(errors="replace"))
    more = f", and {len(found) - 1} more such" if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else None


def _unread_faults(unread: list[Record]) -> list[str]:
    count = "1 piece is" if len(unread) == 1 else f"{len(unread)} pieces are"
    return [f"{count} unrecognised, the first {(unread[0].text or '')[:80]!r}"] if unread else []


def _span_faults(records: list[Record], size: int) -> list[str]:
    ends = [0, *(record.span[1] for record in records)]
    starts = [*(record.span[0] for record in records), size]
    return [] if ends == starts else ["the spans do not cover it exactly once"]


def _failure_faults(records: list[Record], exit_code: int, processes: int) -> list[str]:
    """Find a failure that is not read, or is read and was none; of several processes each may fail, and what started them."""
    failures = sum(record.kind == "failure" for record in records)
    most = 1 if processes == 1 else processes + 1
    if 1 <= failures <= most if exit_code else not failures:
        return []
    return [f"the exit status is {exit_code} and {failures} failures are read"]


def _asked_faults(records: list[Record], recording: Recording, variant: Variant) -> list[str]:
    if recording.exit_code:
        return []
    return iteration_faults(
        records, recording.settings, ends_early=variant.ends_early, runs=variant.runs, every=variant.every
    )


def iteration_faults(
    records: Sequence[Record],
    settings: Mapping[str, object],
    *,
    ends_early: bool = False,
    runs: int = 1,
    every: int = 1,
) -> list[str]:
    """Compare the iterations, or the steps where those are not numbered, with what was asked for."""
    envs, horizon, iterations = (int(str(settings[name])) for name in ("num_envs", "horizon", "iterations"))
    bars = [record for record in records if record.kind == "progress"]
    numbers = [record.iteration for record in records if record.kind == "iteration"]
    if bars:
        return _count_faults(
            bars[-1].env_steps, envs * horizon * iterations, "environment steps", less=ends_early
        )
    if any(number is not None for number in numbers):
        return _number_faults(numbers, runs, every) or _count_faults(
            every * len(numbers), iterations, "iterations", less=ends_early
        )
    last = max((record.env_steps or 0 for record in records), default=0)  # off-policy tables count episodes
    return _count_faults(last, envs * horizon * iterations, "environment steps", less=True)


def _count_faults(found: int | None, wanted: int, what: str, *, less: bool) -> list[str]:
    enough = found == wanted or (less and found is not None and 0 < found < wanted)
    return [] if enough else [f"{found} of {wanted} {what} are read"]


def _number_faults(numbers: Sequence[int | None], runs: int, every: int) -> list[str]:
    """Find numbers that do not follow one another; each further training may begin anew, but not skip any."""
    pairs = [(before, now) for before, now in pairwise(numbers) if before is not None and now is not None]
    anew = sum(now <= before for before, now in pairs)
    skipped = any(now > before + every for before, now in pairs)
    if len(pairs) == len(numbers) - 1 and anew < runs and not skipped and numbers[0] in (0, every):
        return []
    return [f"the numbers of its iterations are {', '.join(map(str, numbers))}"]
