"""Largest number of environments within a memory budget, from a few small probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope._common import printable
from stepscope._common.format import format_bytes
from stepscope.errors import BadInputError
from stepscope.measure import available_host_bytes, free_gpu_bytes
from stepscope.plan._memory_model import MemoryModel
from stepscope.plan._probe import Load, Memory, Probe, run_probe
from stepscope.plan.fit._search import FIRST, MOST_PROBES, NOISE_FLOOR, next_size, noise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stepscope.plan._target import Target

__all__ = [
    "BEYOND",
    "Budget",
    "Capacity",
    "estimate_capacity",
    "regression_probes",
    "verify",
    "within_budget",
]

BEYOND = 1.05
"""A run of this times the predicted size that exceeds the budget shows that the prediction is within 5 %."""

_SAFE = 0.95  # of what is available: the rest stays for the system, so that nothing but a probe can die


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Memory that environments may take.

    Attributes
    ----------
    host_bytes
        Of the machine: no process may take more, whatever the budget is.
    device_bytes
        Of the GPU; None without one.
    requested_bytes
        The budget that the user set; None for all that is available. It is the GPU's where the target uses one, and
        the machine's elsewhere.
    """

    host_bytes: int
    device_bytes: int | None
    requested_bytes: int | None = None

    @classmethod
    def of_this_machine(cls, requested_bytes: int | None = None) -> Budget:
        """Return what is available on this machine now, 95 % of its memory."""
        return cls(
            host_bytes=int(_SAFE * available_host_bytes()),
            device_bytes=free_gpu_bytes(),
            requested_bytes=requested_bytes,
        )

    def check_verifiable(self, host_bytes: int | None) -> None:
        """Check that a prediction for so much memory can be verified on this machine.

        Raises
        ------
        BadInputError
            The machine has less.
        """
        if host_bytes is not None and host_bytes > self.host_bytes:
            raise BadInputError(
                f"{format_bytes(host_bytes)} cannot be verified here, where {format_bytes(self.host_bytes)} is available;"
                " leave out --verify, or give a smaller --budget."
            )

    def bytes_of(self, memory: Memory, *, on_device: bool) -> int | None:
        """Return the budget of one memory, for a target that uses the GPU or does not."""
        available = self.device_bytes if memory == "device" else self.host_bytes
        is_limiting = on_device == (memory == "device")
        return self.requested_bytes if is_limiting and self.requested_bytes is not None else available


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Predicted number of environments, and its reasons.

    Attributes
    ----------
    probes
        The measurements, in order.
    models
        The regression line of each memory that was measured, ``"host"`` and ``"device"``; empty with fewer than two
        successful sizes.
    budgets
        Bytes available of each memory.
    largest
        The predicted number of environments; 0 if not even one is within the budget, None if no memory shows a limit.
    limited_by
        The memory that runs out first.
    noisy
        Memories whose line rises no more than the runs vary, so that it says nothing about larger sizes.
    """

    probes: tuple[Probe, ...]
    models: dict[Memory, MemoryModel]
    budgets: dict[Memory, int]
    largest: int | None
    limited_by: Memory
    noisy: frozenset[Memory] = frozenset()

    @property
    def succeeded(self) -> list[Probe]:
        """Probes whose process ended well."""
        return [probe for probe in self.probes if probe.outcome.ok]

    @property
    def fixed_share(self) -> float | None:
        """Share of the budget that is taken however few environments there are; None without a model."""
        model = self.models.get(self.limited_by)
        return None if model is None else model.fixed_share(self.budgets[self.limited_by])


def estimate_capacity(
    target: Target,
    *,
    budget: Budget,
    load: Load,
    limit_seconds: float,
    first: int = FIRST,
    most: int = MOST_PROBES,
    on_probe: Callable[[Probe], object] = lambda _: None,
) -> Capacity:
    """Probe a few sizes, draw a line through each memory, and predict the largest size within the budget.

    Raises
    ------
    BadInputError
        A probe failed for another reason than memory: the target does not work.
    """
    probes: list[Probe] = []
    while (
        len(probes) < most
        and (size := _next_size(probes, budget, limit_seconds=limit_seconds, first=first)) is not None
    ):
        limit = _host_limit(budget, probes)
        latest = run_probe(target, size, load=load, limit_seconds=limit_seconds, limit_bytes=limit)
        too_slow = latest.outcome.status == "too slow"
        if latest.outcome.status not in ("ok", "out of memory", "too slow") or (too_slow and not probes):
            raise BadInputError(_describe_failure(target, latest))
        probes.append(latest)
        on_probe(latest)
        if too_slow:
            break
    return _estimate(probes, budget)


def verify(
    target: Target,
    capacity: Capacity,
    *,
    budget: Budget,
    load: Load,
    limit_seconds: float,
    on_probe: Callable[[Probe], object] = lambda _: None,
) -> tuple[Probe, ...]:
    """Run at the predicted size and just beyond.

    Raises
    ------
    BadInputError
        The budget is more than this machine has.
    """
    limit = capacity.budgets["host"]
    budget.check_verifiable(limit)
    if not capacity.largest:
        return ()
    probes = []
    for size in (capacity.largest, max(capacity.largest + 1, int(BEYOND * capacity.largest))):
        probes.append(run_probe(target, size, load=load, limit_seconds=limit_seconds, limit_bytes=limit))
        on_probe(probes[-1])
    return tuple(probes)


def within_budget(probe: Probe, budgets: Mapping[Memory, int]) -> bool:
    """Tell whether a probe stayed within the budget of every memory."""
    return probe.outcome.ok and all(probe.bytes_of(memory) <= size for memory, size in budgets.items())


def regression_probes(succeeded: Sequence[Probe]) -> Sequence[Probe]:
    """Return the probes that the line goes through: not the first one, where three others show the line.

    The first process of a simulator may compile its kernels, which takes memory that no later one takes.
    """
    return succeeded[1:] if len(succeeded) > 3 else succeeded  # noqa: PLR2004 - as said


def _host_limit(budget: Budget, probes: Sequence[Probe]) -> int:
    """Return the host memory that a probe may take: the budget, unless that is, or may be, the GPU's."""
    no_device = budget.device_bytes is None or any(probe.outcome.ok for probe in probes)
    if budget.requested_bytes is not None and no_device and not _use_device(probes):
        return min(budget.host_bytes, budget.requested_bytes)
    return budget.host_bytes


