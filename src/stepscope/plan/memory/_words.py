"""What an account says: a table of its items, and a few lines in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stepscope._common.format import format_bytes
from stepscope._common.report import ReportLine
from stepscope.plan.memory._estimate import account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.plan.memory._estimate import Account
    from stepscope.plan.memory._libraries import Part

__all__ = ["as_json", "report", "rows"]

_PLACES = {"torch": "PyTorch", "host": "NumPy, host"}
_ADVICE: dict[Part, str] = {
    "networks": "The networks take most of it: only smaller ones help, and fewer environments do not.",
    "rollout": "The rollout takes most of it: a shorter horizon or fewer environments make it smaller.",
    "update": "The update takes most of it: more minibatches make it smaller, at the same number of environments.",
}


def rows(found: Account) -> list[tuple[str, ...]]:
    """Return the items as rows of text, under a header."""
    head = ("part", "held by", "memory", "share", "count x bytes")
    return [head, *(_row(found, number) for number in range(len(found.items)))]


def _row(found: Account, number: int) -> tuple[str, ...]:
    item = found.items[number]
    share = f"{item.number_of_bytes / found.torch_bytes:.0%}" if item.place == "torch" else ""
    return item.name, _PLACES[item.place], format_bytes(item.number_of_bytes), share, item.formula


def report(found: Account) -> Iterator[ReportLine]:
    """Yield the lines below the table."""
    for item in found.items:
        yield ReportLine(item.name, f"{item.meaning} ({item.source.split(' ')[0]})")
    yield ReportLine("", "")
    yield ReportLine(
        "PyTorch's share", f"{format_bytes(found.torch_bytes)} at its peak, which is {found.moment}"
    )
    if found.host_bytes:
        yield ReportLine("besides", f"{format_bytes(found.host_bytes)} of NumPy in the memory of the host")
    yield ReportLine("one more", f"{format_bytes(_one_more(found))} for each environment")
    yield ReportLine("what to do", _advice(found))
    if found.training.minibatches > found.training.horizon:
        warning = (
            "there are more minibatches than vector steps, so that the peak may lie in the rollout, which is not"
            " played through here"
        )
        yield ReportLine("caution", warning, "warn")
    yield ReportLine(
        "not in it", "the simulator, the CUDA context and PyTorch itself: stepscope fit measures all of them"
    )


def _one_more(found: Account) -> int:
    training = found.training
    twice = account(replace(training, num_envs=2 * training.num_envs))
    return (twice.torch_bytes - found.torch_bytes) // training.num_envs


def _advice(found: Account) -> str:
    return _ADVICE[max(_ADVICE, key=found.torch_bytes_of)]


def as_json(found: Account) -> dict[str, Any]:
    """Return the account as JSON can hold it."""
    return {
        "training": {"library": found.training.library, **found.training.settings},
        "moment": found.moment,
        "torch_bytes": found.torch_bytes,
        "host_bytes": found.host_bytes,
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
            for item in found.items
        ],
    }
