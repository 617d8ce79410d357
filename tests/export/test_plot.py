"""Figures of a log."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib import pyplot as plt

from stepscope._common.downsampling import Downsampler
from stepscope._common.optional import install_command
from stepscope.cli import main
from stepscope.errors import BadInputError
from stepscope.export import Plot
from stepscope.export._figure import draw
from stepscope.export._series import MOST_RUNS, RunSeries
from stepscope.logs import Record, read, reads
from stepscope.plots import COLOURS
from stepscope.runs._summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.figure import Figure

    from stepscope.logs import Records


_FIELDS = (
    "library", "kind", "rank", "run", "iteration", "iterations", "env_steps", "fps", "seconds", "reward",
    "episode_length", "metrics", "derived", "text", "span",
)  # fmt: skip


def _changed(record: Record, **fields: object) -> Record:
    """Return a record like `record` in all but these fields."""
    return Record(**{name: getattr(record, name) for name in _FIELDS} | fields)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def _drawn(records: Records) -> Figure | None:
    summary, series = Summary("a log"), {}
    for record in records:
        summary.add(record)
        series.setdefault(record.run, RunSeries()).add(record)
    return draw([*series.values()], summary.runs())


def _words(path: Path) -> str:
    """Return all text in an SVG file, which must be well-formed."""
    return " ".join(part.strip() for part in ET.parse(path).getroot().itertext() if part.strip())  # noqa: S314 - we wrote it


def test_the_curves_are_what_was_printed(recordings: Path) -> None:
    """An expression of our own finds the same points in the text."""
    path = recordings / "rl_games" / "1.6.5" / "default.txt"
    text = path.read_text(encoding="utf-8")
    drawn = _drawn(read(path))
    assert drawn is not None
    curves = {line.get_linestyle(): list(line.get_ydata()) for line in drawn.axes[0].get_lines()}
    names = {":": "fps step", "--": "policy inference", "-": "fps total"}
    for style, label in names.items():
        assert [int(rate) for rate in re.findall(rf"{label}: (\d+)", text)] == curves[style]
    [reward] = drawn.axes[2].get_lines()
    best = re.findall(r"saving next best rewards: +\[([\d.]+)\]", text)
    assert [float(value) for value in best] == list(reward.get_ydata())
    assert COLOURS["rl_games"] == reward.get_color()


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("rl_games/1.6.5/default", [r"A typical iteration makes 30,925 environment steps per second", r"Learning takes 62% of the time", r"The best reward rises from 21.21 to 77.32"]),
        ("rsl_rl/5.5.1/default", [r"A typical iteration makes 29,781 ", r"Learning takes 73% of the time", r"The reward rises from 20.21 to 109.7"]),
        ("skrl/2.1.1/default", [r"The progress bar shows 329 vector steps per second"]),
    ],
)  # fmt: skip
def test_titles_say_the_answers(recordings: Path, name: str, titles: list[str]) -> None:
    """How fast, where the time goes, does the reward rise: a panel each, if the log tells."""
    drawn = _drawn(read(recordings / f"{name}.txt"))
    assert drawn is not None
    shown = [" ".join(axes.get_title(loc="left").split()) for axes in drawn.axes]
    assert len(titles) == len(shown)
    assert all(title.startswith(start) for title, start in zip(shown, titles, strict=True))


def test_axes_name_their_units(recordings: Path) -> None:
    """Only the lowest panel names what all of them are drawn over."""
    drawn = _drawn(read(recordings / "rsl_rl" / "5.5.1" / "default.txt"))
    assert drawn is not None
    assert ["environment steps/s", "share of the time", "mean of recent episodes"] == [
        axes.get_ylabel() for axes in drawn.axes
    ]
    assert ["", "", "iteration"] == [axes.get_xlabel() for axes in drawn.axes]


def test_a_failure_is_marked(recordings: Path) -> None:
    """A line stands where the run failed, in the colour of failures."""
    drawn = _drawn(read(recordings / "rl_games" / "1.6.5" / "diverged.txt"))
    assert drawn is not None
    marks = [line for line in drawn.axes[0].get_lines() if line.get_color() == COLOURS["failure"]]
    assert [[1, 1]] == [list(line.get_xdata()) for line in marks]


def test_nothing_to_draw_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that died before its first iteration has no figure."""
    (tmp_path / "a.log").write_text("Using cpu device\n", encoding="utf-8")
    assert 2 == main(["read", str(tmp_path / "a.log"), "--plot", str(tmp_path / "a.svg")])
    assert "holds neither rates nor rewards, so there is nothing to draw." in capsys.readouterr().err
    assert not (tmp_path / "a.svg").exists()


@pytest.mark.parametrize("ending", ["svg", "png", "html", "SVG"])
def test_the_ending_says_what_it_becomes(recordings: Path, tmp_path: Path, ending: str) -> None:
    """Each kind of file begins as its readers expect."""
    path = tmp_path / f"a.{ending}"
    assert 0 == main(["read", str(recordings / "rsl_rl" / "5.5.1" / "default.txt"), "--plot", str(path)])
    starts = {"svg": b"<?xml", "png": b"\x89PNG\r\n", "html": b"<!DOCTYPE html>"}
    assert path.read_bytes().startswith(starts[ending.lower()])


