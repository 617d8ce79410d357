"""How many environments fit: from a few small probes, each in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from stepscope._common.format import format_bytes
from stepscope.errors import BadInputError
from stepscope.measure import available_bytes, free_bytes, shown
from stepscope.plan._memory_model import MemoryModel
from stepscope.plan._probe import Load, Probe, probe
from stepscope.plan.fit._search import DEVICE_FLOOR, FIRST, FLOOR, MOST_PROBES, next_size, noise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepscope.plan._target import Target

__all__ = ["BEYOND", "Budget", "Fit", "Memory", "fit", "fits", "fitted", "to_json", "verify"]

BEYOND = 1.05
"""What does not fit at this times the predicted size proves that the prediction is within 5 % of the truth."""

_SAFE = 0.95  # of what is available: the rest stays for the system, so that nothing but a probe can die

Memory = Literal["host", "device"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What environments may take.

    Attributes
    ----------
    host_bytes
        Of the machine's memory: no process may take more, whatever the budget is.
    device_bytes
        Of the GPU's; None without one.
    given
        The budget that the user set, in bytes; None where it is all that is available. It is the GPU's where the
        target uses one, and the machine's elsewhere.
    """

    host_bytes: int
    device_bytes: int | None
    given: int | None = None

    @classmethod
    def here(cls, given: int | None = None) -> Budget:
        """Return what is available on this machine now, of its own memory all but a twentieth."""
        return cls(host_bytes=int(_SAFE * available_bytes()), device_bytes=free_bytes(), given=given)

    def check_provable(self, host_bytes: int | None) -> None:
        """Raise a sentence if so much memory cannot be taken here, and no prediction for it be proved.

        Raises
        ------
        BadInputError
            It cannot.
        """
        if host_bytes is not None and host_bytes > self.host_bytes:
            raise BadInputError(
                f"{format_bytes(host_bytes)} cannot be proved here, where {format_bytes(self.host_bytes)} can be taken;"
                " leave --verify out, or give a smaller --budget."
            )

    def of(self, memory: Memory, *, on_device: bool) -> int | None:
        """Return the budget of one of the memories, for a target that uses the GPU or does not."""
        counts = memory == ("device" if on_device else "host")
        available = self.device_bytes if memory == "device" else self.host_bytes
        return self.given if counts and self.given is not None else available


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How many environments fit, and why.

    Attributes
    ----------
    probes
        What was measured, in this order.
    models
        The line through each memory that was measured, ``"host"`` and ``"device"``; empty where fewer than two sizes
        fitted.
    noisy
        The memories whose line rises no more than the runs vary, so that it tells nothing about larger sizes.
    budgets
        What each of them may take, in bytes.
    largest
        The predicted number of environments; 0 where not even one fits, None where no memory tells a limit.
    bound_by
        The memory that limits it.
    """

    probes: tuple[Probe, ...]
    models: dict[Memory, MemoryModel]
    budgets: dict[Memory, int]
    largest: int | None
    bound_by: Memory
    noisy: frozenset[Memory] = frozenset()

    @property
    def fixed_share(self) -> float | None:
        """Share of the budget that is taken however few environments there are; None without a model."""
        model = self.models.get(self.bound_by)
        return None if model is None else model.fixed_share(self.budgets[self.bound_by])


def fit(
    target: Target,
    *,
    budget: Budget,
    load: Load,
    limit_seconds: float,
    first: int = FIRST,
    most: int = MOST_PROBES,
    tell: Callable[[Probe], object] = lambda _: None,
) -> Fit:
    """Probe a few sizes, fit a line to each memory, and predict the largest size within the budget.

    Raises
    ------
    BadInputError
        A probe failed for another reason than memory: the target does not work.
    """
    probes: list[Probe] = []
    while (
        len(probes) < most
        and (size := _next(probes, budget, limit_seconds=limit_seconds, first=first)) is not None
    ):
        limit = _limit(budget, probes)
        found = probe(target, size, load=load, limit_seconds=limit_seconds, limit_bytes=limit)
        if found.outcome.fate not in ("ok", "out of memory", "too slow"):
            raise BadInputError(_why(target, found))
        probes.append(found)
        tell(found)
        if found.outcome.fate == "too slow":
            if len(probes) == 1:
                raise BadInputError(_why(target, found))
            break
    return _fitted(probes, budget)


def verify(
    target: Target,
    made: Fit,
    *,
    budget: Budget,
    load: Load,
    limit_seconds: float,
    tell: Callable[[Probe], object] = lambda _: None,
) -> tuple[Probe, ...]:
    """Run at the predicted size and just beyond.

    Raises
    ------
    BadInputError
        The budget is more than this machine has, so that nothing can be proved here.
    """
    budget.check_provable(made.budgets["host"])
    if not made.largest:
        return ()
    beyond = max(made.largest + 1, int(BEYOND * made.largest))
    found = []
    for size in (made.largest, beyond):
        limit = made.budgets["host"]
        found.append(probe(target, size, load=load, limit_seconds=limit_seconds, limit_bytes=limit))
        tell(found[-1])
    return tuple(found)


def fits(made: Fit, found: Probe) -> bool:
    """Tell whether a probe stayed within every budget."""
    taken: dict[Memory, int | None] = {"host": found.host_bytes, "device": found.device_bytes}
    return found.outcome.ok and all((taken[memory] or 0) <= size for memory, size in made.budgets.items())


def _limit(budget: Budget, probes: Sequence[Probe]) -> int:
    """Return what a probe's process may take of the machine: the budget, unless that is, or may be, of the GPU."""
    no_device = budget.device_bytes is None or any(each.outcome.ok for each in probes)
    on_device = any(each.device_bytes for each in probes)
    if budget.given is not None and no_device and not on_device:
        return min(budget.host_bytes, budget.given)
    return budget.host_bytes


