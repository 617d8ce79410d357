"""Report on what went wrong, and on a symptom, in lines and as data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope._common.format import TIMES, collapse_spaces, format_list, truncate
from stepscope._common.report import ReportLine
from stepscope.explain._catalogue import ROLES, SYSTEMS
from stepscope.runs import library_label, progress_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.explain._catalogue import Cause, Symptom
    from stepscope.explain._explain import Explanation, Occurrence

__all__ = [
    "PAGES",
    "describe_symptom",
    "explanation_line",
    "explanation_report",
    "explanation_to_dict",
    "page",
    "symptom_to_dict",
]

PAGES = "https://stepscope.github.io/stepscope/troubleshooting/"
"""Where the page of each symptom is."""

_SHOWN = 4
_CAUSES = 3
_LINE = 300
_SHORT = 120
_STANDINGS = {
    "reproduced": "reproduced: a test of this project makes the real program print it",
    "source": "read in the source of the program that prints it",
    "reported": "reported by users; nobody here has seen it happen",
}


def page(symptom: Symptom) -> str:
    """Return the address of a symptom's page."""
    return f"{PAGES}{symptom.slug}.html"


def explanation_report(explanation: Explanation) -> Iterator[ReportLine]:
    """Yield what went wrong in a run, why, and what to do."""
    run, first = explanation.run, explanation.first_cause
    if run.libraries or run.runtimes:
        yield ReportLine("run", f"{library_label(run)}: {progress_sentence(run)}")
    if first is not None:
        yield from _first_cause(first)
    elif run.failure is not None:
        yield from _unknown(explanation)
    else:
        yield ReportLine("first cause", "none: the log shows no failure", "good")
    yield from _set_off(explanation)
    yield from _occurrences("notable", explanation.notable)
    if first is not None:
        yield ReportLine("page", page(first.symptom))


def explanation_line(explanation: Explanation) -> ReportLine | None:
    """Return the first cause and what to do in one line; None if it is not in the catalogue."""
    first = explanation.first_cause
    if first is None:
        return None
    advice = re.split(r"(?<=\.) (?=[A-Z`])", first.do_now, maxsplit=1)[0]
    text = f"{truncate(collapse_spaces(first.text), _SHORT).rstrip('.')}. {advice} (stepscope explain {first.symptom.slug})"
    return ReportLine("first cause", text, "bad")


def _first_cause(first: Occurrence) -> Iterator[ReportLine]:
    symptom = first.symptom
    yield ReportLine("first cause", _line(first.text), "bad")
    rank = "" if first.rank is None else f", printed by rank {first.rank}"
    count = "" if first.count == 1 else f", {first.count:,} times in all"
    yield ReportLine("", f"{first.place} (byte {first.place.byte:,}){rank}{count}")
    facts = [
        f"{name}: {value}{' (the largest)' if value.isdecimal() else ''}"
        for name, value in first.facts.items()
        if value not in first.text
    ]
    if facts:
        yield ReportLine("", ", ".join(facts))
    yield ReportLine("what happened", symptom.meaning)
    yield from _causes(symptom.causes)
    yield ReportLine("do now", first.do_now, "warn")
    yield ReportLine("find out", symptom.find_out)


def _causes(causes: Sequence[Cause]) -> Iterator[ReportLine]:
    """Yield the most likely causes, and how to tell which of them it is; what to do then is on the page."""
    label = "which of these"
    for number, cause in enumerate(causes[:_CAUSES], 1):
        yield ReportLine(label, f"{number}. {_sentences(cause.cause, cause.tell)}")
        label = ""
    if len(causes) > _CAUSES:
        yield ReportLine("", f"The page has {len(causes) - _CAUSES} more.")


def _sentences(*parts: str) -> str:
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _unknown(explanation: Explanation) -> Iterator[ReportLine]:
    failure = explanation.run.failure
    if failure is None:
        return
    yield ReportLine("what failed" if not failure.interrupted else "interrupted", _line(failure.text), "bad")
    yield ReportLine("", f"{failure.place} (byte {failure.place.byte:,})")
    if failure.interrupted:
        yield ReportLine("what happened", "Somebody pressed Ctrl-C, or a launcher sent the same signal.")
        return
    yield ReportLine("what happened", "The catalogue does not know this message.")
    if failure.where:
        advice = f"Begin at {failure.where}; read the whole traceback and the lines just before it."
    else:
        advice = "Read the lines just before it."
    yield ReportLine("do now", advice, "warn")


def _set_off(explanation: Explanation) -> Iterator[ReportLine]:
    failure, first = explanation.run.failure, explanation.first_cause
    label = "it set off"
    shown = {first.place.byte} if first is not None else set()
    if (
        first is not None
        and failure is not None
        and failure.place.byte
        not in {first.place.byte, *(occurrence.place.byte for occurrence in explanation.set_off)}
    ):
        yield ReportLine(label, f"{_line(failure.text)} ({failure.place})", "bad")
        label = ""
    yield from _occurrences(label, [o for o in explanation.set_off if o.place.byte not in shown])


