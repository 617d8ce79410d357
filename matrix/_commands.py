"""Recordings of programs that need an environment of their own."""

from __future__ import annotations

import os
import re
import shlex
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matrix._verdict import check_iterations, check_spans, check_unrecognised
from stepscope._common.arguments import Parser
from stepscope.errors import BadInputError
from stepscope.evidence import provenance
from stepscope.logs import reads
from stepscope.recordings import PATHS, Recording, capture_output, write_recording

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["RECORDINGS", "Command", "Program", "Transcript", "main"]

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
class Transcript:
    """Lines typed into a shell, one after another in one folder, and what a terminal of 80 columns shows then.

    Attributes
    ----------
    variant
        Name of its recording.
    lines
        Command lines; one of several rows has a backslash at the end of each but the last.
    shows
        Regular expressions, each of which matches something that is shown: what the pages say about it.
    files
        Files that are in the folder beforehand.
    exit_code
        Expected exit status of the last one.
    """

    variant: str
    lines: tuple[str, ...]
    shows: tuple[str, ...]
    files: tuple[Path, ...] = ()
    exit_code: int = 0

    def script(self) -> str:
        """Return a script of the shell that shows each line and runs it."""
        copies = [f"cp -r {shlex.quote(str(path))} ." for path in self.files]
        shown = [f"printf '%s\\n' {shlex.quote('$ ' + line)}\n{line}" for line in self.lines]
        return "\n".join([*copies, *shown]) + "\n"

    def missing(self, text: str) -> Iterator[str]:
        """Yield a sentence for each of `shows` that a text lacks."""
        for expression in self.shows:
            if not re.search(expression, text, re.MULTILINE):
                yield f"nothing in it matches {expression!r}"


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
    transcripts
        What this project's commands print there.
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
    transcripts: tuple[Transcript, ...] = ()
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
        _report(text, recording, problems)
    for transcript in program.transcripts:
        if options.variants and transcript.variant not in options.variants:
            continue
        text, recording = _type(program, transcript)
        problems = [*_check_status(recording, transcript.exit_code), *transcript.missing(text.decode())]
        bad += bool(problems)
        if problems:
            sys.stdout.write(text.decode(errors="replace")[-3000:])
        elif not options.check:
            write_recording(text, recording, into=RECORDINGS, suffix=".console")
        _report(text, recording, problems)
    return 1 if bad else 0


def _report(text: bytes, recording: Recording, problems: Sequence[str]) -> None:
    verdict = "; ".join(problems) or "as expected"
    sys.stdout.write(f"{recording.variant}: {len(text):,} bytes in {recording.seconds} s, {verdict}\n")
    sys.stdout.flush()


def _parse_options(program: Program, arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [command.variant for command in program.commands]
    names += [transcript.variant for transcript in program.transcripts]
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
    text, outcome = capture_output(
        [str(Path(sys.executable).with_name(program.program)), *command.arguments],
        paths=_paths(program),
        environment={
            **program.variables,
            **(program.recorded if command.recorded else {}),
            "WARP_CACHE_PATH": kernels,
            "PYTHONUNBUFFERED": "1" if command.unbuffered else "",
        },
    )
    line = " ".join([program.program, *command.arguments])
    return text, _recording(program, command.variant, line, command.settings, outcome)


def _type(program: Program, transcript: Transcript) -> tuple[bytes, Recording]:
    """Run a transcript's lines in a folder that has only its files, with this environment's programs."""
    programs = str(Path(sys.executable).parent)
    text, outcome = capture_output(
        ["sh", "-c", transcript.script()],
        paths=_paths(program),
        environment={
            **program.variables,
            "WARP_CACHE_PATH": _kernels(),
            "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
            "COLUMNS": "80",
            "NO_COLOR": "1",
        },
    )
    return text, _recording(program, transcript.variant, "\n".join(transcript.lines), {}, outcome)


def _paths(program: Program) -> dict[str, str]:
    return {**PATHS, _kernels(): "<kernels>", **program.paths}


def _recording(
    program: Program, variant: str, line: str, settings: dict[str, object], outcome: dict[str, Any]
) -> Recording:
    here = provenance()
    return Recording(
        library=program.library,
        version=metadata.version(program.distribution),
        variant=variant,
        command=line,
        settings=settings,
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
        yield from _check_status(recording, command.exit_code)
        return
    records = list(reads(text))
    yield from check_spans(records, len(text))
    yield from check_unrecognised(records, allowed=command.mangled)
    if "iterations" in command.settings and not command.exit_code:
        yield from check_iterations(records, command.settings)


def _check_status(recording: Recording, expected: int) -> Iterator[str]:
    if recording.exit_code != expected:
        yield f"it ended with exit status {recording.exit_code} instead of {expected}"
