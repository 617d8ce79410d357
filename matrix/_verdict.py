"""Checks of a recording, with the reader of logs and against the previous recording."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

from stepscope._common.format import format_count
from stepscope.logs import read
from stepscope.recordings import diff_templates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matrix._versions import Variant
    from stepscope.logs import Record
    from stepscope.recordings import Recording

__all__ = [
    "Reading",
    "check_iterations",
    "check_spans",
    "check_unrecognised",
    "describe_difference",
    "read_recording",
]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Result of reading a recording.

    Attributes
    ----------
    records, unrecognised
        Numbers of records, and of those that are unrecognised.
    problems
        A sentence for each problem.
    """

    records: int
    unrecognised: int
    problems: tuple[str, ...]


def read_recording(text: bytes, recording: Recording, variant: Variant) -> Reading:
    """Read what was printed and compare it with what was asked for."""
    records = list(read(BytesIO(text), num_envs=int(str(variant.settings["num_envs"]))))
    problems = [
        *check_spans(records, len(text)),
        *check_unrecognised(records),
        *_check_failures(records, recording.exit_code, variant.processes),
        *_check_request(records, recording, variant),
    ]
    libraries = {record.library for record in records} - {recording.library}
    if libraries:
        problems.append(f"some of it is recognised as {', '.join(map(str, libraries))}")
    unrecognised = sum(record.kind == "unrecognised" for record in records)
    return Reading(records=len(records), unrecognised=unrecognised, problems=tuple(problems))


def describe_difference(path: Path, text: bytes, recording: Recording, *, processes: int = 1) -> str | None:
    """Return a sentence on how the output differs from what was recorded; None if it does not.

    Of several `processes`, which print in varying order, only the exit status is compared.
    """
    before = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["exit_code"]
    if recording.exit_code != before:
        return f"it ended with exit status {recording.exit_code} instead of {before}"
    if processes > 1:
        return None
    differences = diff_templates(path.read_bytes().decode(errors="replace"), text.decode(errors="replace"))
    more = f", and {len(differences) - 1} more such" if len(differences) > 1 else ""
    return f"{differences[0]}{more}" if differences else None


def check_unrecognised(records: Sequence[Record], *, allowed: int = 0) -> list[str]:
    """Check that no more records than allowed are unrecognised."""
    texts = [record.text or "" for record in records if record.kind == "unrecognised"]
    if len(texts) <= allowed:
        return []
    return [f"{format_count(len(texts), 'record')} unrecognised, the first {texts[0][:80]!r}"]


def check_spans(records: Sequence[Record], size: int) -> list[str]:
    """Check that the spans of all records cover the text exactly once."""
    ends = [0, *(record.span[1] for record in records)]
    starts = [*(record.span[0] for record in records), size]
    return [] if ends == starts else ["the spans do not cover it exactly once"]


def _check_failures(records: list[Record], exit_code: int, processes: int) -> list[str]:
    """Check that a failure is read where there was one; of several processes each may fail, and their parent."""
    failures = sum(record.kind == "failure" for record in records)
    most = 1 if processes == 1 else processes + 1
    if 1 <= failures <= most if exit_code else not failures:
        return []
    return [f"the exit status is {exit_code} and {failures} failures are read"]


def _check_request(records: list[Record], recording: Recording, variant: Variant) -> list[str]:
    if recording.exit_code:
        return []
    return check_iterations(
        records, recording.settings, ends_early=variant.ends_early, runs=variant.runs, every=variant.every
    )


def check_iterations(
    records: Sequence[Record],
    settings: Mapping[str, object],
    *,
    ends_early: bool = False,
    runs: int = 1,
    every: int = 1,
) -> list[str]:
    """Compare the iterations, or the steps where iterations have no numbers, with what was asked for."""
    envs, horizon, iterations = (int(str(settings[name])) for name in ("num_envs", "horizon", "iterations"))
    bars = [record for record in records if record.kind == "progress"]
    numbers = [record.iteration for record in records if record.kind == "iteration"]
    if bars:
        return _check_count(
            bars[-1].env_steps, envs * horizon * iterations, "environment steps", less=ends_early
        )
    if any(number is not None for number in numbers):
        return _check_numbers(numbers, runs, every) or _check_count(
            every * len(numbers), iterations, "iterations", less=ends_early
        )
    last = max((record.env_steps or 0 for record in records), default=0)  # off-policy tables count episodes
    return _check_count(last, envs * horizon * iterations, "environment steps", less=True)


def _check_count(count: int | None, expected: int, noun: str, *, less: bool) -> list[str]:
    enough = count == expected or (less and count is not None and 0 < count < expected)
    return [] if enough else [f"{count} of {expected} {noun} are read"]


def _check_numbers(numbers: Sequence[int | None], runs: int, every: int) -> list[str]:
    """Check that the numbers are consecutive; each further training may restart them, but not skip any."""
    pairs = [(before, now) for before, now in pairwise(numbers) if before is not None and now is not None]
    restarts = sum(now <= before for before, now in pairs)
    skipped = any(now > before + every for before, now in pairs)
    if len(pairs) == len(numbers) - 1 and restarts < runs and not skipped and numbers[0] in (0, every):
        return []
    return [f"the numbers of its iterations are {', '.join(map(str, numbers))}"]
