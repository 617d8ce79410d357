"""How skrl prints: a progress bar over vector steps, and log lines that carry its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepscope.logs._blocks import Passage, Single, message
from stepscope.logs._library import Library, Scalar
from stepscope.logs._records import Seconds
from stepscope.logs._values import bar_rate, compiled, parse_bar
from stepscope.logs.minibatches import Group, MinibatchRules, Reference, Refusal, Rollout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line
    from stepscope.logs._records import Record
    from stepscope.logs._values import Bar

__all__ = ["SKRL"]

_KEY = "skrl"

# The runner prints titles, and below them the source of the networks that it generated.
_MESSAGES = (b"[skrl:", b"[INFO] Processor ", b"Model (role): ", b"Shared model (roles): ")
_SOURCE = compiled(rb"class \w{1,80}\([\w, ]{1,200}\):\s*+")


def _open_block(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if skrl prints such a line."""
    text = line.text
    if text.startswith(_MESSAGES):
        return message(line, _KEY)
    if text.startswith(b"class ") and _SOURCE.fullmatch(text):
        return Passage(_KEY, line, lambda inner: inner.startswith((b" ", b"---")))
    bar = parse_bar(text)
    if bar is None:
        return None
    if context.library is None:  # what follows tells whether it is skrl's, or that of a loader
        return message(line, None, kind="progress", **_fields(bar, context.num_envs))
    if not bar.whole:
        return message(line, _KEY, kind="progress", **_fields(bar, context.num_envs))
    return Single("progress", _KEY, **_fields(bar, context.num_envs))


def _fields(bar: Bar, num_envs: int | None) -> dict[str, Any]:
    """Return the fields of a progress update.

    The bar's rate is in vector steps per second, averaged with a weight on the latest (by the last bar: over everything)
    and updates included. That is none of the scopes of `Fps`, so it stays under the unit that was printed.
    """
    return {
        "iteration": bar.done,
        "iterations": bar.total,
        "env_steps": None if num_envs is None or bar.done is None else bar.done * num_envs,
        "seconds": Seconds(elapsed=bar.elapsed, eta=bar.remaining),
        "metrics": bar.rate,
    }


# skrl writes no rate itself, so the name is ours, in its manner.
_BAR_TAG = "Bar / Vector steps per second"


def _scalars(record: Record, env_steps: int | None) -> Iterator[Scalar]:  # noqa: ARG001 - vector steps are its axis
    if record.kind == "progress" and record.iteration is not None and (rate := bar_rate(record)) is not None:
        yield Scalar(_BAR_TAG, record.iteration, rate)


def _cut(rollout: Rollout, number: int) -> tuple[Group, ...] | Refusal:
    """Return `number` minibatches, which differ by one sample where the rollout cannot be cut evenly."""
    size, rest = divmod(rollout.samples, number)
    sequence = rollout.sequence
    if rollout.recurrent and sequence > 1 and (rest or size % sequence):
        first = size + bool(rest)
        wrong = first if first % sequence else size
        return Refusal(
            f"shape '[-1, {sequence}, ...]' is invalid for a minibatch of {wrong} samples", "RuntimeError"
        )
    if size == 0:
        return Refusal(
            f"it continues with empty minibatches: {number} minibatches of {rollout.samples} samples."
        )
    if size == 1:
        return Refusal(
            "it continues with NaN weights: RunningStandardScaler divides by the variance of a minibatch, and one sample"
            " has none."
        )
    if rollout.recurrent and sequence == 1:  # the one case in which it drops samples
        return (Group(number, size),)
    return tuple(group for group in (Group(rest, size + 1), Group(number - rest, size)) if group.number)


_MINIBATCHES = MinibatchRules(
    environments="num_envs",
    horizon="rollouts",
    setting="mini_batches",
    epochs="learning_epochs",
    fixes="number",
    cut=_cut,
    remainder="minibatches that differ by one sample",
    recurrent=(
        "A minibatch has to hold whole sequences (RuntimeError); with a sequence_length of 1 the remainder is dropped."
        " Where rollouts is not a multiple of sequence_length, a sequence goes on in the next environment."
    ),
    sequence="sequence_length",
    early_stop="kl_threshold",
    early_stop_ends="current pass",
    several_processes="WORLD_SIZE above 1",
    references=(
        Reference("Isaac-Velocity-Rough-Anymal-C-v0", 4096, 24, setting=4, epochs=5),
        Reference("Isaac-Cartpole-v0", 4096, 16, setting=8, epochs=8),
    ),
)


SKRL = Library(
    key=_KEY,
    name="skrl",
    open_block=_open_block,
    run_starts=("[skrl:INFO] Seed: ", "[skrl:INFO] Environment wrapper: "),
    distribution="skrl",
    colour="#009e73",
    prints_times=False,
    no_reward="skrl does not print it; its event files have it",
    minibatches=_MINIBATCHES,
    scalars=_scalars,
)
