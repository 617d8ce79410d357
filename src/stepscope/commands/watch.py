"""``stepscope watch``: a run while it trains, on a terminal."""

from __future__ import annotations

import os
import shlex
import stat
import sys
import time
from typing import TYPE_CHECKING

from stepscope._common.arguments import CommandParser
from stepscope._common.exit_status import SIGNAL_STATUS, describe_exit
from stepscope._common.optional import require
from stepscope.commands._logs import add_num_envs, explained, opened, read_log, title
from stepscope.errors import BadInputError
from stepscope.watch.child import Child, Signals
from stepscope.watch.monitor import Monitor
from stepscope.watch.source import Follow, Pipe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from stepscope._common.arguments import Parser
    from stepscope.watch.loop import WatchLoop
    from stepscope.watch.source import Source
    from stepscope.watch.view_model import Phase

__all__ = ["add"]

_ABOUT = "follow a training run: progress, rates, rewards, warnings and failures"
_MORE = (
    "Follows a LOG as it grows, also one that is renamed, emptied or does not exist yet; or reads standard input; or runs"
    " the COMMAND. The remaining time is estimated from the latest iterations. If the output is not a terminal,"
    " plain lines are printed from time to time. The exit status is that of the COMMAND (128 and the number of the signal"
    " that ended it), 130 after Ctrl-C, 0 at the end of a pipe, and 2 after an error."
)
_AFTER = (
    "The COMMAND runs without a keyboard, and with PYTHONUNBUFFERED=1 unless that is set, because Python buffers its"
    " output. Its standard error is read with its standard output. Ctrl-C is passed on to it once, and it may"
    " take its time to end; after two seconds a second Ctrl-C terminates it, and a third one kills it."
)
_USAGE = "stepscope watch [-h] [--once] [--tee] [--num-envs N] (LOG | - | -- COMMAND ...)"


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    commands.add_parser("watch", help=_ABOUT)
    parser = CommandParser(
        prog="stepscope watch", usage=_USAGE, description=_MORE, epilog=_AFTER, allow_abbrev=False
    )
    commands.choices["watch"] = parser
    parser.add_argument("log", nargs="?", metavar="LOG", help="console output of a run; - is standard input")
    parser.add_argument("--once", action="store_true", help="show the current state of LOG, and exit")
    parser.add_argument(
        "--tee",
        action="store_true",
        help="copy the input to standard output; the view then goes to standard error, or below the text if both are the"
        " terminal",
    )
    add_num_envs(parser)
    parser.set_defaults(command=_watch, at_once=True)


def _watch(options: argparse.Namespace) -> int:
    _check(options)
    require("rich", extra="watch", what="stepscope watch")
    if options.once:
        return _once(options)
    source = _run if options.run is not None else _pipe if _is_pipe(options.log) else _follow
    signals = Signals()
    make_loop = _outputs(options, signals)
    with signals:  # from before a command is started, so that none outlives an interruption
        return source(options, make_loop)


def _check(options: argparse.Namespace) -> None:
    if options.log is None and not options.run:
        raise BadInputError(
            "there is nothing to watch; give a LOG, - for standard input, or a command after --."
        )
    if options.log is not None and options.run is not None:
        raise BadInputError(f"{options.log} and a command after -- cannot both be watched; give one of them.")
    if options.once and options.run is not None:
        raise BadInputError("--once shows the current state of a LOG; leave it out to run a command.")
    if options.once and options.tee:
        raise BadInputError("--once and --tee exclude each other; leave one of them out.")


def _once(options: argparse.Namespace) -> int:
    from stepscope.watch.screen import print_once  # noqa: PLC0415 - it imports rich

    now, wall = time.monotonic(), time.time()
    monitor = Monitor(title(options.log))
    with opened(options.log) as log:
        status = os.fstat(log.fileno())
        age = max(0.0, wall - status.st_mtime) if stat.S_ISREG(status.st_mode) else 0.0
        monitor.note_output(at=now - age, live=False)
        for record in read_log(log, name=options.log, num_envs=options.num_envs):
            monitor.add(record)
    _check_log(monitor)
    print_once(monitor.snapshot(now=now, wall=wall), sys.stdout)
    return 0


def _run(options: argparse.Namespace, make_loop: Callable[[Source, Monitor], WatchLoop]) -> int:
    child = Child(options.run)
    monitor = Monitor(shlex.join(options.run), started=time.monotonic())
    loop = make_loop(child, monitor)
    loop.run(num_envs=options.num_envs)
    status = child.status
    description = describe_exit(status) if status else "finished"
    hint = "the kernel does that when memory runs out" if "SIGKILL" in description else ""
    phase: Phase = "failed" if status else "finished"
    if child.interrupted:
        description, hint, phase = f"interrupted (exit status {status})", "", "ended"
    monitor.end(at=time.monotonic(), status=description, hint=hint, phase=phase)
    loop.show_final()
    return status


class _NamedPipe(Pipe):
    """A pipe whose errors name it."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__(self._open, note=f"waiting for {title(name)}")

    def _open(self) -> int:
        if self._name != "-":
            return os.open(self._name, os.O_RDONLY)
        with opened(self._name) as log:
            return log.fileno()

    def next(self, timeout: float) -> bytes | None:
        with explained(self._name):
            return super().next(timeout)


def _pipe(options: argparse.Namespace, make_loop: Callable[[Source, Monitor], WatchLoop]) -> int:
    with opened("-") if options.log == "-" else explained(options.log):
        pipe = _NamedPipe(options.log)
    monitor = Monitor(title(options.log), piped=time.monotonic())
    loop = make_loop(pipe, monitor)
    loop.run(num_envs=options.num_envs)
    if loop.stopped_by is None:
        if pipe.interrupted:
            monitor.end(at=time.monotonic(), status="interrupted", phase="ended")
        else:
            monitor.end(at=time.monotonic())
            _check_log(monitor)
    loop.show_final()
    return SIGNAL_STATUS + loop.stopped_by if loop.stopped_by else 130 * pipe.interrupted


def _follow(options: argparse.Namespace, make_loop: Callable[[Source, Monitor], WatchLoop]) -> int:
    with explained(options.log):
        source = Follow(options.log)
    loop = make_loop(source, Monitor(options.log))
    try:
        loop.run(num_envs=options.num_envs)
        loop.show_final()
    finally:
        source.close()
    return SIGNAL_STATUS + (loop.stopped_by or 0)


def _outputs(options: argparse.Namespace, signals: Signals) -> Callable[[Source, Monitor], WatchLoop]:
    """Return a function that connects a source with the output."""
    from stepscope.watch.loop import WatchLoop  # noqa: PLC0415 - it imports rich
    from stepscope.watch.screen import BelowText, FullScreen, Plain, Screen, has_screen  # noqa: PLC0415 - the same

    tee, screen = None, Screen()
    if options.tee and has_screen(sys.stdout):
        screen = BelowText(sys.stdout)
    else:
        file = sys.stderr if options.tee else sys.stdout
        tee = _pass_on if options.tee else None
        if file is not None:
            screen = FullScreen(file) if has_screen(file) else Plain(file)

    def make_loop(source: Source, monitor: Monitor) -> WatchLoop:
        return WatchLoop(source, monitor, screen, signals, tee=tee, best_effort=options.run is not None)

    return make_loop


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


def _check_log(monitor: Monitor) -> None:
    """Raise an error if this is not the log of a run; a failure is shown in any case."""
    if not monitor.failed and (problem := monitor.problem) is not None:
        raise BadInputError(problem)
