"""Magnitudes beyond which a value counts as huge, fixed or learned."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from stepscope.nans._names import parse_tensor_name

__all__ = ["Thresholds"]

_FACTOR = 1e3
_MIN_LEARNED = 1e6
_LAG = 8  # checks
_MAX_NAMES = 1000


@dataclass(kw_only=True)
class Thresholds:
    """Largest magnitude of each tensor that does not yet count as huge.

    Attributes
    ----------
    fixed
        Threshold of all tensors; None learns one for each, and infinity calls no finite value huge.

    Notes
    -----
    A learned threshold is 1000 times the largest magnitude seen in a tensor until eight checks ago, and at least a
    million: it follows slow growth but not divergence, and accepts what was there from the start. The first check only
    learns.
    """

    fixed: float | None = None
    _largest: dict[str, deque[float]] = field(default_factory=dict)

    @property
    def fast_path_below(self) -> float:
        """Magnitude up to which the exact value makes no difference."""
        return min(_MIN_LEARNED / _FACTOR, math.inf if self.fixed is None else self.fixed)

    def of(self, name: str) -> float:
        """Return the current threshold of a tensor."""
        if self.fixed is not None:
            return self.fixed
        largest = self._largest.get(name) or self._largest.get(parse_tensor_name(name).current)
        return max(_MIN_LEARNED, _FACTOR * largest[0]) if largest else math.inf

    def is_bad(self, name: str, low: float, high: float, *, learn: bool = True) -> bool:
        """Return whether a tensor's extrema are not finite or beyond its threshold; learn from them otherwise.

        Examples
        --------
        >>> thresholds = Thresholds()
        >>> [thresholds.is_bad("rewards", -1.0, high) for high in (5e8, 6e8, 1e12)]
        [False, False, True]
        >>> thresholds.is_bad("rewards", float("nan"), float("nan"))
        True
        """
        largest = max(-low, high)
        # Written so that NaN, which compares as false with everything, is bad.
        if not (math.isfinite(low) and math.isfinite(high) and largest <= self.of(name)):
            return True
        if not learn:
            return False
        if name not in self._largest and len(self._largest) >= _MAX_NAMES:  # names may be new in each step
            del self._largest[next(iter(self._largest))]
        history = self._largest.setdefault(name, deque(maxlen=_LAG))
        history.append(max(largest, history[-1]) if history else largest)
        return False
