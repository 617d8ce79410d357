"""Report on a memory estimate: a table of its items, and a few lines of text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stepscope._common.format import format_bytes
from stepscope._common.report import ReportLine
from stepscope.logs import BY_KEY
from stepscope.plan._changes import link_to_changes
from stepscope.plan.memory._estimate import estimate_memory
from stepscope.plan.memory._releases import ERAS, NEWEST, is_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.plan.memory._estimate import MemoryEstimate
    from stepscope.plan.memory._libraries import Item, Part
    from stepscope.plan.memory._training import Training

__all__ = ["format_rows", "report", "to_json"]

_PLACES = {"torch": "PyTorch", "host": "NumPy, host"}
_ADVICE: dict[Part, str] = {
    "networks": "The networks take most of PyTorch's share: only smaller ones help, fewer environments do not.",
    "rollout": "The rollout takes most of PyTorch's share: a shorter horizon or fewer environments make it smaller.",
    "update": "The update takes most of PyTorch's share: more minibatches make it smaller, at the same number of environments.",
}
_HOST_ADVICE = (
    "A shorter horizon or fewer environments make NumPy's share smaller, which is asked for before the first step; more"
    " minibatches do not."
)
_HOST_UPGRADE = " Release 2.7.1 or newer stores images as uint8, a quarter of it."
_SMALL = 0.01  # of all bytes: a difference between releases that nobody notices


def format_rows(estimate: MemoryEstimate) -> list[tuple[str, ...]]:
    """Return the items as rows of text, under a header."""
    head = ("part", "held by", "memory", "share", "count x bytes")
    return [head, *(_row(item, estimate) for item in estimate.items)]


def _row(item: Item, estimate: MemoryEstimate) -> tuple[str, ...]:
    share = f"{item.number_of_bytes / estimate.torch_bytes:.0%}" if item.place == "torch" else ""
    return item.name, _PLACES[item.place], format_bytes(item.number_of_bytes), share, item.formula


def report(estimate: MemoryEstimate) -> Iterator[ReportLine]:
    """Yield the lines below the table."""
    for item in estimate.items:
        yield ReportLine(item.name, f"{item.meaning} ({item.source.split(' ')[0]})")
    yield ReportLine("", "")
    yield ReportLine(
        "PyTorch's share", f"{format_bytes(estimate.torch_bytes)} at its peak, which is {estimate.moment}"
    )
    if estimate.host_bytes:
        share = f"{format_bytes(estimate.host_bytes)} in the memory of the host"
        yield ReportLine("NumPy's share", f"{share}, with {_describe(_stored(estimate)['observations'])}")
    yield ReportLine("per environment", format_bytes(_bytes_per_env(estimate)))
    yield ReportLine("release", _release(estimate.training))
    yield from (ReportLine("other releases", text) for text in _other_releases(estimate))
    advice = [_advice(estimate)]
    if estimate.host_bytes:
        training = estimate.training
        upgrade = _HOST_UPGRADE if training.stored_bytes > training.observation_bytes else ""
        advice.insert(0, _HOST_ADVICE + upgrade)
    for label, text in zip(("what to do", ""), advice, strict=False):
        yield ReportLine(label, text)
    yield link_to_changes()
    if estimate.training.minibatches > estimate.training.horizon:
        warning = (
            "there are more minibatches than vector steps, so that the peak may be in the rollout, which is not"
            " simulated here"
        )
        yield ReportLine("caution", warning, "warn")
    yield ReportLine(
        "not included",
        "the simulator, the CUDA context and PyTorch itself: stepscope fit measures all of them",
    )


def _bytes_per_env(estimate: MemoryEstimate) -> int:
    training = estimate.training
    twice = estimate_memory(replace(training, num_envs=2 * training.num_envs))
    return (twice.torch_bytes - estimate.torch_bytes) // training.num_envs


def _release(training: Training) -> str:
    name, newest = BY_KEY[training.library].name, NEWEST[training.library]
    if training.release in (None, newest):
        return f"{name} {newest}"
    unread = "; no newer release was read" if is_before(newest, str(training.release)) else ""
    return f"{name} {training.release} for what is stored; lines and all else are those of {newest}{unread}"


def _other_releases(estimate: MemoryEstimate) -> Iterator[str]:
    """Yield what releases store that do it otherwise, as far as it matters."""
    training, eras = estimate.training, ERAS[estimate.training.library]
    smallest = _SMALL * (estimate.torch_bytes + estimate.host_bytes)
    stored = _stored(estimate)
    periods: list[tuple[str, list[str]]] = []  # first release, changes
    for first in eras:
        others = _stored(estimate_memory(replace(training, release=first)))
        changes = [
            _describe(others[name]) if name in others else f"no {name}"
            for name in {**stored, **others}
            if abs(_size(others.get(name)) - _size(stored.get(name))) > smallest
        ]
        if not periods or periods[-1][1] != changes:
            periods.append((first, changes))
    ends = [first for first, _ in periods[1:]]
    for (first, changes), end in zip(periods, (*ends, None), strict=True):
        if changes:
            yield f"{_period(first, end, eras[0])}: {'; '.join(changes)}"


def _stored(estimate: MemoryEstimate) -> dict[str, Item]:
    return {item.name: item for item in estimate.items if item.part == "rollout"}


def _size(item: Item | None) -> int:
    return item.number_of_bytes if item else 0


def _describe(item: Item) -> str:
    return (
        f"{item.name} {item.meaning}: {item.number_of_bytes:,} bytes ({format_bytes(item.number_of_bytes)})"
    )


def _period(first: str, end: str | None, oldest: str) -> str:
    if end is None:
        return f"from {first} on"
    return f"before {end}" if first == oldest else f"from {first}, before {end}"


def _advice(estimate: MemoryEstimate) -> str:
    return _ADVICE[max(_ADVICE, key=estimate.torch_bytes_of)]


def to_json(estimate: MemoryEstimate) -> dict[str, Any]:
    """Return the estimate as JSON."""
    return {
        "training": {
            "library": estimate.training.library,
            "release": estimate.training.release or NEWEST[estimate.training.library],
            **estimate.training.settings,
        },
        "moment": estimate.moment,
        "torch_bytes": estimate.torch_bytes,
        "host_bytes": estimate.host_bytes,
        "items": [
            {
                "name": item.name,
                "part": item.part,
                "place": item.place,
                "bytes": item.number_of_bytes,
                "formula": item.formula,
                "meaning": item.meaning,
                "source": item.source,
            }
            for item in estimate.items
        ],
    }
