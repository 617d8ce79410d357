"""What a recorder writes down: read back as it was, and nothing else is read."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from stepscope.cli import main
from stepscope.envs import CartPole
from stepscope.envs.faults import Faulty, missing_reading
from stepscope.errors import BadInputError
from stepscope.nans import BadValueError, BadValueWarning, Recorder, record
from stepscope.nans._dump import load

if TYPE_CHECKING:
    from pathlib import Path

FAULT = missing_reading(step=20, env=37, column=2)


def _dumped(folder: Path, **options: int) -> Recorder:
    env = record(Faulty(CartPole(64, seed=0), FAULT), folder=folder, **options)
    env.reset(seed=0)
    with pytest.raises(BadValueError):
        _step(env, 40)
    return env


def _step(env: Recorder, times: int) -> None:
    for _ in range(times):
        env.step(torch.zeros(64, 1))


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Return the path of a dump."""
    return _dumped(tmp_path).dump


def _write(path: Path, arrays: dict[str, np.ndarray], **changed: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.savez(file, **{**arrays, **changed})
    return path


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_what_was_recorded_is_read_back(tmp_path: Path) -> None:
    """Bit for bit, with the bad environment first."""
    env = _dumped(tmp_path)
    found = load(env.dump)
    assert "bad-values-step-20.npz" == env.dump.name
    assert 37 == found.envs[0] == found.about["bad"]["env"]
    assert 16 == len(set(found.envs.tolist()))
    for name, values in env.history.tensors.items():
        assert values[:, found.envs].numpy().tobytes() == found.tensors[name].tobytes(), name
    assert env.history.steps.tolist() == found.steps.tolist()
    assert str(env.report).split() == " ".join(" ".join(line) for line in found.about["report"]).split()
    assert {"state": (16, 4), "steps": (16,), "streams": (16, 4)} == {
        name: array.shape for name, array in found.snapshot.items()
    }


def test_each_rank_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report and the name of the file say which process it was, as torchrun does."""
    monkeypatch.setenv("RANK", "3")
    env = _dumped(tmp_path)
    assert "bad-values-step-20-rank-3.npz" == env.dump.name
    assert env.report.headline.endswith("in step 20, rank 3")
    assert 3 == load(env.dump).about["rank"]


def test_a_small_file_keeps_the_bad_environment(tmp_path: Path) -> None:
    """Healthy ones are left out first."""
    assert [37] == load(_dumped(tmp_path, most_bytes=1).dump).envs.tolist()
    several = load(_dumped(tmp_path, most_bytes=5000).dump)
    assert 1 < len(several.envs) < 16
    assert sum(values.nbytes for values in several.tensors.values()) <= 5000


def test_nothing_is_left_of_a_file_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old file stays whole, no part of a new one stays behind, and what was found is said all the same."""
    path = _dumped(tmp_path).dump
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.warns(BadValueWarning, match="cannot be written: .*No space"):
        _dumped(tmp_path)
    assert [path] == list(tmp_path.iterdir())
    assert before == path.read_bytes()


@pytest.mark.parametrize("part", range(20))
def test_a_file_that_was_cut_off_gets_a_sentence(dump: Path, part: int) -> None:
    """Wherever it ends."""
    data = dump.read_bytes()
    dump.write_bytes(data[: len(data) * part // 20])
    with pytest.raises(BadInputError, match=dump.name):
        load(dump)


@pytest.mark.parametrize("at", range(60))
def test_a_damaged_file_is_read_as_it_was_or_not_at_all(dump: Path, at: int) -> None:
    """A checksum stands beside every array, so a changed byte is noticed, or stands where nothing is read."""
    whole, data = load(dump), bytearray(dump.read_bytes())
    data[len(data) * at // 60] ^= 0x5A
    dump.write_bytes(data)
    try:
        found = load(dump)
    except BadInputError:
        return
    assert whole.about == found.about
    assert all(whole.tensors[name].tobytes() == values.tobytes() for name, values in found.tensors.items())


def _pickled(dump: Path) -> None:
    """Put an object into it that would make a file when it is loaded."""

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(dump.parent / "executed"),)

    array = np.empty(1, object)
    array[0] = Evil()
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    with zipfile.ZipFile(dump, "a") as archive:
        archive.writestr("tensor:evil.npy", buffer.getvalue())


def _giant(dump: Path) -> None:
    """Say that an array is a terabyte."""
    buffer = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**38,)}
    np.lib.format.write_array_header_1_0(buffer, header)
    with zipfile.ZipFile(dump, "a") as archive:
        archive.writestr("tensor:giant.npy", buffer.getvalue() + bytes(64))


def _bomb(dump: Path) -> None:
    """Hold more zeros than may be unpacked."""
    buffer = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**28,)}
    np.lib.format.write_array_header_1_0(buffer, header)
    with (
        zipfile.ZipFile(dump, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("tensor:bomb.npy", "w", force_zip64=True) as file,
    ):
        file.write(buffer.getvalue())
        for _ in range(1024):
            file.write(bytes(2**20))


def _schema(dump: Path) -> None:
    _write(dump, _arrays(dump), schema=np.array(99))


def _no_schema(dump: Path) -> None:
    arrays = _arrays(dump)
    del arrays["schema"]
    _write(dump, arrays)


def _about(text: str) -> object:
    def change(dump: Path) -> None:
        _write(dump, _arrays(dump), about=np.array(text))

    return change


def _shapes(dump: Path) -> None:
    _write(dump, _arrays(dump), steps=np.arange(3))


def _flat(dump: Path) -> None:
    _write(dump, _arrays(dump), **{"tensor:observations": np.zeros(4, np.float32)})


def _pickle(dump: Path) -> None:
    dump.write_bytes(pickle.dumps({"schema": 1}))


def _text(dump: Path) -> None:
    dump.write_text("not a dump\n")


def _edited(name: str, value: object) -> object:
    """Change one thing of what is said about the arrays."""

    def change(dump: Path) -> None:
        arrays = _arrays(dump)
        about = json.loads(str(arrays["about"])) | {name: value}
        _write(dump, arrays, about=np.array(json.dumps(about)))

    return change


def _twice(dump: Path) -> None:
    with zipfile.ZipFile(dump, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("steps.npy", b"")


def _words(dump: Path) -> None:
    _write(dump, _arrays(dump), **{"snapshot:state": np.full((4, 4), "x")})


HOSTILE = {
    "a name twice": _twice,
    "words for numbers": _words,
    "a count in words": _edited("num_envs", "four"),
    "names that are none": _edited("names", {"observations": [1, None]}),
    "names without tensors": _edited("names", ["x"]),
    "a step of null": _edited("snapshot_step", "nowhere"),
    "a report of numbers": _edited("report", [[1, 2]]),
    "a report that a terminal would obey": _edited("report", [["\x1b]0;title\x07", "text"]]),
    "a limit in words": _edited("limit", "much"),
    "objects": _pickled,
    "a giant shape": _giant,
    "a bomb": _bomb,
    "another schema": _schema,
    "no schema": _no_schema,
    "no report": _about("{}"),
    "no JSON": _about("{"),
    "a list": _about("[1, 2]"),
    "a very long text": _about("[" * 2_000_000),
    "deep JSON": _about("[" * 500_000),
    "shapes that do not agree": _shapes,
    "too few dimensions": _flat,
    "a pickle": _pickle,
    "text": _text,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_get_one_sentence_and_execute_nothing(
    dump: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is 2, there is one line, and the folder is as it was."""
    HOSTILE[kind](dump)
    monkeypatch.chdir(dump.parent)
    monkeypatch.setattr(sys, "path", [*sys.path])
    status = main(["replay", str(dump), "--env", "stepscope.envs:CartPole"])
    printed = capsys.readouterr()
    assert (2, "") == (status, printed.out)
    (line,) = printed.err.splitlines()
    assert line.startswith("stepscope: ")
    assert dump.name in line
    assert [dump] == list(dump.parent.iterdir())


@pytest.mark.parametrize("kind", ["objects", "a bomb"])
def test_a_shell_sees_the_sentence_and_the_status(dump: Path, kind: str) -> None:
    """And nothing besides, from a process of its own."""
    HOSTILE[kind](dump)
    command = [sys.executable, "-m", "stepscope", "replay", str(dump), "--env", "stepscope.envs:CartPole"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=dump.parent)
    assert (2, b"") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())
    assert [dump] == list(dump.parent.iterdir())


@pytest.mark.parametrize("path", ["none.npz", ".", "/dev/zero"])
def test_what_is_no_file_gets_a_sentence(path: str, tmp_path: Path) -> None:
    """It says which; a device without an end is not read to it."""
    with pytest.raises(BadInputError, match=r"cannot be read"):
        load(tmp_path / path)
