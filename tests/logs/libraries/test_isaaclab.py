"""What Isaac Lab prints around the library that trains: as it was recorded, and by its own code where it is installed."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from statistics import mean
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.logs import Fps, Record, read, reads

if TYPE_CHECKING:
    from collections.abc import Callable

_RECORDINGS = Path(__file__).parents[3] / "recordings" / "isaaclab" / "3.0.0"


def _report(variant: str, title: str) -> Record:
    """Return the one report of a recording whose text has this title."""
    records = read(_RECORDINGS / f"{variant}.txt")
    [report] = [record for record in records if f" {title}" in (record.text or "")[:300]]
    assert ("isaaclab", "message") == (report.library, report.kind)
    return report


def test_the_rates_of_a_training_are_those_of_its_iterations() -> None:
    """The report has the mean of what RSL-RL printed above it: of rollout and update, and of the rollout."""
    report = _report("benchmark_training", "Training summary:")
    iterations = [
        record for record in read(_RECORDINGS / "benchmark_training.txt") if record.kind == "iteration"
    ]
    totals = [record.fps.total or 0 for record in iterations]
    collected = [1024 / (record.seconds.collect or 1) for record in iterations]

    assert round(mean(totals)) == report.fps.total == report.metrics["total_fps"]
    assert max(totals) == report.metrics["total_fps peak"]
    assert mean(collected) == pytest.approx(
        report.fps.rollout, rel=0.005
    )  # RSL-RL prints three decimals of a second
    assert len(iterations) == report.metrics["iterations"]
    assert (iterations[-1].reward, iterations[-1].episode_length) == pytest.approx(
        (report.reward, report.episode_length), abs=0.006
    )
    assert None is report.fps.step is report.fps.cumulative


def test_the_rate_without_a_policy_is_of_stepping_alone() -> None:
    """Random actions are taken, so both rates are the same, and there is neither rollout nor update."""
    report = _report("benchmark", "Runtime summary:")
    metrics = report.metrics

    assert Fps(step=metrics["total_fps"]) == report.fps
    assert metrics["collection_fps"] == metrics["total_fps"]
    steps = metrics["iterations"] * metrics["envs"]
    assert steps / metrics["total_wall_time"] == pytest.approx(report.fps.step, rel=0.01)
    assert report.seconds.iteration is None


def test_the_phases_of_a_startup_add_up() -> None:
    """Each phase has its seconds and its share; what is indented is part of one."""
    metrics = _report("benchmark_startup", "Startup summary:").metrics
    shares = {label: value for label, value in metrics.items() if label.endswith(" %")}
    seconds = [metrics[label.removesuffix(" %")] for label in shares]

    assert {"simulation_start", "newton_initialize_solver"} <= metrics.keys()
    assert metrics["total"] == pytest.approx(sum(seconds), abs=0.05)
    assert 100 == pytest.approx(sum(shares.values()), abs=0.5)


@pytest.mark.parametrize(
    ("variant", "title"),
    [("benchmark_summary", "Runtime summary:"), ("benchmark_training", "Training summary:")],
)
def test_both_reports_say_the_same(variant: str, title: str) -> None:
    """The box rounds to two decimals where the report rounds to none, and wraps its longer rows."""
    box, report = _report(variant, "Summary Report"), _report(variant, title)
    serialized = "Serialized Diagnostic " if variant == "benchmark_summary" else ""

    assert report.fps.total == (None if box.fps.total is None else round(box.fps.total))
    for place, statistic in (("", "mean"), (" std", "std"), (" peak", "max")):
        assert report.metrics[f"total_fps{place}"] == round(box.metrics[f"{serialized}Total FPS {statistic}"])
    assert report.metrics["envs"] == box.metrics["num_envs"]
    assert box.fps.step == pytest.approx(
        box.metrics.get(
            "Environment Step Host-Return FPS mean", box.metrics.get(f"{serialized}Total FPS mean")
        )
    )


def test_a_run_tells_how_many_environments_and_how_long_it_took_to_start() -> None:
    """Settings and timers have their numbers under the printed label."""
    records = [record for record in read(_RECORDINGS / "train.txt") if record.library == "isaaclab"]
    [scene] = [record for record in records if "Number of environments" in record.metrics]
    timers = [record for record in records if record.metrics.keys() == {"Last", "Mean", "Std", "N"}]

    assert 64 == scene.metrics["Number of environments"]
    assert 4 == len(timers)
    assert all(record.metrics["Last"] == record.metrics["Mean"] for record in timers)


def test_each_manager_has_a_message_with_its_table() -> None:
    """There are eight, and an empty table belongs to its manager, too."""
    texts = [record.text or "" for record in read(_RECORDINGS / "managers.txt")]
    managers = [text for text in texts if text.startswith("[INFO] ") and "Manager" in text.partition("\n")[0]]

    assert 8 == len(managers)
    assert all(text.endswith("+") for text in managers)


def test_the_box_at_the_start_is_one_message() -> None:
    """What is drawn beside it belongs to it."""
    [box] = [record for record in read(_RECORDINGS / "train.txt") if "╭─ Isaac Lab" in (record.text or "")]
    assert "message" == box.kind
    assert "╰" in (box.text or "")


def test_settings_that_were_parted_from_their_title_are_known() -> None:
    """A warning on stderr may stand between lines that Python keeps back for a while."""
    found = list(
        reads(
            "[INFO]: Base environment:\n\tEnvironment device    : cpu\n"
            "/a/b.py:165: FutureWarning: soon\n  call()\n\tPhysics step-size     : 0.01\n"
        )
    )
    assert ["message"] * 3 == [record.kind for record in found]
    assert {"Physics step-size": 0.01} == found[-1].metrics


@pytest.mark.parametrize(
    ("line", "library"),
    [
        ("[INFO] Processor 0: started", "skrl"),
        ("[INFO]: Loaded 3 motions of mine", "isaaclab"),
        ("[INFO] my own words", None),
        # As in isaac-sim/IsaacLab, issues 4020 and 2348.
        ("[3.581s] [ext: omni.kit.widget.nucleus_connector-2.0.1] startup", "kit"),
        (
            "2025-11-15T04:29:46Z [3,587ms] [Warning] [omni.usd.audio] failed to subscribe to stage events",
            "kit",
        ),
        (
            "[INFO][AppLauncher]: Loading experience file: /isaaclab/apps/isaaclab.python.headless.kit",
            "isaaclab",
        ),
    ],
)
def test_a_bracket_alone_tells_nothing(line: str, library: str | None) -> None:
    """Others print ``[INFO]``, too; Isaac Lab's own lines, its colon and its simulator's clock are known."""
    [record] = reads(line)
    assert library == record.library


def test_a_number_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """A log that ends within the report has what was printed whole."""
    text = (_RECORDINGS / "benchmark.txt").read_bytes()
    path = tmp_path / "train.log"
    path.write_bytes(text[: text.index(b" iteration_time") + 31])
    *_, report = read(path)

    assert ("isaaclab", "message") == (report.library, report.kind)
    assert "total_fps" in report.metrics
    assert "iteration_time" not in report.metrics


_values = st.floats(0, 1e9)


@given(
    means=st.lists(_values, min_size=3, max_size=3),
    std=_values,
    startup=st.lists(_values, min_size=3, max_size=3),
    iterations=st.integers(0, 10**9),
    curve=st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)),
    num_envs=st.integers(1, 10**6),
)
def test_a_report_is_read_as_isaac_lab_prints_it(
    *,
    means: list[float],
    std: float,
    startup: list[float],
    iterations: int,
    curve: tuple[float, float],
    num_envs: int,
    library: Callable[[str], Any],
) -> None:
    """Random numbers are printed by its own code and read back to the last printed digit."""
    console = library("isaaclab.benchmark.console")
    total, collection, seconds = (SimpleNamespace(mean=value, std=std, peak=value + std) for value in means)
    times = SimpleNamespace(app_launch=startup[0], env_creation=startup[1], first_step=startup[2])
    line = SimpleNamespace(final_raw=curve[0], final_ema=curve[1])
    bundle = SimpleNamespace(
        run=SimpleNamespace(
            num_envs=num_envs,
            framework="rsl_rl",
            task="Isaac-Cartpole-Direct",
            config=SimpleNamespace(physics_backend="newton_mjwarp"),
        ),
        runtime=SimpleNamespace(
            total_fps=total,
            collection_fps=collection,
            iteration_time_s=seconds,
            iterations_completed=iterations,
            steps_per_iteration=iterations,
            total_wall_time_s=std,
            startup_time_s=times,
        ),
        resources=SimpleNamespace(gpu_util_pct=seconds, gpu_mem_gb=seconds),
        learning=SimpleNamespace(reward=line, ep_length=line, success_rate=None),
        checkpoint_path=None,
        video_path=None,
    )
    printed = io.StringIO()
    with redirect_stdout(printed):
        console.print_training_report(bundle, (Path("report.json"),))
    [report] = reads(printed.getvalue())

    assert (round(means[0]), round(means[1])) == (report.fps.total, report.fps.rollout)
    assert float(f"{means[2]:.3f}") == report.seconds.iteration
    assert float(f"{curve[0]:.3f}") == report.reward == report.episode_length
    get = report.metrics.get
    assert (num_envs, iterations) == (get("envs"), get("iterations"))
    assert float(f"{curve[1]:.3f}") == get("reward ema")
    assert round(means[0] + std) == get("total_fps peak")
    assert [float(f"{value:.2f}") for value in startup] == [
        get(f"startup {part}") for part in ("launch", "env", "step")
    ]


def test_where_the_policy_is_saved_is_one_message() -> None:
    """Isaac Lab prints the path of Stable-Baselines3's policy in a line below."""
    [saved, trained] = reads("Saving to:\n/logs/sb3/task/PPO_1/model.zip\nTraining time: 30.17 seconds\n")
    assert ("isaaclab", "message") == (saved.library, saved.kind)
    assert saved.text.endswith("model.zip")
    assert {"Training time": 30.17} == trained.metrics
