"""What a fit says: a table of its probes, and a few lines in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common.format import format_bytes
from stepscope._common.report import ReportLine, Severity
from stepscope.plan._memory_model import MARGIN
from stepscope.plan.fit._capacity import BEYOND, fits, fitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.plan._probe import Probe
    from stepscope.plan.fit._capacity import Fit, Memory

__all__ = ["format_rows", "report"]

_NAMES: dict[Memory, str] = {"host": "host memory", "device": "GPU memory"}
_ENOUGH = 0.05  # of the budget: from less growth a line is a long way to draw
_DOMINATES = 0.5  # of the budget: a fixed part of this share is the first thing to look at


def format_rows(made: Fit) -> list[tuple[str, ...]]:
    """Return the probes as rows of text, under a header."""
    memories = list(made.budgets)
    head = ["num_envs", "seconds"]
    for memory in memories:
        head += [_NAMES[memory], "fitted", "residual"]
    found: list[tuple[str, ...]] = [(*head, "fate")]
    for each in made.probes:
        cells = [f"{each.num_envs:,}", f"{each.outcome.seconds:.1f}"]
        for memory in memories:
            cells += _cells(made, each, memory)
        found.append((*cells, each.outcome.fate))
    return found


def _cells(made: Fit, each: Probe, memory: Memory) -> list[str]:
    taken = _taken(each, memory)
    model = made.models.get(memory)
    if model is None or not each.outcome.ok:
        return [format_bytes(taken), "", ""]
    line = model.predict(each.num_envs)
    return [format_bytes(taken), format_bytes(line), f"{round(taken / line - 1, 3) + 0.0:+.1%}"]


def report(made: Fit, verified: Sequence[Probe]) -> Iterator[ReportLine]:
    """Yield the lines below the table."""
    for memory, model in made.models.items():
        worst = max(map(abs, model.residuals))
        yield ReportLine(
            _NAMES[memory],
            f"M(N) = {format_bytes(model.fixed_bytes)} + {format_bytes(model.per_env_bytes)} x N,"
            f" residuals up to {worst:.1%}{_left_out(made)}",
        )
    for memory, size in made.budgets.items():
        yield ReportLine("budget", f"{format_bytes(size)} of {_NAMES[memory]}")
    yield ReportLine("largest num_envs", _largest(made))
    yield ReportLine("fixed part", *_fixed(made))
    if (
        made.largest is not None
        and made.models
        and (grown := _grown(made)) < _ENOUGH * made.budgets[made.bound_by]
    ):
        yield ReportLine(
            "",
            f"the runs differ by {format_bytes(grown)} only: --verify, or begin with a larger --first",
            "warn",
        )
    for each in verified:
        yield _verified(made, each)
    if verified:
        yield _conclusion(made, verified)


def _left_out(made: Fit) -> str:
    good = [each for each in made.probes if each.outcome.ok]
    return "; the first run, which may have compiled something, is left out" if fitted(good) != good else ""


def _grown(made: Fit) -> int:
    """Bytes by which the probes differ: what the slope is known from."""
    sizes = [_taken(each, made.bound_by) for each in made.probes if each.outcome.ok]
    return max(sizes) - min(sizes)


def _taken(each: Probe, memory: Memory) -> int:
    return each.host_bytes if memory == "host" else each.device_bytes or 0


def _largest(made: Fit) -> str:
    if made.largest is None:
        return (
            f"cannot be told: the runs differ by {format_bytes(_grown(made))}, no more than they vary;"
            " begin with a larger --first"
        )
    if made.largest == 0:
        return "0: not even one environment fits"
    if not made.models:
        return f"{made.largest:,}, as far as it was tried: more than one size is needed for a line"
    free = f", with {MARGIN:.0%} of the budget left free"
    return f"{made.largest:,}, limited by {_NAMES[made.bound_by]}{free}"


def _fixed(made: Fit) -> tuple[str, Severity]:
    share = made.fixed_share
    if share is None:
        return _fixed_unknown(made)
    text = f"{share:.0%} of the budget, whatever the number of environments"
    if share > 1 - MARGIN or made.largest == 0:
        return f"{text}: reducing their number cannot help. Reduce what is loaded, or use more memory.", "bad"
    if made.largest is None:
        return text, ""
    if share > _DOMINATES:
        return f"{text}: it dominates, and reducing their number frees little.", "warn"
    return f"{text}: most of it is the environments', and fewer of them take less.", ""


def _fixed_unknown(made: Fit) -> tuple[str, Severity]:
    if made.largest:
        return "unknown", ""
    size = min(each.num_envs for each in made.probes)
    words = f"{size:,} environment{'s' * (size > 1)} did not fit"
    one = next((each for each in made.probes if each.outcome.ok and each.num_envs == 1), None)
    if one is not None:
        taken = _taken(one, made.bound_by)
        words = f"1 environment takes {format_bytes(taken)}, {taken / made.budgets[made.bound_by]:.0%} of the budget"
    return f"{words}: reducing their number cannot help. Reduce what is loaded, or use more memory.", "bad"


def _verified(made: Fit, each: Probe) -> ReportLine:
    taken = _taken(each, made.bound_by)
    what = f"{each.num_envs:,} environments"
    if fits(made, each):
        return ReportLine(
            "verified",
            f"{what} fit: they took {format_bytes(taken)} in {each.outcome.seconds:.1f} s",
            "good",
        )
    reason = each.outcome.reason or f"took {format_bytes(taken)}"
    return ReportLine("verified", f"{what} do not fit ({each.outcome.fate}): {reason}")


def _conclusion(made: Fit, verified: Sequence[Probe]) -> ReportLine:
    within, beyond = (fits(made, each) for each in verified)
    if within and not beyond:
        return ReportLine(
            "",
            f"the largest number lies between these two, within {BEYOND - 1:.0%} of the prediction",
            "good",
        )
    if within:
        return ReportLine("", "more fit than predicted: the prediction is on the safe side", "warn")
    return ReportLine("", "fewer fit than predicted: trust no size beyond the largest one measured", "bad")
