"""Sizes to probe: as large as needed to see the growth, and far enough from the budget to be safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.plan._probe import Memory

__all__ = ["FAR", "FIRST", "MOST_PROBES", "NOISE_FLOOR", "next_size", "noise"]

FIRST = 64
"""Size of the first probe: small compared with usual numbers, and most scenes fit this often."""

FAR = 0.5
"""Share of what the smallest probe has left of a budget, and share of a time limit, that no probe should exceed."""

MOST_PROBES = 4

NOISE_FLOOR: dict[Memory, int] = {"host": 4 * 2**20, "device": 32 * 2**20}
"""Bytes below which differences are noise, whatever caused them; PyTorch takes a GPU's memory in blocks of up to 20 MiB."""

_STEP_DOWN = 16  # the factor by which the next probe is smaller where the first one did not fit
_NOISE = 0.005  # the same, as a share of what was measured


def next_size(
    probes: Sequence[tuple[int, float, float]],
    *,
    failed: Sequence[int] = (),
    budget_bytes: float,
    before_bytes: float | None = None,
    limit_seconds: float,
    first: int = FIRST,
    floor_bytes: float = NOISE_FLOOR["host"],
) -> int | None:
    """Return the size to probe next; None if another probe would add nothing.

    Parameters
    ----------
    probes
        Size, bytes and seconds of those that ended well.
    failed
        Sizes that did not fit.
    budget_bytes
        Memory that is available.
    before_bytes
        Memory of a probe's process before it made an environment, where known: all else is assumed to grow with their
        number until there is a second size.
    limit_seconds
        Time after which a probe is ended.
    first
        Size of the first probe.
    floor_bytes
        Differences up to this are noise, or the size of an allocator's blocks.

    Notes
    -----
    Each probe may be as large as the steepest line allows that agrees with the earlier ones: through the last two of
    them, with all noise added to the rise. That line overestimates, so the probes leave half of what there is, while each is so much larger than the one before that the true slope stands out of the noise at the end.
    Sizes are the first one times 4, 5, 6 or 7 times a power of two, as minibatches like to have them.

    Examples
    --------
    >>> next_size([], budget_bytes=2**30, limit_seconds=60)
    64
    >>> next_size([(64, 240e6, 1.0)], budget_bytes=2**30, before_bytes=235e6, limit_seconds=60)
    1792
    """
    if not probes:
        smallest = min(failed, default=None)
        if smallest is None:
            return first
        return max(1, smallest // _STEP_DOWN) if smallest > 1 else None
    ordered = sorted(probes)
    size = min(
        _size_at_limit(
            [(num_envs, bytes_) for num_envs, bytes_, _ in ordered],
            limit=_probe_limit(min(bytes_ for _, bytes_, _ in ordered), budget_bytes),
            noise=noise(ordered[-1][1], floor_bytes),
            before=before_bytes,
        ),
        _size_at_limit(
            [(num_envs, seconds) for num_envs, _, seconds in ordered], limit=FAR * limit_seconds, noise=1.0
        ),
    )
    if failed:
        size = min(size, (min(failed) - 1))
    return _useful_size(
        _round_down(size, unit=ordered[0][0]), [num_envs for num_envs, _, _ in ordered], failed
    )


def noise(bytes_: float, floor_bytes: float = NOISE_FLOOR["host"]) -> float:
    """Return the difference, in bytes, that two runs may have which take so many."""
    return max(floor_bytes, _NOISE * bytes_)


def _probe_limit(smallest: float, budget: float) -> float:
    """Return the memory that no probe should exceed."""
    return smallest + FAR * (budget - smallest)


def _size_at_limit(
    points: list[tuple[int, float]], *, limit: float, noise: float, before: float | None = None
) -> float:
    """Return the size at which the steepest line through the last points reaches the limit."""
    num_envs, value = points[-1]
    if len(points) == 1:
        grown = max(value - before, noise) if before is not None else value
        slope = grown / num_envs
    else:
        earlier, smaller = points[-2]
        slope = (max(0.0, value - smaller) + noise) / (num_envs - earlier)
    return num_envs + (limit - value) / slope


def _round_down(size: float, *, unit: int) -> int:
    """Round down to 4, 5, 6 or 7 times a power of two of the unit, or to the unit; 0 below it."""
    times = int(size / unit)
    shift = max(0, times.bit_length() - 3)
    return unit * (times >> shift << shift)


def _useful_size(size: int, seen: list[int], failed: Sequence[int]) -> int | None:
    """Return a size that adds a point to the line: the one proposed, or a smaller one where that is none."""
    largest = seen[-1]
    if size > largest:
        return size
    # Nothing larger is allowed. Two sizes make a line, and a third one shows whether it is straight.
    if len(seen) >= 3:  # noqa: PLR2004 - as said
        return None
    others = [largest // 4, 1, largest // 2]
    if largest == 1:
        others = [2]  # there is none below; one that does not fit does no harm
    return next((size for size in others if size > 0 and size not in (*seen, *failed)), None)
