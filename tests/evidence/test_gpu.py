"""One command measures a GPU, saves while it runs, and continues after it was cut off."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from stepscope.evidence import gpu
from stepscope.evidence.gpu import PARTS, Machine, Part, all_parts, format_list, format_summary, measure_parts

ROOT = Path(__file__).parents[2]
ABOUT = {
    "device": "Stand-in GPU 80GB",
    "driver": "580.1",
    "versions": {"torch": "2.11"},
    "date": "2026-11-26",
}
MACHINE = Machine(
    device="Stand-in GPU 80GB",
    memory_bytes=80 * 2**30,
    on_gpu=True,
    packages=("gymnasium",),
    provenance=ABOUT,
)

MEASURES = """
from stepscope.evidence import claim, record_measurement
record_measurement("sizes", {"n": [1, 2]})
claim("two is more than one", 2 > 1, "2x", question="C99")
"""


def script(root: Path, name: str, text: str = MEASURES) -> Part:
    """Write a script into a checkout, and return a part that takes a second."""
    path = root / "gallery" / "9_tests" / f"plot_{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Part(script=path.relative_to(root).as_posix(), about="a test", seconds=1)


def measure(root: Path, *parts: Part, machine: Machine = MACHINE, seconds: float = 60) -> list[gpu.Outcome]:
    """Measure parts into the checkout's own results."""
    return measure_parts(
        parts,
        machine,
        into=root / "results",
        seconds=seconds,
        root=root,
        logs=root / "logs",
        tell=lambda _: None,
    )


def saved(root: Path, name: str) -> dict[str, object]:
    """Return what is saved of a script."""
    path = root / "results" / "stand-in-gpu-80gb" / "9_tests" / f"plot_{name}.json"
    return dict(json.loads(path.read_text()))


def test_a_result_lies_in_the_folder_of_its_device(tmp_path: Path) -> None:
    """With the provenance of the machine, and what the script wrote down."""
    [outcome] = measure(tmp_path, script(tmp_path, "one"))
    assert "saved" == outcome.state
    result = saved(tmp_path, "one")
    assert "Stand-in GPU 80GB" == result["device"]
    assert "580.1" == result["driver"]
    assert {"sizes": {"n": [1, 2]}} == result["measurements"]
    assert ["holds"] == [claim["verdict"] for claim in result["claims"]]
    assert "unfinished" not in result


def test_what_is_measured_is_kept_until_the_script_changes(tmp_path: Path) -> None:
    """A second call leaves it, one after a change of the script, or of a version, measures again."""
    part = script(tmp_path, "one")
    assert ["saved"] == [outcome.state for outcome in measure(tmp_path, part)]
    assert ["kept"] == [outcome.state for outcome in measure(tmp_path, part)]
    newer = Machine(
        device=MACHINE.device,
        memory_bytes=MACHINE.memory_bytes,
        on_gpu=True,
        packages=(),
        provenance={**ABOUT, "versions": {"torch": "2.12"}},
    )
    assert ["saved"] == [outcome.state for outcome in measure(tmp_path, part, machine=newer)]
    script(tmp_path, "one", MEASURES + "\n")
    assert ["saved"] == [outcome.state for outcome in measure(tmp_path, part)]


def test_a_claim_that_does_not_hold_on_the_device_is_a_finding(tmp_path: Path) -> None:
    """What comes after it is measured as well."""
    text = MEASURES.replace("2 > 1", "2 < 1") + 'record_measurement("after", {"n": 1})\n'
    [outcome] = measure(tmp_path, script(tmp_path, "false", text))
    assert "saved" == outcome.state
    assert ["does not hold"] == [claim["verdict"] for claim in saved(tmp_path, "false")["claims"]]
    assert {"sizes", "after"} == set(saved(tmp_path, "false")["measurements"])


def test_a_script_that_breaks_leaves_what_it_has_measured_and_the_next_one_runs(tmp_path: Path) -> None:
    """One that has measured nothing leaves nothing."""
    late = script(tmp_path, "late", MEASURES + 'raise RuntimeError("CUDA error: an illegal memory access")\n')
    early = script(tmp_path, "early", "import sys; sys.exit('no')")
    outcomes = measure(tmp_path, late, early, script(tmp_path, "well"))
    assert ["unfinished", "failed", "saved"] == [outcome.state for outcome in outcomes]
    assert "illegal memory access" in str(saved(tmp_path, "late")["unfinished"])
    assert "no" == outcomes[1].why.rpartition(": ")[2]
    assert not (tmp_path / "results" / "stand-in-gpu-80gb" / "9_tests" / "plot_early.json").exists()


