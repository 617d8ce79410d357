"""What holds of the explanation of every log, however damaged."""

from __future__ import annotations

import io
import json
import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from fuzz._damage import lines_of
from fuzz._tools import hold, same
from stepscope.explain import Explainer, explanation_line, explanation_report, explanation_to_dict
from stepscope.logs import read

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["coloured", "explained", "explanations"]


def explained(data: bytes, _: random.Random) -> None:
    """Explain a log, and find what is quoted at the bytes that are named."""
    explainer = Explainer()
    texts = {record.span: record.text or "" for record in explainer.tee(read(io.BytesIO(data)))}
    spans = {begin: (begin, end) for begin, end in texts}
    printed = re.sub(r"\s", "", "".join(texts.values()))
    for explanation in explainer.explanations():
        lines = [*explanation_report(explanation), explanation_line(explanation)]
        hold(
            all(line is None or len(line.text.splitlines()) <= 1 for line in lines),
            "a line of the report is two",
        )
        json.dumps(explanation_to_dict(explanation), allow_nan=False)
        occurrences = [*explanation.set_off, *explanation.notable]
        if explanation.first_cause is not None:
            occurrences.append(explanation.first_cause)
        slugs = [occurrence.symptom.slug for occurrence in occurrences]
        hold(len(slugs) == len(set(slugs)), "a symptom occurs twice")
        for occurrence in occurrences:
            slug, byte = occurrence.symptom.slug, occurrence.place.byte
            hold(byte in spans, f"{slug} is said to stand at byte {byte}, where no record starts")
            hold(occurrence.count > 0, f"{slug} occurs {occurrence.count} times")
            if occurrence.symptom.pattern is None:
                continue  # it quotes numbers
            text = texts[spans[byte]]
            # Of lines that a terminal folded, what is quoted ends in this record.
            quoted = re.sub(r"\s", "", occurrence.text)
            hold(
                occurrence.text in text or (text.split("\n")[0] in occurrence.text and quoted in printed),
                f"{slug} quotes {occurrence.text[:200]!r}, but the record at byte {byte} is {text[:200]!r}",
            )
            hold(
                re.search(occurrence.symptom.pattern, occurrence.text),
                f"{slug} quotes {occurrence.text[:200]!r}",
            )


def explanations(data: bytes, moved: Callable[[int], int] = int) -> list[str]:
    """Return the JSON of all explanations, with the bytes of places as `moved` gives them."""
    explainer = Explainer()
    for record in read(io.BytesIO(data)):
        explainer.add(record)
    return [json.dumps(_moved(explanation_to_dict(each), moved)) for each in explainer.explanations()]


def _moved(value: Any, moved: Callable[[int], int]) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        return {
            name: moved(inside) if name == "byte" else _moved(inside, moved) for name, inside in value.items()
        }
    return [_moved(inside, moved) for inside in value] if isinstance(value, list) else value


def coloured(data: bytes, choose: random.Random) -> None:
    """Print each line in a colour: nothing changes but where the lines stand."""
    lines = lines_of(data)
    colours = [choose.choice((b"\x1b[31m", b"\x1b[38;20m", b"\x1b[1m\x1b[33m", b"")) for _ in lines]
    painted = list(map(_painted, lines, colours))
    starts, others = (list(accumulate(map(len, part), initial=0)) for part in (lines, painted))

    def moved(byte: int) -> int:
        at = bisect_right(starts, byte) - 1
        inside = byte - starts[at]
        return others[at] + inside + (len(colours[at]) if inside else 0)

    same(explanations(b"".join(painted)), explanations(data, moved), "in colours")


def _painted(line: bytes, colour: bytes) -> bytes:
    text = line.rstrip(b"\r\n")
    return colour + text + (b"\x1b[0m" if colour else b"") + line[len(text) :]
