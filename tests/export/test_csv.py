"""Comma-separated values, read back by pandas."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from stepscope.cli import main
from stepscope.export import CsvTable
from stepscope.logs import read, reads

if TYPE_CHECKING:
    from pathlib import Path

    from stepscope.logs import Records

_BLOCK = (
    "################################################################################\n"
    "                            Learning iteration {0}/5                             \n\n"
    "                     Episode/{1}: 2.5\n"
    "                                     ETA: 0:00:01\n\n"
)


def _written(records: Records) -> str:
    table, out = CsvTable(), io.StringIO()
    for record in records:
        table.add(record)
    table.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["rl_games/1.6.5/default", "rsl_rl/5.5.1/extras", "sb3/2.9.2/default", "skrl/2.1.1/default"]
)
def test_pandas_reads_the_frame_that_it_would_be_given(recordings: Path, name: str) -> None:
    """The table and the data frame have the same columns and hold the same numbers."""
    path = recordings / f"{name}.txt"
    text = io.StringIO(_written(read(path)))
    there = pd.read_csv(text)
    frame = read(path).to_pandas()
    assert list(frame.columns) == list(there.columns)
    for column in frame:
        expected, actual = (
            frame[column].to_numpy(dtype=object, na_value=np.nan),
            there[column].to_numpy(dtype=object),
        )
        assert np.array_equal(pd.isna(expected), pd.isna(actual)), column
        # pandas 2 may be off by a last digit.
        same = [
            pytest.approx(value, rel=1e-15, abs=0) if isinstance(value, float) else value
            for value in expected[~pd.isna(expected)]
        ]
        assert same == list(actual[~pd.isna(actual)]), column


def test_numbers_are_those_in_the_text(recordings: Path) -> None:
    """An expression of our own finds the same losses."""
    path = recordings / "rsl_rl" / "5.5.1" / "default.txt"
    printed = re.findall(r"Mean value loss: ([\d.]+)", path.read_text(encoding="utf-8"))
    rows = csv.DictReader(io.StringIO(_written(read(path))))
    assert [float(loss) for loss in printed] == [float(row["Mean value loss"]) for row in rows]


def test_a_label_that_comes_late_has_a_column() -> None:
    """Rows from before it was known are padded, and every row is as long as the header."""
    rows = list(
        csv.reader(io.StringIO(_written(reads(_BLOCK.format(0, "early") + _BLOCK.format(1, "late")))))
    )
    assert ["Episode/early", "ETA", "Episode/late"] == rows[0][-3:]
    assert [["2.5", "1", ""], ["", "1", "2.5"]] == [row[-3:] for row in rows[1:]]


@pytest.mark.parametrize("label", ["a,b", 'a "quoted" one', "=1+1", "ä; ö", "a  b"])
def test_a_label_is_quoted_where_it_must_be(label: str) -> None:
    """Whatever a user calls a number is one cell."""
    header, row = csv.reader(io.StringIO(_written(reads(_BLOCK.format(0, label)))))
    assert "2.5" == dict(zip(header, row, strict=True))[f"Episode/{label}"]


def test_what_is_not_finite_keeps_its_name() -> None:
    """A loss that is NaN is told apart from one that was not printed."""
    text = _BLOCK.format(0, "a").replace("2.5", "nan") + _BLOCK.format(1, "b").replace("2.5", "-inf")
    rows = list(csv.DictReader(io.StringIO(_written(reads(text)))))
    assert [("nan", ""), ("", "-inf")] == [(row["Episode/a"], row["Episode/b"]) for row in rows]


def test_standard_output_holds_nothing_else(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table can be piped into another program."""
    assert 0 == main(["read", str(recordings / "rl_games" / "1.6.5" / "default.txt"), "--csv"])
    lines = capsys.readouterr().out.splitlines()
    assert (13, True) == (len(lines), lines[0].startswith("run,rank,library,kind,iteration,"))


def test_several_logs_make_one_table(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first column says which log a row is of."""
    names = [str(recordings / name / "default.txt") for name in ("rsl_rl/5.5.1", "sb3/2.9.2")]
    assert 0 == main(["read", *names, "--csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [names[0]] * 12 + [names[1]] * 12 == [row["log"] for row in rows]
    assert ["rsl_rl", "sb3"] == [rows[0]["library"], rows[-1]["library"]]


def test_a_long_log_does_not_wait_in_memory(recordings: Path) -> None:
    """Beyond a few megabytes the rows wait in a file, and come out all the same."""
    text = (recordings / "rl_games" / "1.6.5" / "default.txt").read_text(encoding="utf-8")
    table, out = CsvTable(), io.StringIO()
    for record in reads(text * 5000):
        table.add(record)
    assert table._pending._rolled
    table.write(out)
    assert 12 * 5000 + 1 == out.getvalue().count("\n")


def test_no_log_makes_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of something else gets its sentence and exit status 2."""
    (tmp_path / "notes.txt").write_text("dear diary\n", encoding="utf-8")
    assert 2 == main(["read", str(tmp_path / "notes.txt"), "--csv"])
    assert "has no line that" in capsys.readouterr().err


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", " =", "\N{FULLWIDTH EQUALS SIGN}"])
def test_no_cell_is_a_formula(
    begin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A spreadsheet would run what a log says, or what a file is called."""
    log = tmp_path / f"{begin.strip()}1+1.log"
    log.write_text(_BLOCK.format(0, "a").replace("Episode/a", f"{begin}cmd()"), encoding="utf-8")
    (tmp_path / "b.log").write_text(_BLOCK.format(0, "b"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    main(["read", "--csv", "--", log.name, "b.log"])
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert any(name.startswith("metrics.") for name in rows[0])
    assert not [cell for row in rows for cell in row if re.match(r"\s*[=+@-](?!\d)", cell)]


def test_very_many_labels_take_no_square(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table has at most 1,000 columns, and says how many numbers are not in it."""
    log = tmp_path / "a.log"
    log.write_text("".join(_BLOCK.format(at, at) for at in range(2000)), encoding="utf-8")
    assert 0 == main(["read", "--csv", str(log)])
    printed = capsys.readouterr()
    rows = list(csv.reader(io.StringIO(printed.out)))
    assert {1000} == {len(row) for row in rows}
    kept = sum(name.startswith("Episode/") for name in rows[0])
    assert f"stepscope: none of {2000 - kept:,} further numbers has a column;" in printed.err
    with pytest.warns(UserWarning, match="more labels than the 1,000 columns"):
        frame = read(log).to_pandas()
    assert rows[0] == list(frame.columns)
