"""A run's summary as lines that people read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope._common.format import (
    TIMES,
    collapse_spaces,
    format_hms,
    format_list,
    format_number,
    format_rate,
    format_seconds,
    truncate,
)
from stepscope._common.report import ReportLine
from stepscope.logs import LIBRARIES, library_name
from stepscope.runs._rate_rows import rate_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope._common.report import Severity
    from stepscope.logs import Kind
    from stepscope.runs._messages import Group
    from stepscope.runs._rates import Course
    from stepscope.runs._run import RunSummary

__all__ = ["KIND_LABELS", "bar", "library_label", "report"]

_WORDING = 120
_SHOWN = 5  # messages of different wording; more would not fit on a screen
_BAR = 40
_MINUTE = 60
_MARKS = "█▓░"
_SEVERITIES: dict[str, Severity] = {
    "failed": "bad",
    "interrupted": "warn",
    "finished": "good",
    "unfinished": "warn",
}
_ENDS = {
    "failed": ", then it failed",
    "interrupted": ", then it was interrupted",
    "finished": ", finished",
    "unfinished": ", without an error: it is running, was killed, or the log is cut off",
    "unknown": "",
}
_NO_TIME = ("sb3", "skrl")
_NO_REWARD = {
    "skrl": "skrl does not print it; its event files have it",
    "sb3": "not printed: no episode ended, or the environment has no VecMonitor",
    "rsl_rl": "not printed: no episode ended",
    "rl_games": "not printed: RL-Games announces a best one only, from the epoch save_best_after on",
}
_PATH = re.compile(r"'([^'\n]+)'|(?<= to )(\S[^\n]*)")


KIND_LABELS: dict[Kind, tuple[str, str]] = {
    "iteration": ("iteration", "iterations"),
    "progress": ("progress update", "progress updates"),
    "checkpoint": ("checkpoint", "checkpoints"),
    "best_reward": ("best reward", "best rewards"),
    "message": ("message", "messages"),
    "failure": ("failure", "failures"),
    "unrecognised": ("unrecognised line", "unrecognised lines"),
}


def report(run: RunSummary) -> Iterator[ReportLine]:
    """Yield what there is to say about a run; what went wrong comes last, where a terminal shows it."""
    yield ReportLine("library", library_label(run))
    if run.libraries or run.failure is not None:
        yield ReportLine(f"{run.unit}s", _progress(run), _SEVERITIES.get(run.outcome, ""))
    yield from _env_steps(run)
    yield from (ReportLine(label, text) for label, text in rate_rows(run.rates))
    yield from _reported(run)
    yield from _time(run)
    yield from _reward(run)
    if run.episode_length is not None:
        yield ReportLine("episode length", _course(run.episode_length, run))
    yield from _checkpoints(run)
    yield ReportLine("found", _counts(run))
    yield from _unrecognised(run)
    yield from _groups("warnings", run.warnings, more=run.more_warnings, severity="warn")
    yield from _groups("early signs", run.signs, more=0, severity="bad")
    yield from _failure(run)


def library_label(run: RunSummary) -> str:
    """Return the libraries, with the versions that print so, and what they ran in."""
    names = [
        library_name(library) + ("" if versions is None else f" {versions}")
        for library, versions in run.libraries
    ]
    around = _around(run)
    if not names:
        names, around = around or ["a library that is not known"], []
    ranks = f", ranks {', '.join(map(str, run.ranks[:8]))}{'…' * (len(run.ranks) > 8)}" if run.ranks else ""  # noqa: PLR2004 - a line is short
    return f"{format_list(names)}{f', in {format_list(around)}' if around else ''}{ranks}"


def _around(run: RunSummary) -> list[str]:
    keys = {library.key: library.name for library in LIBRARIES}
    names = list(dict.fromkeys(keys.get(name, name) for name in run.around))
    # A name without its version says nothing beside the one with it.
    return [name for name in names if not any(other.startswith(f"{name} ") for other in names)]


def _progress(run: RunSummary) -> str:
    done = "none" if run.done is None else f"{run.done:,}"
    if run.done is None and (tables := run.kinds.get("iteration")):
        done = f"not counted; {tables:,} {'table' if tables == 1 else 'tables'}"
    of = "" if run.planned is None else f" of {run.planned:,}"
    begin = f", from {run.begin:,}" if run.begin is not None and run.begin > 1 else ""
    return f"{done}{of}{begin}{_ENDS[run.outcome]}"


def _env_steps(run: RunSummary) -> Iterator[ReportLine]:
    if run.env_steps is None:
        return
    said = f"{run.env_steps:,}"
    if run.env_steps_corrected not in (None, run.env_steps):
        said = f"{run.env_steps_corrected:,} ({said} is printed, which lags by one iteration)"
    if run.env_steps_each is not None and run.unit == "iteration":
        said += f", {run.env_steps_each:,} an iteration"
    if run.seconds:
        said += f", in {format_seconds(run.seconds) if run.seconds < _MINUTE else format_hms(run.seconds)}"
    yield ReportLine("env steps", said)


def _reported(run: RunSummary) -> Iterator[ReportLine]:
    for library, rates in run.reported:
        said = ", ".join(f"fps {scope} {format_rate(value)}" for scope, value in rates)
        yield ReportLine("reported", f"{said} env steps/s, means in the report of {library_name(library)}")


def _time(run: RunSummary) -> Iterator[ReportLine]:
    time = run.time
    if time is not None:
        shares = (
            [("rollout", time.collect)]
            if time.step is None
            else [("stepping", time.step), ("inference", time.inference or 0)]
        )
        shares.append(("learning", time.learn))
        yield ReportLine(
            "time",
            "  ".join(
                f"{mark} {name} {share:.0%}" for mark, (name, share) in zip(_MARKS, shares, strict=False)
            ),
        )
        yield ReportLine("", bar([share for _, share in shares]))
        return
    silent = [library_name(library) for library, _ in run.libraries if library in _NO_TIME]
    if silent and (run.done or run.kinds.get("iteration")):
        yield ReportLine("time", f"{format_list(silent)} does not print where it goes")


def bar(shares: Sequence[float]) -> str:
    """Return shares as a bar of characters.

    >>> bar([0.25, 0.5, 0.25])
    '██████████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░'
    """
    ends = [round(_BAR * sum(shares[: index + 1])) for index in range(len(shares))]
    return "".join(mark * (end - start) for mark, start, end in zip(_MARKS, [0, *ends], ends, strict=False))


def _reward(run: RunSummary) -> Iterator[ReportLine]:
    libraries = {library for library, _ in run.libraries}
    if run.reward is not None:
        yield ReportLine("reward", f"{_course(run.reward, run)} (mean of recent episodes)")
    elif run.best_reward is not None:
        course = run.best_reward
        times = f"{course.count:,} times" if course.count > 1 else "once"
        at = "" if course.best_at is None else f" after iteration {course.best_at:,}"
        yield ReportLine(
            "reward", f"best {format_number(course.best)}{at}, announced {times}; only a best one is printed"
        )
    elif run.done or run.kinds.get("iteration"):
        reasons = [reason for library, reason in _NO_REWARD.items() if library in libraries]
        yield from (ReportLine("reward", reason) for reason in reasons[:1])


def _course(course: Course, run: RunSummary) -> str:
    if course.count == 1:
        return format_number(course.last)
    at = "" if course.best_at is None else f" at {run.unit} {course.best_at:,}"
    most = "" if course.best is None else f", most {format_number(course.best)}{at}"
    return f"{format_number(course.first)} at first, {format_number(course.last)} at last{most}"


def _checkpoints(run: RunSummary) -> Iterator[ReportLine]:
    if saved := run.kinds.get("checkpoint"):
        found = _PATH.search(run.last_checkpoint or "")
        last = "" if found is None else f", the last {found[1] or found[2]}"
        yield ReportLine("checkpoints", truncate(f"{saved:,}{last}"))


def _counts(run: RunSummary) -> str:
    counts = [(kind, run.kinds.get(kind, 0)) for kind in KIND_LABELS]
    return ", ".join(f"{found:,} {KIND_LABELS[kind][found != 1]}" for kind, found in counts if found)


def _unrecognised(run: RunSummary) -> Iterator[ReportLine]:
    if run.unrecognised is not None:
        text, place = run.unrecognised
        found = run.kinds["unrecognised"]
        lines = f"{found:,} lines, the first" if found > 1 else "1 line,"
        yield ReportLine(
            "not recognised", truncate(f"{lines} at byte {place.byte:,}: {collapse_spaces(text)}")
        )


def _groups(label: str, groups: Sequence[Group], *, more: int, severity: Severity) -> Iterator[ReportLine]:
    most = sorted(groups, key=lambda group: -group.count)
    for group in most[:_SHOWN]:
        text = truncate(collapse_spaces(group.text), _WORDING)
        yield ReportLine(label, f"{group.count:,} {TIMES} {text} ({_when(group)})", severity)
        label = ""
    rest = sum(group.count for group in most[_SHOWN:]) + more
    if rest:
        yield ReportLine("", f"{rest:,} more of other wordings; --json shows all", severity)


def _when(group: Group) -> str:
    place = group.first
    where = f"at the start, byte {place.byte:,}" if place.after is None else str(place)
    return where if group.count == 1 else f"first {where}"


def _failure(run: RunSummary) -> Iterator[ReportLine]:
    if (failure := run.failure) is None:
        return
    yield ReportLine(failure.title, f"{failure.place} (byte {failure.place.byte:,})", "bad")
    yield ReportLine("", truncate(collapse_spaces(failure.text)), "bad")
    if failure.where:
        yield ReportLine("", f"at {failure.where}")
