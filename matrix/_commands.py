"""Recordings of programs that need an environment of their own."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from matrix._verdict import check_iterations, check_spans, check_unrecognised
from stepscope._common.arguments import Parser
from stepscope.errors import BadInputError
from stepscope.evidence import provenance
from stepscope.logs import reads
from stepscope.recordings import PATHS, Recording, capture_output, write_recording

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["RECORDINGS", "Command", "Program", "main"]

RECORDINGS = Path(__file__).parents[1] / "recordings"
"""Where recordings are kept."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One way of running a program.

    Attributes
    ----------
    variant
        Name of its recording.
    arguments
        Arguments of the program.
    settings
        Settings that they set, for the provenance.
    exit_code
        Expected exit status.
    cold
        Whether Warp compiles every kernel again.
    unbuffered
        Whether Python prints each line at once, as in many containers; as a rule it buffers what it prints into a file,
        and warnings overtake it.
    recorded
        Whether the training script has the lines that put a recorder around its environment.
    mangled
        Number of lines that may be mixed with the output of another part of the process.
    """

    variant: str
    arguments: tuple[str, ...]
    settings: dict[str, object]
    exit_code: int = 0
    cold: bool = False
    unbuffered: bool = False
    recorded: bool = False
    mangled: int = 0


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program and its commands.

    Attributes
    ----------
    library
        As the folders of recordings name it.
    distribution
        Name under which it is installed.
    program
        Name of its command.
    packages
        Other packages that decide what is printed.
    commands
        Commands to run.
    variables
        Environment variables.
    recorded
        Further ones for a command whose environment is recorded.
    paths
        Folders of this machine, and their placeholders in a recording.
    """

    library: str
    distribution: str
    program: str
    packages: tuple[str, ...]
    commands: tuple[Command, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    recorded: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)


def main(program: Program, arguments: Sequence[str] | None = None) -> int:
    """Run the named variants, or all, record and check them; return 1 if there is a problem."""
    try:
        options = _parse_options(program, arguments)
    except BadInputError as error:
        sys.stderr.write(f"{program.library}: {error}\n")
        return 2
    bad = 0
    for command in program.commands:
        if options.variants and command.variant not in options.variants:
            continue
        text, recording = _record(program, command)
        problems = list(_check(text, recording, command))
        bad += bool(problems)
        if recording.exit_code != command.exit_code:
            sys.stdout.write(text.decode(errors="replace")[-3000:])
        elif not options.check:
            write_recording(text, recording, into=RECORDINGS)
        verdict = "; ".join(problems) or "as expected"
        sys.stdout.write(f"{command.variant}: {len(text):,} bytes in {recording.seconds} s, {verdict}\n")
        sys.stdout.flush()
    return 1 if bad else 0


def _parse_options(program: Program, arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [command.variant for command in program.commands]
    parser = Parser(prog=f"python -m matrix.{program.library}", description="Run, record and check.")
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help=f"some of {', '.join(names)}")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    for name in options.variants:
        if name not in names:
            parser.error(f"{name!r} is not one of {', '.join(names)}")
    return options


def _record(program: Program, command: Command) -> tuple[bytes, Recording]:
    """Run a command in an empty folder, as ``PROGRAM ARGUMENTS > train.log 2>&1`` would."""
    kernels = "<here>/kernels" if command.cold else _kernels()
    variables = {"WARP_CACHE_PATH": kernels, "PYTHONUNBUFFERED": "1" if command.unbuffered else ""}
    text, outcome = capture_output(
        [str(Path(sys.executable).with_name(program.program)), *command.arguments],
        paths={**PATHS, _kernels(): "<kernels>", **program.paths},
        environment={
            **program.variables,
            **(program.recorded if command.recorded else {}),
            **variables,
        },
    )
    here = provenance()
    return text, Recording(
        library=program.library,
        version=metadata.version(program.distribution),
        variant=command.variant,
        command=" ".join([program.program, *command.arguments]),
        settings=command.settings,
        versions={**here.versions, **{name: metadata.version(name) for name in program.packages}},
        device=here.device,
        date=here.date,
        **outcome,
    )


def _kernels() -> str:
    """Return the folder of Warp's compiled kernels, which take half a minute and which no build deletes."""
    return os.environ.get("WARP_CACHE_PATH") or str(Path.home() / ".cache" / "warp")


def _check(text: bytes, recording: Recording, command: Command) -> Iterator[str]:
    """Yield a sentence for each problem of a recording."""
    if recording.exit_code != command.exit_code:
        yield f"it ended with exit status {recording.exit_code} instead of {command.exit_code}"
        return
    records = list(reads(text))
    yield from check_spans(records, len(text))
    yield from check_unrecognised(records, allowed=command.mangled)
    if "iterations" in command.settings and not command.exit_code:
        yield from check_iterations(records, command.settings)