def _next(probes: Sequence[Probe], budget: Budget, *, limit_seconds: float, first: int) -> int | None:
    """Return the size that all memories allow to probe next."""
    good = [each for each in probes if each.outcome.ok]
    failed = [each.num_envs for each in probes if not each.outcome.ok]
    on_device = any(each.device_bytes for each in good)
    sizes = []
    memories: list[Memory] = ["host", "device"] if on_device else ["host"]
    for memory in memories:
        room = budget.of(memory, on_device=on_device)
        sizes.append(
            next_size(
                [(each.num_envs, float(_bytes(each, memory) or 0), each.outcome.seconds) for each in good],
                failed=failed,
                budget_bytes=min(room or 0, budget.host_bytes) if memory == "host" else (room or 0),
                before_bytes=good[0].before_bytes if good and memory == "host" else None,
                limit_seconds=limit_seconds,
                first=first,
                floor_bytes=FLOOR if memory == "host" else DEVICE_FLOOR,
            )
        )
    return None if None in sizes else min(size for size in sizes if size is not None)


def _bytes(found: Probe, memory: Memory) -> int | None:
    return found.host_bytes if memory == "host" else found.device_bytes


def fitted(good: Sequence[Probe]) -> Sequence[Probe]:
    """Return the probes that the line goes through: not the first one, where three others show the line.

    The first process of a simulator may compile its kernels, which takes memory that no later one takes.
    """
    return good[1:] if len(good) > 3 else good  # noqa: PLR2004 - as said


def _fitted(probes: Sequence[Probe], budget: Budget) -> Fit:
    good = [each for each in probes if each.outcome.ok]
    on_device = any(each.device_bytes for each in good)
    memories: list[Memory] = ["host", "device"] if on_device else ["host"]
    budgets = {memory: budget.of(memory, on_device=on_device) or 0 for memory in memories}
    models: dict[Memory, MemoryModel] = {}
    noisy: set[Memory] = set()
    if len({each.num_envs for each in good}) > 1:
        for memory in memories:
            points = [(each.num_envs, _bytes(each, memory) or 1) for each in fitted(good)]
            models[memory] = MemoryModel.fit(points)
            if not _rises(models[memory], points, floor_bytes=FLOOR if memory == "host" else DEVICE_FLOOR):
                noisy.add(memory)
    largest, bound_by = _smallest(models, budgets, noisy=noisy, default=memories[-1])
    made = Fit(
        probes=tuple(probes),
        models=models,
        budgets=budgets,
        largest=largest,
        bound_by=bound_by,
        noisy=frozenset(noisy),
    )
    if models:
        return made
    return replace(made, largest=max((each.num_envs for each in good if fits(made, each)), default=0))


