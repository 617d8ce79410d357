"""How Stable-Baselines3 prints: a table for each log interval."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stepscope.logs._bars import bar
from stepscope.logs._blocks import MAX_METRICS, Block, Numbers, Single, Text, decoded, message
from stepscope.logs._expressions import compiled
from stepscope.logs._layouts import AUTO, Gap, learnt, literal
from stepscope.logs._records import Fps, Record, Seconds
from stepscope.logs._values import count, duration, integer, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.logs._bars import Bar
    from stepscope.logs._blocks import Context
    from stepscope.logs._layouts import Layout
    from stepscope.logs._lines import Line

LIBRARY = "sb3"
NAME = "Stable-Baselines3"

_MAX_LINE = 1000
_TENSOR = re.compile(rb"tensor\(([^,()]{1,40})[,)]")
_BAR = compiled(
    "\\s*+(\\d{1,3})% [━╸╺ ]*+([\\d,]{1,25})/([\\d,]{1,25}) *+"
    "\\[ ([\\d:]{1,20}) < ([\\d:-]{1,20}) , ([\\d,.]{1,25}|\\?) it/s \\]\\s*+".encode()
)
_MESSAGES = (
    b"Wrapping the env ",
    b"Creating environment from the given name",
    b"Logging to ",
    b"Early stopping at step ",
    b"Eval num_timesteps=",
    b"Episode length: ",
    b"Success rate: ",
    b"Stopping training ",
    b"Saving video to ",
    b"Loading a model without an environment",
    b"== CURRENT SYSTEM INFO ==",
    b"== SAVED MODEL SYSTEM INFO ==",
)
_DEVICE = compiled(rb"Using [\w:]{1,40} device\s*+")
_RATE = "time/fps"
_SAVED = b"Saving model "
_BEST = b"New best mean reward!"
_SAVED_STEPS = re.compile(rb"_(\d{1,18})_steps\.(?:zip|pkl)$")


def begin(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if Stable-Baselines3 prints such a line."""
    text = line.text
    if text.startswith(b"| "):
        return _table(line, context)
    if text.startswith(_MESSAGES) or (text.startswith(b"Using ") and _DEVICE.fullmatch(text)):
        return message(line, LIBRARY)
    if text.startswith((_SAVED, _BEST)):
        return _checkpoint(line)
    if b"\xe2\x94\x81" in text and (found := _BAR.fullmatch(text)):
        return _progress(found)
    if context.library == LIBRARY and (drawn := bar(text)) is not None:
        return _tqdm(line, drawn)
    return None


def _tqdm(line: Line, drawn: Bar) -> Block:
    """Return a bar of the user's own among the tables, which counts environment steps."""
    total = {} if drawn.total is None else {"max steps": drawn.total}
    shared: dict[str, Any] = {
        "env_steps": drawn.done,
        "seconds": Seconds(elapsed=drawn.elapsed, eta=drawn.remaining),
        "metrics": {**total, **drawn.rate},
    }
    if not drawn.whole:
        return message(line, LIBRARY, kind="progress", **shared)
    return Single("progress", LIBRARY, **shared)


def _checkpoint(line: Line) -> Block:
    if line.text.startswith(_BEST):
        return message(line, LIBRARY, kind="best_reward")
    found = _SAVED_STEPS.search(line.text.rstrip()[-200:])
    steps = None if found is None else int(found[1])
    return message(line, LIBRARY, kind="checkpoint", env_steps=steps)


def _progress(found: re.Match[bytes]) -> Block:
    """Return a progress update of ``progress_bar=True``, which counts environment steps, not iterations."""
    done, total, elapsed, remaining, rate = (part.replace(b",", b"") for part in found.groups()[1:])
    metrics = {
        label: value
        for label, text in (("max steps", total), ("it/s", rate))
        if (value := number(text)) is not None
    }
    return Single(
        "progress",
        LIBRARY,
        env_steps=integer(done),
        seconds=Seconds(elapsed=duration(elapsed), eta=duration(remaining)),
        metrics=metrics,
    )


def _table(line: Line, context: Context) -> Block | None:
    """Return a table if this is its first row: the line of dashes above is exactly as wide."""
    width = len(line.text.rstrip().decode(errors="replace"))
    if not context.above.startswith(b"-") or len(context.above) != width:
        return None
    table = _Table(context.above)
    return table if table.take(line) else None