def test_a_script_that_hangs_is_ended_at_the_end_of_the_time(tmp_path: Path) -> None:
    """What it measured is kept, and what comes after it is skipped for want of time."""
    hangs = script(tmp_path, "hangs", MEASURES + "import time; time.sleep(600)\n")
    outcomes = measure(tmp_path, hangs, script(tmp_path, "next"), seconds=4)
    assert ["unfinished", "skipped"] == [outcome.state for outcome in outcomes]
    assert "its limit" in outcomes[0].why
    assert {"sizes": {"n": [1, 2]}} == saved(tmp_path, "hangs")["measurements"]


def test_a_part_needs_memory_and_packages(tmp_path: Path) -> None:
    """The stand-in has 80 GiB, gymnasium and no library."""
    part = script(tmp_path, "one")
    large = Part(script=part.script, about="", seconds=1, gibibytes=81)
    library = Part(script=part.script, about="", seconds=1, needs=("gymnasium", "rsl_rl"))
    missing = Part(script="gallery/9_tests/plot_missing.py", about="", seconds=1)
    outcomes = measure(tmp_path, large, library, missing)
    assert ["skipped"] * 3 == [outcome.state for outcome in outcomes]
    assert ["needs 81 GiB of GPU memory", "needs rsl_rl", "the script is not in this checkout"] == [
        outcome.why for outcome in outcomes
    ]
    lines = [*format_summary(outcomes, MACHINE, into=tmp_path)]
    assert "Stand-in GPU 80GB, 80 GiB, driver 580.1, torch 2.11" == lines[0]
    assert "needs 81 GiB" in lines[1]
    assert "skipped     1 script, for want of rsl_rl; --list shows each" == lines[3]


DRIVER = """
import json, sys
from pathlib import Path
from stepscope.evidence.gpu import Machine, Part, measure_parts
root, machine, parts = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
outcomes = measure_parts([Part(**part) for part in parts], Machine(**machine), into=root / "results",
    seconds=100, root=root, logs=root / "logs")
print(*(outcome.state for outcome in outcomes))
"""


def started(root: Path, *parts: Part) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    machine = json.dumps({**vars(MACHINE)})
    listed = json.dumps([vars(part) for part in parts])
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(root), machine, listed], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="there is no list of processes here")
def test_after_kill_9_the_next_call_continues(tmp_path: Path) -> None:
    """What was measured is there, also of the script that ran; that script and its child are gone; nothing is measured twice."""
    first = script(tmp_path, "first", MEASURES + f"open({str(tmp_path / 'runs')!r}, 'a').write('first ')\n")
    slow = script(
        tmp_path,
        "slow",
        MEASURES
        + "import os, subprocess, sys, time\n"
        + 'child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])\n'
        + f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}} ')\n"
        + f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.1)\n"
        + 'record_measurement("late", {"n": 3})\nchild.kill()\n',
    )
    process = started(tmp_path, first, slow)
    path = tmp_path / "results" / "stand-in-gpu-80gb" / "9_tests" / "plot_slow.json"
    until = time.monotonic() + 120
    while not (path.exists() and (tmp_path / "pids").exists()) and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    pids = (tmp_path / "pids").read_text().split()
    while any(Path(f"/proc/{pid}/exe").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.1)
    assert [False, False] == [Path(f"/proc/{pid}/exe").exists() for pid in pids]
    assert "unfinished" not in saved(tmp_path, "first")
    assert "the run was cut off" == saved(tmp_path, "slow")["unfinished"]
    assert {"sizes"} == set(saved(tmp_path, "slow")["measurements"])

    (tmp_path / "go").touch()
    output, _ = started(tmp_path, first, slow).communicate()
    assert "kept saved" == output.splitlines()[-1]
    assert "first " == (tmp_path / "runs").read_text()
    assert "unfinished" not in saved(tmp_path, "slow")
    assert {"sizes", "late"} == set(saved(tmp_path, "slow")["measurements"])