def test_an_svg_holds_text_and_is_the_same_each_time(recordings: Path, tmp_path: Path) -> None:
    """Its words can be selected and searched, and a figure under version control does not change by itself."""
    log = str(recordings / "rl_games" / "1.6.5" / "default.txt")
    for name in ("a.svg", "b.svg"):
        main(["read", log, "--plot", str(tmp_path / name)])
        plt.close("all")
    assert "Learning takes 62% of the time" in _words(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_page_is_whole_in_one_file(recordings: Path, tmp_path: Path) -> None:
    """It loads nothing, has a figure for light and one for dark screens, and the summary as a table."""
    path = tmp_path / "a.html"
    main(["read", str(recordings / "rsl_rl" / "5.5.1" / "default.txt"), "--plot", str(path)])
    page = path.read_text(encoding="utf-8")
    assert [] == re.findall(r"""(?:src|href|srcset)=["'](?!data:)""", page)
    assert "http" not in re.sub(r"base64,[\w+/=]+", "", page)
    images = [base64.b64decode(data) for data in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", page)]
    assert [True, True] == [ET.fromstring(image).tag.endswith("svg") for image in images]  # noqa: S314 - we wrote it
    dark, light = images
    assert (True, True) == (COLOURS["rsl_rl"].encode() in light, COLOURS["rsl_rl"].encode() not in dark)
    assert '<th scope="row">library</th><td class="">RSL-RL 5.0.0 or newer</td>' in page


def test_a_page_shows_hostile_text_as_text(tmp_path: Path) -> None:
    """What a log or its name holds never becomes part of the page."""
    log = tmp_path / "<script>.log"
    log.write_text(
        "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/2 frames: 0\n"
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\nRuntimeError: <script>alert(1)</script>\n',
        encoding="utf-8",
    )
    main(["read", str(log), "--plot", str(tmp_path / "a.html")])
    assert "<script" not in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("a.pdf", "a.pdf does not end like a figure; give a name that ends in .svg, .png or .html."),
        ("a", "a does not end like a figure; give a name that ends in .svg, .png or .html."),
        ("nowhere/a.svg", "nowhere/a.svg cannot be a file; give a name in a folder that exists."),
    ],
)
def test_a_wrong_name_is_said_before_the_log_is_read(path: str, sentence: str) -> None:
    """Nobody waits for a gigabyte to learn it."""
    with pytest.raises(BadInputError) as caught:
        Plot(path)
    assert sentence == str(caught.value)


def test_one_figure_is_of_one_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Two logs would need two files."""
    assert 2 == main(["read", "a.log", "b.log", "--plot", "a.svg"])
    assert (
        "--plot draws one LOG; give one, or compare several with stepscope compare."
        in capsys.readouterr().err
    )


def test_a_missing_matplotlib_is_one_sentence() -> None:
    """It says what to install."""
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from stepscope.cli import main\n"
        "sys.exit(main(['read', 'a.log', '--plot', 'a.svg']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    sentence = f"--plot needs matplotlib, which is not installed; install it with {install_command('plot')}."
    assert (2, f"stepscope: {sentence}\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("count", [1, 7, 2048, 2049, 5000, 100_000])
def test_a_long_curve_keeps_its_shape(count: int) -> None:
    """Points are put together: their means, and the smallest and largest, are those of the values."""
    values = np.random.default_rng(count).normal(size=count)
    series = Downsampler(limit=2048)
    for x, y in enumerate(values):
        series.add(y, x)
    stretch = series._stretch
    groups = [values[at : at + stretch] for at in range(0, count, stretch)]
    assert len(groups) == len(series.x) <= 2048
    assert [mean.mean() for mean in groups] == pytest.approx(series.y)
    assert [(part.min(), part.max()) for part in groups] == list(zip(series.low, series.high, strict=True))


def test_several_runs_are_drawn_over_each_other() -> None:
    """Iterations of a run that was continued begin where they begin."""
    epoch = "fps step: 9 fps step and policy inference: 8 fps total: {0} epoch: {0}/40 frames: 0\n"
    summary, series = Summary("a log"), {}
    for number, record in enumerate(reads("".join(epoch.format(number) for number in (1, 2, 3, 2, 3, 4)))):
        changed = _changed(record, run=1 + number // 3)
        summary.add(changed)
        series.setdefault(changed.run, RunSeries()).add(changed)
    drawn = draw([*series.values()], summary.runs())
    assert drawn is not None
    totals = [list(line.get_xdata()) for line in drawn.axes[0].get_lines() if line.get_linestyle() == "-"]
    assert [[1, 2, 3], [2, 3, 4]] == totals
    assert drawn.axes[0].get_title(loc="left").startswith("2 runs: 2.5 to 3.5 environment")


def test_only_so_many_runs_are_drawn(tmp_path: Path, recordings: Path) -> None:
    """A sweep of hundreds in one file has a figure of its first runs, and takes no memory for the others."""
    plot, summary = Plot(tmp_path / "a.svg"), Summary("a log")
    records = list(read(recordings / "rl_games" / "1.6.5" / "default.txt"))
    for number in range(1, 31):
        for record in records:
            changed = _changed(record, run=number)
            plot.add(changed)
            summary.add(changed)
    plot.write(summary.runs(), name="a log")
    assert MOST_RUNS == len(plot._runs)
    assert "12 runs: 30,925 to 30,925 environment" in _words(tmp_path / "a.svg")


def test_logs_of_two_libraries_share_one_figure(recordings: Path) -> None:
    """Where only some iterations tell stepping apart, the rollout is drawn as one."""
    names = ("rl_games/1.6.5/default", "rsl_rl/5.5.1/default")
    both = b"".join((recordings / f"{name}.txt").read_bytes() for name in names)
    summary, series = Summary("a log"), RunSeries()
    for record in reads(both):
        changed = _changed(record, run=1)
        summary.add(changed)
        series.add(changed)
    [run] = summary.runs()
    assert run.time is not None
    assert run.time.step is None
    drawn = draw([series], [run])
    assert drawn is not None
    assert {"the rollout", "learning"} == {text.get_text().split("\n")[0] for text in drawn.axes[1].texts}


def test_no_runs_make_no_figure() -> None:
    """An empty log has nothing to draw."""
    assert draw([], []) is None
