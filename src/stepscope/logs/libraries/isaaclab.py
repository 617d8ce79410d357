"""How Isaac Lab prints around the library that trains: how it starts, what its managers hold, what its benchmark found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Fields, Passage, decoded, message
from stepscope.logs._library import Library
from stepscope.logs._values import compiled, parse_number
from stepscope.logs.libraries._isaaclab_reports import Box, Report

if TYPE_CHECKING:
    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line

__all__ = ["ISAACLAB"]

_KEY = "isaaclab"

_STAGE = compiled(rb"\[\d/\d\] (?:Launching simulation|Creating environment|Preparing agent)\s*+")
_SUMMARY_BOX = re.compile("(?:╭─|\\+-) Isaac Lab · ".encode())
_REPORT = re.compile(rb" (Runtime|Training|Startup) summary: [^(]{1,200}\((?:(\d{1,18}) envs|default envs)")
_RULE = compiled(rb"\|-{40,200}\|\s*+")
# The mean of what was timed so far under a name: "Last: 0.442947 s, Mean: 0.442947 s, Std: 0.000000 s, N: 1".
_TIMER = compiled(rb"(Last|Mean|Std|N): (\S{1,40}?)(?: s| ms| us| ns)?(?:, |\s*+$)")
_TRAINED = compiled(rb"Training time: ([\d.]{1,20}) seconds\s*+")
_SETTING = re.compile(rb"(?:\t| {2,8})([^:\s][^:\t]{0,60}?)\s{0,30}: (.{0,200})", re.DOTALL)
# What Isaac Lab's own logging puts in front, once it is set up.
_LOGGED = re.compile(rb"\d\d:\d\d:\d\d \[\w{1,80}\.py\] (?:DEBUG|INFO|WARNING|ERROR|CRITICAL): ")

_MANAGERS = tuple(
    f"[INFO] {name} Manager: ".encode()
    for name in (
        "Action",
        "Command",
        "Curriculum",
        "Event",
        "Observation",
        "Recorder",
        "Reward",
        "Termination",
    )
)
_SETTINGS = (b"[INFO]: Base environment:", b"[INFO]: Scene manager: ")
_TIMERS = (b"[INFO]: Time taken for ", b"Finalize builder took: ", b"Initialize solver took: ")
# In these words mjlab says the same: they count to whoever printed before.
_SHARED = (
    b"[INFO] Logging experiment in directory: ",
    b"[INFO]: Loading model checkpoint from: ",
    b"[INFO] Recording videos during training.",
)
_MESSAGES = (
    b"[INFO][",
    b"[INFO] Capturing environment sensor frames during training.",
    b"[INFO] Config path: ",
    b"[INFO] Downloading model checkpoint from wandb run: ",
    b"[INFO] Launching distributed workers with: ",
    b"[INFO] Loading checkpoint search path from directory: ",
    b"[INFO] Loading experiment from directory: ",
    b"[INFO] Loading model checkpoint from: ",
    b"[INFO] Loading saved normalization: ",
    b"[INFO] Logging to ",
    b"[INFO] Logging to: ",
    b"[INFO] No checkpoint found for task: ",
    b"[INFO] Policy playback is running, ",
    b"[INFO] Resume or play it later with: ",
    b"[INFO] Saved final agent checkpoint to: ",
    b"[INFO] Task: ",
    b"[INFO] Using config: ",
    b"[INFO] Using python from: ",
    b"[INFO] Video recording enabled.",
    b"[WARNING]: The `policy` configuration is used to infer ",
    b"[WARNING]: The installed rsl-rl does not support ",
    b"[WARNING] No TensorBoard data parsed from ",
    b"[WARNING] Killing distributed workers ",
    b"[SimulationContext] ",
    b"[VideoRecorder] ",
    b"[BenchmarkMonitor] Warning: ",
    b"Results written to: ",
    b"Kit is not running. Kit related measurements ",
    b"Loading user config located at: ",
    # Its warnings have nothing in front of them where no logging is set up, as without Isaac Sim.
    b"Seed not set for the environment. ",
    b"Failed to get root com velocity. ",
    b"Failed to get body com velocities. ",
    b"The render interval (",
    b"Solver didn't converge! max_iter=",
    b"Event mode '",
    b"Filter expressions matched zero counterpart objects; ",
    b"Newton has no dynamic joint friction property; ",
    b"Skipping visual material application for '",
    b"The velocity command has the 'ranges.heading' attribute set to ",
    b"CUDA error ",
    b"Drained stale CUDA error latched by a prior lifecycle: ",
)


_SAVING = b"Saving to:"  # the policy of Stable-Baselines3, whose path is below
# RL-Games says so too, and for itself.
_NAME_OF_RUN = b"Exact experiment name requested from command line: "


def _open_block(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if Isaac Lab prints such a line."""
    text = line.text
    first = text[:1]
    if first in (b" ", b"|", b"+", b"\xe2", b"\t"):
        return _drawn(line, first, context)
    if text.startswith(_TIMERS):
        return message(line, _KEY, metrics=_timed(line))
    if first == b"[":
        return _bracketed(line, context)
    if text.rstrip() == _SAVING:
        return Passage(_KEY, line, lambda below: below.rstrip().endswith(b"model.zip"))
    named = text.startswith(_NAME_OF_RUN) and context.library == _KEY
    if named or text.startswith(_MESSAGES) or _LOGGED.match(text):
        return message(line, _KEY)
    match = _TRAINED.fullmatch(text)
    return None if match is None else message(line, _KEY, metrics={"Training time": parse_number(match[1])})