def _occurrences(label: str, occurrences: Sequence[Occurrence]) -> Iterator[ReportLine]:
    for occurrence in occurrences[:_SHOWN]:
        count = f"{occurrence.count:,} {TIMES} " if occurrence.count > 1 else ""
        role = "" if occurrence.symptom.accuses else f"{ROLES[occurrence.symptom.role]}; "
        text = f"{count}{_line(occurrence.text)} ({role}{occurrence.place}; {occurrence.symptom.slug})"
        yield ReportLine(label, text, "warn" if occurrence.symptom.accuses else "")
        label = ""
    if len(occurrences) > _SHOWN:
        yield ReportLine(label, f"{len(occurrences) - _SHOWN} more; --json shows all")


def _line(text: str) -> str:
    return truncate(collapse_spaces(text), _LINE)


def describe_symptom(symptom: Symptom) -> Iterator[ReportLine]:
    """Yield the entry of a symptom in the catalogue."""
    yield ReportLine("symptom", symptom.title)
    systems = format_list([SYSTEMS[system] for system in symptom.systems])
    yield ReportLine("seen in", f"{systems}{f': {symptom.versions}' if symptom.versions else ''}")
    yield ReportLine("role", ROLES[symptom.role])
    if symptom.rule is not None:
        yield ReportLine("threshold", f"{symptom.rule.threshold:g} {symptom.rule.unit}")
    yield ReportLine("what it means", symptom.meaning)
    label = "which of these"
    for number, cause in enumerate(symptom.causes, 1):
        text = f"{number}. {_sentences(cause.cause, cause.tell, cause.do)}"
        yield ReportLine(label, _with_placeholders(text))
        label = ""
    yield ReportLine("do now", _with_placeholders(symptom.do_now))
    yield ReportLine("find out", symptom.find_out)
    if symptom.sets_off:
        yield ReportLine("it sets off", ", ".join(symptom.sets_off))
    yield ReportLine("standing", _STANDINGS[symptom.standing])
    label = "sources"
    for source in symptom.sources:
        yield ReportLine(label, f"{source.title}{f' ({source.date})' if source.date else ''}: {source.url}")
        label = ""
    yield ReportLine("page", page(symptom))


def _with_placeholders(text: str) -> str:
    return re.sub(r"\{([a-z_]+)\}", r"<\1>", text)


def symptom_to_dict(symptom: Symptom) -> dict[str, object]:
    """Return the entry as values that JSON can hold."""
    rule, emitted = symptom.rule, symptom.emitted
    return {
        "slug": symptom.slug,
        "text": symptom.text,
        "pattern": symptom.pattern,
        "rule": None if rule is None else {"name": rule.name, "threshold": rule.threshold, "unit": rule.unit},
        "role": symptom.role,
        "kind": symptom.kind,
        "systems": list(symptom.systems),
        "versions": symptom.versions,
        "meaning": symptom.meaning,
        "causes": [{"cause": c.cause, "tell": c.tell, "do": c.do} for c in symptom.causes],
        "do_now": symptom.do_now,
        "find_out": symptom.find_out,
        "sets_off": list(symptom.sets_off),
        "standing": symptom.standing,
        "emitted": None
        if emitted is None
        else {name: getattr(emitted, name) for name in ("distribution", "file", "text", "unchecked")},
        "sources": [
            {"title": s.title, "url": s.url, "date": None if s.date is None else str(s.date)}
            for s in symptom.sources
        ],
        "page": page(symptom),
    }


def explanation_to_dict(explanation: Explanation) -> dict[str, object]:
    """Return the explanation as values that JSON can hold."""
    run, failure = explanation.run, explanation.run.failure
    return {
        "run": run.run,
        "libraries": [library for library, _ in run.libraries],
        "runtimes": list(run.runtimes),
        "outcome": run.outcome,
        "done": run.done,
        "planned": run.planned,
        "failure": None
        if failure is None
        else {
            "text": failure.text,
            "where": failure.where,
            "byte": failure.place.byte,
            "after": failure.place.after,
        },
        "first_cause": None if explanation.first_cause is None else _to_dict(explanation.first_cause),
        "set_off": [_to_dict(occurrence) for occurrence in explanation.set_off],
        "notable": [_to_dict(occurrence) for occurrence in explanation.notable],
    }


def _to_dict(occurrence: Occurrence) -> dict[str, object]:
    symptom = occurrence.symptom
    return {
        "slug": symptom.slug,
        "role": symptom.role,
        "text": occurrence.text,
        "byte": occurrence.place.byte,
        "after": occurrence.place.after,
        "count": occurrence.count,
        "rank": occurrence.rank,
        "facts": dict(occurrence.facts),
        "do_now": occurrence.do_now,
        "page": page(symptom),
    }
