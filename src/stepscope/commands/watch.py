"""``stepscope watch``: a run while it trains, on a terminal."""

from __future__ import annotations

import os
import shlex
import stat
import sys
import time
from typing import TYPE_CHECKING

from stepscope._common.arguments import CommandParser, positive_integer
from stepscope._common.optional import require
from stepscope.commands._logs import blamed, opened, records, title
from stepscope.errors import BadInputError
from stepscope.watch.child import Child, how_it_ended
from stepscope.watch.follow import Follow
from stepscope.watch.monitor import State
from stepscope.watch.pipe import Pipe
from stepscope.watch.signals import Signals

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from stepscope._common.arguments import Parser
    from stepscope.watch.loop import Source, Watching
    from stepscope.watch.view_model import Phase

__all__ = ["add"]

_ABOUT = "show a training run while it trains: how far, how fast, how good, and what goes wrong"
_MORE = (
    "Follows a LOG as it grows, also one that is renamed, emptied or not there yet; or reads what is piped into it; or"
    " runs the COMMAND itself. The time left comes from the latest iterations. Where the output is no terminal, a line is"
    " printed now and then. The exit status is that of the COMMAND (128 and its number if a signal ended it), 130 after"
    " Ctrl-C, 0 at the end of a pipe, and 2 if something cannot work."
)
_AFTER = (
    "The COMMAND runs without a keyboard, and with PYTHONUNBUFFERED=1 unless that is set: Python would keep what it prints"
    " into a pipe. Its standard error is read with its standard output. Ctrl-C is passed on to it once, and its end is"
    " awaited; after two seconds a second Ctrl-C terminates it, and a third one kills it."
)
_USAGE = "stepscope watch [-h] [--once] [--tee] [--num-envs N] (LOG | - | -- COMMAND ...)"
_SIGNALLED = 128


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    commands.add_parser("watch", help=_ABOUT)
    parser = CommandParser(
        prog="stepscope watch", usage=_USAGE, description=_MORE, epilog=_AFTER, allow_abbrev=False
    )
    commands.choices["watch"] = parser
    parser.add_argument("log", nargs="?", metavar="LOG", help="console output of a run; - is standard input")
    parser.add_argument("--once", action="store_true", help="show how LOG stands now, and end")
    parser.add_argument(
        "--tee",
        action="store_true",
        help="pass what is read on to standard output, byte by byte; the view goes to standard error then, or below the"
        " text if that is the terminal",
    )
    parser.add_argument(
        "--num-envs",
        type=positive_integer,
        metavar="N",
        help="number of environments, which skrl does not print: its vector steps times N are env steps",
    )
    parser.set_defaults(command=_watch, at_once=True)


def _watch(options: argparse.Namespace) -> int:
    _check(options)
    require("rich", extra="watch", what="stepscope watch")
    if options.once:
        return _once(options)
    source = _run if options.run is not None else _pipe if _is_pipe(options.log) else _follow
    signals = Signals()
    watching_for = _outputs(options, signals)
    with signals:  # from before a command is started, so that none outlives an interruption
        return source(options, watching_for)


def _check(options: argparse.Namespace) -> None:
    if options.log is None and not options.run:
        raise BadInputError(
            "there is nothing to watch; give a LOG, - for standard input, or a command after --."
        )
    if options.log is not None and options.run is not None:
        raise BadInputError(f"{options.log} and a command after -- cannot both be watched; give one of them.")
    if options.once and options.run is not None:
        raise BadInputError("--once shows a LOG as it stands now; leave it out to run a command.")
    if options.once and options.tee:
        raise BadInputError("--once and --tee do not go together; leave one of them out.")


def _once(options: argparse.Namespace) -> int:
    from stepscope.watch.screen import print_once  # noqa: PLC0415 - it imports rich

    now, wall = time.monotonic(), time.time()
    state = State(title(options.log))
    with opened(options.log) as log:
        status = os.fstat(log.fileno())
        age = max(0.0, wall - status.st_mtime) if stat.S_ISREG(status.st_mode) else 0.0
        state.heard(at=now - age, live=False)
        for record in records(log, name=options.log, num_envs=options.num_envs):
            state.add(record)
    _complain_of(state)
    print_once(state.shown(now=now, wall=wall), sys.stdout)
    return 0


def _run(options: argparse.Namespace, watching_for: Callable[[Source, State], Watching]) -> int:
    child = Child(options.run)
    state = State(shlex.join(options.run), started=time.monotonic())
    watching = watching_for(child, state)
    watching.watch(num_envs=options.num_envs)
    status = child.status
    says, hint = how_it_ended(status)
    phase: Phase = "failed" if status else "finished"
    if child.interrupted:
        says, hint, phase = f"interrupted (exit status {status})", "", "ended"
    state.end(at=time.monotonic(), says=says, hint=hint, phase=phase)
    watching.last()
    return status


class _NamedPipe(Pipe):
    """A pipe whose errors are sentences about it."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__(self._open, note=f"waiting for {title(name)}")

    def _open(self) -> int:
        if self._name != "-":
            return os.open(self._name, os.O_RDONLY)
        with opened(self._name) as log:
            return log.fileno()

    def next(self, timeout: float) -> bytes | None:
        with blamed(self._name):
            return super().next(timeout)


def _pipe(options: argparse.Namespace, watching_for: Callable[[Source, State], Watching]) -> int:
    with opened("-") if options.log == "-" else blamed(options.log):
        pipe = _NamedPipe(options.log)
    state = State(title(options.log), piped=time.monotonic())
    watching = watching_for(pipe, state)
    watching.watch(num_envs=options.num_envs)
    if watching.stopped_by is None:
        if pipe.interrupted:
            state.end(at=time.monotonic(), says="interrupted", phase="ended")
        else:
            state.end(at=time.monotonic())
            _complain_of(state)
    watching.last()
    return _SIGNALLED + watching.stopped_by if watching.stopped_by else 130 * pipe.interrupted


def _follow(options: argparse.Namespace, watching_for: Callable[[Source, State], Watching]) -> int:
    with blamed(options.log):
        source = Follow(options.log)
    watching = watching_for(source, State(options.log))
    try:
        watching.watch(num_envs=options.num_envs)
        watching.last()
    finally:
        source.close()
    return _SIGNALLED + (watching.stopped_by or 0)


def _outputs(options: argparse.Namespace, signals: Signals) -> Callable[[Source, State], Watching]:
    """Return what connects a source with where it is shown."""
    from stepscope.watch.loop import Watching  # noqa: PLC0415 - it imports rich
    from stepscope.watch.screen import BelowText, FullScreen, Plain, Screen, has_screen  # noqa: PLC0415 - the same

    tee, screen = None, Screen()
    if options.tee and has_screen(sys.stdout):
        screen = BelowText(sys.stdout)
    else:
        file = sys.stderr if options.tee else sys.stdout
        tee = _pass_on if options.tee else None
        if file is not None:
            screen = FullScreen(file) if has_screen(file) else Plain(file)

    def watching(source: Source, state: State) -> Watching:
        return Watching(source, state, screen, signals, tee=tee, forgiving=options.run is not None)

    return watching


def _pass_on(data: bytes) -> None:
    """Write bytes to standard output, all of them, now."""
    descriptor = sys.stdout.fileno()
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _is_pipe(log: str) -> bool:
    if log == "-":
        return True
    try:
        mode = os.stat(log).st_mode  # noqa: PTH116 - what it is, and nothing else
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _complain_of(state: State) -> None:
    """Raise why this is not the log of a run, if it is not; a failure is shown in any case."""
    if not state.failed and (problem := state.problem) is not None:
        raise BadInputError(problem)
