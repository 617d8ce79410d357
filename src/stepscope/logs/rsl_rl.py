"""How RSL-RL prints: a block of right-aligned ``label: value`` lines an iteration, in every release from 2.1 on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import MAX_METRICS, Block, Numbers, Passage, message
from stepscope.logs._records import Fps, Record, Seconds
from stepscope.logs._values import count, duration, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepscope.logs._blocks import Context
    from stepscope.logs._lines import Line

LIBRARY = "rsl_rl"
NAME = "RSL-RL"

_HEADER = re.compile(rb"\s*+Learning iteration (\d{1,18})/(\d{1,18})(\s*+)")
_LAST_LABEL = "ETA"
_DURATIONS = frozenset({"Time elapsed", _LAST_LABEL})
_RUN_NAME = "Run name"
_MAX_LINE = 1000
# Up to 3.1 one line held the rate and both times.
_COMPUTATION = re.compile(
    rb"\s*+Computation: ([^\s()]{1,400}) steps/s \(collection: ([^\s,()]{1,400})s, learning ([^\s,()]{1,400})s\)\s*+"
)
_COMPUTATION_LABELS = ("Computation", "collection", "learning")
# Where a field's number stood in each release: the first label that was printed counts.
_LABELS = {
    "env_steps": ("Total steps", "Total timesteps"),
    "total": ("Steps per second", "Computation"),
    "collect": ("Collection time", "collection"),
    "learn": ("Learning time", "learning"),
    "iteration": ("Iteration time",),
    "elapsed": ("Time elapsed", "Total time"),
    "eta": ("ETA",),
    "reward": ("Mean reward", "Mean total reward"),
    "episode_length": ("Mean episode length",),
}

_MESSAGES = (
    b"Could not find git repository in ",
    b"Storing git diff for '",
    b"Synchronizing parameters for rank ",
    b"Symmetry not used for learning. We will use it for logging instead.",
    b"Sharing CNN encoders between models",
)
_MODELS = tuple(
    f"{network} {kind}: ".encode()
    for network in ("Actor", "Critic", "Student", "Teacher")
    for kind in ("Model", "MLP", "RNN", "CNN")
)
_OBSERVATIONS = b"Resolved observation sets:"


def begin(line: Line, context: Context) -> Block | None:  # noqa: ARG001 - the separator above tells nothing more
    """Return the block that `line` opens, if RSL-RL prints such a line."""
    text = line.text
    if text.startswith(b" "):
        found = _HEADER.fullmatch(text) if b"Learning iteration " in text else None
        return None if found is None else _Iteration(found, whole=line.whole)
    if text.startswith(_MESSAGES):
        return message(line, LIBRARY)
    if text.startswith(_MODELS):
        return _model(line)
    if text.startswith(_OBSERVATIONS):
        return Passage(LIBRARY, line, lambda inner: inner.startswith((b"\t", b"---")))
    return None


def _model(line: Line) -> Block:
    """Return a printed network: indented lines between two brackets."""
    if not line.text.rstrip().endswith(b"("):
        return message(line, LIBRARY)
    return Passage(LIBRARY, line, lambda inner: inner.startswith((b" ", b")")))


class _Iteration(Block):
    """The lines of one iteration, from ``Learning iteration 0/150`` to ``ETA:``."""

    library = LIBRARY

    def __init__(self, header: re.Match[bytes], *, whole: bool) -> None:
        self._iteration = int(header[1])
        self._iterations = int(header[2]) if whole or header[3] else None
        self._numbers = Numbers()
        self._numbers.put("Learning iteration", self._iteration)
        self._first: dict[str, float] = {}
        self._done = False

    @property
    def complete(self) -> bool:
        """Whether the last line has come."""
        return self._done

    @property
    def unfinished(self) -> bool:
        """Whether the last line has not come yet: whatever stands between may be another stream's."""
        return not self._done

    def take(self, line: Line) -> bool:
        """Take a line that holds a label and a number, and the line of dashes between them."""
        text = line.text
        if self._done or len(text) > _MAX_LINE:
            return False
        if (found := _COMPUTATION.fullmatch(text)) is not None:
            return self._put_computation(found, whole=line.whole)
        before, colon, after = text.rpartition(b": ")
        if not colon:
            return text.startswith(b"-----") and not text.strip().strip(b"-")
        label = before.strip().decode(errors="replace")
        if label.partition(": ")[0] == _RUN_NAME:  # a name may look like anything
            return True
        value = _value(label, after.strip())
        if value is None:
            return False
        self._done = label == _LAST_LABEL or len(self._numbers.metrics) >= MAX_METRICS
        if line.whole:
            self._put(label, value)
        return True

    def resume(self, line: Line) -> bool:
        """Take a line after others that did not belong here: it has to be aligned as RSL-RL's own are."""
        return line.text.startswith((b"    ", b"-----")) and self.take(line)

    def _put(self, label: str, value: float) -> None:
        # An environment may report a label of the library's own; the library's comes first.
        self._first.setdefault(label, value)
        self._numbers.put(label, value)

    def _put_computation(self, found: re.Match[bytes], *, whole: bool) -> bool:
        values = [number(text) for text in found.groups()]
        if whole:
            for label, value in zip(_COMPUTATION_LABELS, values, strict=True):
                if value is not None:
                    self._put(label, value)
        return True

    def record(self, span: tuple[int, int]) -> Record:
        """Return the iteration."""
        return iteration(
            self._iteration, self._iterations, first=self._first, metrics=self._numbers.metrics, span=span
        )


def iteration(
    number_: int,
    iterations: int | None,
    *,
    first: Mapping[str, float],
    metrics: Mapping[str, float],
    span: tuple[int, int],
) -> Record:
    """Return the record of an iteration, from the value that each label was first printed with."""
    fields = {
        field: next((first[label] for label in labels if label in first), None)
        for field, labels in _LABELS.items()
    }
    get = fields.get
    return Record(
        library=LIBRARY,
        kind="iteration",
        iteration=number_,
        iterations=iterations,
        env_steps=count(get("env_steps")),
        fps=Fps(total=get("total")),
        seconds=Seconds(**{name: get(name) for name in Seconds.__slots__}),
        reward=get("reward"),
        episode_length=get("episode_length"),
        metrics=metrics,
        span=span,
    )


def _value(label: str, text: bytes) -> float | None:
    if label in _DURATIONS and (seconds := duration(text)) is not None:
        return seconds
    return number(text.removesuffix(b"s"))
