"""The first cause of what went wrong in a run, what it set off, and what else is notable."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stepscope._common.format import format_number
from stepscope.explain._catalogue import catalogue
from stepscope.explain._match import FoldedLines, find_symptoms, merge_facts
from stepscope.explain._rules import NumberRules
from stepscope.runs import MOST_RUNS, Place, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stepscope.explain._catalogue import Symptom
    from stepscope.explain._match import Match
    from stepscope.explain._rules import Sign
    from stepscope.logs import Record
    from stepscope.runs import Run, RunSummary

__all__ = ["Explainer", "Explanation", "Occurrence", "explain"]

_MOST_TEXTS = 1024  # whose symptoms are remembered: a log repeats few messages very often
_LONGEST_REMEMBERED = 512
_LIVE = 4  # runs that may still go on: the lines of several processes do not come in order
_LONGEST_FOLDED = 4000
_TEXTS = {"message", "failure", "unrecognised"}
_REMARK = re.compile(r"(?i)exception ignored in|traceback \(most recent call last\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """A symptom in a run.

    Attributes
    ----------
    symptom
        Which one.
    place
        Where it occurs first.
    text
        The line that shows it; of a course of numbers, the numbers.
    count
        How often it occurs.
    facts
        What the text tells, by name; of numbers the largest of all occurrences.
    rank
        Process that printed the first, where the text tells.
    """

    symptom: Symptom
    place: Place
    text: str
    count: int
    facts: Mapping[str, str] = field(default_factory=dict)
    rank: int | None = None

    @property
    def do_now(self) -> str:
        """What to do now, with the facts of this log in it."""
        return with_facts(self.symptom.do_now, self.facts)


def with_facts(text: str, facts: Mapping[str, str]) -> str:
    """Return `text` with each ``{name}`` replaced by the fact of that name."""
    return re.sub(r"\{([a-z_]+)\}", lambda name: facts.get(name[1]) or "the printed number", text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What went wrong in a run.

    Attributes
    ----------
    run
        Summary of the run.
    first_cause
        The earliest root cause; None if there is none in the catalogue or nothing went wrong.
    set_off
        What followed from it, in order.
    notable
        What else is worth knowing: what may be wrong, then advice, then notes.
    """

    run: RunSummary
    first_cause: Occurrence | None
    set_off: tuple[Occurrence, ...]
    notable: tuple[Occurrence, ...]

    @property
    def wrong(self) -> bool:
        """Whether there is a failure, or a first cause without one."""
        return self.first_cause is not None or self.run.failure is not None


class _Symptoms:
    """The symptoms of one run so far."""

    def __init__(self) -> None:
        self.rules: NumberRules | None = NumberRules()
        self._signs: tuple[Sign, ...] = ()
        self.by_slug: dict[str, _Counter] = {}
        self.texts: dict[str, tuple[_Counter, ...]] = {}
        self.folded = FoldedLines()

    @property
    def signs(self) -> tuple[Sign, ...]:
        """What the rules say of the numbers so far."""
        return self._signs if self.rules is None else self.rules.signs()

    def close(self) -> None:
        """Keep only what is known of a run that is over."""
        self._signs, self.rules = self.signs, None
        self.texts.clear()
        self.folded = FoldedLines()


class _Counter:
    """Counts the occurrences of a symptom."""

    __slots__ = ("count", "facts", "failure", "last_after", "line", "match", "place", "rank", "remark")

    def __init__(self, match: Match, record: Record, place: Place, *, remark: bool) -> None:
        self.match, self.place, self.remark = match, place, remark
        self.rank, self.line, self.facts = record.rank, match.line, dict(match.facts)
        self.failure = record.span[0] if record.kind == "failure" else None
        self.last_after = place.after
        self.count = 1

    def occurrence(self) -> Occurrence:
        return Occurrence(
            symptom=self.match.symptom,
            place=self.place,
            text=self.line.strip(),
            count=self.count,
            facts=self.facts,
            rank=self.rank,
        )


