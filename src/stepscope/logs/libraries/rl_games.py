"""How RL-Games prints: one line an epoch, and a pair of lines when a policy is saved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Passage, Single, message
from stepscope.logs._library import Library, Scalar, VersionMarker
from stepscope.logs._records import Fps
from stepscope.logs._values import as_count, as_int, compiled, parse_number
from stepscope.logs.minibatches import Group, MinibatchRules, Reference, Refusal, Rollout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line
    from stepscope.logs._records import Record
    from stepscope.logs._runs import Counters

__all__ = ["RL_GAMES"]

_KEY = "rl_games"

_EPOCH_START = b"fps step: "
_EPOCH = compiled(
    rb"fps step: (\S++) fps step and policy inference: (\S++) {1,2}fps total: (\S++)"
    rb"(?: epoch: (\d++)(?:/(\d++)(?:\.0)?)?(?: frames: ([^\s/]++)(?:/(\S++))?)?)?\s*"
)
_LABELS = (
    "fps step",
    "fps step and policy inference",
    "fps total",
    "epoch",
    "max epochs",
    "frames",
    "max frames",
)
_BEST_START = b"saving next best rewards: "
_BEST = compiled(rb"saving next best rewards:\s++(\[)?\s*+([^\s\]]++)\s*+(\])?\s*+")
_SAVED_START = b"=> saving checkpoint '"
# What the names of saved policies tell: `last_NAME_ep_8_rew__25.4_.pth`, `last_NAME_frame_6144_rew_-inf.pth`.
_SAVED = re.compile(rb"_?(ep|frame)_?(\d{1,18})_?rew_{0,3}\[?(-?[\d.einf+-]{1,40}|nan)[\]_]?\.pth'$")

_MESSAGES = (
    b"self.seed = ",
    b"seq_length: ",
    b"current training device: ",
    b"build mlp: ",
    b"conv_name: ",
    b"conv1d input shape: ",
    b"RunningMeanStd: ",
    b"torch.compile: ",
    b"=> loading checkpoint '",
    b"Exact experiment name requested from command line: ",
    b"global_rank = ",
    b"====================broadcast",
    b"WARNING: Max epochs reached before any env terminated",
    b"WARNING: Max frames reached before any env terminated",
    b"WARNING: seq_len is deprecated",
    b"Warning: Invalid torch_compile config",
    b"Max epochs and max frames are not set.",
    b"Forcing env reset after ",
    b"Number of Agents ",
    b"Target entropy ",
    b"Env name: ",
    b"Mean scores: ",
    b"Run Directory: ",
    b"Print cannot set new sigma because fixed_sigma",
    b"Exception during filesystem op: ",
    b"[BasePlayer] Creating ",
    b"av reward: ",
)
_WHOLE_MESSAGES = frozenset(
    {
        b"Started to train",
        b"Started to play",
        b"MAX EPOCHS NUM!",
        b"MAX FRAMES NUM!",
        b"Maximum reward achieved. Network won!",
        b"Network won!",
        b"Initializing SelfPlay Manager",
        b"Adding Central Value Network",
        b"Cannot set new sigma because fixed_sigma is False",
        b"Building Actor",
        b"Building Critic",
        b"Building Critic Target",
        b"Loading weights",
        b"Loading full weights",
        b"NaN or Inf found in input tensor.",  # from tensorboardX, which RL-Games writes its events with
    }
)
# SAC prints its configuration, and three counts below what it says about the environment.
_CONFIG = b"{'"
_CONFIG_KEY = b"'reward_shaper': "
_ENV_INFO = b"Env info:"
_ENV_INFO_LINE = compiled(rb"[{ ].*+|\d{1,18} \d{1,18} \d{1,18}", re.DOTALL)
# An old release's SAC prints them without the rest.
_COUNTS = re.compile(rb"\d{1,18} \d{1,18} \d{1,18}")
# A checkpoint that cannot be loaded is tried again; what the exception says may go on for several lines.
_RETRY = b"Exception "
_PYTHONS_OWN = (b"Exception ignored in", b"Exception in thread ")
_RETRY_END = b"when trying to execute "
_WAITING = re.compile(rb"Waiting \d{1,9} before trying again\.\.\.")
_STARTS = (_EPOCH_START, _BEST_START, _SAVED_START, *_MESSAGES)


def _open_block(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if RL-Games prints such a line."""
    text = line.text
    if not text.startswith(_STARTS):
        return _other(line, context)
    if text.startswith(_EPOCH_START):
        return _epoch(line)
    if text.startswith(_BEST_START):
        return _best_reward(line)
    if text.startswith(_SAVED_START):
        return _checkpoint(line)
    return message(line, _KEY)


def _other(line: Line, context: Context) -> Block | None:
    text = line.text.rstrip()
    if context.library == _KEY and (_COUNTS.fullmatch(text) or _WAITING.fullmatch(text)):
        return message(line, _KEY)
    if context.library == _KEY and text.startswith(_RETRY) and not text.startswith(_PYTHONS_OWN):
        return _retry(line)
    if text in _WHOLE_MESSAGES or (text.startswith(_CONFIG) and _CONFIG_KEY in text):
        return message(line, _KEY)
    if text == _ENV_INFO:
        return Passage(_KEY, line, lambda inner: _ENV_INFO_LINE.fullmatch(inner) is not None)
    return None


def _retry(line: Line) -> Block:
    """Return what an exception says, up to the line that names what was tried."""
    if _RETRY_END in line.text:
        return message(line, _KEY)
    return Passage(_KEY, line, lambda inner: inner.startswith((b" ", b"\t")) or _RETRY_END in inner)