def test_a_piece_does_not_replace_the_whole(tmp_path: Path) -> None:
    """Measured again and broken off, the earlier result stays."""
    part = script(tmp_path, "one")
    measure(tmp_path, part)
    script(
        tmp_path,
        "one",
        "from stepscope.evidence import record_measurement as r\nr('a', {})\nraise SystemExit(1)",
    )
    [outcome] = measure(tmp_path, part)
    assert "unfinished" == outcome.state
    assert {"sizes"} == set(saved(tmp_path, "one")["measurements"])


def wheel(folder: Path, name: str, files: dict[str, str]) -> None:
    """Write a wheel."""
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


def test_wheels_are_imported_without_an_installer(tmp_path: Path) -> None:
    """Packages and the data folder's library part; not what is installed, and not another platform's."""
    wheel(
        tmp_path,
        "carried_thing-1.0-py3-none-any.whl",
        {
            "carried_thing/__init__.py": "from carried_data import VALUE",
            "carried_thing-1.0.data/purelib/carried_data.py": "VALUE = 7",
            "carried_thing-1.0.data/scripts/run": "no",
            "carried_thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: carried-thing\nVersion: 1.0\n",
        },
    )
    wheel(tmp_path, "numpy-9.9-py3-none-any.whl", {"numpy/__init__.py": "raise SystemExit"})
    wheel(tmp_path, "other_thing-1.0-cp27-cp27mu-win32.whl", {"other_thing.py": ""})
    site = tmp_path / "site"
    left_out = gpu.unpack_wheels(tmp_path, site)
    assert ["numpy-9.9-py3-none-any.whl", "other_thing-1.0-cp27-cp27mu-win32.whl"] == [
        line.partition(":")[0] for line in left_out
    ]
    code = "import carried_thing, importlib.metadata as m; print(carried_thing.VALUE, m.version('carried-thing'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "7 1.0\n" == done.stdout
    assert not (site / "run").exists()


def test_every_script_of_the_gallery_is_a_part() -> None:
    """The listed ones exist, each once, and the others follow."""
    parts = all_parts()
    scripts = [part.script for part in parts]
    assert len(scripts) == len(set(scripts))
    assert {path.relative_to(ROOT).as_posix() for path in ROOT.glob("gallery/*/plot_*.py")} <= set(scripts)
    assert all((ROOT / script).is_file() for script in scripts)
    assert scripts[: len(PARTS)] == [part.script for part in PARTS]


def test_the_most_valuable_results_come_in_the_first_minutes_with_torch_alone(tmp_path: Path) -> None:
    """Of what runs with PyTorch and NumPy and nothing else, five minutes have the five that a GPU is for."""
    bare = Machine(
        device="Stand-in GPU 80GB", memory_bytes=80 * 2**30, on_gpu=True, packages=(), provenance=ABOUT
    )
    lines = [*format_list(all_parts(), bare, into=tmp_path)]
    total, early = 0.0, set()
    for line in lines[:-1]:
        if "[skipped" not in line:
            total += float(line.split()[0])
            early |= {line.split()[2]} if total <= 300 else set()
    assert {
        "1_environments/plot_step_cost",
        "bench/nans",
        "1_environments/plot_what_limits_me",
        "2_memory/plot_memory_per_environment",
        "bench/verify",
    } <= early


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--minutes", "0"], "not a positive number"),
        (["--wheels", "/nowhere/at/all"], "is not a directory"),
        (["plot_nothing"], "no such script: plot_nothing"),
    ],
)
def test_bad_arguments(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and exit status 2."""
    try:
        status = gpu.main(arguments)
    except SystemExit as ended:
        status = ended.code
    assert 2 == status
    assert sentence in capsys.readouterr().err


BLOCKED = (
    "gymnasium",
    "matplotlib",
    "scipy",
    "pynvml",
    "rl_games",
    "rsl_rl",
    "skrl",
    "stable_baselines3",
    "mujoco_warp",
)
BLOCKER = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def test_a_script_runs_with_nothing_but_torch_and_numpy(tmp_path: Path) -> None:
    """The command itself, on the processor: without gymnasium, matplotlib and an installation."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "stepscope.evidence.gpu",
            "--cpu",
            "--into",
            "results",
            "--logs",
            "logs",
            "plot_action_feedback",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")]),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    [path] = (tmp_path / "results").glob("*/4_nans/plot_action_feedback.json")
    result = json.loads(path.read_text())
    assert {"holds"} == {claim["verdict"] for claim in result["claims"]}
    assert result["settings"]["full_size"] is False
    assert "saved" in done.stdout
