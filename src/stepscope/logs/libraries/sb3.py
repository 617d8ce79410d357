"""How Stable-Baselines3 prints: a table for each log interval."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stepscope.logs._blocks import MAX_METRICS, Block, Numbers, Passage, Single, Text, decoded, message
from stepscope.logs._library import Library, Scalar, UpdateCount
from stepscope.logs._records import Fps, Record, Seconds
from stepscope.logs._values import as_count, compiled, parse_bar, parse_duration, parse_int, parse_number
from stepscope.logs.minibatches import Group, MinibatchRules, Reference, Refusal, Rollout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs._blocks import Context
    from stepscope.logs._lines import Line
    from stepscope.logs._runs import Counters
    from stepscope.logs._values import Bar

__all__ = ["SB3"]

_KEY = "sb3"

# A rate that follows from rounded numbers is given only if it cannot be further off.
_TOLERANCE = 0.05

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
# The rest of a warning about minibatches, with the line of source that Python prints below a warning.
_ADVICE = b"We recommend using a `batch_size` that is a factor of `n_steps * n_envs`."
_AFTER_ADVICE = (b"Info: (n_steps=", b"  warnings.warn(")
_DEVICE = compiled(rb"Using [\w:]{1,40} device\s*+")
_RATE = "time/fps"
# Tables without sections, as relatives of Stable-Baselines3 print them, have these.
_FLAT = {"fps", "total_timesteps"}
_SAVED = b"Saving model "
_BEST = b"New best mean reward!"
_SAVED_STEPS = re.compile(rb"_(\d{1,18})_steps\.(?:zip|pkl)$")


def _open_block(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if Stable-Baselines3 prints such a line."""
    text = line.text
    if text.startswith(b"| "):
        return _table(line, context)
    if text.startswith(_MESSAGES) or (text.startswith(b"Using ") and _DEVICE.fullmatch(text)):
        return message(line, _KEY)
    if text.startswith(_ADVICE):
        return Passage(_KEY, line, lambda below: below.startswith(_AFTER_ADVICE))
    if text.startswith((_SAVED, _BEST)):
        return _checkpoint(line)
    if b"\xe2\x94\x81" in text and (match := _BAR.fullmatch(text)):
        return _progress(match)
    bar = parse_bar(text) if context.library == _KEY else None
    return None if bar is None else _tqdm(line, bar)


def _tqdm(line: Line, bar: Bar) -> Block:
    """Return a bar of the user's own among the tables, which counts environment steps."""
    total = {} if bar.total is None else {"max steps": bar.total}
    shared: dict[str, Any] = {
        "env_steps": bar.done,
        "seconds": Seconds(elapsed=bar.elapsed, eta=bar.remaining),
        "metrics": {**total, **bar.rate},
    }
    if not bar.whole:
        return message(line, _KEY, kind="progress", **shared)
    return Single("progress", _KEY, **shared)


def _checkpoint(line: Line) -> Block:
    if line.text.startswith(_BEST):
        return message(line, _KEY, kind="best_reward")
    match = _SAVED_STEPS.search(line.text.rstrip()[-200:])
    steps = None if match is None else int(match[1])
    return message(line, _KEY, kind="checkpoint", env_steps=steps)


