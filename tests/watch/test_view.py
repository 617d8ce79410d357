"""The view of every recording at every size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope.watch.layout import ASCII, UNICODE
from stepscope.watch.view import brief_rows, full_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stepscope.watch.monitor import Monitor

    MonitorOf = Callable[..., Monitor]

_NAMES = (
    "rl_games/1.6.5/checkpoints",
    "rl_games/1.6.5/diverged",
    "rsl_rl/5.5.1/default",
    "rsl_rl/5.5.1/diverged",
    "skrl/2.1.1/default",
    "sb3/2.9.2/default",
    "isaaclab/3.0.0/overflow",
    "isaaclab/3.0.0/nan",
    "mjlab/1.6.0/nan",
)
_SIZES = [(20, 3), (40, 10), (50, 20), (80, 24), (120, 40), (200, 60)]


@pytest.fixture(params=_NAMES)
def monitor(request: pytest.FixtureRequest, recordings: Path, monitor_of: MonitorOf) -> Monitor:
    """Return the state at the end of a recording."""
    return monitor_of((recordings / f"{request.param}.txt").read_bytes(), name=f"{request.param}.txt")


@pytest.mark.parametrize(("width", "height"), _SIZES)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_it_fits(monitor: Monitor, width: int, height: int, glyphs: object) -> None:
    """No row is wider than the terminal, there are no more rows than it has, and nothing in them moves the cursor."""
    model = monitor.snapshot(now=130.0, wall=1e9)
    for rows in (
        full_rows(model, width=width, height=height, glyphs=glyphs),
        brief_rows(model, width=width, height=height, glyphs=glyphs),
    ):
        assert 0 < len(rows) <= height
        assert max(row.cell_len for row in rows) <= max(width, 22)
        assert all(row.plain.isprintable() for row in rows)
        if glyphs is ASCII:
            drawn = "".join(row.plain for row in rows)
            assert not set("━╸─█▓░●┃≈▁▂▃▄▅▆▇") & set(drawn)


@pytest.mark.parametrize(("width", "height"), [(50, 20), (80, 24), (120, 40)])
def test_what_matters_most_is_there(monitor: Monitor, width: int, height: int) -> None:
    """How far the run is, how fast, and the first failure are on every screen of an ordinary size."""
    model = monitor.snapshot(now=130.0, wall=1e9)
    text = "\n".join(row.plain for row in full_rows(model, width=width, height=height, glyphs=UNICODE))
    assert model.progress is None or f"{model.progress.unit} {model.progress.done:,}" in text
    assert model.status in text
    if model.failure is not None:
        assert "first failure" in text
        assert model.failure.text[:30] in text
    if model.warnings:
        assert f"{model.warnings[0].count:,} ×" in text  # noqa: RUF001 - as it is shown


def test_no_rate_is_without_its_scope(monitor: Monitor) -> None:
    """Each row with a rate begins with what the rate is about, and says its unit."""
    model = monitor.snapshot(now=130.0, wall=1e9)
    for width in (50, 80, 120):
        rows = [row.plain.strip() for row in full_rows(model, width=width, height=50, glyphs=UNICODE)]
        rates = [row for row in rows if "steps/s" in row]
        assert len(model.rates) == len(rates)
        for row in rates:
            assert re.match(r"(fps )?(step|rollout|total|cumulative)\b|bar's rate\b", row), row


def test_a_failure_takes_the_room_that_there_is(recordings: Path, monitor_of: MonitorOf) -> None:
    """On a large screen the end of the traceback is there too; the exception comes first on any."""
    monitor = monitor_of((recordings / "rl_games/1.6.5/diverged.txt").read_bytes())
    model = monitor.snapshot(now=100.0, wall=1e9)
    small, large = (
        [row.plain for row in full_rows(model, width=120, height=height, glyphs=UNICODE)]
        for height in (14, 50)
    )
    assert any("RuntimeError: normal expects" in row for row in small)
    assert sum("┃" in row for row in small) < sum("┃" in row for row in large)
    assert any("return torch.normal" in row for row in large)


def test_curves_grow_with_the_room(recordings: Path, monitor_of: MonitorOf) -> None:
    """A sparkline becomes a curve where there are rows for it."""
    monitor = monitor_of((recordings / "rsl_rl/5.5.1/default.txt").read_bytes())
    model = monitor.snapshot(now=100.0, wall=1e9)

    def dotted(height: int) -> int:
        rows = full_rows(model, width=80, height=height, glyphs=UNICODE)
        return sum(any("\u2801" <= char <= "\u28ff" for char in row.plain) for row in rows)

    assert 2 <= dotted(14) < dotted(24) < dotted(40)


def test_a_still_view_has_no_field_of_dots(monitor_of: MonitorOf) -> None:
    """It would stay on the terminal for ever, with one of them lit."""
    model = monitor_of("Started to train\n").snapshot(now=100.0, wall=1e9)
    assert any(row.plain.count("·") > 6 for row in full_rows(model, width=80, height=24, glyphs=UNICODE))
    still = full_rows(model, width=80, height=24, glyphs=UNICODE, still=True)
    assert not any(row.plain.count("·") > 6 for row in still)


def test_the_lit_dot_moves_while_nothing_comes(monitor_of: MonitorOf) -> None:
    """One sees that the view is alive."""
    monitor = monitor_of("Started to train\n")
    views = {
        "\n".join(
            row.plain
            for row in full_rows(monitor.snapshot(now=100.0, wall=wall), width=80, height=24, glyphs=UNICODE)
        )
        for wall in (1e9, 1e9 + 1, 1e9 + 2)
    }
    assert 3 == len(views)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 250), st.integers(1, 70), st.binary(max_size=400))
def test_no_text_and_no_size_breaks_it(width: int, height: int, text: bytes) -> None:
    """A log may hold anything, and a terminal may be one cell wide."""
    from stepscope.logs import reads  # noqa: PLC0415 - only here
    from stepscope.watch.monitor import Monitor  # noqa: PLC0415 - the same

    monitor = Monitor("x")
    monitor.note_output(at=0.0, live=True)
    for record in reads(text):
        monitor.add(record)
    model = monitor.snapshot(now=1.0, wall=0.0)
    rows = full_rows(model, width=width, height=height, glyphs=UNICODE)
    assert len(rows) <= height
    assert all(row.plain.isprintable() for row in rows)