def _epoch(line: Line) -> Block | None:
    match = _EPOCH.fullmatch(line.text)
    if match is None:
        return None
    printed = list(match.groups())
    if not line.whole:
        printed[(match.lastindex or 1) - 1] = None  # its last digits may be missing
    values = [None if text is None else parse_number(text) for text in printed]
    step, rollout, total, epoch, epochs, frames, _ = values
    return Single(
        "iteration",
        _KEY,
        iteration=as_int(epoch),
        iterations=as_int(epochs),
        env_steps=as_count(frames),
        fps=Fps(step=step, rollout=rollout, total=total),
        metrics={label: value for label, value in zip(_LABELS, values, strict=True) if value is not None},
    )


def _best_reward(line: Line) -> Block:
    # A policy with several value functions prints several rewards; none of them is "the" reward.
    match = _BEST.fullmatch(line.text)
    reward = None
    if match is not None and bool(match[1]) == bool(match[3]) and (match[3] or line.whole):
        reward = parse_number(match[2])
    return message(line, _KEY, kind="best_reward", reward=reward)


def _checkpoint(line: Line) -> Block:
    match = _SAVED.search(line.text.rstrip()[-200:])
    if match is None:
        return message(line, _KEY, kind="checkpoint")
    count = int(match[2])
    where = {"iteration": count} if match[1] == b"ep" else {"env_steps": count}
    return message(line, _KEY, kind="checkpoint", reward=parse_number(match[3]), **where)


def _derive(record: Record, own: Counters, before: Counters | None) -> dict[str, float]:  # noqa: ARG001 - the counters tell
    """PPO for continuous actions counts the frames before it adds this epoch's (rl_games a2c_common.py:1385)."""
    if before is None or own.env_steps is None or before.env_steps is None:
        return {}
    if own.iteration is None or before.iteration != own.iteration - 1:
        return {}
    added = own.env_steps - before.env_steps
    if added <= 0 or own.env_steps != (own.iteration - 1) * added:
        return {}
    return {"env_steps": own.env_steps + added}


def _scalars(record: Record, env_steps: int | None) -> Iterator[Scalar]:
    if record.kind == "iteration" and record.iteration is not None:
        # Version 1.5.2 does not print the frames that are its axis: the epoch has to do.
        step = record.iteration if record.env_steps is None else record.env_steps
        for tag, rate in (
            ("performance/step_fps", record.fps.step),
            ("performance/step_inference_fps", record.fps.rollout),
            ("performance/step_inference_rl_update_fps", record.fps.total),
            ("info/epochs", record.iteration),
        ):
            if rate is not None:
                yield Scalar(tag, step, rate)
    elif record.kind == "best_reward" and record.reward is not None and env_steps is not None:
        yield Scalar("rewards/step", env_steps, record.reward)


def _cut(rollout: Rollout, size: int) -> tuple[Group, ...] | Refusal:
    """Return the minibatches of `size` samples."""
    samples, sequence = rollout.samples, rollout.sequence
    if samples % size:
        return Refusal(
            f"'batch_size' ({samples}) must be divisible by 'minibatch_size' ({size})."
            " Ensure that 'batch_size' is a multiple of 'minibatch_size'.",
            "ValueError",
        )
    if samples % sequence:  # whether the policy is recurrent or not
        return Refusal("Batch size must be divisible by sequence length.", "ValueError")
    if rollout.recurrent and size % sequence:
        return Refusal(
            f"Horizon length ({rollout.horizon}) times total agents ({rollout.num_envs}) divided by num minibatches"
            f" ({samples // size}) must be divisible by sequence length ({sequence})",
            "ValueError",
        )
    if rollout.recurrent and rollout.horizon % sequence:  # it keeps the states of whole sequences only
        whole = rollout.horizon // sequence
        return Refusal(f"index {whole} is out of bounds for dimension 0 with size {whole}", "IndexError")
    return (Group(samples // size, size),)


_MINIBATCHES = MinibatchRules(
    environments="num_actors",
    horizon="horizon_length",
    setting="minibatch_size",
    alternative="minibatch_size_per_env",
    epochs="mini_epochs",
    fixes="size",
    cut=_cut,
    remainder="refused: ValueError",
    recurrent="horizon_length and minibatch_size have to be multiples of seq_length.",
    sequence="seq_length",
    default_sequence=4,
    several_processes="multi_gpu: True",
    references=(
        Reference("Isaac-Velocity-Rough-Anymal-C-v0", 4096, 24, setting=24576, epochs=5),
        Reference("Isaac-Cartpole-v0", 4096, 16, setting=8192, epochs=8),
    ),
)


RL_GAMES = Library(
    key=_KEY,
    name="RL-Games",
    open_block=_open_block,
    run_starts=("self.seed = ", "global_rank = ", "Started to train"),
    derive=_derive,
    distribution="rl-games",
    colour="#e69f00",
    flushes=False,
    no_reward="not printed: RL-Games announces a best one only, from the epoch save_best_after on",
    run_ends=("MAX EPOCHS NUM!", "MAX FRAMES NUM!", "Maximum reward achieved", "Network won!"),
    markers=(
        VersionMarker(since="1.6.0", labels=("frames",)),
        VersionMarker(until="1.5.2", missing=("frames",)),
        VersionMarker(since="1.6.1", text="seq_length: "),
        VersionMarker(since="1.6.5", text="torch.compile: "),
        VersionMarker(until="1.5.2", text="Network won!"),
        VersionMarker(until="1.6.1", text="Run Directory: "),
        VersionMarker(until="1.6.1", text="Started to train", instead_of="torch.compile: "),
        VersionMarker(until="1.6.0", text="current training device: ", instead_of="seq_length: "),
    ),
    minibatches=_MINIBATCHES,
    scalars=_scalars,
)
