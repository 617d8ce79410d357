"""Event files, read back by TensorBoard itself and compared with those of the libraries."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from stepscope._common.optional import install_command
from stepscope.cli import main
from stepscope.errors import BadInputError
from stepscope.export import EventFiles
from stepscope.logs import Record, Seconds, read, reads
from stepscope.train import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_EPOCH = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: {}/40 frames: 0\n"
_BAR_TAG = "Bar / Vector steps per second"
_Scalars = dict[str, dict[int, list[float]]]


_FIELDS = (
    "library", "kind", "rank", "run", "iteration", "iterations", "env_steps", "fps", "seconds", "reward",
    "episode_length", "metrics", "derived", "text", "span",
)  # fmt: skip


def _changed(record: Record, **fields: object) -> Record:
    """Return a record like `record` in all but these fields."""
    return Record(**{name: getattr(record, name) for name in _FIELDS} | fields)


def _written(records: Iterable[Record], folder: Path) -> EventFiles:
    files = EventFiles(folder)
    for record in records:
        files.add(record)
    files.close()
    return files


def _scalars(folder: Path) -> _Scalars:
    """Return the values of every tag by step, as TensorBoard reads them."""
    scalars: _Scalars = defaultdict(lambda: defaultdict(list))
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    for tag in events.Tags()["scalars"]:
        for event in events.Scalars(tag):
            scalars[tag][event.step].append(event.value)
    return scalars


def _of_library(folder: Path) -> _Scalars:
    [events] = {path.parent for path in folder.rglob("*tfevents*")}
    return _scalars(events)


# Half of the last printed digit, and what is lost in the 32 bits of an event; Stable-Baselines3 prints three digits.
def _precision(library: str, tag: str, value: float) -> float:
    if library == "sb3":
        return 0.5 if tag == "time/fps" else 0.0051 * abs(value)
    if library == "rl_games":
        return 0.5 + 1e-6 * abs(value) if tag.startswith("performance/") else 1e-6 * abs(value)
    lost = 1e-6 * abs(value)
    if tag.startswith("Train/") or tag == "Policy/mean_std":
        return 0.005 + lost
    return lost + (0.0005 if tag.startswith("Perf/") else 0.00005)


@pytest.mark.live
@pytest.mark.parametrize("library", ["rl_games", "rsl_rl", "sb3"])
def test_tags_steps_and_values_are_those_of_the_library(library: str, tmp_path: Path) -> None:
    """A run writes its own event files; what is made of its log has no other tags, and the values as printed."""
    settings = {"num_envs": 64, "iterations": 4, "horizon": 16, "seed": 1, "device": "cpu"}
    if library == "rsl_rl":
        settings["episode_terms"] = True
    run(library, log=tmp_path / "train.log", cwd=tmp_path, **settings)
    _written(read(tmp_path / "train.log"), tmp_path / "ours")
    theirs, ours = _of_library(tmp_path / "runs"), _scalars(tmp_path / "ours")
    assert set() == ours.keys() - theirs.keys()
    assert len(ours) >= 5
    # RSL-RL never closes its writer, whose thread may have the last iteration still to write when the process ends.
    may_be_lost = 1 if library == "rsl_rl" else 0
    for tag, steps in ours.items():
        # The step of some tags is the time in whole seconds: a fast run writes several values at one.
        printed, exact = (
            [(step, value) for step, values in sorted(of.items()) for value in values]
            for of in (steps, theirs[tag])
        )
        assert len(exact) in range(len(printed) - may_be_lost, len(printed) + 1), tag
        for (step, value), (step_exact, value_exact) in zip(printed, exact, strict=False):
            assert (step, value) == (
                step_exact,
                pytest.approx(value_exact, abs=_precision(library, tag, value_exact)),
            )


@pytest.mark.live
def test_the_bar_of_skrl_gets_a_tag_of_its_own(tmp_path: Path) -> None:
    """The library writes no rate, so that no tag of its could be meant."""
    run("skrl", log=tmp_path / "train.log", cwd=tmp_path, num_envs=64, iterations=4, horizon=16, device="cpu")
    _written(read(tmp_path / "train.log"), tmp_path / "ours")
    ours = _scalars(tmp_path / "ours")
    assert [_BAR_TAG] == list(ours)
    assert _BAR_TAG not in _of_library(tmp_path / "runs")
    assert 64 in ours[_BAR_TAG]


@pytest.mark.parametrize(
    ("version", "tags"),
    [
        ("2.1.2", {"Loss/value_function", "Loss/surrogate", "Policy/mean_noise_std"}),
        ("2.2.4", {"Loss/value_function", "Loss/surrogate", "Policy/mean_noise_std"}),
        ("3.1.3", {"Loss/value_function", "Loss/surrogate", "Loss/entropy", "Policy/mean_noise_std"}),
        ("3.3.0", {"Loss/value", "Loss/surrogate", "Loss/entropy", "Policy/mean_noise_std"}),
        ("5.5.1", {"Loss/value", "Loss/surrogate", "Loss/entropy", "Policy/mean_std"}),
    ],
)
def test_older_versions_keep_their_tags(
    version: str, tags: set[str], recordings: Path, tmp_path: Path
) -> None:
    """Looked up in the source of each: names of losses changed with 2.3 and 3.2, that of the noise with 5.0."""
    _written(read(recordings / "rsl_rl" / version / "default.txt"), tmp_path)
    written = _scalars(tmp_path)
    collection = "Perf/collection time" if version < "3.2" else "Perf/collection_time"
    rest = {"Perf/total_fps", collection, "Perf/learning_time"}
    rest |= {f"Train/mean_{what}{time}" for what in ("reward", "episode_length") for time in ("", "/time")}
    assert tags | rest == set(written)


def test_extras_of_an_environment_are_written_as_given(recordings: Path, tmp_path: Path) -> None:
    """A key with a slash is its own tag, another is below Episode, as RSL-RL has it."""
    _written(read(recordings / "rsl_rl" / "5.5.0" / "extras.txt"), tmp_path)
    written = _scalars(tmp_path)
    assert {"Episode_Reward/upright", "Episode/curriculum_level"} <= set(written)
    assert set() == {tag for tag in written if tag.startswith("Loss/Mean")}


def test_losses_before_an_episode_ends_are_losses(recordings: Path, tmp_path: Path) -> None:
    """RSL-RL 2.3.0 to 3.1.3 print them under bare names then, and write them as ever."""
    _written(read(recordings / "rsl_rl" / "3.1.3" / "late_episodes.txt"), tmp_path)
    assert {"Loss/value_function", "Loss/surrogate", "Loss/entropy"} <= set(_scalars(tmp_path))
    assert 0 in _scalars(tmp_path)["Loss/entropy"]


def test_an_evaluation_of_stable_baselines3_is_written(tmp_path: Path) -> None:
    """Its table has a step of its own."""
    table = (
        "----------------------------------\n"
        "| eval/              |           |\n"
        "|    mean_reward     | 60.2      |\n"
        "| time/              |           |\n"
        "|    total_timesteps | 4096      |\n"
        "----------------------------------\n"
    )
    _written(reads(table), tmp_path)
    assert {"eval/mean_reward": {4096: [pytest.approx(60.2)]}} == _scalars(tmp_path)


def test_a_run_without_frames_is_drawn_over_epochs(recordings: Path, tmp_path: Path) -> None:
    """RL-Games 1.5.2 does not print its axis, the frames."""
    _written(read(recordings / "rl_games" / "1.5.2" / "default.txt"), tmp_path)
    assert [*range(1, 13)] == list(_scalars(tmp_path)["performance/step_fps"])


def test_runs_and_processes_have_folders(tmp_path: Path) -> None:
    """Steps that begin again would tangle the curves."""
    files = EventFiles(tmp_path)
    for record in reads(_EPOCH.format(1)):
        for run_number, rank in ((1, None), (1, 0), (2, None), (2, 1)):
            changed = _changed(record, run=run_number, rank=rank)
            files.add(changed)
            files.add(changed, log="other")
    files.close()
    folders = {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*tfevents*")}
    names = {".", "run_2", "run_2/rank_1"}
    assert names | {f"other/{name}" if name != "." else "other" for name in names} == folders


def test_very_many_runs_do_not_need_as_many_open_files(tmp_path: Path) -> None:
    """A folder that was closed to save a file is gone on with later."""
    files = EventFiles(tmp_path)
    [first, second] = reads(_EPOCH.format(1) + _EPOCH.format(2))
    for record in (first, second):
        for number in range(1, 101):
            files.add(_changed(record, run=number))
    files.close()
    assert {1.0, 2.0} == {
        value for values in _scalars(tmp_path / "run_7")["info/epochs"].values() for value in values
    }


def test_a_number_beyond_every_bound_is_no_error(tmp_path: Path) -> None:
    """NaN is written as NaN, and what no event can hold as infinite."""
    text = "".join(
        f"{'-' * 26}\n| time/fps        | {value:<4} |\n| a               | 1    |\n{'-' * 26}\n"
        for value in ("nan", "1e99")
    )
    _written([_changed(record, env_steps=2**80) for record in reads(text)], tmp_path)
    [values] = _scalars(tmp_path)["time/fps"].values()
    assert (True, math.inf) == (math.isnan(values[0]), values[1])


def test_the_clock_is_that_of_the_run(recordings: Path, tmp_path: Path) -> None:
    """TensorBoard's relative axis shows the seconds that were printed."""
    _written(read(recordings / "rsl_rl" / "2.1.2" / "default.txt"), tmp_path)
    events = EventAccumulator(str(tmp_path)).Reload().Scalars("Perf/total_fps")
    elapsed = [
        record.seconds.elapsed
        for record in read(recordings / "rsl_rl" / "2.1.2" / "default.txt")
        if record.kind == "iteration"
    ]
    assert elapsed == [event.wall_time for event in events]


