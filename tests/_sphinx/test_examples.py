"""The examples run before Sphinx does, and what noise, a failure or an interruption leaves is healed by the next run."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope.evidence import FOLDER_VARIABLE, read_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[2]

# The settings that a page needs; those of the guide draw in the house's style.
CONF = """
sphinx_gallery_conf = {
    "examples_dirs": "../gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "image_scrapers": (),
    "reset_modules": (),
}
"""
EXAMPLE = '''"""
An example
==========

It makes a claim.
"""

from stepscope.evidence import Decision, claim, provenance

{body}
print(provenance())
'''
HOLDS = 'claim("two is more than one", 2 > 1, "2x", question="C99")'
UNDECIDED = 'claim("it is faster", Decision(holds=None, expected="above 2", measured="2.1 (1.8 to 2.3)", why="too close"), "2.1x")'
FALSE = 'claim("it is faster", Decision(holds=False, expected="above 2", measured="1.5 (1.4 to 1.6)"), "1.5x", question="C98")'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one example."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "constraints.txt").write_text("")
    write(tmp_path, "one", HOLDS)
    return tmp_path


def write(project: Path, name: str, body: str, *, clock: str = "") -> Path:
    """Write an example whose middle is `body`."""
    path = project / "gallery" / "1_tests" / f"plot_{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    setting = f'# sphinx_gallery_clock = "{clock}"\n' if clock else ""
    path.write_text(setting + EXAMPLE.format(body=body))
    return path


@pytest.fixture
def command(project: Path) -> dict[str, object]:
    """How the command is started in the project."""
    return {
        "args": [sys.executable, "-m", "stepscope._sphinx.examples"],
        "cwd": project,
        "env": {**os.environ, FOLDER_VARIABLE: str(project / "evidence")},
        "text": True,
    }


@pytest.fixture
def run(command: dict[str, object]) -> Run:
    """Run the command, and return its exit status and what it said."""

    def run_command(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            **{**command, "args": [*command["args"], *options]}, capture_output=True, check=False
        )

    return run_command


COMPARE_PROCESSOR_TIMES = {
    *("compare", "stopwatch", "step_time", "step_times", "loop_split", "loop_splits"),
    *("scene_costs", "training_splits"),
}
MEASURE_WALL_TIME = {"DisturbanceMeter", "time_training", "run_on_ranks"}


@pytest.mark.parametrize("script", sorted(ROOT.glob("gallery/*/plot_*.py")), ids=lambda path: path.stem)
def test_an_example_of_the_guide_that_measures_time_names_its_clock(script: Path) -> None:
    """What it imports tells; a forgotten line would let any other example run beside it."""
    text = script.read_text(encoding="utf-8")
    imported = {
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    if imported & MEASURE_WALL_TIME:
        assert '\n# sphinx_gallery_clock = "wall"\n' in text
    elif imported & COMPARE_PROCESSOR_TIMES or "cpu_seconds" in text:
        assert '\n# sphinx_gallery_clock = "processor"\n' in text


def test_each_runs_once_and_the_progress_is_said(project: Path, run: Run) -> None:
    """Who waits sees what runs, since when, and how many are left; a second build runs nothing."""
    write(project, "two", HOLDS)
    first = run()
    assert 0 == first.returncode, first.stdout + first.stderr
    assert "2 examples, 0 are fresh and 2 run" in first.stdout
    assert "1_tests/plot_two runs" in first.stdout
    assert "0 left" in first.stdout
    assert (project / "docs" / "auto_gallery" / "1_tests" / "plot_one.rst").is_file()
    ledger = read_ledger(project / "evidence")
    assert ["two is more than one"] * 2 == [claim["statement"] for entry in ledger for claim in entry.claims]
    assert all(entry.run["cpu_seconds"] > 0 for entry in ledger if os.name == "posix")
    assert "2 examples, 2 are fresh and 0 run" in run().stdout


def test_a_false_claim_fails_in_our_words(project: Path, run: Run) -> None:
    """It names the script, the claim, the value with its interval, what was expected, and the command for it alone."""
    write(project, "two", FALSE)
    process = run()
    assert 1 == process.returncode
    output = process.stdout.partition("A claim of")[2]
    for words in (
        "gallery/1_tests/plot_two.py does not hold",
        "C98: it is faster",
        "measured: 1.5 (1.4 to 1.6)",
        "expected: above 2",
        "nox -s example -- plot_two",
        "1 of 2 claims hold, 1 does not hold",
    ):
        assert words in output
    assert "Traceback" not in process.stdout + process.stderr
    write(project, "two", HOLDS)
    assert "2 examples, 1 are fresh and 1 run" in run().stdout


def test_an_exception_is_shown_with_its_place(project: Path, run: Run) -> None:
    """A defect of a script is not hidden behind a sentence."""
    write(project, "two", "1 / 0")
    process = run()
    assert 1 == process.returncode
    assert "ZeroDivisionError" in process.stdout
    assert "plot_two.py" in process.stdout


def test_an_undecided_claim_fails_only_what_is_published(project: Path, run: Run) -> None:
    """It runs again each time, until it is decided."""
    write(project, "two", UNDECIDED)
    assert 0 == run().returncode
    strict = run("--strict")
    assert "2 examples, 1 are fresh and 1 run" in strict.stdout
    assert 1 == strict.returncode
    assert "undecided    1_tests/plot_two: it is faster: too close" in strict.stdout
    assert "1 of 2 claims hold, 1 undecided" in strict.stdout
    write(project, "two", HOLDS)
    assert 0 == run("--strict").returncode


def test_one_that_was_edited_while_it_ran_is_not_fresh(project: Path, run: Run) -> None:
    """Whether its run saw the edit nobody knows."""
    itself = "from pathlib import Path\nPath('plot_two.py').open('a').write('# edited\\n')\n"
    write(project, "two", itself + HOLDS)
    assert 0 == run().returncode
    fingerprints = {entry.script: entry.run["fingerprint"] for entry in read_ledger(project / "evidence")}
    assert fingerprints["1_tests/plot_one"]
    assert fingerprints["1_tests/plot_two"] is None
    assert "1 are fresh and 1 run" in run().stdout


@pytest.mark.parametrize("clock", ["", "processor"])
def test_what_measures_time_by_the_wall_runs_alone_and_last(project: Path, run: Run, clock: str) -> None:
    """Two of the others run at a time: each of these waits until the other has begun."""
    waits = (
        "import time\nfrom pathlib import Path\n"
        "Path('{own}').touch()\nuntil = time.monotonic() + 60\n"
        "while not Path('{other}').exists() and time.monotonic() < until: time.sleep(0.05)\n"
        "assert Path('{other}').exists()\n" + HOLDS
    )
    alone = "from pathlib import Path\nassert Path('a').exists() and Path('b').exists()\n" + HOLDS
    write(project, "one", alone, clock="wall")
    write(project, "two", waits.format(own="a", other="b"), clock=clock)
    write(project, "three", waits.format(own="b", other="a"), clock=clock)
    process = run()
    if (os.cpu_count() or 1) == 1:
        pytest.skip("one processor: nothing runs side by side")
    assert 0 == process.returncode, process.stdout
    assert "1_tests/plot_one" in process.stdout.splitlines()[-1]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_after_an_interruption_the_next_one_goes_on(
    project: Path, command: dict[str, object], run: Run
) -> None:
    """What had ended is fresh, what had begun starts over, and nothing is left running."""
    slow = "import time, os\nfrom pathlib import Path\nPath('pid').write_text(str(os.getpid()))\ntime.sleep(120)\n"
    write(project, "two", slow + HOLDS, clock="wall")
    pid = project / "gallery" / "1_tests" / "pid"
    started = subprocess.Popen(**command, stdout=subprocess.PIPE, start_new_session=True)
    until = time.monotonic() + 120
    while not (pid.is_file() and pid.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)
    output, _ = started.communicate(timeout=60)
    assert started.returncode != 0
    assert "Traceback" not in output
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            os.kill(int(pid.read_text()), 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the example still runs")
    write(project, "two", HOLDS, clock="wall")
    assert "2 examples, 1 are fresh and 1 run" in run().stdout
