"""Recorded results are made by the gallery's own scripts."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from stepscope.evidence import read_recorded, record

SCRIPT = """
from stepscope.evidence import claim, record_measurement, provenance
claim("two is more than one", 2 > 1, "2x", question="C99")
record_measurement("sizes", {"n": [1, 2]})
print(provenance())
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A small example in a folder like the gallery's."""
    path = tmp_path / "9_tests" / "plot_small.py"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    return path


def test_a_result_says_what_was_shown_and_by_which_script(script: Path) -> None:
    """Claims, measurements, provenance and the script's hash are all there."""
    result = record.record_script(script)
    assert hashlib.sha256(script.read_bytes()).hexdigest() == result["script_sha256"]
    assert "9_tests/plot_small" == result["script"]
    assert {"sizes": {"n": [1, 2]}} == result["measurements"]
    assert ["two is more than one"] == [claim["statement"] for claim in result["claims"]]
    assert result["device"]
    assert result["versions"]["python"]


def test_it_is_written_below_the_name_of_the_device(script: Path, tmp_path: Path) -> None:
    """One folder a device, one file a script."""
    assert 0 == record.main([str(script), "--into", str(tmp_path / "results"), "--cpu"])
    (path,) = (tmp_path / "results").glob("*/9_tests/plot_small.json")
    assert record.SCHEMA == json.loads(path.read_text())["schema"]


def test_a_failing_script_records_nothing(script: Path, tmp_path: Path) -> None:
    """A claim that does not hold leaves no result that could be shown."""
    script.write_text(SCRIPT.replace("2 > 1", "2 < 1"))
    assert 1 == record.main([str(script), "--into", str(tmp_path / "results"), "--cpu"])
    assert not (tmp_path / "results").exists()


def test_a_script_compares_itself_with_its_result_at_full_size(tmp_path: Path) -> None:
    """The size is reduced unless a result is recorded, and the newest result of a CPU is found beside the gallery."""
    folder = tmp_path / "gallery" / "9_tests"
    folder.mkdir(parents=True)
    path = folder / "plot_sized.py"
    path.write_text(
        "from stepscope.evidence import full_size, read_recorded, record_measurement\n"
        "seeds = 8 if full_size() else 2\n"
        'record_measurement("seeds", {"count": seeds})\n'
        "recorded = read_recorded()\n"
        'print(seeds, recorded and recorded["measurements"]["seeds"]["count"])\n'
        "from stepscope.evidence import provenance; provenance()\n"
    )

    def run() -> str:
        return subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True).stdout

    assert "2 None\n" == run()
    assert 0 == record.main([str(path), "--into", str(tmp_path / "results"), "--cpu"])
    assert "2 8\n" == run()

    other = folder / "plot_other.py"
    other.write_text(
        "from stepscope.evidence import read_recorded\n"
        'print(read_recorded(), read_recorded("9_tests/plot_sized")["measurements"]["seeds"]["count"])\n'
    )
    done = subprocess.run([sys.executable, str(other)], capture_output=True, text=True, check=True)
    assert "None 8\n" == done.stdout


def test_a_downloaded_script_has_no_recorded_results() -> None:
    """Not even one that lies in the topmost folder."""
    source = Path(Path.cwd().anchor) / "plot_alone.py"
    values = {"read_recorded": read_recorded}
    exec(compile("result = read_recorded()", str(source), "exec"), values)  # noqa: S102 - as if that file called it
    assert values["result"] is None
