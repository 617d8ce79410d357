"""How RSL-RL prints: a block of right-aligned ``label: value`` lines an iteration, in every release from 2.1 on."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from stepscope._common.format import format_count
from stepscope.logs._blocks import MAX_METRICS, Block, Numbers, Passage, decoded, message
from stepscope.logs._library import Library, Scalar, VersionMarker
from stepscope.logs._records import Fps, Record, Seconds
from stepscope.logs._values import as_count, compiled, parse_duration, parse_number
from stepscope.logs.minibatches import Group, MinibatchRules, Reference, Refusal, Rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepscope.logs._blocks import Context
    from stepscope.logs._lines import Line
    from stepscope.logs._runs import Counters

__all__ = ["RSL_RL"]

_KEY = "rsl_rl"

_DAY = 86400

_HEADER = compiled(rb"\s*+Learning iteration (\d{1,18})/(\d{1,18})(\s*+)")
# Rows that are RSL-RL's own, aligned as it aligns them.
_TAIL = re.compile(
    rb" {10,60}(?:Mean (?:total )?reward|Mean episode length|Total (?:time)?steps|Iteration time|Time elapsed|Total time|ETA): \S"
)
_TITLE = "Learning iteration"
_LAST_LABEL = "ETA"
_DURATIONS = frozenset({"Time elapsed", _LAST_LABEL})
_RUN_NAME = "Run name"
_MAX_LINE = 1000
# Up to 3.1 one line held the rate and both times.
_COMPUTATION = compiled(
    rb"\s*+Computation: ([^\s()]{1,400}) steps/s \([Cc]ollection:? ([^\s,()]{1,400})s, [Ll]earning:? ([^\s,()]{1,400})s\)\s*+"
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


def _open_block(line: Line, context: Context) -> Block | None:  # noqa: ARG001 - the separator above tells nothing more
    """Return the block that `line` opens, if RSL-RL prints such a line."""
    text = line.text
    if text.startswith((b" ", b"Learning iteration ")):
        if b"Learning iteration " in text:
            title = _HEADER.fullmatch(text)
            return None if title is None else _Iteration(title, whole=line.whole)
        return _tail(line)
    if text.startswith(_MESSAGES):
        return message(line, _KEY)
    if text.startswith(_MODELS):
        return _model(line)
    if text.startswith(_OBSERVATIONS):
        return Passage(_KEY, line, lambda inner: inner.startswith((b"\t", b"---")))
    return None


def _tail(line: Line) -> Block | None:
    """Return the rest of an iteration whose title was not copied."""
    label = _TAIL.match(line.text)
    if label is None:
        return None
    tail = _Iteration(None, whole=line.whole)
    return tail if tail.take(line) else None


def _model(line: Line) -> Block:
    """Return a printed network: indented lines between two brackets."""
    if not line.text.rstrip().endswith(b"("):
        return message(line, _KEY)
    return Passage(_KEY, line, lambda inner: inner.startswith((b" ", b")")))


class _Iteration(Block):
    """The lines of one iteration, from ``Learning iteration 0/150`` to ``ETA:``."""

    library = _KEY
    has_last_line = True

    def __init__(self, title: re.Match[bytes] | None, *, whole: bool) -> None:
        self.has_last_line = title is not None  # of a tail nobody knows what else belongs to it
        self._iteration: int | None = None
        self._iterations: int | None = None
        self._numbers = Numbers()
        if title is not None:
            self._iteration = int(title[1])
            self._iterations = int(title[2]) if whole or title[3] else None
            self._numbers.put(_TITLE, self._iteration)
        self._folded = b""  # the first half of the line of the rate

    def take(self, line: Line) -> bool:
        """Take a line that holds a label and a number, and the line of dashes between them."""
        text = line.text
        if self.complete or len(text) > _MAX_LINE:
            return False
        if b"Computation: " in text or self._folded:
            return self._take_computation(line)
        before, colon, after = text.rpartition(b": ")
        if not colon:
            return text.startswith(b"-----") and not text.strip().strip(b"-")
        label = _label(before)
        if label == _RUN_NAME:  # a name may look like anything
            return True
        printed = after.strip()
        value = parse_number(printed.removesuffix(b"s"))
        if value is None and label in _DURATIONS:
            value = parse_duration(printed)
        if value is None:
            return False
        self.complete = label == _LAST_LABEL or len(self._numbers.metrics) >= MAX_METRICS
        if line.whole:
            self._numbers.put(label, value)
        return True

    def resume(self, line: Line, *, above: bytes) -> bool:
        """Take a line after others that did not belong here: it has to be aligned as RSL-RL's own are.

        A line of dashes alone may be anybody's, and comes with the one below it. A label that is there already is the
        next iteration's, whose title was damaged: this one is over.
        """
        if above[:5] not in (b"", b"-----") or not line.text.startswith(b"    "):
            return False
        self.complete = self.complete or self._has(line.text)
        return self.take(line)

    def _has(self, text: bytes) -> bool:
        """Say whether there is a number under the label of a line."""
        label = "Computation" if _COMPUTATION.fullmatch(text) else _label(text.rpartition(b": ")[0])
        return label in self._numbers.metrics

    def _take_computation(self, line: Line) -> bool:
        """Take the line of the rate, or one of the two that a terminal has folded it into."""
        text = self._folded + line.text
        match = _COMPUTATION.fullmatch(text)
        self._folded = b"" if match is not None or self._folded else text.rstrip() + b" "
        if match is None:
            return self._folded.endswith(b"s, ")
        if line.whole:
            for label, text in zip(_COMPUTATION_LABELS, match.groups(), strict=True):
                if (value := parse_number(text)) is not None:
                    self._numbers.put(label, value)
        return True

    def record(self, span: tuple[int, int]) -> Record:
        """Return the iteration."""
        # An environment may report a label of the library's own; the library's comes first and keeps its name.
        get = self._numbers.metrics.get
        is_tail = self._iteration is None
        return Record(
            library=_KEY,
            kind="message" if is_tail else "iteration",
            text="\n".join(f"{label}: {value}" for label, value in self._numbers.metrics.items())
            if is_tail
            else None,
            iteration=self._iteration,
            iterations=self._iterations,
            env_steps=as_count(_either(get, "Total steps", "Total timesteps")),
            fps=Fps(total=_either(get, "Steps per second", "Computation")),
            seconds=Seconds(
                collect=_either(get, "Collection time", "collection"),
                learn=_either(get, "Learning time", "learning"),
                iteration=get("Iteration time"),
                elapsed=_either(get, "Time elapsed", "Total time"),
                eta=get("ETA"),
            ),
            reward=_either(get, "Mean reward", "Mean total reward"),
            episode_length=get("Mean episode length"),
            metrics=self._numbers.metrics,
            span=span,
        )


@lru_cache(maxsize=1024)
def _label(printed: bytes) -> str:
    """Return the label in front of the last colon; that of a run's name may hold others."""
    label = decoded(printed.strip())
    return _RUN_NAME if label.partition(": ")[0] == _RUN_NAME else label


