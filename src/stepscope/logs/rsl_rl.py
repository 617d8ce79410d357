"""How RSL-RL prints: a block of right-aligned ``label: value`` lines an iteration, in every release from 2.1 on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stepscope.logs._blocks import MAX_METRICS, Block, Numbers, Passage, decoded, message
from stepscope.logs._expressions import compiled
from stepscope.logs._layouts import CLOCK, COUNT, FLOAT, INTEGER, Gap, learnt, literal
from stepscope.logs._records import Fps, Record, Seconds
from stepscope.logs._values import count, duration, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stepscope.logs._blocks import Context
    from stepscope.logs._layouts import Layout
    from stepscope.logs._lines import Line

LIBRARY = "rsl_rl"
NAME = "RSL-RL"

_HEADER = compiled(rb"\s*+Learning iteration (\d{1,18})/(\d{1,18})(\s*+)")
_TITLE = "Learning iteration"
_LAST_LABEL = "ETA"
_DURATIONS = frozenset({"Time elapsed", _LAST_LABEL})
_RUN_NAME = "Run name"
_MAX_LINE = 1000
# Up to 3.1 one line held the rate and both times.
_COMPUTATION = compiled(
    rb"\s*+Computation: ([^\s()]{1,400}) steps/s \(collection: ([^\s,()]{1,400})s, learning ([^\s,()]{1,400})s\)\s*+"
)
_COMPUTATION_LABELS = ("Computation", "collection", "learning")
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
        self._numbers.put(_TITLE, self._iteration)
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
        label = decoded(before.strip())
        if label.partition(": ")[0] == _RUN_NAME:  # a name may look like anything
            return True
        value = _value(label, after.strip())
        if value is None:
            return False
        self._done = label == _LAST_LABEL or len(self._numbers.metrics) >= MAX_METRICS
        if line.whole:
            self._put(label, value)
        return True

    def resume(self, line: Line, *, above: bytes) -> bool:
        """Take a line after others that did not belong here: it has to be aligned as RSL-RL's own are.

        A line of dashes alone may be anybody's, and comes with the one below it. A label that is there already is the
        next iteration's, whose title was damaged: this one is over.
        """
        if above[:5] not in (b"", b"-----") or not line.text.startswith(b"    "):
            return False
        self._done = self._done or self._has(line.text)
        return self.take(line)

    def _has(self, text: bytes) -> bool:
        """Say whether there is a number under the label of a line."""
        label = "Computation" if _COMPUTATION.fullmatch(text) else decoded(text.rpartition(b": ")[0].strip())
        return label in self._first

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
        return Record(
            library=LIBRARY,
            kind="iteration",
            iteration=self._iteration,
            iterations=self._iterations,
            metrics=self._numbers.metrics,
            span=span,
            **_fields(self._first),
        )


def _fields(numbers: Mapping[str, float]) -> dict[str, Any]:
    """Return the fields that numbers under their labels fill."""
    get = numbers.get
    return {
        "env_steps": count(_either(get, "Total steps", "Total timesteps")),
        "fps": Fps(total=_either(get, "Steps per second", "Computation")),
        "seconds": Seconds(
            collect=_either(get, "Collection time", "collection"),
            learn=_either(get, "Learning time", "learning"),
            iteration=get("Iteration time"),
            elapsed=_either(get, "Time elapsed", "Total time"),
            eta=get("ETA"),
        ),
        "reward": _either(get, "Mean reward", "Mean total reward"),
        "episode_length": get("Mean episode length"),
    }


def _either(get: Callable[[str], float | None], now: str, before: str) -> float | None:
    """Return the number under its label of today or else of an older release."""
    value = get(now)
    return get(before) if value is None else value


def _value(label: str, text: bytes) -> float | None:
    if label in _DURATIONS and (seconds := duration(text)) is not None:
        return seconds
    return number(text.removesuffix(b"s"))


def layout(raw: bytes, record: Record) -> Layout | None:
    """Return the layout of the block that `record` was read from, if its like can be read at once."""
    title = _RAW_TITLE.search(raw)
    # One that was cut off would match the beginning of every other.
    if title is None or title.start() > _MAX_LINE or _LAST_LABEL not in record.metrics:
        return None
    parts: list[bytes | Gap] = [literal(raw[: title.start()]), _TITLE_PATTERN[0], COUNT, _TITLE_PATTERN[1]]
    for line in raw[title.end() :].splitlines(keepends=True):
        pieces = _layout_of(line)
        if pieces is None:
            return None
        parts += pieces
    return learnt(parts, raw, record, LAYOUT_MARK, layout_fields)


def layout_fields(metrics: dict[str, float], lead: Sequence[bytes]) -> dict[str, Any]:
    """Return the fields of a block of a known layout; `lead` has the planned iterations."""
    return {
        "iteration": metrics[_TITLE],
        "iterations": int(lead[0]),
        "metrics": metrics,
        **_fields(metrics),
    }


LAYOUT_MARK = ((_TITLE,), ("Total steps", "Total timesteps"), (), ("Time elapsed", "Total time"))
"""Labels of what the next iteration is compared with: see `Mark`."""

_RAW_TITLE = compiled(
    rb"(?: ++(?:\x1b\[1m)? *+|\x1b\[1m ++)Learning iteration \d{1,18}/\d{1,18} *+(?:\x1b\[0m)? *+\r?\n"
)
# The planned iterations come first: the other numbers have labels.
_TITLE_PATTERN = (
    rb"(?=[^\n]{1,200}/(\d{1,18}))(?: ++(?:\x1b\[1m)? *+|\x1b\[1m ++)Learning iteration ",
    rb"/\d{1,18} *+(?:\x1b\[0m)? *+\r?\n",
)
_RAW_COMPUTATION = compiled(
    rb"( *+Computation: )\d++( steps/s \(collection: )[\d.]++(s, learning )[\d.]++(s\)\s*+)"
)
_RAW_ROW = compiled(rb"([^\r\n]*: ++)((?:\d{1,9} days?, )?[^\s:]++(?::\d\d:\d\d)?)( *+\r?\n)")


def _layout_of(line: bytes) -> list[bytes | Gap] | None:
    """Return the expressions of one line and its gaps, or None if another of its kind might look otherwise."""
    if len(line) > _MAX_LINE // 2:  # with longer numbers it could be longer than a line may be
        return None
    found = _RAW_COMPUTATION.fullmatch(line)
    if found is not None:
        one, two, three, four = map(literal, found.groups())
        return [one, INTEGER, two, FLOAT, three, FLOAT, four]
    if b": " not in line or line.lstrip().startswith(_RUN_NAME.encode()):
        return [literal(line)]
    found = _RAW_ROW.fullmatch(line)
    if found is None or b"\x1b" in line:
        return None
    value = found[2].removesuffix(b"s")
    unit = found[2][len(value) :]
    gap = next((gap for gap in (CLOCK, INTEGER, FLOAT) if re.fullmatch(gap.pattern, value)), None)
    return None if gap is None else [literal(found[1]), gap, literal(unit + found[3])]
