"""Run the examples that are not fresh: ``python -m stepscope._sphinx.examples``, before Sphinx builds the pages.

Each runs in its own process, in which sphinx-gallery writes its page; Sphinx finds the pages up to date.
They run two at a time: first those that measure no time, then those that compare times of the processor, which a
neighbour does not take away (``# sphinx_gallery_clock = "processor"`` in a script). Then those that measure time by the
clock on the wall (``# sphinx_gallery_clock = "wall"``) run one after another, alone, as do on a GPU all that measure time.
"""

from __future__ import annotations

import argparse
import importlib
import os
import queue
import re
import runpy
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope._sphinx.example_cache import drop_stale_pages, fingerprint
from stepscope._sphinx.report import format_summary, format_undecided
from stepscope.evidence import (
    append_evidence,
    evidence_file,
    evidence_folder,
    read_ledger,
    read_script,
    script_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_CLOCK = re.compile(r'^# sphinx_gallery_clock = "(processor|wall)"$', re.MULTILINE)
_SIDE_BY_SIDE = 2
_SCENES = "stepscope.envs.scenes"
_TAIL_LINES = 30


@dataclass(frozen=True, kw_only=True)
class _ExampleRun:
    """A run of an example that has ended."""

    script: Path
    seconds: float
    cpu_seconds: float | None
    status: int
    output: str


class _Progress:
    """Prints a line for each example that starts or ends."""

    def __init__(self, total: int) -> None:
        self._left, self._lock = total, threading.Lock()

    def report_start(self, script: Path) -> None:
        self._print(f"{time.strftime('%H:%M:%S')}  {script_name(script)} runs")

    def report_end(self, run: _ExampleRun) -> None:
        with self._lock:
            self._left -= 1
        cpu = "" if run.cpu_seconds is None else f", {run.cpu_seconds:.0f} s of CPU time"
        how = "took" if run.status == 0 else "FAILED after"
        self._print(
            f"{time.strftime('%H:%M:%S')}  {script_name(run.script)} {how} {run.seconds:.0f} s{cpu};"
            f" {self._left} left"
        )

    def _print(self, line: str) -> None:
        with self._lock:
            print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stale examples and print what failed; return 1 if anything did."""
    parser = argparse.ArgumentParser(
        prog="python -m stepscope._sphinx.examples", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--strict", action="store_true", help="fail on undecided claims, too")
    parser.add_argument("--none", action="store_true", help="run none, only drop stale pages (for a preview)")
    parser.add_argument(
        "--only", metavar="SCRIPT", type=Path, help="write the page of this example in this process"
    )
    options = parser.parse_args(arguments)
    if options.only:
        return _write_page(options.only)
    root = Path.cwd()
    stale = drop_stale_pages(root, pages=root / "docs" / "auto_gallery")
    if options.none:
        return 0
    total = len(list(root.glob("gallery/*/plot_*.py")))
    print(f"{total} examples, {total - len(stale)} are fresh and {len(stale)} run", flush=True)
    progress = _Progress(len(stale))
    untimed, by_processor, by_wall = _by_clock(stale)
    running: set[subprocess.Popen[bytes]] = set()
    try:
        compiling = _compile_kernels([*by_processor, *by_wall], running)
        side_by_side = [*untimed, *by_processor]  # one queue: no processor is idle in between
        runs = _run(side_by_side, progress, running, workers=min(_SIDE_BY_SIDE, os.cpu_count() or 1))
        for process in compiling:
            process.wait()
        runs += _run(by_wall, progress, running, workers=1)
    except KeyboardInterrupt:
        print("interrupted; the next nox -s docs continues from here", flush=True)
        return 130
    finally:
        for process in running:
            process.terminate()
    failed = [run for run in runs if run.status != 0]
    for run in failed:
        print(f"\n{_describe_failure(run)}", flush=True)
    ledger = read_ledger(evidence_folder())
    if failed:
        print(f"\n{len(failed)} of {total} examples failed; {format_summary(ledger)}")
        return 1
    undecided = format_undecided(ledger)
    if not options.strict or not undecided:
        return 0
    print(*undecided, sep="\n")
    print(f"{format_summary(ledger)}; --strict fails on undecided claims: run again on a less busy machine.")
    return 1


def _by_clock(scripts: Sequence[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """Return the scripts that measure no time, those that compare times of the processor, and those that run alone."""
    by_clock: dict[str, list[Path]] = {"": [], "processor": [], "wall": []}
    for script in scripts:
        match = _CLOCK.search(script.read_text(encoding="utf-8"))
        by_clock[match[1] if match else ""].append(script)
    untimed, by_processor, by_wall = by_clock.values()
    if by_processor and importlib.import_module("torch").cuda.is_available():
        # Times on a GPU are those of the wall, and its memory is shared.
        return untimed, [], [*by_processor, *by_wall]
    return untimed, by_processor, by_wall


def _compile_kernels(
    timed: Sequence[Path], running: set[subprocess.Popen[bytes]]
) -> list[subprocess.Popen[bytes]]:
    """Start to compile the kernels of the examples that measure time, which takes a minute without a cache.

    Where it fails, the examples compile their own and report the error.
    """
    if not any(_SCENES in script.read_text(encoding="utf-8") for script in timed):
        return []
    process = subprocess.Popen(
        [sys.executable, "-m", _SCENES],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    running.add(process)
    return [process]


def _run(
    scripts: Sequence[Path], progress: _Progress, running: set[subprocess.Popen[bytes]], *, workers: int
) -> list[_ExampleRun]:
    """Run scripts in their own processes, `workers` at a time."""
    pending: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for script in scripts:
        pending.put(script)
    runs: list[_ExampleRun] = []

    def work() -> None:
        while True:
            try:
                script = pending.get_nowait()
            except queue.Empty:
                return
            runs.append(_run_one(script, progress, running))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(scripts)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return runs


def _run_one(script: Path, progress: _Progress, running: set[subprocess.Popen[bytes]]) -> _ExampleRun:
    """Run an example and append the outcome to its evidence."""
    root = Path.cwd()
    progress.report_start(script)
    evidence_file(evidence_folder(), script_name(script)).unlink(missing_ok=True)
    before = fingerprint(script, constraints=root / "constraints.txt")
    with tempfile.TemporaryFile() as output_file:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "stepscope._sphinx.examples", "--only", str(script)],
            stdin=subprocess.DEVNULL,
            stdout=output_file,
            stderr=subprocess.STDOUT,
        )
        running.add(process)
        cpu_seconds = _wait(process)
        running.discard(process)
        seconds = time.perf_counter() - began
        output_file.seek(0)
        output = output_file.read().decode("utf-8", "replace")
    example = _ExampleRun(
        script=script, seconds=seconds, cpu_seconds=cpu_seconds, status=process.returncode, output=output
    )
    if example.status == 0:
        # What was edited meanwhile may or may not have been in this run, so that it must run again.
        same = before == fingerprint(script, constraints=root / "constraints.txt")
        run = {
            "seconds": round(seconds, 1),
            "cpu_seconds": cpu_seconds,
            "fingerprint": before if same else None,
        }
        append_evidence(str(script), "run", run)
    progress.report_end(example)
    return example


def _wait(process: subprocess.Popen[bytes]) -> float | None:
    """Wait for a process, and return the CPU time, in seconds, of it and of its children."""
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return round(used.ru_utime + used.ru_stime, 1)


def _describe_failure(run: _ExampleRun) -> str:
    """Return a report of a failure: the claim or the last lines of output, and the command that runs it alone."""
    name = script_name(run.script)
    path = evidence_file(evidence_folder(), name)
    false = read_script(path).claims_with("does not hold") if path.is_file() else ()
    if false:
        lines = [f"A claim of gallery/{name}.py does not hold:"]
        for claim in false:
            number = f"{claim['question']}: " if claim["question"] else ""
            lines += [
                f"  {number}{claim['statement']}",
                f"  measured: {claim['measured'] or claim['value']}",
                f"  expected: {claim['expected'] or 'what the claim says'}",
            ]
    else:
        tail = "\n".join(run.output.strip().splitlines()[-_TAIL_LINES:])
        lines = [
            f"gallery/{name}.py ended with exit status {run.status}. Its last lines:",
            textwrap.indent(tail, "  "),
        ]
    return "\n".join([*lines, f"Run it alone: python -m nox -s example -- {run.script.stem}"])


def _write_page(script: Path) -> int:
    """Let sphinx-gallery run an example and write its page; runs in its own process."""
    from sphinx_gallery import gen_gallery, gen_rst  # noqa: PLC0415 - for this process only

    from stepscope.evidence import restart_clock  # noqa: PLC0415 - the same

    root = Path.cwd()
    conf: dict[str, Any] = runpy.run_path("conf.py")["sphinx_gallery_conf"]
    # What sphinx-gallery itself does on the events of Sphinx, and hands to its own workers when it runs in parallel.
    conf = gen_gallery._fill_gallery_conf_defaults(conf)  # noqa: SLF001 - it has no public way to write one page
    gen_gallery._update_gallery_conf_builder_inited(conf, str(root / "docs"))  # noqa: SLF001 - the same
    pages = root / "docs" / "auto_gallery" / script.parent.name
    (pages / "images" / "thumb").mkdir(parents=True, exist_ok=True)
    restart_clock()
    _, _, _, result = gen_rst.generate_file_rst(script.name, str(pages), str(script.parent), conf)
    if "formatted_exception" in result:
        print(result["formatted_exception"])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
