"""What a command prints is on the page, and a command that fails otherwise than it should fails the build."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope import __version__
from stepscope._sphinx.commands import format_transcript, run_command

if TYPE_CHECKING:
    from tests._sphinx.conftest import Build

ROOT = Path(__file__).parents[2]
DIVERGED = "recordings/rsl_rl/5.5.1/diverged.txt"


def test_the_output_is_that_of_the_command() -> None:
    """The command runs in the folder that is named."""
    assert f"stepscope {__version__}\n" == run_command("stepscope --version", folder=ROOT)


def test_a_refusal_on_purpose_is_shown() -> None:
    """With the status that is expected, what is said on standard error counts as output."""
    assert "no_such.log does not exist" in run_command("stepscope read no_such.log", folder=ROOT, status=2)


@pytest.mark.parametrize(
    ("command", "status"), [("stepscope read no_such.log", 0), ("stepscope --version", 2)]
)
def test_another_status_than_expected_is_an_error(command: str, status: int) -> None:
    """Neither a failure nor an unexpected success is shown."""
    with pytest.raises(subprocess.CalledProcessError):
        run_command(command, folder=ROOT, status=status)


@pytest.mark.parametrize("columns", [70, 100])
def test_lines_are_as_wide_as_the_terminal_asked_for(columns: int) -> None:
    """The longest line of wrapped text fills it."""
    printed = run_command(f"stepscope read {DIVERGED}", folder=ROOT, columns=columns)
    assert columns - 15 < max(map(len, printed.splitlines())) <= columns


def test_the_first_lines_are_those_of_head() -> None:
    """The line with the command says that there is more."""
    assert "$ stepscope x | head -2\n1\n2\n" == format_transcript("stepscope x", "1\n2\n3\n", head=2)


def test_the_last_lines_are_those_of_tail() -> None:
    """The same for the end of what is printed."""
    assert "$ stepscope x | tail -2\n2\n3\n" == format_transcript("stepscope x", "1\n2\n3\n", tail=2)


def test_what_a_command_writes_does_not_stay(build: Build, project: Path) -> None:
    """A command finds the recordings, and the project's folder is left as it was."""
    page = build(
        "```{command} stepscope read --plot rates.svg recordings/rsl_rl/5.5.1/default.txt\n:tail: 1\n```"
    )
    command, output = page.select_one(".command-output pre").get_text().splitlines()
    assert command.endswith("default.txt | tail -1")
    assert "figure saved as rates.svg" == output
    assert [] == list(project.rglob("rates.svg"))


def test_a_page_shows_command_and_output(build: Build) -> None:
    """As a terminal would."""
    page = build("```{command} stepscope read no_such.log\n:status: 2\n```")
    assert "$ stepscope read no_such.log\nstepscope: no_such.log does not exist" in (
        page.select_one(".command-output pre").get_text()
    )


def test_commands_run_at_the_same_time(build: Build, project: Path) -> None:
    """The first one of a page waits for what only the second one does."""
    if (os.cpu_count() or 1) == 1:
        pytest.skip("one processor: nothing runs side by side")
    flag = project / "flag"
    (project / "recordings" / "waits.py").write_text(
        "import sys, time\nfrom pathlib import Path\n"
        f"flag, until = Path({str(flag)!r}), time.monotonic() + 60\n"
        "if sys.argv[1] == 'second': flag.touch()\n"
        "while not flag.exists() and time.monotonic() < until: time.sleep(0.05)\n"
        "print(flag.exists())\n"
    )
    page = build(
        "\n\n".join(
            f"```{{command}} python recordings/waits.py {which}\n```" for which in ("first", "second")
        )
    )
    for shown in page.select(".command-output pre"):
        assert shown.get_text().endswith("True\n")


def test_a_page_with_a_command_that_fails_is_not_built(build: Build) -> None:
    """The error says what the command said."""
    with pytest.raises(Exception, match=r"no_such\.log does not exist"):
        build("```{command} stepscope read no_such.log\n```")


def test_a_figure_that_a_command_writes_is_shown(build: Build) -> None:
    """The drawing is part of the page, with its alternative text."""
    command = "stepscope compare recordings/rsl_rl/5.5.1/extras.txt recordings/rsl_rl/5.5.1/default.txt --plot both.svg"
    page = build(f"```{{command}} {command}\n:figure: Two runs\n```")
    image = page.select_one("img.command-figure")
    assert image is not None
    assert "Two runs" == image["alt"]
    assert image["src"].startswith("data:image/svg+xml;base64,")