def test_a_folder_is_written_again(tmp_path: Path) -> None:
    """A second reading replaces the first and does not double it."""
    for _ in range(2):
        files = _written(reads(_EPOCH.format(1)), tmp_path)
    assert (4, {0: [1.0]}) == (files.count, _scalars(tmp_path)["info/epochs"])


def test_event_files_of_others_are_left_alone(tmp_path: Path) -> None:
    """TensorBoard would show the two as one run."""
    (tmp_path / "events.out.tfevents.1700000000.host.1.0").touch()
    with pytest.raises(BadInputError, match="holds event files of another program; give an empty folder"):
        EventFiles(tmp_path)


@pytest.mark.parametrize("below", ["", "/further/down"])
def test_a_file_is_no_folder(tmp_path: Path, below: str) -> None:
    """It is said at once and not after a long log was read."""
    (tmp_path / "a").touch()
    with pytest.raises(BadInputError, match="is not a directory; give a folder for the event files"):
        EventFiles(f"{tmp_path / 'a'}{below}")


def test_torch_is_not_needed(recordings: Path, tmp_path: Path) -> None:
    """TensorBoard's own writer does without it."""
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from stepscope.cli import main\n"
        f"assert main(['read', {str(recordings / 'sb3' / '2.9.2' / 'default.txt')!r}, '--tensorboard', {str(tmp_path)!r}]) == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ("", True) == (done.stderr, "numbers written to" in done.stdout)