def _use_device(probes: Sequence[Probe]) -> bool:
    return any(probe.device_bytes for probe in probes)


def _memories(succeeded: Sequence[Probe]) -> list[Memory]:
    return ["host", "device"] if _use_device(succeeded) else ["host"]


def _next_size(probes: Sequence[Probe], budget: Budget, *, limit_seconds: float, first: int) -> int | None:
    """Return the size to probe next, as far as all memories allow; None if another probe would add nothing."""
    succeeded = [probe for probe in probes if probe.outcome.ok]
    sizes = []
    for memory in _memories(succeeded):
        available = budget.bytes_of(memory, on_device=_use_device(succeeded)) or 0
        size = next_size(
            [(probe.num_envs, float(probe.bytes_of(memory)), probe.outcome.seconds) for probe in succeeded],
            failed=[probe.num_envs for probe in probes if not probe.outcome.ok],
            budget_bytes=min(available, budget.host_bytes) if memory == "host" else available,
            before_bytes=succeeded[0].before_bytes if succeeded and memory == "host" else None,
            limit_seconds=limit_seconds,
            first=first,
            floor_bytes=NOISE_FLOOR[memory],
        )
        if size is None:
            return None
        sizes.append(size)
    return min(sizes)


def _estimate(probes: Sequence[Probe], budget: Budget) -> Capacity:
    succeeded = [probe for probe in probes if probe.outcome.ok]
    memories = _memories(succeeded)
    budgets = {memory: budget.bytes_of(memory, on_device=_use_device(succeeded)) or 0 for memory in memories}
    models: dict[Memory, MemoryModel] = {}
    noisy: set[Memory] = set()
    if len({probe.num_envs for probe in succeeded}) > 1:
        for memory in memories:
            points = [(probe.num_envs, probe.bytes_of(memory) or 1) for probe in regression_probes(succeeded)]
            models[memory] = MemoryModel.fit(points)
            if not _rises(models[memory], points, floor_bytes=NOISE_FLOOR[memory]):
                noisy.add(memory)
    largest: int | None
    if models:
        largest, limited_by = _first_exhausted(models, budgets, noisy=noisy, default=memories[-1])
    else:
        sizes = [probe.num_envs for probe in succeeded if within_budget(probe, budgets)]
        largest, limited_by = max(sizes, default=0), memories[-1]
    return Capacity(
        probes=tuple(probes),
        models=models,
        budgets=budgets,
        largest=largest,
        limited_by=limited_by,
        noisy=frozenset(noisy),
    )


def _rises(model: MemoryModel, points: Sequence[tuple[int, int]], *, floor_bytes: float) -> bool:
    """Tell whether a line rises by more than its points vary, and by more than they deviate from it."""
    sizes = [num_envs for num_envs, _ in points]
    residual = max(abs(size - model.predict(num_envs)) for num_envs, size in points)
    variation = noise(max(size for _, size in points), floor_bytes)
    return model.per_env_bytes * (max(sizes) - min(sizes)) > max(variation, 2 * residual)


def _first_exhausted(
    models: dict[Memory, MemoryModel], budgets: dict[Memory, int], *, noisy: set[Memory], default: Memory
) -> tuple[int | None, Memory]:
    """Return the number of environments that the memory that runs out first allows, and that memory."""
    allowed = {memory: model.largest(budgets[memory]) for memory, model in models.items()}
    # A noisy line still shows where not even the fixed part is within the budget.
    known = {memory: size for memory, size in allowed.items() if size == 0 or (size and memory not in noisy)}
    if not known:
        return None, default
    first = min(known, key=lambda memory: known[memory])
    return known[first], first


def _describe_failure(target: Target, probe: Probe) -> str:
    """Return a sentence about a probe that failed for another reason than memory."""
    subject = f"{printable(str(target), limit=300)} with {probe.num_envs:,} environments"
    if probe.outcome.status == "too slow":
        return f"{subject} {probe.outcome.reason}; allow more with --limit SECONDS, or begin smaller with --first N."
    reason = probe.outcome.reason.rstrip(".")
    if not reason.startswith(("raised ", "ended ", "was ", "took ", "lost ")):
        return f"{subject}: {reason}."
    lines = [line.strip() for line in probe.outcome.output_tail.splitlines() if line.strip()]
    last = f" ({lines[-1]})" if lines and "raised" not in reason else ""
    return f"{subject} cannot be measured: it {reason}{last}."