def _bracketed(line: Line, context: Context) -> Block | None:
    """Return what a line opens that starts with a bracket: most are messages, some have a table or settings below."""
    text = line.text
    if text.startswith(_SETTINGS):
        return Fields(_KEY, line, _settings)
    if text.startswith(_MANAGERS):
        return Fields(_KEY, line, _in_table)
    if text.startswith(_SHARED):
        return message(line, context.library)
    if text.startswith(_MESSAGES) or _STAGE.fullmatch(text):
        return message(line, _KEY)
    # Tasks of its users say so in the same way.
    return message(line, _KEY) if text.startswith(b"[INFO]: ") and context.library != "mjlab" else None


def _drawn(line: Line, first: bytes, context: Context) -> Block | None:
    """Return what a line opens that is drawn: a box, a report or a table; or a setting that was parted from its title."""
    text = line.text
    if first == b" ":
        match = _REPORT.match(text)
        return None if match is None else Report(_KEY, line, match)
    if first == b"|":
        return None if _RULE.fullmatch(text) is None else Box(_KEY, line)
    if _SUMMARY_BOX.match(text):
        return Fields(_KEY, line, _in_box)
    if context.library != _KEY:
        return None
    if first == b"+":
        return Fields(_KEY, line, _in_table)
    return Fields(_KEY, line, _settings) if _SETTING.fullmatch(text) else None


def _in_table(text: bytes) -> tuple[()] | None:
    return () if text.startswith((b"+-", b"| ")) else None


def _in_box(text: bytes) -> tuple[()] | None:
    return () if text.startswith(("│".encode(), "╰".encode(), b"| ", b"+-")) else None


def _settings(text: bytes) -> list[tuple[str, float]] | None:
    """Return the number in a line such as ``Number of environments: 64``, indented by a tab."""
    match = _SETTING.fullmatch(text)
    if match is None:
        return None
    value = parse_number(match[2].strip())
    return [] if value is None else [(decoded(match[1]), value)]


def _timed(line: Line) -> dict[str, float]:
    timers = _TIMER.findall(line.text[:1000])
    values = {label.decode(): parse_number(value) for label, value in timers} if line.whole else {}
    return {label: value for label, value in values.items() if value is not None}


ISAACLAB = Library(
    key=_KEY,
    name="Isaac Lab",
    open_block=_open_block,
    trains=False,
    distribution="isaaclab",
    colour="#56b4e9",
    run_starts=("[1/3] Launching simulation",),
)