class Explainer:
    """Takes the records of a log, in memory that does not grow with their number.

    Attributes
    ----------
    summary
        Summary of the log.

    Examples
    --------
    >>> from stepscope.logs import reads
    >>> explainer = Explainer("a log")
    >>> text = "PhysX error: Patch buffer overflow detected, please increase its size to at least 178421 in the scene desc!"
    >>> for record in reads(text):
    ...     explainer.add(record)
    >>> [explanation] = explainer.explanations()
    >>> explanation.first_cause.symptom.slug, explanation.first_cause.facts
    ('patch-buffer-overflow', {'needed': '178421'})
    """

    def __init__(self, name: str = "log") -> None:
        self.summary = Summary(name)
        self._runs: dict[int, _Symptoms] = {}

    def add(self, record: Record) -> None:
        """Take a record."""
        run = self.summary.add(record)
        number = min(record.run, MOST_RUNS)
        symptoms = self._runs.get(number)
        if symptoms is None:
            symptoms = self._runs[number] = _Symptoms()
            if number > _LIVE and (over := self._runs.get(number - _LIVE)) is not None:
                over.close()
        if record.kind in _TEXTS and record.text is not None:
            self._add_text(record, record.text, run, symptoms)
        elif symptoms.rules is not None:
            symptoms.rules.add(record)

    def tee(self, records: Iterable[Record]) -> Iterator[Record]:
        """Take each record and pass it on."""
        for record in records:
            self.add(record)
            yield record

    def _add_text(self, record: Record, text: str, run: Run, symptoms: _Symptoms) -> None:
        known = symptoms.texts.get(text)
        if known is not None:
            for counter in known:
                counter.count += 1
                counter.last_after = run.progress.latest
            return
        remark = record.kind == "message" and _REMARK.search(text) is not None
        matches = find_symptoms(text)
        if record.kind == "failure" and not any(match.symptom.accuses for match in matches):
            # Whoever posted it may have folded it at words.
            matches += find_symptoms(" ".join(text[-_LONGEST_FOLDED:].split()))
        folded = [*symptoms.folded.find_symptoms(text, record.span)]
        counters = [self._count(match, record, run, symptoms, remark=remark) for match in (*folded, *matches)]
        # What only several lines together show says nothing of the same line elsewhere.
        if len(text) <= _LONGEST_REMEMBERED and not folded:
            if len(symptoms.texts) == _MOST_TEXTS:
                symptoms.texts.clear()
            symptoms.texts[text] = tuple(counters)

    def _count(
        self, match: Match, record: Record, run: Run, symptoms: _Symptoms, *, remark: bool
    ) -> _Counter:
        place = run.progress.locate(record)
        counter = symptoms.by_slug.get(match.symptom.slug)
        if counter is None or (counter.remark and not remark):
            # What was only remarked on, and now happens, begins here.
            counter = symptoms.by_slug[match.symptom.slug] = _Counter(match, record, place, remark=remark)
        else:
            counter.count += 1
            counter.last_after = place.after
            if counter.failure is None and record.kind == "failure":
                counter.failure = record.span[0]
            merge_facts(counter.facts, match.facts)
        return counter

    def explanations(self) -> tuple[Explanation, ...]:
        """Return the explanation of each run so far."""
        return tuple(self._explanation(run) for run in self.summary.runs())

    def _explanation(self, run: RunSummary) -> Explanation:
        symptoms = self._runs[run.run]
        texts = list(symptoms.by_slug.values())
        failure = run.failure
        # What a run went on after to its planned end, and what was only remarked on, accuses nobody.
        accused = [
            counter
            for counter in texts
            if not counter.remark and (counter.failure is None or failure is not None)
        ]
        signs = [_occurrence(sign, run) for sign in symptoms.signs]
        events = sorted(
            [*(counter.occurrence() for counter in accused), *signs],
            key=lambda occurrence: occurrence.place.byte,
        )
        first = _first_cause(events, run, {id(c.match.symptom): c for c in accused})
        set_off = [occurrence for occurrence in events if _follows(occurrence, first, run)]
        rest = [occurrence for occurrence in events if occurrence is not first and occurrence not in set_off]
        rest += [counter.occurrence() for counter in texts if counter not in accused]
        # What may be wrong comes first, then advice, then notes.
        rest.sort(key=lambda occurrence: (not occurrence.symptom.accuses, occurrence.symptom.role == "note"))
        return Explanation(run=run, first_cause=first, set_off=tuple(set_off), notable=tuple(rest))


def _follows(occurrence: Occurrence, first: Occurrence | None, run: RunSummary) -> bool:
    """Return whether something followed from the first cause: it is known to, or came with or after the failure."""
    symptom, byte = occurrence.symptom, occurrence.place.byte
    if first is None or occurrence is first or byte < first.place.byte or symptom.role in {"note", "advice"}:
        return False
    after_failure = run.failure is not None and byte >= run.failure.place.byte
    return after_failure or symptom.slug in _consequences(first.symptom)


def _occurrence(sign: Sign, run: RunSummary) -> Occurrence:
    """Return what a rule found in numbers as an occurrence in the log."""
    before = "" if sign.before is None else f"{format_number(sign.before)} → "
    after = "" if sign.after is None else format_number(sign.after)
    place = Place(byte=sign.byte, after=sign.iteration, planned=run.planned, unit=run.unit)
    text = f"{sign.label}: {before}{after}"
    return Occurrence(symptom=catalogue()[sign.slug], place=place, text=text, count=sign.count)


def _consequences(symptom: Symptom) -> set[str]:
    """Return the slugs of all that a symptom may set off."""
    reached: set[str] = set()
    waiting = [symptom.slug]
    while waiting:
        for slug in catalogue()[waiting.pop()].sets_off:
            if slug not in reached:
                reached.add(slug)
                waiting.append(slug)
    return reached


def _first_cause(
    events: Iterable[Occurrence], run: RunSummary, counters: Mapping[int, _Counter]
) -> Occurrence | None:
    """Return the earliest root cause of what ended the run; of a run that did not fail, the earliest of all."""
    roots = [occurrence for occurrence in events if occurrence.symptom.role == "root_cause"]
    if (failure := run.failure) is None:
        return next(iter(roots), None)
    fatal = [occurrence for occurrence in events if _in_failure(occurrence, run, counters)]
    slugs = {occurrence.symptom.slug for occurrence in fatal}

    def related(occurrence: Occurrence) -> bool:
        if occurrence.place.byte > failure.place.byte:
            return False
        if occurrence in fatal or _consequences(occurrence.symptom) & slugs:
            return True
        counter = counters.get(id(occurrence.symptom))
        # Progress between two errors separates them, unless the first went on.
        last = occurrence.place.after if counter is None else counter.last_after
        return last == failure.place.after

    roots = [occurrence for occurrence in roots if related(occurrence)]
    accused = [occurrence for occurrence in fatal if occurrence.symptom.accuses]
    return next(iter([*roots, *accused]), None)


def _in_failure(occurrence: Occurrence, run: RunSummary, counters: Mapping[int, _Counter]) -> bool:
    counter = counters.get(id(occurrence.symptom))
    return counter is not None and run.failure is not None and counter.failure == run.failure.place.byte


def explain(records: Iterable[Record]) -> Iterator[Explanation]:
    """Yield the explanation of each run in a log.

    Parameters
    ----------
    records
        What `stepscope.logs.read` yields.
    """
    explainer = Explainer()
    deque(explainer.tee(records), maxlen=0)
    yield from explainer.explanations()