def _either(get: Callable[[str], float | None], now: str, before: str) -> float | None:
    """Return the number under its label of today or else of an older release."""
    value = get(now)
    return get(before) if value is None else value


def _derive(record: Record, own: Counters, before: Counters | None) -> dict[str, float]:  # noqa: ARG001 - own has it
    """Up to 3.1 the time left counts one iteration too many; from 2.3.1 to 5.3 the clock has 24 hours."""
    derived: dict[str, float] = {}
    iteration, iterations, eta = record.iteration, record.iterations, record.seconds.eta
    early = "Computation" in record.metrics
    if early and iteration is not None and iterations is not None and eta is not None:
        left = iterations - iteration
        if left > 0 and 0 <= eta < float("inf"):
            derived["seconds.eta"] = eta * (left - 1) / left
    if own.days and own.elapsed is not None:
        derived["seconds.elapsed"] = own.elapsed + own.days * _DAY
    return derived


# RSL-RL prints these in its own words; everything else follows a rule. They are read as fields of the record, or are
# not written at all.
_NOT_WRITTEN = frozenset(
    {
        "Learning iteration",
        "Total steps",
        "Total timesteps",
        "Steps per second",
        "Computation",
        "collection",
        "learning",
        "Collection time",
        "Learning time",
        "Mean reward",
        "Mean total reward",
        "Mean episode length",
        "Iteration time",
        "Time elapsed",
        "Total time",
        "ETA",
    }
)
_TAGS = {
    "Mean action noise std": "Policy/mean_noise_std",
    "Mean action std": "Policy/mean_std",
    "Value function loss": "Loss/value_function",
    "Surrogate loss": "Loss/surrogate",
    "Symmetry loss": "Loss/symmetry",
    "RND loss": "Loss/rnd",
    "Mean extrinsic reward": "Rnd/mean_extrinsic_reward",
    "Mean intrinsic reward": "Rnd/mean_intrinsic_reward",
}
_LOSS = re.compile(r"Mean (.+) loss")
_EXTRA = "Mean episode "


