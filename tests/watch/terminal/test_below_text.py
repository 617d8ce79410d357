"""The view below passing text, on a terminal that shows both."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Epochs = Callable[..., str]
    Watch = Callable[..., Any]

_SLOWLY = """
import sys, time
for line in open(sys.argv[1], "rb"):
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    time.sleep(0.02)
"""


@pytest.fixture
def slowly(tmp_path: Path) -> Callable[[str], list[str]]:
    """Return a function that returns a command that prints a text line by line."""

    def command(text: str) -> list[str]:
        path = tmp_path / "text"
        path.write_text(text, encoding="utf-8")
        return ["--", sys.executable, "-c", _SLOWLY, str(path)]

    return command


def seen(terminal: Any) -> list[str]:  # noqa: ANN401 - a Terminal
    """Return all rows, those that scrolled away first."""
    return [*terminal.glass.gone, *terminal.glass.rows]


def test_the_text_passes_above_and_the_view_stays_below(
    watch: Watch, slowly: Callable[[str], list[str]], epochs: Epochs
) -> None:
    """Every line of the text is seen once and in order; nothing of an old view stays between them."""
    text = epochs(1, 100, planned=100)
    terminal = watch("--tee", *slowly(text), columns=120, lines=20)
    assert not terminal.wait_for("─ running", "epoch: 3/100").is_second
    assert 0 == terminal.status()
    rows = [row for row in seen(terminal) if row]
    printed = [row for row in rows if row.startswith("fps step: ")]
    assert text.splitlines() == printed
    assert 1 == sum("stepscope watch" in row for row in rows)  # the last moment, which stays
    assert rows.index(printed[-1]) - rows.index(printed[0]) == 99
    assert terminal.glass.cursor_is_shown


def test_a_last_line_without_end_is_passed_on(watch: Watch, slowly: Callable[[str], list[str]]) -> None:
    """It is held while the view stands below, and written at the end."""
    terminal = watch("--tee", *slowly("one\ntwo without end"))
    assert 0 == terminal.status()
    assert {"one", "two without end"} <= set(seen(terminal))


def test_a_progress_bar_passes(watch: Watch, slowly: Callable[[str], list[str]], recordings: Path) -> None:
    """Skrl draws its bar anew in one line; in the end the full bar stands above the view."""
    text = (recordings / "skrl/2.1.1/default.txt").read_bytes().decode()
    terminal = watch("--tee", *slowly(text), columns=100)
    assert 0 == terminal.status()
    assert 1 == sum("| 384/384 [" in row for row in seen(terminal))


def test_it_survives_another_size(watch: Watch, slowly: Callable[[str], list[str]], epochs: Epochs) -> None:
    """In a smaller terminal the view is drawn anew, narrower, and the text goes on."""
    text = epochs(1, 150, planned=150)
    terminal = watch("--tee", *slowly(text), columns=110, lines=24)
    terminal.wait_for("epoch: 20/150")
    terminal.resize(130, 16)
    assert 0 == terminal.status()
    assert text.splitlines()[-1] in seen(terminal)


def test_a_pipe_gets_the_text_and_the_terminal_the_view(shell: Watch, tmp_path: Path, epochs: Epochs) -> None:
    """With the text in a file, the view has the whole terminal."""
    log, copy, seen = (tmp_path / name for name in ("train.log", "copy", "seen"))
    log.write_text(epochs(1, 40) + "no end", encoding="utf-8")
    terminal = shell(
        f"(cat {log}; until test -e {seen}; do sleep 0.1; done) | $WATCH - --tee > {copy}; echo status $?"
    )
    assert terminal.wait_for("iteration 40 of 40", "standard input").is_second
    seen.touch()
    assert 0 == terminal.status()
    assert "status 0" in terminal.text
    assert log.read_bytes() == copy.read_bytes()


def test_ctrl_c_in_a_pipe_is_for_the_run(shell: Watch) -> None:
    """The terminal sends it to both; what the run still says is read before the view ends."""
    code = "import time; print('ready', flush=True); time.sleep(600)"
    terminal = shell(f'$PYTHON -c "{code}" 2>&1 | $WATCH -; echo status $?')
    terminal.wait_for("ready")
    terminal.type(b"\x03")
    terminal.wait_for("KeyboardInterrupt")
    terminal.status()
