"""Run the examples that are not fresh: ``python -m stepscope._sphinx.examples``, before Sphinx builds the pages.

Each runs in a process of its own, in which sphinx-gallery writes its page; Sphinx finds the pages up to date.
Those that may (sphinx-gallery's own setting in a script: ``# sphinx_gallery_parallel = False`` forbids it) run side by
side, two at a time; then those that measure time run one after another, alone.
"""

from __future__ import annotations

import argparse
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

from stepscope._sphinx.example_cache import fingerprint, forget_stale
from stepscope._sphinx.report import summary
from stepscope.evidence import (
    FOLDER_VARIABLE,
    append_evidence,
    evidence_file,
    read_ledger,
    read_script,
    script_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_ALONE = re.compile(r"^# sphinx_gallery_parallel = False$", re.MULTILINE)
_SIDE_BY_SIDE = 2
_SCENES = "stepscope.envs.scenes"
_LAST_WORDS = 30  # lines


@dataclass(frozen=True, kw_only=True)
class _Ended:
    """How the run of an example ended."""

    script: Path
    seconds: float
    cpu_seconds: float | None
    status: int
    said: str


class _Progress:
    """Says on one line each which example has begun and which has ended."""

    def __init__(self, total: int) -> None:
        self._left, self._lock = total, threading.Lock()

    def begins(self, script: Path) -> None:
        self._say(f"{time.strftime('%H:%M:%S')}  {script_name(script)} runs")

    def ended(self, ended: _Ended) -> None:
        with self._lock:
            self._left -= 1
        cpu = "" if ended.cpu_seconds is None else f", {ended.cpu_seconds:.0f} s of the processor"
        how = "took" if ended.status == 0 else "FAILED after"
        self._say(
            f"{time.strftime('%H:%M:%S')}  {script_name(ended.script)} {how} {ended.seconds:.0f} s{cpu};"
            f" {self._left} left"
        )

    def _say(self, line: str) -> None:
        with self._lock:
            print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is stale, and say what failed; 1 if anything did."""
    parser = argparse.ArgumentParser(
        prog="python -m stepscope._sphinx.examples", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--strict", action="store_true", help="fail where a claim is undecided, too")
    parser.add_argument("--none", action="store_true", help="run none: forget what is stale, for a preview")
    parser.add_argument(
        "--only", metavar="SCRIPT", type=Path, help="write the page of this one, here and now"
    )
    options = parser.parse_args(arguments)
    if options.only:
        return _write_page(options.only)
    root = Path.cwd()
    stale = forget_stale(root, pages=root / "docs" / "auto_gallery")
    if options.none:
        return 0
    total = len(list(root.glob("gallery/*/plot_*.py")))
    print(f"{total} examples, {total - len(stale)} are fresh and {len(stale)} run", flush=True)
    progress = _Progress(len(stale))
    alone = [script for script in stale if _ALONE.search(script.read_text(encoding="utf-8"))]
    beside = [script for script in stale if script not in alone]
    running: set[subprocess.Popen[bytes]] = set()
    try:
        compiling = _compile_kernels(alone, running)
        ended = _run(beside, progress, running, workers=min(_SIDE_BY_SIDE, os.cpu_count() or 1))
        for process in compiling:
            process.wait()
        ended += _run(alone, progress, running, workers=1)
    except KeyboardInterrupt:
        print("interrupted; the next nox -s docs goes on from here", flush=True)
        return 130
    finally:
        for process in running:
            process.terminate()
    failed = [each for each in ended if each.status != 0]
    for each in failed:
        print(f"\n{_what_failed(each)}", flush=True)
    ledger = read_ledger(Path(os.environ[FOLDER_VARIABLE]))
    if failed:
        print(f"\n{len(failed)} of {total} examples failed; {summary(ledger)}")
        return 1
    undecided = [(shown.script, claim) for shown in ledger for claim in shown.claims_that("undecided")]
    if options.strict and undecided:
        for script, claim in undecided:
            print(f"undecided    {script}: {claim['statement']}: {claim['why']}")
        print(
            f"{summary(ledger)}; with --strict an undecided claim fails the build: run it again when less else runs."
        )
        return 1
    return 0


def _compile_kernels(
    alone: Sequence[Path], running: set[subprocess.Popen[bytes]]
) -> list[subprocess.Popen[bytes]]:
    """Start to compile the kernels that the examples need which run alone: it takes a minute where no cache has them.

    Should it fail, they compile their own and say what is wrong.
    """
    if not any(_SCENES in script.read_text(encoding="utf-8") for script in alone):
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
) -> list[_Ended]:
    """Run scripts, each in a process of its own, so many at a time."""
    waiting: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for script in scripts:
        waiting.put(script)
    ended: list[_Ended] = []

    def work() -> None:
        while True:
            try:
                script = waiting.get_nowait()
            except queue.Empty:
                return
            ended.append(_run_one(script, progress, running))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(scripts)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def _run_one(script: Path, progress: _Progress, running: set[subprocess.Popen[bytes]]) -> _Ended:
    """Run one and write down what its run came to."""
    root = Path.cwd()
    progress.begins(script)
    evidence_file(Path(os.environ[FOLDER_VARIABLE]), script_name(script)).unlink(missing_ok=True)
    mark = fingerprint(script, constraints=root / "constraints.txt")
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "stepscope._sphinx.examples", "--only", str(script)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        running.add(process)
        cpu_seconds = _wait(process)
        running.discard(process)
        seconds = time.perf_counter() - began
        said.seek(0)
        words = said.read().decode("utf-8", "replace")
    ended = _Ended(
        script=script, seconds=seconds, cpu_seconds=cpu_seconds, status=process.returncode, said=words
    )
    if ended.status == 0:
        # What was edited meanwhile may or may not have been in this run, so that it must run again.
        same = mark == fingerprint(script, constraints=root / "constraints.txt")
        run = {
            "seconds": round(seconds, 1),
            "cpu_seconds": cpu_seconds,
            "fingerprint": mark if same else None,
        }
        append_evidence(str(script), "run", run)
    progress.ended(ended)
    return ended


def _wait(process: subprocess.Popen[bytes]) -> float | None:
    """Wait for a process, and return the seconds of the processor that it and what it waited for has taken."""
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return round(used.ru_utime + used.ru_stime, 1)


def _what_failed(ended: _Ended) -> str:
    """Say what failed, what was expected, and how to run it alone."""
    name = script_name(ended.script)
    path = evidence_file(Path(os.environ[FOLDER_VARIABLE]), name)
    false = read_script(path).claims_that("does not hold") if path.is_file() else ()
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
        last = "\n".join(ended.said.strip().splitlines()[-_LAST_WORDS:])
        lines = [
            f"gallery/{name}.py ended with exit status {ended.status}. Its last words:",
            textwrap.indent(last, "  "),
        ]
    return "\n".join([*lines, f"Run it alone: python -m nox -s example -- {ended.script.stem}"])


def _write_page(script: Path) -> int:
    """Let sphinx-gallery run an example and write its page; runs in a process of its own."""
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
    _, _, _, came = gen_rst.generate_file_rst(script.name, str(pages), str(script.parent), conf)
    if "formatted_exception" in came:
        print(came["formatted_exception"])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
