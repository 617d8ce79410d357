"""Statistics of one run, updated record by record in memory that does not grow."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from stepscope.logs import BY_KEY, LIBRARIES, goal
from stepscope.runs._failure import parse_traceback
from stepscope.runs._messages import MessageCluster, MessageClusters, MessageTemplate, Place
from stepscope.runs._progress import ProgressTracker
from stepscope.runs._rates import SCOPES, RateTracker, TimeTracker
from stepscope.runs._run_summary import Outcome, RunSummary
from stepscope.runs._trends import MetricTracker
from stepscope.runs._updates import UpdateTracker
from stepscope.runs._versions import VersionDetector, detect_runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.logs import Kind, Record
    from stepscope.runs._failure import Failure
    from stepscope.runs._rates import Scope

__all__ = ["Outcome", "Run", "RunSummary"]

_MOST_RANKS = 1024
_MOST_RUNTIMES = 16
_MOST_TEXTS = 1024  # that are remembered with their template: a log repeats few messages very often
_LONGEST_REMEMBERED = 256
_WARNING = re.compile(
    r"(?i)warn(?:ing)?\b|\[(?:error|fatal)\] \[|exception ignored in|\bcan't use\b|deprecated|overflow|\bwarning:|\bexceeded\b"
)
_BAD_NUMBER = re.compile(r"(?i)\bnan\b.{0,40}\b(?:input|found|detected|encountered)|\bfound nan\b")
# What stands before a message: torchrun's stamp, and the folder of the file that a Python warning names.
_STAMP = re.compile(
    r"[WEI]\d{4} [\d:.]{1,20} +\d{1,9} \S{1,200}\] "
    r"|(?:\d{4}-\d\d-\d\d[T ][\d:]{8}Z? )?(?:\[[\d,]{1,12}ms\] )?\[(?:Warning|Error|Fatal)\] (?=\[)"
)
_FOLDERS = re.compile(r"^\S{0,1000}[/\\](?=[^/\\\s]{1,200}:\d)")
_KEYWORDS = (
    "warn",
    "error]",
    "fatal]",
    "ignored",
    "can't use",
    "overflow",
    "deprecated",
    "exceeded",
    "nan",
    "warp",
)
_NUM_ENVS = ("Number of environments",)  # as Isaac Lab's scene manager prints it
_RUN_ENDS = tuple(end for library in LIBRARIES for end in library.run_ends)
_LONGEST = 2000


class Run:
    """Takes the records of one run.

    Attributes
    ----------
    kinds
        How many records of each kind there were so far.
    progress
        Its counts.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._versions: dict[str, VersionDetector] = {}
        self._runtimes: dict[str, None] = {}
        self._detected_runtimes: dict[str, None] = {}
        self._ranks: set[int] = set()
        self.kinds: dict[Kind, int] = {}
        self.progress = ProgressTracker()
        self._seconds: float | None = None
        self._rates, self._times, self._updates = RateTracker(), TimeTracker(), UpdateTracker()
        self._reward, self._length, self._best = MetricTracker(), MetricTracker(), MetricTracker()
        self._checkpoint: str | None = None
        self._end_announced = False
        self._reported: dict[str, tuple[tuple[Scope, float], ...]] = {}
        self._failure: Failure | None = None
        self._thread_failure: Failure | None = None
        self._resumed = False
        self._num_envs: int | None = None
        self._warnings, self._early_warnings = MessageClusters(), MessageClusters()
        self._unrecognised: tuple[str, Place] | None = None
        self._unremarkable = MessageTemplate([], [], Place(byte=0))
        self._texts: dict[tuple[str, str | None, str | None], MessageTemplate] = {}
        self._add: dict[Kind, Callable[[Record], None]] = {
            "iteration": self._add_iteration,
            "progress": self._add_progress,
            "checkpoint": self._add_checkpoint,
            "best_reward": self._add_best_reward,
            "message": self._add_message,
            "failure": self._add_failure,
            "unrecognised": self._add_unrecognised,
        }

    def add(self, record: Record) -> None:
        """Take a record of this run."""
        kind, library = record.kind, record.library
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if record.rank is not None and len(self._ranks) < _MOST_RANKS:
            self._ranks.add(record.rank)
        if record.text is not None:
            template = self._texts.get((kind, library, record.text))
            if template is not None:
                template.count += 1  # a message that was seen before tells nothing else
                return
        if library is not None:
            detector = self._versions.get(library) or self._add_library(library)
            if detector is not None:
                detector.update(record)
        self._add[kind](record)

    def _add_library(self, library: str) -> VersionDetector | None:
        if not BY_KEY[library].trains:
            self._runtimes[library] = None
            return None
        return self._versions.setdefault(library, VersionDetector(library))

    def _survived(self) -> tuple[MessageCluster, ...]:
        """Return the failure that the run went on after to its planned end."""
        if self._failure is None or self._ending() is not None:
            return ()
        text = self._failure.text
        return (MessageCluster(text=text, template=text, count=1, first=self._failure.place),)

    def _add_iteration(self, record: Record) -> None:
        self._resume()
        self.progress.add_iteration(record)
        self._rates.add_iteration(record)
        self._times.add_iteration(record)
        self._updates.add_iteration(record)
        self._add_means(record)
        if not math.isfinite(sum(record.metrics.values())):
            place = self.progress.locate(record)
            for label, value in record.metrics.items():
                if not math.isfinite(value):
                    self._early_warnings.add(f"{label} is {value}", place)

    def _add_progress(self, record: Record) -> None:
        self._resume()
        self.progress.add_progress(record)
        self._rates.add_progress(record)
        self._add_means(record)

    def _add_means(self, record: Record) -> None:
        if record.reward is not None:
            self._reward.add(record.reward, record.iteration)
        if record.episode_length is not None:
            self._length.add(record.episode_length, record.iteration)
        if (elapsed := record.derived.get("seconds.elapsed", record.seconds.elapsed)) is not None:
            self._seconds = elapsed

    def _add_checkpoint(self, record: Record) -> None:
        self._checkpoint = record.text
        if record.reward is not None and not math.isfinite(record.reward):
            self._early_warnings.add(
                f"reward of a checkpoint is {record.reward}", self.progress.locate(record)
            )

    def _add_best_reward(self, record: Record) -> None:
        if record.reward is not None:
            self._best.add(record.reward, self.progress.latest)

    def _add_message(self, record: Record) -> None:
        if record.seconds.elapsed is not None:
            self._seconds = record.seconds.elapsed
        for label in _NUM_ENVS:
            if label in record.metrics:
                self._num_envs = goal(record.metrics[label])
        template = self._classify_message(record)
        rates = [(scope, getattr(record.fps, scope)) for scope in SCOPES] if record.metrics else []
        reported = tuple((scope, value) for scope, value in rates if value is not None)
        if reported and record.library is not None:
            self._reported[record.library] = reported
        else:
            self._remember(record, template)

    def _add_unrecognised(self, record: Record) -> None:
        template = self._classify_message(record)
        if template is None and self._unrecognised is None:
            self._unrecognised = (record.text or "", self.progress.locate(record))
        self._remember(record, template)

    def _remember(self, record: Record, template: MessageTemplate | None) -> None:
        if len(record.text or "") > _LONGEST_REMEMBERED:
            return
        if len(self._texts) == _MOST_TEXTS:
            self._texts.clear()
        key = (record.kind, record.library, record.text)
        self._texts[key] = self._unremarkable if template is None else template

    def _classify_message(self, record: Record) -> MessageTemplate | None:
        """Count a message that is a warning or an early one; note an announced end, and runtimes that it names."""
        text = (record.text or "")[:_LONGEST].lstrip("\n")
        self._end_announced = self._end_announced or text.startswith(_RUN_ENDS)
        lowered = text.lower()
        if not any(
            word in lowered for word in _KEYWORDS
        ):  # much faster than the expressions, and mostly true
            return None
        line = text.partition("\n")[0]
        if (runtime := detect_runtime(line)) is not None and len(self._detected_runtimes) < _MOST_RUNTIMES:
            self._detected_runtimes[runtime] = None
        if _BAD_NUMBER.search(line):
            return self._early_warnings.add(line, self.progress.locate(record))
        if _WARNING.search(line):
            return self._warnings.add(_FOLDERS.sub("", _STAMP.sub("", line)), self.progress.locate(record))
        return None

    def _add_failure(self, record: Record) -> None:
        failure = parse_traceback(record.text or "", self.progress.locate(record))
        if failure.in_thread:
            self._thread_failure = self._thread_failure or failure
        elif self._failure is None:
            self._failure = failure
            self._resumed = False

    @property
    def failed(self) -> bool:
        """Whether a failure ended it: whatever it went on after to its planned end did not."""
        return self._ending() is not None

    def _ending(self) -> Failure | None:
        if self._failure is not None and not (self._resumed and self._is_complete()):
            return self._failure
        return self._thread_failure

    def _is_complete(self) -> bool:
        return self._end_announced or self.progress.complete

    def _resume(self) -> None:
        """Take it that the training goes on after whatever failed so far."""
        self._resumed = True
        if self._thread_failure is not None:
            self._warnings.add(self._thread_failure.text, self._thread_failure.place)
            self._thread_failure = None

    def summary(self, *, rates: bool = True) -> RunSummary:
        """Return the summary of the run so far; without `rates` it takes no time that grows with the run."""
        progress = self.progress
        return RunSummary(
            run=self._number,
            libraries=tuple((library, detector.versions()) for library, detector in self._versions.items()),
            runtimes=(*self._runtimes, *self._detected_runtimes),
            ranks=tuple(sorted(self._ranks)),
            kinds=dict(self.kinds),
            unit=progress.unit,
            begin=progress.begin,
            done=progress.done,
            planned=progress.planned,
            num_envs=self._num_envs,
            env_steps=progress.env_steps,
            env_steps_corrected=progress.env_steps_corrected,
            env_steps_per_iteration=progress.env_steps_per_iteration,
            seconds=self._seconds,
            rates=self._rates.rates() if rates else (),
            reported=tuple(self._reported.items()),
            updates=self._updates.updates(),
            time=self._times.shares(),
            reward=self._reward.trend(),
            episode_length=self._length.trend(),
            best_reward=self._best.trend(),
            last_checkpoint=self._checkpoint,
            outcome=self._outcome(),
            failure=self._ending(),
            warnings=(*self._survived(), *self._warnings.clusters()),
            more_warnings=self._warnings.others.count,
            early_warnings=self._early_warnings.clusters(),
            unrecognised=self._unrecognised,
        )

    def _outcome(self) -> Outcome:
        if (failure := self._ending()) is not None:
            return "interrupted" if failure.interrupted else "failed"
        if self._is_complete():
            return "finished"
        return "unfinished" if self.progress.has_end else "unknown"
