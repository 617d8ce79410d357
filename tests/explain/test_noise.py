"""The catalogue in logs: found whatever stands around a text, and accusing nothing that is healthy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope.explain import Explainer, catalogue, explain
from stepscope.logs import read, reads

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
RECORDINGS = sorted((ROOT / "recordings").rglob("*.txt"))
MADE_TO_GO_WRONG = {"clashing", "diverged", "nan", "not", "overflow", "struck"}  # words of file names
HEALTHY = [path for path in RECORDINGS if MADE_TO_GO_WRONG.isdisjoint(path.stem.split("_"))]
TEXTS = {slug: symptom.text for slug, symptom in catalogue().items() if symptom.pattern is not None}
EPOCH = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: {}/900 frames: 0"


def _coloured(lines: list[str]) -> list[str]:
    return [f"\x1b[1;31m{line}\x1b[0m" for line in lines]


def _stamped(lines: list[str]) -> list[str]:
    return [
        f"2026-11-26 10:{number // 60 % 60:02}:{number % 60:02},123 | {line}"
        for number, line in enumerate(lines)
    ]


def _with_ranks(lines: list[str]) -> list[str]:
    """Lines of a process between those of another, as torchrun prints them."""
    return [part for line in lines for part in (f"[default3]:{line}", f"[default0]:{line[:2]}…")]


def _folded(lines: list[str]) -> list[str]:
    return [line[start : start + 80] for line in lines for start in range(0, max(1, len(line)), 80)]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


@pytest.mark.parametrize("noise", [_coloured, _stamped, _with_ranks, _folded, _indented])
def test_texts_are_recognised_in_noise(noise: Callable[[list[str]], list[str]]) -> None:
    """At least 95 % of the catalogue, each text in a log of its own."""
    missed = [slug for slug, text in TEXTS.items() if slug not in _slugs(noise, text)]
    assert len(missed) <= 0.05 * len(TEXTS), missed


def _slugs(noise: Callable[[list[str]], list[str]], text: str) -> set[str]:
    epochs = [EPOCH.format(number) for number in range(1, 40)]
    log = "\n".join(noise([*epochs, *text.split("\n")]))
    return {
        occurrence.symptom.slug
        for explanation in explain(reads(log))
        for occurrence in (explanation.first_cause, *explanation.set_off, *explanation.notable)
        if occurrence is not None
    }


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: str(path.relative_to(ROOT / "recordings")))
def test_a_healthy_recording_accuses_nothing(path: Path) -> None:
    """Only notes and advice are found in a run that did not fail."""
    explainer = Explainer()
    for record in read(path):
        explainer.add(record)
    for explanation in explainer.explanations():
        occurrences = [explanation.first_cause, *explanation.set_off, *explanation.notable]
        assert [] == [o.symptom.slug for o in occurrences if o is not None and o.symptom.accuses]


@pytest.mark.parametrize("path", RECORDINGS[::7], ids=lambda path: str(path.relative_to(ROOT / "recordings")))
def test_quoted_bytes_hold_the_text(path: Path) -> None:
    """A byte that is named is one of the log, and the line that is quoted stands there."""
    data = path.read_bytes()
    for explanation in explain(read(path)):
        for occurrence in (explanation.first_cause, *explanation.set_off, *explanation.notable):
            if occurrence is not None and occurrence.symptom.pattern is not None:
                after = data[occurrence.place.byte :].decode(errors="replace")
                after = re.sub(r"\x1b\[[0-9;]*m", "", after)
                assert occurrence.text[:40] in after
