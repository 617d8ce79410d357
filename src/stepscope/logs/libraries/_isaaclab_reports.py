"""The two boxes that Isaac Lab's benchmark prints at its end.

What its numbers mean is Isaac Lab's ``benchmark/schema.py``, ``benchmark/entrypoints/runtime.py`` and
``benchmark/entrypoints/backends``:

* ``benchmark runtime`` takes random actions and clocks nothing but ``env.step()``, so both of its rates are of the
  scope `step`. On a GPU the clock stops when the call returns, whether or not the device is done.
* ``benchmark training`` has the rates that the training library has itself: ``total_fps`` of rollout and update,
  ``collection_fps`` of the rollout with its policy inference. Each is the mean of the iterations' rates, the first
  one included.
* ``benchmark play`` runs the policy within what it clocks: stepping and inference.
* ``Environment Step … FPS`` clocks ``env.step()`` alone, in whichever of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Fields, decoded
from stepscope.logs._records import Fps, Record, Seconds
from stepscope.logs._values import parse_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs._lines import Line

__all__ = ["Box", "Report"]

_LABEL = 27
_LONGEST = 1000
_NAMES = re.compile(rb"(.{1,200}) \(([A-Za-z]{1,20}(?:/[A-Za-z]{1,20}){1,5})\)")
_STATISTICS = (b"std", b"peak", b"ema")


class Report(Fields):
    """Rows of a label and what was measured, between rules of ``=``; it ends with the second one below its title."""

    yields = True

    def __init__(self, library: str, line: Line, title: re.Match[bytes]) -> None:
        super().__init__(library, line, _row)
        self._workflow = title[1]
        self._rules = 0

    def take(self, line: Line) -> bool:
        """Take a row, or a rule between them."""
        if not super().take(line):
            return False
        self._rules += line.text.startswith(b"===")
        if self._rules == 2:  # noqa: PLR2004 - below the title, and at the end
            self.end()
        return True

    def record(self, span: tuple[int, int]) -> Record:
        """Return the report as a message that has rates, where their scope is certain."""
        get = self.metrics.get
        trained = self._workflow == b"Training"
        total, collection = get("total_fps"), get("collection_fps")
        return Record(
            library=self.library,
            kind="message",
            fps=Fps(total=total, rollout=collection) if trained else Fps(step=total),
            seconds=Seconds(iteration=get("iteration_time")) if trained else Seconds(),
            reward=get("reward"),
            episode_length=get("episode_length"),
            metrics=self.metrics,
            text=str(self._text),
            span=span,
        )


def _row(text: bytes) -> list[tuple[str, float]] | None:
    """Return the numbers of a row of the report, or None if it is none."""
    if not text.startswith(b" "):
        return [] if text.startswith((b"===", b"---")) else None
    if (title := text.rpartition(b"(")[2].partition(b" envs"))[1] and b" summary: " in text[:20]:
        value = parse_number(title[0])
        return [] if value is None else [("envs", value)]
    return list(_numbers(text[1:_LABEL].strip(), text[_LABEL:].replace(b",", b"").split()))


def _numbers(label: bytes, words: list[bytes]) -> Iterator[tuple[str, float]]:
    """Yield ``4,800 steps/s  std 1,321  peak 9,321`` as three numbers, ``0.00 / 12.82 / 6.36 s`` as the label says."""
    name = decoded(label)
    several = _NAMES.fullmatch(label)
    names = iter([name] if several is None else _named(several))
    before = b""
    for word in words[:40]:
        value = parse_number(word.removesuffix(b"%"))
        if value is not None:
            if before in _STATISTICS:
                yield f"{name} {before.decode()}", value
            elif word.endswith(b"%"):
                yield f"{name} %", value
            elif (next_name := next(names, None)) is not None:
                yield next_name, value
        before = word


def _named(several: re.Match[bytes]) -> list[str]:
    """Return the labels that ``Total FPS (mean/std/max)`` stands for."""
    base = decoded(several[1])
    return [f"{base} {part}" for part in several[2].decode().split("/")]


class Box(Fields):
    """The report of the formatter ``summary``: rows between two bars, the long ones wrapped."""

    def __init__(self, library: str, line: Line) -> None:
        self._row = b""
        self._workflow = b""
        super().__init__(library, line, self._pairs_of)

    def record(self, span: tuple[int, int]) -> Record:
        """Return the box as a message that has rates, where their scope is certain."""
        for label, value in self._finished():
            self._numbers.put(label, value)
        self._row = b""
        return Record(
            library=self.library,
            kind="message",
            fps=self._fps(),
            metrics=self.metrics,
            text=str(self._text),
            span=span,
        )

    def _pairs_of(self, text: bytes) -> list[tuple[str, float]] | None:
        if not text.startswith(b"|"):
            return None
        content = text.rstrip().strip(b"|").removeprefix(b" ").rstrip()
        if self._goes_on(content):
            self._row += b" " + content.strip()
            return []
        finished = list(self._finished())
        self._row = content
        return finished

    def _goes_on(self, content: bytes) -> bool:
        """Say whether a row that was too wide goes on here: only its first line is indented or has a label."""
        return 0 < len(self._row) < _LONGEST and b":" not in content and not content.startswith((b" ", b"-"))

    def _finished(self) -> Iterator[tuple[str, float]]:
        label, _, value = self._row.partition(b": ")
        if label == b"workflow_name":
            self._workflow = value
        yield from _numbers(label.strip(), value.split())

    def _fps(self) -> Fps:
        total, collection = self._mean("Total FPS"), self._mean("Collection FPS")
        step = self._mean("Environment Step Host-Return FPS")
        if step is None:
            step = self.metrics.get("Serialized Synchronized Environment Step FPS mean")
        if b"train" in self._workflow:
            return Fps(step=step, rollout=collection, total=total)
        if b"play" in self._workflow:
            return Fps(step=step, rollout=total)
        return Fps(step=step if total is None else total)

    def _mean(self, label: str) -> float | None:
        get = self.metrics.get
        plain = get(f"{label} mean")
        return get(f"Serialized Diagnostic {label} mean") if plain is None else plain