def _rises(model: MemoryModel, points: Sequence[tuple[int, int]], *, floor_bytes: float) -> bool:
    """Tell whether a line rises by more than its points vary, and than they lie beside it."""
    sizes = [num_envs for num_envs, _ in points]
    beside = max(abs(taken - model.predict(num_envs)) for num_envs, taken in points)
    varies = noise(max(taken for _, taken in points), floor_bytes)
    return model.per_env_bytes * (max(sizes) - min(sizes)) > max(varies, 2 * beside)


def _smallest(
    models: dict[Memory, MemoryModel], budgets: dict[Memory, int], *, noisy: set[Memory], default: Memory
) -> tuple[int | None, Memory]:
    """Return what the memory that runs out first allows, and which one that is."""
    allowed = {memory: model.largest(budgets[memory]) for memory, model in models.items()}
    # Of one whose line tells nothing it is still known where not even the fixed part fits.
    known = {memory: size for memory, size in allowed.items() if size == 0 or (size and memory not in noisy)}
    if not known:
        return None, default
    first = min(known, key=lambda memory: known[memory])
    return known[first], first


def _why(target: Target, found: Probe) -> str:
    """Say in a sentence what was wrong with a probe that did not fail for want of memory."""
    what = f"{shown(str(target))} with {found.num_envs:,} environments"
    if found.outcome.fate == "too slow":
        return f"{what} {found.outcome.reason}; give it more with --limit SECONDS, or begin smaller with --first N."
    reason = found.outcome.reason.rstrip(".")
    said = [line.strip() for line in found.outcome.last_words.splitlines() if line.strip()]
    last = f" ({said[-1]})" if said and "raised" not in reason else ""
    return f"{what} cannot be measured: it {reason}{last}." if _is_verb(reason) else f"{what}: {reason}."


def _is_verb(reason: str) -> bool:
    return reason.startswith(("raised ", "ended ", "was ", "took ", "lost "))


def to_json(
    made: Fit, verified: Sequence[Probe], *, target: Target, provenance: dict[str, Any]
) -> dict[str, Any]:
    """Return all of it as what JSON can hold; the fields are described on the page of the command line."""
    return {
        "schema": 1,
        "target": str(target),
        "budget_bytes": dict(made.budgets),
        "probes": [_probe_json(each) for each in made.probes],
        "models": {
            memory: {
                "fixed_bytes": model.fixed_bytes,
                "per_env_bytes": model.per_env_bytes,
                "residuals": list(model.residuals),
            }
            for memory, model in made.models.items()
        },
        "largest_num_envs": made.largest,
        "bound_by": made.bound_by,
        "fixed_share": made.fixed_share,
        "verified": [{**_probe_json(each), "fits": fits(made, each)} for each in verified],
        "provenance": provenance,
    }


def _probe_json(found: Probe) -> dict[str, Any]:
    footprint = found.outcome.footprint
    return {
        "num_envs": found.num_envs,
        "fate": found.outcome.fate,
        "reason": found.outcome.reason,
        "seconds": found.outcome.seconds,
        "threads": found.outcome.threads,
        "host_bytes": found.host_bytes,
        "device_bytes": found.device_bytes,
        "torch_allocated_bytes": footprint.torch_allocated_bytes if footprint else None,
        "torch_reserved_bytes": footprint.torch_reserved_bytes if footprint else None,
        "other_bytes": footprint.other_bytes if footprint else None,
    }
