"""One run of a log, summed up record by record in memory that does not grow."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from stepscope.runs._around import name_of
from stepscope.runs._failure import failure
from stepscope.runs._messages import Groups
from stepscope.runs._progress import Count
from stepscope.runs._rates import SCOPES, Courses, Rates, Times
from stepscope.runs._run_summary import Outcome, RunSummary
from stepscope.runs._versions import TRAINING, Clues

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.logs import Kind, Record
    from stepscope.runs._failure import Failure
    from stepscope.runs._messages import Place
    from stepscope.runs._rates import Scope

__all__ = ["Outcome", "Run", "RunSummary"]

_MOST_RANKS = 1024
_MOST_NAMES = 16
_WARNING = re.compile(r"(?i)warn(?:ing)?\b|deprecated|overflow|\bwarning:|\bexceeded\b")
_BAD_NUMBER = re.compile(r"(?i)\bnan\b.{0,40}\b(?:input|found|detected|encountered)|\bfound nan\b")
# What stands before a message: torchrun's stamp, and the folder of the file that a Python warning names.
_STAMP = re.compile(r"[WEI]\d{4} [\d:.]{1,20} +\d{1,9} \S{1,200}\] ")
_FOLDERS = re.compile(r"^\S{0,1000}[/\\](?=[^/\\\s]{1,200}:\d)")
_WORDS = ("warn", "overflow", "deprecated", "exceeded", "nan", "warp", "max ", "won!", "achieved")
_ENDS = ("MAX EPOCHS NUM!", "MAX FRAMES NUM!", "Maximum reward achieved", "Network won!")
_LONGEST = 2000


class Run:
    """Takes the records of one run.

    Attributes
    ----------
    kinds
        How many records of each kind there were so far.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._clues: dict[str, Clues] = {}
        self._around: dict[str, None] = {}
        self._named: dict[str, None] = {}
        self._ranks: set[int] = set()
        self.kinds: dict[Kind, int] = {}
        self._count = Count()
        self._seconds: float | None = None
        self._rates, self._times = Rates(), Times()
        self._reward, self._length, self._best = Courses(), Courses(), Courses()
        self._checkpoint: str | None = None
        self._said_end = False
        self._reported: dict[str, tuple[tuple[Scope, float], ...]] = {}
        self._failure: Failure | None = None
        self._warnings, self._signs = Groups(), Groups()
        self._unrecognised: tuple[str, Place] | None = None
        self._take: dict[Kind, Callable[[Record], None]] = {
            "iteration": self._iteration,
            "progress": self._progress,
            "checkpoint": self._saved,
            "best_reward": self._announced,
            "message": self._message,
            "failure": self._failed,
            "unrecognised": self._unknown,
        }

    def add(self, record: Record) -> None:
        """Take a record of this run."""
        kind, library = record.kind, record.library
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if record.rank is not None and len(self._ranks) < _MOST_RANKS:
            self._ranks.add(record.rank)
        if library is not None:
            clues = self._clues.get(library) or self._new(library)
            if clues is not None:
                clues.see(record)
        self._take[kind](record)

    def _new(self, library: str) -> Clues | None:
        if library not in TRAINING:
            self._around[library] = None
            return None
        return self._clues.setdefault(library, Clues(library))

    def _iteration(self, record: Record) -> None:
        self._count.iteration(record)
        self._rates.iteration(record)
        self._times.iteration(record)
        self._means(record)
        values = record.metrics.values()
        if not math.isfinite(sum(values)):
            place = self._count.place(record)
            for label, value in record.metrics.items():
                if not math.isfinite(value):
                    self._signs.add(f"{label} is {value}", place)

    def _progress(self, record: Record) -> None:
        self._count.progress(record)
        self._rates.progress(record)
        self._means(record)

    def _means(self, record: Record) -> None:
        if record.reward is not None:
            self._reward.add(record.reward, record.iteration)
        if record.episode_length is not None:
            self._length.add(record.episode_length, record.iteration)
        if (elapsed := record.derived.get("seconds.elapsed", record.seconds.elapsed)) is not None:
            self._seconds = elapsed

    def _saved(self, record: Record) -> None:
        self._checkpoint = record.text
        if record.reward is not None and not math.isfinite(record.reward):
            self._signs.add(f"reward of a checkpoint is {record.reward}", self._count.place(record))

    def _announced(self, record: Record) -> None:
        if record.reward is not None:
            self._best.add(record.reward, self._count.latest)

    def _message(self, record: Record) -> None:
        self._remarkable(record)
        if record.metrics and record.library is not None:
            rates = ((scope, getattr(record.fps, scope)) for scope in SCOPES)
            found = tuple((scope, value) for scope, value in rates if value is not None)
            self._reported.update({record.library: found} if found else {})

    def _unknown(self, record: Record) -> None:
        if not self._remarkable(record) and self._unrecognised is None:
            self._unrecognised = (record.text or "", self._count.place(record))

    def _remarkable(self, record: Record) -> bool:
        """Keep a message that is a warning, an early sign of failure, an end, or names what else is at work."""
        text = (record.text or "")[:_LONGEST]
        lowered = text.lower()
        if not any(word in lowered for word in _WORDS):  # much faster than the expressions, and mostly true
            return False
        line = text.lstrip("\n").partition("\n")[0]
        self._said_end = self._said_end or line.startswith(_ENDS)
        if (name := name_of(line)) is not None and len(self._named) < _MOST_NAMES:
            self._named[name] = None
        if _BAD_NUMBER.search(line):
            self._signs.add(line, self._count.place(record))
        elif _WARNING.search(line):
            self._warnings.add(_FOLDERS.sub("", _STAMP.sub("", line)), self._count.place(record))
        else:
            return False
        return True

    def _failed(self, record: Record) -> None:
        if self._failure is None:
            self._failure = failure(record.text or "", self._count.place(record))

    @property
    def failed(self) -> bool:
        """Whether there was a failure."""
        return self._failure is not None

    def summary(self, *, rates: bool = True) -> RunSummary:
        """Return what the run comes to so far; without `rates` it takes no time that grows with the run."""
        count = self._count
        return RunSummary(
            run=self._number,
            libraries=tuple((library, clues.versions()) for library, clues in self._clues.items()),
            around=(*self._around, *self._named),
            ranks=tuple(sorted(self._ranks)),
            kinds=dict(self.kinds),
            unit=count.unit,
            begin=count.begin,
            done=count.done,
            planned=count.planned,
            env_steps=count.env_steps,
            env_steps_corrected=count.corrected,
            env_steps_each=count.each,
            seconds=self._seconds,
            rates=self._rates.rates() if rates else (),
            reported=tuple(self._reported.items()),
            time=self._times.shares(),
            reward=self._reward.course(),
            episode_length=self._length.course(),
            best_reward=self._best.course(),
            last_checkpoint=self._checkpoint,
            outcome=self._outcome(),
            failure=self._failure,
            warnings=self._warnings.groups(),
            more_warnings=self._warnings.others,
            signs=self._signs.groups(),
            unrecognised=self._unrecognised,
        )

    def _outcome(self) -> Outcome:
        if self._failure is not None:
            return "interrupted" if self._failure.interrupted else "failed"
        if self._said_end or self._count.complete:
            return "finished"
        return "unfinished" if self._count.has_end else "unknown"
