"""How RSL-RL prints: a block of right-aligned ``label: value`` lines an iteration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import MAX_METRICS, Block, Numbers, Passage, message
from stepscope.logs._records import Fps, Record, Seconds
from stepscope.logs._values import duration, number, whole

if TYPE_CHECKING:
    from stepscope.logs._blocks import Context
    from stepscope.logs._lines import Line

LIBRARY = "rsl_rl"
NAME = "RSL-RL"

_HEADER = re.compile(rb"\s*+Learning iteration (\d{1,18})/(\d{1,18})(\s*+)")
_LAST_LABEL = "ETA"
_DURATIONS = frozenset({"Time elapsed", _LAST_LABEL})
_MAX_LINE = 1000

_MESSAGES = (
    b"Could not find git repository in ",
    b"Storing git diff for '",
    b"Synchronizing parameters for rank ",
    b"Symmetry not used for learning. We will use it for logging instead.",
    b"Sharing CNN encoders between models",
)
_MODELS = (b"Actor Model: ", b"Critic Model: ", b"Student Model: ", b"Teacher Model: ")
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

    def take(self, line: Line) -> bool:
        """Take a line that holds a label and a number, and the line of dashes between them."""
        text = line.text
        if self._done or len(text) > _MAX_LINE:
            return False
        before, colon, after = text.rpartition(b": ")
        if not colon:
            return text.startswith(b"-----") and not text.strip().strip(b"-")
        label = before.strip().decode(errors="replace")
        value = _value(label, after.strip())
        if value is None:
            return label == "Run name"
        self._done = label == _LAST_LABEL or len(self._numbers.metrics) >= MAX_METRICS
        if line.whole:
            # An environment may report a label of the library's own; the library's comes first.
            self._first.setdefault(label, value)
            self._numbers.put(label, value)
        return True

    def record(self, span: tuple[int, int]) -> Record:
        """Return the iteration."""
        get = self._first.get
        return Record(
            library=LIBRARY,
            kind="iteration",
            iteration=self._iteration,
            iterations=self._iterations,
            env_steps=whole(get("Total steps")),
            fps=Fps(total=get("Steps per second")),
            seconds=Seconds(
                collect=get("Collection time"),
                learn=get("Learning time"),
                iteration=get("Iteration time"),
                elapsed=get("Time elapsed"),
                eta=get("ETA"),
            ),
            reward=get("Mean reward"),
            episode_length=get("Mean episode length"),
            metrics=self._numbers.metrics,
            span=span,
        )


def _value(label: str, text: bytes) -> float | None:
    if label in _DURATIONS:
        return duration(text)
    return number(text.removesuffix(b"s"))
