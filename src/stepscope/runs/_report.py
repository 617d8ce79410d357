"""A run's summary as lines that people read."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from stepscope._common.format import format_number, format_rate, listed, one_line, shortened
from stepscope.logs import grammars, library_name
from stepscope.runs._rate_rows import rate_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.logs import Kind
    from stepscope.runs._messages import Group
    from stepscope.runs._rates import Course
    from stepscope.runs._run import RunSummary

__all__ = ["WORDS", "Line", "Tone", "bar", "made_by", "report"]

Tone = Literal["", "good", "warn", "bad"]

_WORDING = 120
_SHOWN = 5  # messages of different wording; more would not fit on a screen
_BAR = 40
_MINUTE = 60
_YEARS = 1e11  # seconds; Python tells no longer duration
_MARKS = "█▓░"
_TIMES = "\N{MULTIPLICATION SIGN}"
_TONES: dict[str, Tone] = {"failed": "bad", "interrupted": "warn", "finished": "good", "unfinished": "warn"}
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


WORDS: dict[Kind, tuple[str, str]] = {
    "iteration": ("iteration", "iterations"),
    "progress": ("progress update", "progress updates"),
    "checkpoint": ("checkpoint", "checkpoints"),
    "best_reward": ("best reward", "best rewards"),
    "message": ("message", "messages"),
    "failure": ("failure", "failures"),
    "unrecognised": ("unrecognised line", "unrecognised lines"),
}


class Line(NamedTuple):
    """A line of a report.

    Attributes
    ----------
    label
        What it is about; empty if that is the same as above.
    text
        What there is to say.
    tone
        ``good``, ``warn``, ``bad`` or nothing.
    """

    label: str
    text: str
    tone: Tone = ""


def report(run: RunSummary) -> Iterator[Line]:
    """Yield what there is to say about a run; what went wrong comes last, where a terminal shows it."""
    yield Line("library", made_by(run))
    if run.libraries or run.failure is not None:
        yield Line(f"{run.unit}s", _progress(run), _TONES.get(run.outcome, ""))
    yield from _env_steps(run)
    yield from (Line(label, text) for label, text in rate_rows(run.rates))
    yield from _reported(run)
    yield from _time(run)
    yield from _reward(run)
    if run.episode_length is not None:
        yield Line("episode length", _course(run.episode_length, run))
    yield from _checkpoints(run)
    yield Line("found", _counts(run))
    yield from _unrecognised(run)
    yield from _groups("warnings", run.warnings, more=run.more_warnings, tone="warn")
    yield from _groups("early signs", run.signs, more=0, tone="bad")
    yield from _failure(run)


def made_by(run: RunSummary) -> str:
    """Return the libraries, with the versions that print so, and what they ran in."""
    names = [
        library_name(library) + ("" if versions is None else f" {versions}")
        for library, versions in run.libraries
    ]
    around = _around(run)
    if not names:
        names, around = around or ["a library that is not known"], []
    ranks = f", ranks {', '.join(map(str, run.ranks[:8]))}{'…' * (len(run.ranks) > 8)}" if run.ranks else ""  # noqa: PLR2004 - a line is short
    return f"{listed(names)}{f', in {listed(around)}' if around else ''}{ranks}"


def _around(run: RunSummary) -> list[str]:
    keys = {grammar.LIBRARY: grammar.NAME for grammar in grammars()}
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


def _env_steps(run: RunSummary) -> Iterator[Line]:
    if run.env_steps is None:
        return
    said = f"{run.env_steps:,}"
    if run.env_steps_corrected not in (None, run.env_steps):
        said = f"{run.env_steps_corrected:,} ({said} is printed, which lags by one iteration)"
    if run.env_steps_each is not None and run.unit == "iteration":
        said += f", {run.env_steps_each:,} an iteration"
    if run.seconds:
        said += f", in {_duration(run.seconds)}"
    yield Line("env steps", said)


def _duration(seconds: float) -> str:
    if not _MINUTE <= seconds < _YEARS:
        return f"{seconds:.3g} s"
    return str(timedelta(seconds=int(seconds)))


def _reported(run: RunSummary) -> Iterator[Line]:
    for library, rates in run.reported:
        said = ", ".join(f"fps {scope} {format_rate(value)}" for scope, value in rates)
        yield Line("reported", f"{said} env steps/s, means in the report of {library_name(library)}")


def _time(run: RunSummary) -> Iterator[Line]:
    time = run.time
    if time is not None:
        shares = (
            [("rollout", time.collect)]
            if time.step is None
            else [("stepping", time.step), ("inference", time.inference or 0)]
        )
        shares.append(("learning", time.learn))
        yield Line(
            "time",
            "  ".join(
                f"{mark} {name} {share:.0%}" for mark, (name, share) in zip(_MARKS, shares, strict=False)
            ),
        )
        yield Line("", bar([share for _, share in shares]))
        return
    silent = [library_name(library) for library, _ in run.libraries if library in _NO_TIME]
    if silent and (run.done or run.kinds.get("iteration")):
        yield Line("time", f"{listed(silent)} does not print where it goes")


def bar(shares: Sequence[float]) -> str:
    """Return shares as a bar of characters.

    >>> bar([0.25, 0.5, 0.25])
    '██████████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░'
    """
    ends = [round(_BAR * sum(shares[: index + 1])) for index in range(len(shares))]
    return "".join(mark * (end - start) for mark, start, end in zip(_MARKS, [0, *ends], ends, strict=False))


def _reward(run: RunSummary) -> Iterator[Line]:
    libraries = {library for library, _ in run.libraries}
    if run.reward is not None:
        yield Line("reward", f"{_course(run.reward, run)} (mean of recent episodes)")
    elif run.best_reward is not None:
        course = run.best_reward
        times = f"{course.count:,} times" if course.count > 1 else "once"
        at = "" if course.best_at is None else f" after iteration {course.best_at:,}"
        yield Line(
            "reward", f"best {format_number(course.best)}{at}, announced {times}; only a best one is printed"
        )
    elif run.done or run.kinds.get("iteration"):
        reasons = [reason for library, reason in _NO_REWARD.items() if library in libraries]
        yield from (Line("reward", reason) for reason in reasons[:1])


def _course(course: Course, run: RunSummary) -> str:
    if course.count == 1:
        return format_number(course.last)
    at = "" if course.best_at is None else f" at {run.unit} {course.best_at:,}"
    most = "" if course.best is None else f", most {format_number(course.best)}{at}"
    return f"{format_number(course.first)} at first, {format_number(course.last)} at last{most}"


def _checkpoints(run: RunSummary) -> Iterator[Line]:
    if saved := run.kinds.get("checkpoint"):
        found = _PATH.search(run.last_checkpoint or "")
        last = "" if found is None else f", the last {found[1] or found[2]}"
        yield Line("checkpoints", shortened(f"{saved:,}{last}"))


def _counts(run: RunSummary) -> str:
    counts = [(kind, run.kinds.get(kind, 0)) for kind in WORDS]
    return ", ".join(f"{found:,} {WORDS[kind][found != 1]}" for kind, found in counts if found)


def _unrecognised(run: RunSummary) -> Iterator[Line]:
    if run.unrecognised is not None:
        text, place = run.unrecognised
        found = run.kinds["unrecognised"]
        lines = f"{found:,} lines, the first" if found > 1 else "1 line,"
        yield Line("not recognised", shortened(f"{lines} at byte {place.byte:,}: {one_line(text)}"))


def _groups(label: str, groups: Sequence[Group], *, more: int, tone: Tone) -> Iterator[Line]:
    most = sorted(groups, key=lambda group: -group.count)
    for group in most[:_SHOWN]:
        text = shortened(one_line(group.text), _WORDING)
        yield Line(label, f"{group.count:,} {_TIMES} {text} ({_when(group)})", tone)
        label = ""
    rest = sum(group.count for group in most[_SHOWN:]) + more
    if rest:
        yield Line("", f"{rest:,} more of other wordings; --json shows all", tone)


def _when(group: Group) -> str:
    place = group.first
    where = f"at the start, byte {place.byte:,}" if place.after is None else str(place)
    return where if group.count == 1 else f"first {where}"


def _failure(run: RunSummary) -> Iterator[Line]:
    if (failure := run.failure) is None:
        return
    yield Line(failure.title, f"{failure.place} (byte {failure.place.byte:,})", "bad")
    yield Line("", shortened(one_line(failure.text)), "bad")
    if failure.where:
        yield Line("", f"at {failure.where}")
