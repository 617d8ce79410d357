"""``stepscope read``: a log as a summary, as a table, and as files for other programs."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import closing
from itertools import chain, count
from pathlib import Path
from typing import IO, TYPE_CHECKING

from stepscope._common import printable
from stepscope._common.arguments import positive_integer
from stepscope._common.format import format_count
from stepscope.commands._logs import add_num_envs, opened, read_log, title
from stepscope.commands._screen import format_lines, painted, runs_table
from stepscope.errors import BadInputError
from stepscope.export import CsvTable, EventFiles, Plot
from stepscope.logs import table
from stepscope.runs import Summary, report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from stepscope._common.arguments import Parser
    from stepscope._common.report import ReportLine
    from stepscope.explain import Explainer
    from stepscope.logs import Record
    from stepscope.runs import RunSummary

__all__ = ["add"]

_ABOUT = "summarise a training log: rates, rewards, shares of time, and why the run ended"
_MORE = (
    "Recognises the output of RL-Games, RSL-RL, skrl and Stable-Baselines3, and that of Isaac Lab, mjlab and Warp around"
    " it. A table of the iterations comes first; the summary below it ends with warnings and failures. The exit status is"
    " 2 if a LOG is not the log of a run, 1 if the output cannot be written, and otherwise 0."
)
_BLOCKS = 3  # runs that are shown one below the other; more become a table


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("read", help=_ABOUT, description=_MORE, allow_abbrev=False)
    parser.add_argument("logs", nargs="+", metavar="LOG", help="console output of a run; - is standard input")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--all", action="store_true", help="show every row of a long table")
    shape.add_argument(
        "--json",
        action="store_true",
        help="print every record as a line of JSON instead; spans are bytes of its LOG",
    )
    shape.add_argument(
        "--csv",
        action="store_true",
        help="print a row of comma-separated values for each iteration or progress update instead",
    )
    parser.add_argument(
        "--tensorboard",
        metavar="DIR",
        help="write event files with the tags that the library itself uses (needs stepscope[tensorboard])",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="draw rates, shares of time and rewards into FILE.svg, FILE.png or FILE.html (needs stepscope[plot])",
    )
    parser.add_argument(
        "--check", action="store_true", help="exit with status 1 if there is a failure in a LOG"
    )
    parser.add_argument(
        "--run",
        type=positive_integer,
        metavar="K",
        help="read only the Kth run of each LOG that holds several",
    )
    add_num_envs(parser)
    parser.set_defaults(command=_read, at_once=True)


class _Exports:
    """Files that are written in the same pass over the logs."""

    def __init__(self, options: argparse.Namespace) -> None:
        if options.plot is not None and len(options.logs) > 1:
            raise BadInputError("--plot draws one LOG; give one, or compare several with stepscope compare.")
        self.plot = None if options.plot is None else Plot(options.plot)
        self.events = None if options.tensorboard is None else EventFiles(options.tensorboard)
        self.csv = CsvTable(several=len(options.logs) > 1) if options.csv else None
        self._folders = _folders(options.logs)

    def tee(self, records: Iterator[Record], *, log: str) -> Iterator[Record]:
        """Export each record and pass it on."""
        if self.csv is None and self.events is None and self.plot is None:
            return records
        return self._export(records, log=log)

    def _export(self, records: Iterator[Record], *, log: str) -> Iterator[Record]:
        for record in records:
            if self.csv is not None:
                self.csv.add(record, log=title(log))
            if self.events is not None:
                self.events.add(record, log=self._folders[log])
            if self.plot is not None:
                self.plot.add(record)
            yield record

    def close(self) -> None:
        """Close the files."""
        if self.csv is not None:
            self.csv.close()
        if self.events is not None:
            self.events.close()


def _folders(logs: Sequence[str]) -> dict[str, str]:
    """Return a folder's name for each log, if there are several."""
    folders: dict[str, str] = {}
    for number, log in enumerate(logs, 1):
        stem = "standard_input" if log == "-" else printable(Path(log).stem.strip("."), limit=50) or "log"
        names = chain([stem], (f"{stem}_{other}" for other in count(number)))
        folders.setdefault(log, next(name for name in names if name not in folders.values()))
    return folders if len(logs) > 1 else dict.fromkeys(folders, "")


def _read(options: argparse.Namespace) -> int:
    with closing(_Exports(options)) as exports:
        return _read_all(options, exports)


