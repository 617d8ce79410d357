"""Report on a run, from its summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope._common.format import (
    DASH,
    TIMES,
    collapse_spaces,
    format_hms,
    format_list,
    format_number,
    format_rate,
    format_seconds,
    share_widths,
    truncate,
)
from stepscope._common.report import ReportLine
from stepscope.logs import BY_KEY, LIBRARIES, library_name
from stepscope.runs._rates import scope_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope._common.report import Severity
    from stepscope.logs import Kind
    from stepscope.runs._messages import MessageCluster
    from stepscope.runs._rates import Rate
    from stepscope.runs._run import RunSummary
    from stepscope.runs._trends import MetricTrend

__all__ = ["KIND_LABELS", "RATE_HEADER", "library_label", "progress_sentence", "rate_rows", "report"]

_MESSAGE = 120
_LONGEST_FAILURE = 700
_HARMFUL = re.compile(
    r"(?i)overflow|capacity|\bincrease\b|exceed|\bfail|\berror\b(?!\])|\blost\b|\binvalid\b|\bmiss"
)
_MATTERS = re.compile(
    r"[\w:.]{0,80}(?:Capacity|BufferSize|BufferCount|MaxCount)\b|\b\d[\d,.\N{HORIZONTAL ELLIPSIS}]{3,40}(?: ?(?:[KMGT]i?B|bytes)\b)?"
    r"|[\w.-]{1,80}\.(?:usd[acz]?|urdf|xml|obj|stl|py|pth?|onnx|ya?ml|so|msh)\b"
)
_SHOWN = 5  # clusters of messages; more would not fit on a screen
_BAR = 40
_RANKS = 8
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
RATE_HEADER = ("median", "IQR", "first, cold", "")
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


def report(run: RunSummary, *, with_rates: bool = True) -> Iterator[ReportLine]:
    """Yield the report on a run; warnings and failures come last, where a terminal shows them.

    The rates are a table in columns, which a page shows in its own way and leaves out here.
    """
    yield ReportLine("library", library_label(run))
    if run.libraries or run.failure is not None:
        yield ReportLine(f"{run.unit}s", progress_sentence(run), _SEVERITIES.get(run.outcome, ""))
    if run.num_envs is not None:
        yield ReportLine("environments", f"{run.num_envs:,}")
    yield from _env_steps(run)
    if with_rates:
        yield from _rates(run.rates)
    yield from _reported(run)
    yield from _updates(run)
    yield from _time(run)
    yield from _reward(run)
    if run.episode_length is not None:
        yield ReportLine("episode length", _trend(run.episode_length, run))
    yield from _checkpoints(run)
    yield ReportLine("records", _counts(run))
    yield from _unrecognised(run)
    yield from _clusters("warnings", run.warnings, more=run.more_warnings, severity="warn")
    yield from _clusters("early warnings", run.early_warnings, more=0, severity="bad")
    yield from _failure(run)


def library_label(run: RunSummary) -> str:
    """Return the libraries, with the versions that print so, and the simulators and frameworks around them."""
    names = [
        library_name(library) + ("" if versions is None else f" {versions}")
        for library, versions in run.libraries
    ]
    runtimes = _runtimes(run)
    if not names:
        names, runtimes = runtimes or ["a library that is not known"], []
    ranks = ", ".join(map(str, run.ranks[:_RANKS])) + "…" * (len(run.ranks) > _RANKS)
    around = f", in {format_list(runtimes)}" if runtimes else ""
    return f"{format_list(names)}{around}{f', ranks {ranks}' if ranks else ''}"


def _runtimes(run: RunSummary) -> list[str]:
    keys = {library.key: library.name for library in LIBRARIES}
    names = list(dict.fromkeys(keys.get(name, name) for name in run.runtimes))
    # A name without its version says nothing beside the one with it.
    return [name for name in names if not any(other.startswith(f"{name} ") for other in names)]


def progress_sentence(run: RunSummary) -> str:
    """Return how far a run came, and how it ended."""
    done = "none" if run.done is None else f"{run.done:,}"
    if run.done is None and (tables := run.kinds.get("iteration")):
        done = f"not counted; {tables:,} {'table' if tables == 1 else 'tables'}"
    of = "" if run.planned is None else f" of {run.planned:,}"
    begin = f", from {run.begin:,}" if run.begin is not None and run.begin > 1 else ""
    return f"{done}{of}{begin}{_ENDS[run.outcome]}"


def _env_steps(run: RunSummary) -> Iterator[ReportLine]:
    if run.env_steps is None:
        if run.seconds:
            yield ReportLine("elapsed", format_hms(run.seconds))
        return
    text = f"{run.env_steps:,}"
    if run.env_steps_corrected not in (None, run.env_steps):
        text = f"{run.env_steps_corrected:,} ({text} is printed, which lags by one iteration)"
    if run.env_steps_per_iteration is not None and run.unit == "iteration":
        text += f", {run.env_steps_per_iteration:,} an iteration"
    if run.seconds:
        text += f", in {format_seconds(run.seconds) if run.seconds < _MINUTE else format_hms(run.seconds)}"
    yield ReportLine("env steps", text)


def _rates(rates: Sequence[Rate]) -> Iterator[ReportLine]:
    """Yield a small table of the rates; nothing if there are none."""
    rows = rate_rows(rates)
    if not rows:
        return
    rows.insert(0, ("rates", *RATE_HEADER))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, (label, *cells, unit) in enumerate(rows):
        columns = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=False))
        yield ReportLine(f"{'  ' * (number > 0)}{label}", f"{columns}  {unit}".rstrip())


def rate_rows(rates: Sequence[Rate]) -> list[tuple[str, str, str, str, str]]:
    """Return a row for each rate: its label, median, quartiles, first value and unit, below `RATE_HEADER`.

    A rate over the whole run that was only computed from those of its iterations tells nothing more than they do, and
    is left out.
    """
    return [_rate_row(rate) for rate in rates if rate.scope != "cumulative" or not rate.derived]


def _rate_row(rate: Rate) -> tuple[str, str, str, str, str]:
    """Return label, median, quartiles, first value and unit."""
    label, unit = scope_label(rate.scope), f"{rate.unit}{', derived' * rate.derived}"
    if rate.scope == "cumulative":
        return label, format_rate(rate.last), DASH, DASH, f"{unit}, at the end"
    first = DASH if rate.first is None else format_rate(rate.first)
    warm = rate.warm
    if warm is None:
        return label, DASH, DASH, first, unit
    iqr = f"{format_rate(warm.low)}{DASH}{format_rate(warm.high)}" if warm.count > 1 else DASH
    return label, format_rate(warm.median), iqr, first, unit


def _reported(run: RunSummary) -> Iterator[ReportLine]:
    for library, rates in run.reported:
        text = ", ".join(f"fps {scope} {format_rate(value)}" for scope, value in rates)
        yield ReportLine("reported", f"{text} env steps/s, means in the report of {library_name(library)}")


def _updates(run: RunSummary) -> Iterator[ReportLine]:
    updates = run.updates
    if updates is None:
        return
    if updates.per_env_step is not None:
        yield ReportLine("updates", f"{updates.format()} per 1,000 env steps")
    if updates.passes is not None:
        text = f"{updates.format()} over each rollout; how many updates each makes is not printed"
        yield ReportLine("passes", text)


def _time(run: RunSummary) -> Iterator[ReportLine]:
    if run.time is not None:
        parts = list(zip(_MARKS, run.time.parts(), strict=False))
        yield ReportLine("time", "  ".join(f"{mark} {name} {share:.0%}" for mark, (name, share) in parts))
        widths = share_widths([share for _, (_, share) in parts], width=_BAR)
        yield ReportLine("", "".join(mark * width for (mark, _), width in zip(parts, widths, strict=True)))
        return
    silent = [library_name(library) for library, _ in run.libraries if not BY_KEY[library].prints_times]
    if silent and (run.done or run.kinds.get("iteration")):
        yield ReportLine("time", f"{format_list(silent)} does not print where it goes")


def _reward(run: RunSummary) -> Iterator[ReportLine]:
    if run.reward is not None:
        yield ReportLine("reward", f"{_trend(run.reward, run)} (mean of recent episodes)")
    elif (best := run.best_reward) is not None:
        times = f"{best.count:,} times" if best.count > 1 else "once"
        at = "" if best.best_at is None else f" after iteration {best.best_at:,}"
        yield ReportLine(
            "reward", f"best {format_number(best.best)}{at}, announced {times}; only a best one is printed"
        )
    elif run.done or run.kinds.get("iteration"):
        reasons = [BY_KEY[library].no_reward for library, _ in run.libraries]
        yield from (ReportLine("reward", reason) for reason in reasons[:1])


def _trend(trend: MetricTrend, run: RunSummary) -> str:
    if trend.count == 1:
        return format_number(trend.last)
    text = f"first {format_number(trend.first)}, last {format_number(trend.last)}"
    if trend.best is None:
        return text
    at = "" if trend.best_at is None else f" ({run.unit} {trend.best_at:,})"
    return f"{text}, max {format_number(trend.best)}{at}"


def _checkpoints(run: RunSummary) -> Iterator[ReportLine]:
    if count := run.kinds.get("checkpoint"):
        path = _PATH.search(run.last_checkpoint or "")
        last = "" if path is None else f", the last {path[1] or path[2]}"
        yield ReportLine("checkpoints", truncate(f"{count:,}{last}"))


def _counts(run: RunSummary) -> str:
    counts = [(kind, run.kinds.get(kind, 0)) for kind in KIND_LABELS]
    return ", ".join(f"{count:,} {KIND_LABELS[kind][count != 1]}" for kind, count in counts if count)


def _unrecognised(run: RunSummary) -> Iterator[ReportLine]:
    if run.unrecognised is not None:
        text, place = run.unrecognised
        count = run.kinds["unrecognised"]
        lines = f"{count:,} lines, the first" if count > 1 else "1 line,"
        yield ReportLine(
            "not recognised", truncate(f"{lines} at byte {place.byte:,}: {collapse_spaces(text)}")
        )


def _clusters(
    label: str, clusters: Sequence[MessageCluster], *, more: int, severity: Severity
) -> Iterator[ReportLine]:
    # Contacts that are missed and errors spoil a training; what is deprecated does not.
    ordered = sorted(clusters, key=lambda cluster: (_HARMFUL.search(cluster.text) is None, -cluster.count))
    for cluster in ordered[:_SHOWN]:
        text = _shorten(collapse_spaces(cluster.text))
        yield ReportLine(label, f"{cluster.count:,} {TIMES} {text} ({_place(cluster)})", severity)
        label = ""
    rest = sum(cluster.count for cluster in ordered[_SHOWN:]) + more
    if rest:
        yield ReportLine("", f"{rest:,} more with other texts; --json shows all", severity)


def _shorten(text: str) -> str:
    """Return the beginning of a long message, and what matters of the rest: sizes, settings and files."""
    if len(text) <= _MESSAGE:
        return text
    head = truncate(text, _MESSAGE)
    matters = [match[0] for match in _MATTERS.finditer(text, _MESSAGE - 1) if match[0] not in head]
    cut = _MATTERS.search(text, max(0, _MESSAGE - 60))
    if cut is not None and cut.start() < _MESSAGE <= cut.end():
        matters.insert(0, cut[0])
    return " ".join([head, *dict.fromkeys(matters[:4])])


def _place(cluster: MessageCluster) -> str:
    place = cluster.first
    text = f"at the start, byte {place.byte:,}" if place.after is None else str(place)
    return text if cluster.count == 1 else f"first {text}"


def _failure(run: RunSummary) -> Iterator[ReportLine]:
    if (failure := run.failure) is None:
        return
    yield ReportLine(failure.title, f"{failure.place} (byte {failure.place.byte:,})", "bad")
    yield ReportLine("", truncate(collapse_spaces(failure.text), _LONGEST_FAILURE), "bad")
    if failure.where:
        yield ReportLine("", f"at {failure.where}")