class _Table(Block):
    """The rows of one table: ``section/`` alone, then indented keys with their values."""

    library = LIBRARY
    headed = True

    def __init__(self, dashes: bytes) -> None:
        self._dashes = dashes
        self._text = Text(dashes)
        self._section = ""
        self._numbers = Numbers()
        self._rows = 0
        self._done = False

    @property
    def complete(self) -> bool:
        """Whether the last line has come."""
        return self._done

    @property
    def unfinished(self) -> bool:
        """Whether the closing dashes have not come yet."""
        return not self._done

    def take(self, line: Line) -> bool:
        """Take a row, or the dashes that close the table."""
        text = line.text.rstrip()
        if self._done or len(text) > _MAX_LINE or self._rows >= MAX_METRICS:
            return False
        if text == self._dashes:
            self._done = True
        elif text.startswith(b"| ") and text.endswith(b" |"):
            self._row(text[2:-2])
        else:
            return False
        self._text.add(text)
        self._rows += 1
        return True

    def resume(self, line: Line, *, above: bytes) -> bool:
        """Take a line after others that did not belong here; below a separator another table begins.

        Rows are sorted, so one that belongs above is the next table's, whose dashes were damaged: this one is over.
        """
        if above or not line.text.startswith((b"| ", b"----")):
            return False
        self._done = self._done or self._is_above(line.text)
        return self.take(line)

    def _is_above(self, text: bytes) -> bool:
        """Say whether the label of a row, or its section, was there already."""
        label = decoded(text[2:].partition(b" | ")[0].rstrip())
        if label.startswith("   "):
            return self._section + label[3:] in self._numbers.metrics
        return label in self._numbers.metrics or (label.endswith("/") and label <= self._section)

    def _row(self, text: bytes) -> None:
        key, bar, value = text.rpartition(b" | ")
        label = decoded(key.rstrip())
        value = value.strip()
        if bar and not value and not label.startswith(" "):
            # A section that is cut to the width of the table has lost its slash.
            self._section = label if label.endswith("/") else f"{label}/"
            return
        if label.startswith("   "):
            label = self._section + label[3:]
        if (found := _TENSOR.match(value)) is not None:
            value = found[1]
        parsed = number(value)
        if bar and parsed is not None:
            self._numbers.put(label, parsed)

    def record(self, span: tuple[int, int]) -> Record:
        """Return an iteration; a table without a rate is an evaluation's, or the user's own: a message with numbers."""
        metrics = self._numbers.metrics
        is_iteration = _RATE in metrics
        return Record(
            library=LIBRARY,
            kind="iteration" if is_iteration else "message",
            text=None if is_iteration else str(self._text),
            span=span,
            **layout_fields(metrics, ()),
        )


def layout_fields(metrics: dict[str, float], lead: Sequence[bytes]) -> dict[str, Any]:  # noqa: ARG001 - RSL-RL's has some
    """Return the fields that the numbers of a table fill."""
    get = metrics.get
    return {
        "iteration": count(get("time/iterations")),
        "env_steps": count(get("time/total_timesteps")),
        "fps": Fps(cumulative=get(_RATE)),
        "seconds": Seconds(elapsed=get("time/time_elapsed")),
        "reward": get("rollout/ep_rew_mean"),
        "episode_length": get("rollout/ep_len_mean"),
        "metrics": metrics,
    }


LAYOUT_MARK = (("time/iterations",), ("time/total_timesteps",), (_RATE,), ("time/time_elapsed",))
"""Labels of what the next table is compared with: see `Mark`."""

_RAW_DASHES = compiled(rb"(-{4,400}+)(\r?\n)")
_AUTO = compiled(AUTO.pattern)
_RAW_ROW = compiled(rb"\| ([^\r\n|]*?) ++\| ([^\s|]++)?+ *+\|(\r?\n)")


def layout(raw: bytes, record: Record) -> Layout | None:
    """Return the layout of the table that `record` was read from, if its like can be read at once."""
    lines = raw.splitlines(keepends=True)
    above = _RAW_DASHES.fullmatch(lines[0])
    if above is None:
        return None
    end = above[2]
    # Dashes and first row are compared by whoever matches; the dashes below have to be the same as those above.
    parts: list[bytes | Gap] = [rb"(-{4,400}+)" + end + rb"(?=(\|[^\r\n]{1,400}\|)" + end + rb")"]
    for number_, line in enumerate(lines[1:], start=1):
        if line.rstrip() == above[1]:
            rest = b"".join(lines[number_ + 1 :])
            parts.append(rb"\1" + literal(line[len(above[1]) :] + rest))
            return learnt(parts, raw, record, LAYOUT_MARK, layout_fields)
        row = _RAW_ROW.fullmatch(line)
        if row is None or len(line) > _MAX_LINE // 2:
            return None
        # With more blanks than these a row could be longer than one may be.
        parts.append(rb"\| " + re.escape(row[1]) + rb" {0,200}+\| ")
        value = row[2]
        if value is not None:
            parts.append(AUTO if _AUTO.fullmatch(value) else literal(value))
        parts.append(rb" {0,200}+\|" + row[3])
    return None