def test_a_missing_tensorboard_is_one_sentence(tmp_path: Path) -> None:
    """It says what to install."""
    program = (
        "import sys; sys.modules['tensorboard'] = None\n"
        "from stepscope.cli import main\n"
        f"sys.exit(main(['read', 'a.log', '--tensorboard', {str(tmp_path)!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    sentence = (
        "--tensorboard needs tensorboard, which is not installed; install it with"
        f" {install_command('tensorboard')}."
    )
    assert (2, f"stepscope: {sentence}\n") == (done.returncode, done.stderr)


def test_a_damaged_label_or_time_is_no_tag(tmp_path: Path) -> None:
    """A number without a name, and a clock that is not finite, have no place on any axis."""
    records = [
        Record(kind="iteration", library="sb3", env_steps=1, metrics={"": 8.0, "time/fps": 7}, span=(0, 1)),
        Record(
            kind="iteration",
            library="rsl_rl",
            iteration=0,
            reward=1.5,
            seconds=Seconds(elapsed=math.inf),
            span=(1, 2),
        ),
    ]
    _written(records, tmp_path)
    assert {"time/fps", "Train/mean_reward"} == set(_scalars(tmp_path))


def test_folders_are_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log may hold more runs, or name more processes, than a disk holds folders."""
    log = tmp_path / "a.log"
    log.write_text(
        "".join(f"[default{rank}]:{_EPOCH.format(1)}" for rank in range(1, 1203)), encoding="utf-8"
    )
    assert 0 == main(["read", str(log), "--tensorboard", str(tmp_path / "events")])
    assert 1000 == sum(1 for _ in (tmp_path / "events").iterdir())
    assert (
        "none of 808 further numbers is in an event file; there are too many runs" in capsys.readouterr().err
    )


@pytest.mark.parametrize("names", [("...txt", "..log"), ("a_3.log", "a.log", "b/a.log")])
def test_logs_have_folders_of_their_own(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Within the folder that was given, whatever the logs are called."""
    (tmp_path / "b").mkdir()
    logs = [tmp_path / name for name in (*names, "z.log")]
    for log in logs:
        log.write_text(_EPOCH.format(1), encoding="utf-8")
    before = set(tmp_path.rglob("*"))
    assert 0 == main(["read", *map(str, logs), "--tensorboard", str(tmp_path / "events" / "of")])
    folders = {path.parent for path in tmp_path.rglob("*tfevents*")}
    assert [tmp_path / "events" / "of"] * len(logs) == [path.parent for path in folders]
    assert {tmp_path / "events"} == set(tmp_path.glob("*")) - before
