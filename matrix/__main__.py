"""Run, record and check every listed version: ``python -m matrix [LIBRARY [VERSION ...]]``."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matrix._environment import InstallError, make_environment
from matrix._faults import describe_runs, path_of, record_runs, run_faults
from matrix._run import RECORDINGS, make_recording
from matrix._verdict import describe_difference, read_recording
from matrix._versions import read_versions
from stepscope._common.arguments import Parser
from stepscope.errors import BadInputError
from stepscope.recordings import write_recording

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from matrix._environment import Environment
    from matrix._versions import Variant, Version
    from stepscope.recordings import Recording


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table."""

    library: str
    version: str
    variant: str
    seconds: str = ""
    records: str = ""
    unrecognised: str = ""
    verdict: str
    bad: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """Texts of the columns."""
        numbers = (self.seconds, self.records, self.unrecognised)
        return (self.library, self.version, self.variant, *numbers, self.verdict)


_HEAD = ("library", "version", "variant", "seconds", "records", "unrecognised", "verdict")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m matrix", description="Run, record and check every listed version of the libraries."
    )
    parser.add_argument("library", nargs="?", help="only this one (default: all)")
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="only these of it (default: all)")
    parser.add_argument("--variant", action="append", help="only this variant; may be given several times")
    parser.add_argument("--update", action="store_true", help="replace recordings that differ")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; a variant without a recording is a problem"
    )
    return parser


def _select_versions(options: argparse.Namespace) -> list[Version]:
    listed = read_versions()
    if options.library is not None and options.library not in listed:
        raise BadInputError(f"{options.library!r} is not one of {', '.join(listed)}.")
    names = [options.library] if options.library else list(listed)
    versions = [version for name in names for version in listed[name]]
    unknown = set(options.versions) - {version.version for version in versions}
    if unknown:
        raise BadInputError(f"{options.library} {', '.join(sorted(unknown))} is not in matrix/versions.toml.")
    return [version for version in versions if not options.versions or version.version in options.versions]


def _rows(version: Version, options: argparse.Namespace) -> Iterator[Row]:
    variants = [
        variant for variant in version.variants if not options.variant or variant.name in options.variant
    ]
    fault_variants = [
        name for name in version.fault_variants if not options.variant or name in options.variant
    ]
    if not variants and not fault_variants:
        return
    try:
        environment = make_environment(version)
    except InstallError as error:
        verdict = f"could not be installed: {error}"
        yield Row(library=version.library, version=version.version, variant="", verdict=verdict, bad=True)
        return
    for variant in variants:
        yield _row(version, variant, environment, options)
    for name in fault_variants:
        yield _fault_row(version, name, environment, options)


def _row(version: Version, variant: Variant, environment: Environment, options: argparse.Namespace) -> Row:
    text, recording = make_recording(version, variant, environment)
    reading = read_recording(text, recording, variant)
    verdict, bad = _record(text, recording, variant, options)
    return Row(
        library=version.library,
        version=version.version,
        variant=variant.name,
        seconds=f"{recording.seconds:.1f}",
        records=str(reading.records),
        unrecognised=str(reading.unrecognised),
        verdict="; ".join([verdict, *reading.problems]),
        bad=bad or bool(reading.problems),
    )


def _fault_row(version: Version, name: str, environment: Environment, options: argparse.Namespace) -> Row:
    started = time.perf_counter()
    runs = describe_runs(version, name, environment, run_faults(version, name, environment))
    seconds = f"{time.perf_counter() - started:.1f}"
    verdict, bad = record_runs(runs, path_of(version, name), update=options.update, check=options.check)
    return Row(
        library=version.library,
        version=version.version,
        variant=name,
        seconds=seconds,
        verdict=verdict,
        bad=bad,
    )


def _record(
    text: bytes, recording: Recording, variant: Variant, options: argparse.Namespace
) -> tuple[str, bool]:
    """Compare with the recording, write it if it is missing, and return a verdict and whether that is bad."""
    if recording.exit_code and not variant.may_fail:
        sys.stdout.write(text.decode(errors="replace")[-3000:])
        return f"ended with exit status {recording.exit_code}, not recorded", True
    path = RECORDINGS / recording.library / recording.version / f"{recording.variant}.txt"
    if not path.is_file():
        if options.check:
            return "is not recorded", True
        write_recording(text, recording, into=RECORDINGS)
        return "recorded", False
    difference = describe_difference(path, text, recording, processes=variant.processes)
    if options.update and not options.check:
        write_recording(text, recording, into=RECORDINGS)
        return ("recorded again" if difference else "recorded again, unchanged"), False
    return (f"differs: {difference}", True) if difference else ("as recorded", False)


def _print_table(rows: Sequence[Row]) -> None:
    lines = [_HEAD, *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments select; return 1 if anything is bad, and 2 if the arguments are invalid."""
    try:
        options = _parser().parse_args(arguments)
        versions = _select_versions(options)
    except BadInputError as error:
        sys.stderr.write(f"matrix: {error}\n")
        return 2
    rows = []
    for version in versions:
        for row in _rows(version, options):
            rows.append(row)
            sys.stdout.write(f"{row.library} {row.version} {row.variant}: {row.verdict}\n")
            sys.stdout.flush()
    sys.stdout.write("\n")
    _print_table(rows)
    bad = sum(row.bad for row in rows)
    sys.stdout.write(f"\n{len(rows)} runs, {bad} bad\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
