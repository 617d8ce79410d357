"""A reader's way: a new virtual environment, the wheel and one script from the site, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.timeout(1500)
def test_a_downloaded_script_runs_alone(site: Path, tmp_path: Path) -> None:
    """A script copied from the site into an empty folder runs once the site's wheel is installed."""
    (wheel,) = (site / "wheels").glob("*.whl")
    (script,) = (site / "_downloads").glob("*/plot_rsl_rl.py")
    shutil.copy(script, tmp_path)
    subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=tmp_path, check=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    # Without the constraints pip would take the newest torch, which may be a build of gigabytes.
    constraints = ["--constraint", str(Path(__file__).parents[2] / "constraints.txt")]
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *constraints, f"{wheel}[examples]"],
        cwd=tmp_path,
        check=True,
    )
    run = subprocess.run(
        [python, "plot_rsl_rl.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        # Nothing of this test's own environment may help: no path, no folder for evidence.
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    assert "claim C22 holds" in run.stdout
    assert "measured on" in run.stdout
