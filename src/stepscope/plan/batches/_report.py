"""Report on settings of minibatches: a table, and a few lines of text."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from stepscope._common.format import TIMES, format_count, format_list
from stepscope._common.report import ReportLine
from stepscope.logs.minibatches import Refusal
from stepscope.plan.batches._settings import nearest_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs.minibatches import Reference
    from stepscope.plan.batches._settings import Batches, Setting

__all__ = ["describe_remainder", "format_rows", "report", "to_json"]

_MOST = 64  # minibatches in a row of the table


def format_rows(batches: Batches, setting: Setting | None = None) -> list[tuple[str, ...]]:
    """Return the settings as rows of text, under a header; only `setting` if there is one.

    Settings with more than 64 minibatches have no row.
    """
    rules = batches.rules
    other = "samples each" if rules.fixes == "number" else "minibatches"
    rows = _usual(batches) if setting is None else [setting]
    head = (rules.setting, other, "dropped", "updates", "per 1,000 samples", "reference")
    table = [head, *(_row(row, batches) for row in rows)]
    if not any(row.dropped for row in rows):
        return [(*cells[:2], *cells[3:]) for cells in table]
    return table


def _usual(batches: Batches) -> list[Setting]:
    few = [setting for setting in batches.settings if setting.minibatches <= _MOST]
    return few or list(batches.settings[:1])


def _row(setting: Setting, batches: Batches) -> tuple[str, ...]:
    if batches.rules.fixes == "number":
        other = " or ".join(f"{group.samples:,}" for group in setting.groups)
    else:
        other = f"{setting.minibatches:,}"
    return (
        f"{setting.value:,}",
        other,
        f"{setting.dropped:,}",
        f"{setting.updates:,}",
        _three_digits(1000 * setting.updates_per_sample),
        f"{_three_digits(_relative(setting, batches))}x",
    )


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _relative(setting: Setting, batches: Batches) -> float:
    return setting.updates_per_sample / batches.references[0][1].updates_per_sample


def report(batches: Batches, setting: Setting | None = None) -> Iterator[ReportLine]:
    """Yield the lines below the table."""
    rules, rollout = batches.rules, batches.rollout
    yield ReportLine("samples", _format_samples(batches))
    yield ReportLine(
        "updates", f"{rules.epochs} {batches.epochs} {TIMES} minibatches, each one step of the optimiser"
    )
    if rules.early_stop:
        yield ReportLine("", f"with {rules.early_stop} there may be fewer")
    if batches.ranks > 1:
        yield ReportLine(
            "", "all processes take each step together, so more of them mean fewer updates per sample"
        )
    for index, (reference, made) in enumerate(batches.references):
        yield ReportLine("" if index else "reference", _format_reference(batches, reference, made))
    if setting is not None and not setting.is_even:
        yield ReportLine("caution", describe_remainder(setting, batches), "warn")
        nearest = [f"{value:,}" for value in nearest_values(batches, setting.value)]
        yield ReportLine("without remainder", f"{rules.setting} {format_list(nearest, last='or')}")
    if setting is None:
        yield from _other_values(batches)
    if rollout.recurrent:
        yield ReportLine("recurrent", rules.recurrent)
        if rollout.horizon % rollout.sequence:
            text = f"{rules.horizon} {rollout.horizon:,} is not a multiple of {rules.sequence} {rollout.sequence:,}"
            yield ReportLine("caution", text, "warn")
    elif rules.sequence and rules.default_sequence is not None:
        yield ReportLine(
            rules.sequence,
            f"has to divide the samples, also without a recurrent policy; here it is {rollout.sequence}",
        )
    yield ReportLine("doubling num_envs", _format_doubling(batches))


def _format_samples(batches: Batches) -> str:
    rollout = batches.rollout
    own = (
        f"{rollout.num_envs:,} environments {TIMES} {batches.rules.horizon} {rollout.horizon:,}"
        f" = {rollout.samples:,} per iteration"
    )
    if batches.ranks == 1:
        return own
    return f"{own} in each of {batches.ranks:,} processes, {batches.samples:,} in all"


def _format_reference(batches: Batches, reference: Reference, setting: Setting) -> str:
    rules = batches.rules
    return (
        f"Isaac Lab's {reference.task}: {reference.num_envs:,} {TIMES} {reference.horizon}, {rules.setting}"
        f" {reference.setting:,}, {rules.epochs} {reference.epochs}:"
        f" {_three_digits(1000 * setting.updates_per_sample)} updates per 1,000 samples"
    )


def _other_values(batches: Batches) -> Iterator[ReportLine]:
    """Yield what is to be said of settings without a row."""
    rules = batches.rules
    many = [setting.value for setting in batches.settings if setting.minibatches > _MOST]
    if many and len(many) < len(batches.settings):
        yield ReportLine(
            "also valid",
            f"{format_count(len(many), 'value')} of {rules.setting} with more than {_MOST} minibatches, from"
            f" {many[0]:,} to {many[-1]:,}; --json lists all",
        )
    value = _uneven_value(batches)
    if value is None:
        return
    setting = batches.try_setting(value)
    if isinstance(setting, Refusal):
        text = f"{rules.setting} {value:,} is refused: {setting.error}: {setting.text}"
    else:
        text = f"{rules.setting} {value:,} is accepted: {describe_remainder(setting, batches)}"
    yield ReportLine("other values", text)


def _uneven_value(batches: Batches) -> int | None:
    """Return a value near the reference that does not cut the rollout evenly, as an example."""
    even = {setting.value for setting in batches.settings}
    like = min(
        batches.settings, key=lambda setting: abs(setting.minibatches - batches.references[0][1].minibatches)
    )
    values = (value for value in islice(count(like.value + 1), 1000) if value not in even)
    return next(values, None)


def describe_remainder(setting: Setting, batches: Batches) -> str:
    """Return what becomes of the samples that cannot be cut evenly."""
    if setting.dropped:
        return f"it drops {setting.dropped:,} of {batches.rollout.samples:,} samples"
    sizes = [f"{group.number:,} of {group.samples:,} samples" for group in setting.groups]
    return f"the minibatches differ: {format_list(sizes)}"


def _format_doubling(batches: Batches) -> str:
    rules = batches.rules
    if rules.fixes == "number":
        return (
            f"{rules.setting} fixes the number of minibatches: each becomes twice as large, with half the"
            " updates per sample"
        )
    return f"{rules.setting} fixes the size of minibatches: their number doubles, and the updates per sample stay the same"


def to_json(batches: Batches, setting: Setting | None = None) -> dict[str, Any]:
    """Return the settings as JSON."""
    rules, rollout = batches.rules, batches.rollout
    return {
        "library": batches.library,
        "num_envs": rollout.num_envs,
        "horizon": rollout.horizon,
        "ranks": batches.ranks,
        "epochs": batches.epochs,
        "recurrent": rollout.recurrent,
        "sequence_length": rollout.sequence if rules.sequence else None,
        "samples": batches.samples,
        "names": {"horizon": rules.horizon, "setting": rules.setting, "epochs": rules.epochs},
        "fixes": rules.fixes,
        "references": [
            {**asdict(reference), "updates_per_sample": made.updates_per_sample}
            for reference, made in batches.references
        ],
        "settings": [
            _setting_to_json(each, batches) for each in (batches.settings if setting is None else (setting,))
        ],
    }


def _setting_to_json(setting: Setting, batches: Batches) -> dict[str, Any]:
    return {
        "value": setting.value,
        "minibatches": [asdict(group) for group in setting.groups],
        "dropped": setting.dropped,
        "updates": setting.updates,
        "updates_per_sample": setting.updates_per_sample,
        "relative_to_reference": _relative(setting, batches),
    }
