"""Versions of a training library, and simulators beside it, recognised by what they print."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stepscope.logs import Record

__all__ = ["TRAINING", "VersionDetector", "Versions", "detect_runtime"]

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


class VersionMarker(NamedTuple):
    """Something printed, and the releases that print it."""

    since: str | None
    until: str | None
    labels: frozenset[str] = frozenset()
    text: str = ""


def _labels(*labels: str, since: str | None = None, until: str | None = None) -> VersionMarker:
    return VersionMarker(since, until, labels=frozenset(labels))


def _text(text: str, *, since: str | None = None, until: str | None = None) -> VersionMarker:
    return VersionMarker(since, until, text=text)


# Labels of an iteration, and beginnings of messages. The recordings hold the proof of each.
_MARKERS: dict[str, tuple[VersionMarker, ...]] = {
    "rl_games": (
        _labels("frames", since="1.6.0"),
        _text("seq_length: ", since="1.6.1"),
        _text("torch.compile: ", since="1.6.5"),
        _text("Network won!", until="1.5.2"),
        _text("Run Directory: ", until="1.6.1"),
    ),
    "rsl_rl": (
        _labels("Total timesteps", until="3.1.3"),
        _labels("Total steps", since="3.2.0"),
        _labels("Value function loss", until="2.2.4"),
        _labels("Value function loss", "Mean reward", until="2.1.2"),
        _labels("Mean total reward", since="2.2.0", until="2.2.4"),
        _labels("value_function", since="2.3.0", until="3.1.3"),
        _labels("Mean value_function loss", since="2.3.0", until="3.1.3"),
        _labels("Total time", until="2.3.0"),
        _labels("Time elapsed", since="2.3.1"),
        _labels("Mean action noise std", until="4.0.1"),
        _labels("Mean action std", since="5.0.0"),
        _text("Actor MLP: Sequential(", until="2.3.3"),
        _text("Actor MLP: MLP(", since="3.0.0", until="3.3.0"),
        _text("Resolved observation sets:", since="3.0.0"),
        _text("Actor Model: ", since="4.0.0"),
    ),
    "skrl": (),
    "sb3": (),
}
TRAINING = frozenset(_MARKERS)
"""Keys of the libraries that train; the others are what a training runs in."""

# What a version prints at its start, after something that all print: without it, the version is `until` or older.
_ABSENT_MARKERS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "rl_games": (
        ("Started to train", "torch.compile: ", "1.6.1"),
        ("current training device: ", "seq_length: ", "1.6.0"),
    ),
}
_WITHOUT_FRAMES = "1.5.2"
# Up to 2.3.2, Stable-Baselines3 printed this number with all digits of a 32-bit float, later with three.
_EXPLAINED, _SB3_BEFORE, _SB3_SINCE = "train/explained_variance", "2.3.2", "2.4.0"


def detect_runtime(line: str) -> str | None:
    """Return the simulator that the first line of a message shows to run beside the training library.

    >>> detect_runtime("Warp 1.19.0 initialized:"), detect_runtime("nefc overflow - please increase njmax to 8")
    ('NVIDIA Warp 1.19.0', 'MuJoCo Warp')
    """
    if (match := _WARP.match(line)) is not None:
        return f"NVIDIA Warp {match[1]}"
    return "MuJoCo Warp" if _OVERFLOW.match(line) is not None else None


class VersionDetector:
    """Narrows the versions of one library down, record by record."""

    def __init__(self, library: str) -> None:
        self._library = library
        self._markers = _MARKERS.get(library, ())
        self._absent_markers = _ABSENT_MARKERS.get(library, ())
        self._beginnings = (
            *(marker.text for marker in self._markers if marker.text),
            *(text for before, wanted, _ in self._absent_markers for text in (before, wanted)),
        )
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
                self._iteration(record)
        elif record.text is not None and record.text.startswith(self._beginnings):
            self._message(record.text)

    def versions(self) -> Versions | None:
        """Return the versions that print all that was seen; None if nothing tells, or if no version does."""
        first, last = self._first, self._last
        if first is None and last is None:
            return None
        if first is not None and last is not None and _parts(first) > _parts(last):
            return None
        return Versions(first=first, last=last)

    def _message(self, text: str) -> None:
        self._printed.update(beginning for beginning in self._beginnings if text.startswith(beginning))
        for marker in self._markers:
            if marker.text and text.startswith(marker.text):
                self._narrow(marker.since, marker.until)

    def _iteration(self, record: Record) -> None:
        if self._library == "sb3":
            self._digits(record.metrics.get(_EXPLAINED))
            return
        labels = frozenset(record.metrics)
        if labels in self._labels:
            return
        if not self._labels:
            self._first_iteration(labels)
        self._labels.add(labels)
        for marker in self._markers:
            if marker.labels and marker.labels <= labels:
                self._narrow(marker.since, marker.until)

    def _first_iteration(self, labels: frozenset[str]) -> None:
        for before, wanted, until in self._absent_markers:
            if before in self._printed and wanted not in self._printed:
                self._narrow(None, until)
        if self._library == "rl_games" and "frames" not in labels:
            self._narrow(None, _WITHOUT_FRAMES)

    def _digits(self, value: float | None) -> None:
        if value is None or not math.isfinite(value):
            return
        if float(f"{value:.3g}") != value:
            self._narrow(None, _SB3_BEFORE)
        elif self._last is None:  # three digits by chance are rare, and older versions soon print more
            self._narrow(_SB3_SINCE, None)

    def _narrow(self, since: str | None, until: str | None) -> None:
        if since is not None and (self._first is None or _parts(since) > _parts(self._first)):
            self._first = since
        if until is not None and (self._last is None or _parts(until) < _parts(self._last)):
            self._last = until


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