def _progress(match: re.Match[bytes]) -> Block:
    """Return a progress update of ``progress_bar=True``, which counts environment steps, not iterations."""
    done, total, elapsed, remaining, rate = (part.replace(b",", b"") for part in match.groups()[1:])
    metrics = {
        label: value
        for label, text in (("max steps", total), ("it/s", rate))
        if (value := parse_number(text)) is not None
    }
    return Single(
        "progress",
        _KEY,
        env_steps=parse_int(done),
        seconds=Seconds(elapsed=parse_duration(elapsed), eta=parse_duration(remaining)),
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

    library = _KEY
    headed = True
    has_last_line = True

    def __init__(self, dashes: bytes) -> None:
        self._dashes = dashes
        self._lines = [dashes]
        self._section = ""
        self._numbers = Numbers()

    def take(self, line: Line) -> bool:
        """Take a row, or the dashes that close the table."""
        text = line.text.rstrip()
        if self.complete or len(text) > _MAX_LINE or len(self._lines) > MAX_METRICS:
            return False
        if text.startswith(b"| ") and text.endswith(b" |"):
            self._take_row(text[2:-2])
        elif text == self._dashes:
            self.complete = True
        else:
            return False
        self._lines.append(text)
        return True

    def resume(self, line: Line, *, above: bytes) -> bool:
        """Take a line after others that did not belong here; below a separator another table begins.

        Rows are sorted, so one that belongs above is the next table's, whose dashes were damaged: this one is over.
        """
        if above or not line.text.startswith((b"| ", b"----")):
            return False
        self.complete = self.complete or self._is_above(line.text)
        return self.take(line)

    def _is_above(self, text: bytes) -> bool:
        """Say whether the label of a row, or its section, was there already."""
        label = _label(text[2:].partition(b" | ")[0])
        if label.startswith("   "):
            return self._section + label[3:] in self._numbers.metrics
        return label in self._numbers.metrics or (label.endswith("/") and label <= self._section)

    def _take_row(self, cells: bytes) -> None:
        key, bar, printed = cells.rpartition(b" | ")
        if not bar:
            return
        label, printed = _label(key), printed.strip()
        if not printed and not label.startswith(" "):
            # A section that is cut to the width of the table has lost its slash.
            self._section = label if label.endswith("/") else f"{label}/"
            return
        if label.startswith("   "):
            label = self._section + label[3:]
        value = parse_number(printed)
        if value is None and (match := _TENSOR.match(printed)) is not None:
            value = parse_number(match[1])
        if value is not None:
            self._numbers.put(label, value)

    def record(self, span: tuple[int, int]) -> Record:
        """Return an iteration; a table without a rate is an evaluation's, or the user's own: a message with numbers."""
        metrics = self._numbers.metrics
        is_flat = not self._section and metrics.keys() >= _FLAT
        is_iteration = is_flat or _RATE in metrics

        def get(label: str) -> float | None:
            return metrics.get(label.partition("/")[2] if is_flat else label)

        return Record(
            library=_KEY,
            kind="iteration" if is_iteration else "message",
            iteration=as_count(get("time/iterations")),
            env_steps=as_count(get("time/total_timesteps")),
            fps=Fps(cumulative=get(_RATE)),
            seconds=Seconds(elapsed=get("time/time_elapsed")),
            reward=get("rollout/ep_rew_mean"),
            episode_length=get("rollout/ep_len_mean"),
            metrics=metrics,
            text=None if is_iteration else self._text(),
            span=span,
        )

    def _text(self) -> str:
        text = Text(self._lines[0])
        for line in self._lines[1:]:
            text.add(line)
        return str(text)


@lru_cache(maxsize=1024)
def _label(printed: bytes) -> str:
    """Return the label in the first cell of a row; one that belongs to a section is indented."""
    return decoded(printed.rstrip())


def _derive(record: Record, own: Counters, before: Counters | None) -> dict[str, float]:  # noqa: ARG001 - the counters tell
    """Two tables tell the rate between them; all of their numbers are rounded down, so it lies between two bounds."""
    if before is None or own.env_steps is None or before.env_steps is None:
        return {}
    steps = own.env_steps - before.env_steps
    if steps <= 0:
        return {}
    began = _began(own, before)
    first, last = _elapsed(before, began), _elapsed(own, began)
    if first is None or last is None:
        return {}
    shortest, longest = last[0] - first[1], last[1] - first[0]
    if shortest <= 0 or longest > shortest * (1 + 2 * _TOLERANCE):
        return {}
    return {"fps.total": 2 * steps / (shortest + longest)}


def _began(own: Counters, before: Counters) -> int | None:
    """Return how many steps were taken before this training, which its rate does not count; None if nothing tells."""
    if own.iteration is None or before.iteration is None or own.env_steps is None or before.env_steps is None:
        return None
    iterations = own.iteration - before.iteration
    if iterations <= 0:
        return None
    return max(0, own.env_steps - (own.env_steps - before.env_steps) * own.iteration // iterations)


def _elapsed(own: Counters, began: int | None) -> tuple[float, float] | None:
    """Return between which seconds since training began a table was printed: by its clock and by its rate."""
    if own.elapsed is None or not 0 <= own.elapsed < float("inf"):
        return None
    low, high = float(own.elapsed), own.elapsed + 1.0
    if began is not None and own.fps is not None and own.env_steps is not None and 0 < own.fps < float("inf"):
        steps = own.env_steps - began
        by_rate = (steps / (own.fps + 1), steps / own.fps)
        if by_rate[0] < high and by_rate[1] > low:
            low, high = max(low, by_rate[0]), min(high, by_rate[1])
    return low, high


# Keys that Stable-Baselines3 keeps from TensorBoard.
_NOT_WRITTEN = frozenset(
    {"time/iterations", "time/episodes", "time/time_elapsed", "time/total_timesteps", "train/n_updates"}
)


def _scalars(record: Record, env_steps: int | None) -> Iterator[Scalar]:  # noqa: ARG001 - a table has its own
    """Yield the rows of a table, an evaluation's too; a key that was cut off in print keeps its dots."""
    if record.kind not in ("iteration", "message") or record.env_steps is None:
        return
    for label, value in record.metrics.items():
        if label and label not in _NOT_WRITTEN:
            yield Scalar(label, record.env_steps, value)


# Each algorithm counts in its own way: PPO passes over the rollout (ppo/ppo.py:280), A2C, DQN, SAC and TD3 gradient steps.
_OF_PPO = "train/clip_range"
_OF_OTHERS = ("train/actor_loss", "train/policy_loss", "rollout/exploration_rate")


def _updates(record: Record) -> UpdateCount | None:
    metrics = record.metrics
    number = as_count(metrics.get("train/n_updates"))
    if number is None:
        return None
    if _OF_PPO in metrics:
        return UpdateCount(number, "passes")
    return UpdateCount(number, "steps") if any(label in metrics for label in _OF_OTHERS) else None


def _cut(rollout: Rollout, size: int) -> tuple[Group, ...] | Refusal:
    """Return the minibatches of `size` samples, the last of which may be smaller."""
    if size == 1:
        return Refusal(
            "`batch_size` must be greater than 1. See https://github.com/DLR-RM/stable-baselines3/issues/440",
            "AssertionError",
        )
    if rollout.samples == 1:
        return Refusal(
            "`n_steps * n_envs` must be greater than 1. Currently n_steps=1 and n_envs=1", "AssertionError"
        )
    whole, rest = divmod(rollout.samples, size)
    return tuple(group for group in (Group(whole, size), Group(1, rest)) if group.number and group.samples)


_MINIBATCHES = MinibatchRules(
    environments="n_envs",
    horizon="n_steps",
    setting="batch_size",
    epochs="n_epochs",
    fixes="size",
    cut=_cut,
    remainder="a smaller last minibatch, with a warning",
    early_stop="target_kl",
    early_stop_ends="all passes",
    references=(
        # The file says n_minibatches: 4, which Isaac Lab's wrapper turns into a batch_size.
        Reference("Isaac-Velocity-Flat-Unitree-A1-v0", 4096, 24, setting=24576, epochs=5),
        Reference("Isaac-Cartpole-v0", 4096, 16, setting=4096, epochs=20),
    ),
)


SB3 = Library(
    key=_KEY,
    name="Stable-Baselines3",
    open_block=_open_block,
    run_starts=("Wrapping the env ", "Using cpu device", "Using cuda device"),
    derive=_derive,
    distribution="stable-baselines3",
    package="stable_baselines3",
    colour="#cc79a7",
    prints_times=False,
    no_reward="not printed: no episode ended, or the environment has no VecMonitor",
    digits=("train/explained_variance", "2.3.2", "2.4.0"),
    minibatches=_MINIBATCHES,
    updates=_updates,
    scalars=_scalars,
)