def _read_all(options: argparse.Namespace, exports: _Exports) -> int:
    summaries = []
    for number, name in enumerate(options.logs):
        summary = Summary(title(name))
        with opened(name) as log:
            records = read_log(log, name=name, num_envs=options.num_envs)
            causes = None if options.json or options.csv else _FirstCauses(log, name)
            if causes is not None:
                records = causes.tee(records)
            records = _select_run(records, run=options.run, name=summary.name)
            records = exports.tee(summary.tee(records), log=name)
            if options.json:
                _print_json(records, live=not log.seekable())
            elif options.csv:
                deque(records, maxlen=0)
            else:
                if len(options.logs) > 1:
                    print(*[""] * (number > 0), painted(title(name), "bold"), sep="\n")
                _print_summary(records, summary, causes, everything=options.all)
        summaries.append(summary)
    _write(exports, summaries, report_files=not (options.json or options.csv))
    return int(options.check and any(summary.failed for summary in summaries))


def _select_run(records: Iterator[Record], *, run: int | None, name: str) -> Iterator[Record]:
    """Leave out the records of other runs."""
    last = 0
    for record in records:
        last = max(last, record.run)
        if run in (None, record.run):
            yield record
    if run is not None and run > last > 0:
        raise BadInputError(f"{name} holds {format_count(last, 'run')}; give a K from 1 to {last}.")


def _print_json(records: Iterator[Record], *, live: bool) -> None:
    for record in records:
        print(record.to_json(), flush=live)  # a pipe is live: somebody may be watching the run


class _FirstCauses:
    """First causes of the runs of a log that failed: of a file on a second pass, which only a failure is worth."""

    def __init__(self, log: IO[bytes], name: str) -> None:
        self._log, self._name = log, name
        self._start = log.tell() if log.seekable() else None
        self._explainer = _new_explainer(name) if self._start is None else None

    def tee(self, records: Iterator[Record]) -> Iterator[Record]:
        """Take the records of a log that cannot be read again, and pass all on."""
        return records if self._explainer is None else self._explainer.tee(records)

    def line(self, run: RunSummary) -> ReportLine | None:
        """Return the first cause of a failure of `run` in one line; None if the catalogue does not know it."""
        if run.failure is None:
            return None
        from stepscope.explain import explanation_line  # noqa: PLC0415 - most runs do not need it

        if self._explainer is None and self._start is not None:
            self._explainer = _new_explainer(self._name)
            self._log.seek(self._start)
            deque(self._explainer.tee(read_log(self._log, name=self._name, num_envs=None)), maxlen=0)
        explanations = () if self._explainer is None else self._explainer.explanations()
        # A file may have changed meanwhile.
        explanation = next((other for other in explanations if other.run.run == run.run), None)
        return None if explanation is None else explanation_line(explanation)


def _new_explainer(name: str) -> Explainer:
    from stepscope.explain import Explainer  # noqa: PLC0415 - most runs do not need it

    return Explainer(title(name))


def _print_summary(
    records: Iterator[Record], summary: Summary, causes: _FirstCauses | None, *, everything: bool
) -> None:
    empty = True
    for line in table(records, everything=everything):
        print(line)
        empty = False
    runs = summary.runs()
    if summary.problem() is not None and not any(run.failure for run in runs):
        return  # the problem is the whole report
    if len(runs) > _BLOCKS:
        print(*[""] * (not empty), *runs_table(runs), "--run K shows the summary of one run alone", sep="\n")
        return
    for number, run in enumerate(runs):
        print(*[""] * (number > 0 or not empty), *_block(run, causes, several=len(runs) > 1), sep="\n")


def _block(run: RunSummary, causes: _FirstCauses | None, *, several: bool) -> Iterator[str]:
    if several:
        yield painted(f"run {run.run}", "bold")
    yield from format_lines(report(run))
    if causes is not None and (line := causes.line(run)) is not None:
        yield from format_lines([line])


def _write(exports: _Exports, summaries: Sequence[Summary], *, report_files: bool) -> None:
    """Write the files that are complete only now, then report what was wrong with a log."""
    problems = [problem for summary in summaries if (problem := summary.problem()) is not None]
    if exports.csv is not None:
        exports.csv.write(sys.stdout)
    if exports.events is not None:
        exports.events.close()  # buffered numbers are written now, before they are reported
    if problems:
        raise BadInputError(*problems)
    if exports.plot is not None:
        exports.plot.write(summaries[0].runs(), name=summaries[0].name)
    _report_missing(exports)
    if report_files and exports.events is not None:
        folder = printable(str(exports.events.folder))
        print(f"\n{exports.events.count:,} numbers written to {folder}; tensorboard --logdir shows them")
    if report_files and exports.plot is not None:
        print(f"\nfigure saved as {printable(str(exports.plot.path))}")


def _report_missing(exports: _Exports) -> None:
    missing = {
        "has a column; there are too many labels": 0 if exports.csv is None else exports.csv.left_out,
        "is in an event file; there are too many runs": 0
        if exports.events is None
        else exports.events.left_out,
    }
    for why, numbers in missing.items():
        if numbers and sys.stderr is not None:
            print(
                f"stepscope: none of {numbers:,} further numbers {why}. --json prints all.", file=sys.stderr
            )
