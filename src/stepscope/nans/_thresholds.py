"""How large a value may be: given, or learnt from what was seen while all was well."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from stepscope.nans._flatten import name_parts

__all__ = ["Limits"]

_FACTOR = 1e3
_LEAST = 1e6
_LAG = 8  # looks
_MOST_NAMES = 1000


@dataclass(kw_only=True)
class Limits:
    """The largest magnitude that is not yet called huge, for each tensor.

    Attributes
    ----------
    given
        The same for all tensors; None is learnt, and infinity calls nothing finite huge.

    Notes
    -----
    A learnt limit is 1000 times the largest magnitude that was seen in a tensor until eight looks ago, and a million at
    least: it follows what grows slowly and not what runs away, and what was there from the start is no news. In the first
    look it only learns.
    """

    given: float | None = None
    _largest: dict[str, deque[float]] = field(default_factory=dict)

    @property
    def quiet(self) -> float:
        """Up to here it makes no difference how large a value is."""
        return min(_LEAST / _FACTOR, math.inf if self.given is None else self.given)

    def of(self, name: str) -> float:
        """Return the limit for a tensor now."""
        if self.given is not None:
            return self.given
        seen = self._largest.get(name) or self._largest.get(name_parts(name).current)
        return max(_LEAST, _FACTOR * seen[0]) if seen else math.inf

    def is_bad(self, name: str, low: float, high: float, *, learn: bool = True) -> bool:
        """Say whether these extremes of a tensor are not finite or beyond its limit; learn from them if not and asked to.

        Examples
        --------
        >>> limits = Limits()
        >>> limits.is_bad("rewards", -1.0, 5e8), limits.is_bad("rewards", -1.0, 6e8), limits.is_bad("rewards", 0.0, 1e12)
        (False, False, True)
        >>> limits.is_bad("rewards", float("nan"), float("nan"))
        True
        """
        largest = max(-low, high)
        # Written so that NaN, which compares as false with everything, is bad.
        if not (math.isfinite(low) and math.isfinite(high) and largest <= self.of(name)):
            return True
        if not learn:
            return False
        if name not in self._largest and len(self._largest) >= _MOST_NAMES:  # names may be new in each step
            del self._largest[next(iter(self._largest))]
        seen = self._largest.setdefault(name, deque(maxlen=_LAG))
        seen.append(max(largest, seen[-1]) if seen else largest)
        return False
