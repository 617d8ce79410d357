"""The text of an issue for the maintainers of a library: what they need, without names of people and machines."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import stepscope
from stepscope._common import printable
from stepscope._common.personal import remove_personal
from stepscope._common.text import mask_numbers, strip_escapes
from stepscope.explain import explanation_report, page
from stepscope.runs import report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope._common.report import ReportLine
    from stepscope.browser._file import BrowserFile
    from stepscope.explain import Explanation

__all__ = ["format_issue"]

_BEFORE, _AFTER = 2000, 4000  # bytes of the log around what went wrong
_MOST = 24_000  # bytes between the first cause and the failure, with both
_LINE = 400  # characters
_ALIKE = 2
_WRONG = re.compile("first cause|what failed|interrupted|it set off")
_RUN = re.compile("(?!records|first failure)")


def format_issue(explanation: Explanation, log: BrowserFile) -> str:
    """Return Markdown for a report to the maintainers: what failed, the summary of the run, and the log around the failure.

    Home directories become ``~``. A page shows the text before it is copied, since nobody can know all that is personal.
    """
    run, first = explanation.run, explanation.first_cause
    parts = []
    if explanation.wrong:
        parts += ["### What went wrong", "", *_list(explanation_report(explanation), _WRONG), ""]
    parts += ["### The run", "", *_list(report(run), _RUN)]
    parts += ["* versions: (paste what `stepscope doctor` prints)"]
    excerpt = _excerpt(explanation, log)
    if excerpt:
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", excerpt)), default=0))
        parts += ["", "### The log around it", "", f"{fence}text", excerpt, fence]
    if first is not None:
        parts += ["", f"The message is explained at {page(first.symptom)}"]
    parts += ["", f"Read with Stepscope {stepscope.__version__}, https://stepscope.github.io/stepscope/"]
    return str(remove_personal("\n".join(parts)))


def _list(lines: Iterable[ReportLine], labels: re.Pattern[str]) -> Iterator[str]:
    """Yield the lines with these labels as a list; what continues a line is indented."""
    label = ""
    for line in lines:
        label = line.label.strip() or label
        text = " ".join(line.text.split())
        if labels.match(label) and not set(text) <= set("█▓░"):
            yield f"* {line.label.strip()}: {text}" if line.label.strip() else f"  {text}"


def _excerpt(explanation: Explanation, log: BrowserFile) -> str:
    """Return the lines of the log around the first cause, or around the failure."""
    places = [
        found.place.byte for found in (explanation.first_cause, explanation.run.failure) if found is not None
    ]
    if not places:
        return ""
    begin = max(0, min(places) - _BEFORE)
    end = min(log.size, max(places) + _AFTER)
    if end - begin > _MOST:  # the failure came much later: what came first tells more
        end = min(places) + _AFTER
    text = strip_escapes(log.read(begin, end).decode("utf-8", errors="replace"))
    lines = text.splitlines()
    # The first and the last may be incomplete.
    lines = lines[begin > 0 : len(lines) - (end < log.size and not text.endswith("\n"))]
    return "\n".join(_fold(printable(line, indent=True, limit=_LINE) for line in lines)).strip("\n")


def _fold(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines; of those in a row that differ only in their numbers, the first ones and how many follow."""
    for _, group in itertools.groupby(lines, key=mask_numbers):
        alike = list(group)
        yield from alike[:_ALIKE]
        if len(alike) > _ALIKE:
            yield f"[{len(alike) - _ALIKE} more lines that differ only in their numbers]"