def _scalars(record: Record, env_steps: int | None) -> Iterator[Scalar]:  # noqa: ARG001 - iterations are its axis
    step = record.iteration
    if record.kind != "iteration" or step is None:
        return
    collection = "Perf/collection time" if "Total timesteps" in record.metrics else "Perf/collection_time"
    elapsed = record.derived.get("seconds.elapsed", record.seconds.elapsed)
    for tag, at, value in (
        ("Perf/total_fps", step, record.fps.total),
        (collection, step, record.seconds.collect),
        ("Perf/learning_time", step, record.seconds.learn),
        ("Train/mean_reward", step, record.reward),
        ("Train/mean_episode_length", step, record.episode_length),
        ("Train/mean_reward/time", elapsed, record.reward),
        ("Train/mean_episode_length/time", elapsed, record.episode_length),
    ):
        if value is not None and at is not None and math.isfinite(at):
            yield Scalar(tag, int(at), value)
    for label, value in record.metrics.items():
        name = _tag(label)
        if name:
            yield Scalar(name, step, value)


def _tag(label: str) -> str | None:
    if label in _NOT_WRITTEN:
        return None
    if label in _TAGS:
        return _TAGS[label]
    if "/" in label:  # an environment's own number, under its own name
        return label
    if label.startswith(_EXTRA):
        return f"Episode/{label.removeprefix(_EXTRA)}"
    # Before an episode ends, versions 2.3.0 to 3.1.3 print a loss under its bare name.
    match = _LOSS.fullmatch(label)
    return f"Loss/{label if match is None else match[1]}"


def _cut(rollout: Rollout, number: int) -> tuple[Group, ...] | Refusal:
    """Return `number` minibatches: of samples, or of environments if the policy is recurrent."""
    things, noun = (rollout.num_envs, "environment") if rollout.recurrent else (rollout.samples, "sample")
    if rollout.recurrent and rollout.horizon == 1:  # it keeps no state of the very first step
        return Refusal("Hidden states not passed to RNN module during policy update", "ValueError")
    if number > things:
        return Refusal(
            f"it goes on and learns nothing: {number} minibatches of {format_count(things, noun)} are empty."
        )
    if rollout.samples == 1:
        # The advantage of one sample cannot be normalised, which makes all weights NaN.
        return Refusal("normal expects all elements of std >= 0.0", "RuntimeError")
    return (Group(number, things // number * (rollout.horizon if rollout.recurrent else 1)),)


_MINIBATCHES = MinibatchRules(
    environments="num_envs",
    horizon="num_steps_per_env",
    setting="num_mini_batches",
    epochs="num_learning_epochs",
    fixes="number",
    cut=_cut,
    remainder="dropped silently",
    recurrent="A minibatch holds whole environments, and the remaining environments are dropped.",
    several_processes="WORLD_SIZE above 1",
    references=(
        Reference("Isaac-Velocity-Rough-Anymal-C-v0", 4096, 24, setting=4, epochs=5),
        Reference("Isaac-Cartpole-v0", 4096, 16, setting=4, epochs=5),
    ),
)


RSL_RL = Library(
    key=_KEY,
    name="RSL-RL",
    open_block=_open_block,
    run_starts=("Resolved observation sets:", "Actor Model: ", "Actor MLP: "),
    derive=_derive,
    distribution="rsl-rl-lib",
    colour="#0072b2",
    colour_on_dark="#4aa3df",
    first_iteration=0,
    flushes=False,
    no_reward="not printed: no episode ended",
    markers=(
        VersionMarker(until="3.1.3", labels=("Total timesteps",)),
        VersionMarker(since="3.2.0", labels=("Total steps",)),
        VersionMarker(until="2.2.4", labels=("Value function loss",)),
        VersionMarker(until="2.1.2", labels=("Value function loss", "Mean reward")),
        VersionMarker(since="2.2.0", until="2.2.4", labels=("Mean total reward",)),
        VersionMarker(since="2.3.0", until="3.1.3", labels=("value_function",)),
        VersionMarker(since="2.3.0", until="3.1.3", labels=("Mean value_function loss",)),
        VersionMarker(until="2.3.0", labels=("Total time",)),
        VersionMarker(since="2.3.1", labels=("Time elapsed",)),
        VersionMarker(until="4.0.1", labels=("Mean action noise std",)),
        VersionMarker(since="5.0.0", labels=("Mean action std",)),
        VersionMarker(until="2.3.3", text="Actor MLP: Sequential("),
        VersionMarker(since="3.0.0", until="3.3.0", text="Actor MLP: MLP("),
        VersionMarker(since="3.0.0", text="Resolved observation sets:"),
        VersionMarker(since="4.0.0", text="Actor Model: "),
    ),
    minibatches=_MINIBATCHES,
    scalars=_scalars,
)
