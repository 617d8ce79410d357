"""Versions of a training library, and simulators around it, recognised by what they print."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope.logs import BY_KEY

if TYPE_CHECKING:
    from stepscope.logs import Record

__all__ = ["VersionDetector", "Versions", "detect_runtime"]

_MOST_ITERATIONS = 512  # that are examined: a run does not change its version
_WARP = re.compile(r"Warp (\d{1,4}(?:\.\w{1,20}){1,4}) initialized")
_OVERFLOW = re.compile(r"(?:nefc|broadphase|narrowphase|contact|constraint) overflow\b.{0,40}\bincrease n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Versions:
    """Releases that print alike.

    Attributes
    ----------
    first, last
        The first and the last of them, both included; None where nothing tells.

    Examples
    --------
    >>> str(Versions(first="3.2.0", last="3.3.0")), str(Versions(last="1.5.2")), str(Versions(first="5.0.0"))
    ('3.2.0 to 3.3.0', '1.5.2 or older', '5.0.0 or newer')
    """

    first: str | None = None
    last: str | None = None

    def __str__(self) -> str:
        if self.first is None or self.last is None:
            return f"{self.last} or older" if self.first is None else f"{self.first} or newer"
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


def detect_runtime(line: str) -> str | None:
    """Return the simulator that the first line of a message shows to run around the training library.

    >>> detect_runtime("Warp 1.19.0 initialized:"), detect_runtime("nefc overflow - please increase njmax to 8")
    ('NVIDIA Warp 1.19.0', 'MuJoCo Warp')
    """
    if (match := _WARP.match(line)) is not None:
        return f"NVIDIA Warp {match[1]}"
    return "MuJoCo Warp" if _OVERFLOW.match(line) is not None else None


class VersionDetector:
    """Narrows the versions of one library down, record by record."""

    def __init__(self, library: str) -> None:
        self._digits = BY_KEY[library].digits
        markers = BY_KEY[library].markers
        self._printed_markers = [marker for marker in markers if marker.text and not marker.instead_of]
        self._absent_markers = [marker for marker in markers if marker.instead_of or marker.missing]
        self._label_markers = [(marker, frozenset(marker.labels)) for marker in markers if marker.labels]
        beginnings = (text for marker in markers for text in (marker.text, marker.instead_of))
        self._beginnings = tuple(filter(None, beginnings))
        self._printed: set[str] = set()
        self._labels: set[frozenset[str]] = set()
        self._remaining = _MOST_ITERATIONS
        self._first: str | None = None
        self._last: str | None = None

    def update(self, record: Record) -> None:
        """Take what `record` tells."""
        if record.kind == "iteration":
            if self._remaining:
                self._remaining -= 1
                self._update_iteration(record)
        elif record.text is not None and record.text.startswith(self._beginnings):
            self._update_message(record.text)

    def versions(self) -> Versions | None:
        """Return the versions that print all that was seen; None if nothing tells, or if no version does."""
        first, last = self._first, self._last
        if first is None and last is None:
            return None
        if first is not None and last is not None and _parts(first) > _parts(last):
            return None
        return Versions(first=first, last=last)

    def _update_message(self, text: str) -> None:
        self._printed.update(beginning for beginning in self._beginnings if text.startswith(beginning))
        for marker in self._printed_markers:
            if text.startswith(marker.text):
                self._narrow(marker.since, marker.until)

    def _update_iteration(self, record: Record) -> None:
        if self._digits is not None:
            self._count_digits(record, *self._digits)
        labels = frozenset(record.metrics)
        if labels in self._labels:
            return
        if not self._labels:
            self._update_absent(labels)
        self._labels.add(labels)
        for marker, wanted in self._label_markers:
            if wanted <= labels:
                self._narrow(marker.since, marker.until)

    def _update_absent(self, labels: frozenset[str]) -> None:
        """Take what the first iteration tells by what was not printed."""
        for marker in self._absent_markers:
            replaced = marker.text in self._printed and marker.instead_of not in self._printed
            if labels.isdisjoint(marker.missing) if marker.missing else replaced:
                self._narrow(marker.since, marker.until)

    def _count_digits(self, record: Record, label: str, until: str, since: str) -> None:
        value = record.metrics.get(label)
        if value is None or not math.isfinite(value):
            return
        if float(f"{value:.3g}") != value:
            self._narrow(None, until)
        elif self._last is None:  # three digits by chance are rare, and older versions soon print more
            self._narrow(since, None)

    def _narrow(self, since: str | None, until: str | None) -> None:
        if since is not None and (self._first is None or _parts(since) > _parts(self._first)):
            self._first = since
        if until is not None and (self._last is None or _parts(until) < _parts(self._last)):
            self._last = until


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
