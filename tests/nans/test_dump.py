"""What a recorder writes down: read back as it was, and nothing else is read."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import random
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope.cli import main
from stepscope.envs import CartPole
from stepscope.envs.faults import Faulty, missing_reading
from stepscope.errors import BadInputError
from stepscope.nans import BadValueError, BadValueWarning, Recorder, record
from stepscope.nans._dump import as_array, load
from stepscope.nans._page import render_page

if TYPE_CHECKING:
    from collections.abc import Callable

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
    loaded = load(env.dump)
    assert "bad-values-step-20.npz" == env.dump.name
    assert 37 == loaded.envs[0] == loaded.metadata["bad"]["env"]
    assert 16 == len(set(loaded.envs.tolist()))
    for name, values in env.history.tensors.items():
        assert values[:, loaded.envs].numpy().tobytes() == loaded.tensors[name].tobytes(), name
    assert env.history.steps.tolist() == loaded.steps.tolist()
    reported = str(replace(env.report, dump=None))
    assert reported.split() == " ".join(" ".join(line) for line in loaded.metadata["report"]).split()
    assert {"state": (16, 4), "steps": (16,), "streams": (16, 4)} == {
        name: array.shape for name, array in loaded.snapshot.items()
    }


def test_each_rank_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report and the name of the file say which process it was, as torchrun does."""
    monkeypatch.setenv("RANK", "3")
    env = _dumped(tmp_path)
    assert "bad-values-step-20-rank-3.npz" == env.dump.name
    assert env.report.headline.endswith("in step 20, rank 3")
    assert 3 == load(env.dump).metadata["rank"]


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
        loaded = load(dump)
    except BadInputError:
        return
    assert whole.metadata == loaded.metadata
    assert all(whole.tensors[name].tobytes() == values.tobytes() for name, values in loaded.tensors.items())


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


def _replaced(name: str, array: np.ndarray) -> object:
    """Put another array in the place of one."""
    return lambda dump: _write(dump, _arrays(dump), **{name: array})


def _header(text: bytes, version: int = 1) -> object:
    """Add an array whose header is this."""

    def change(dump: Path) -> None:
        size = len(text).to_bytes(2 if version == 1 else 4, "little")
        with zipfile.ZipFile(dump, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("tensor:more.npy", b"\x93NUMPY" + bytes((version, 0)) + size + text)

    return change


def _compressed(method: int) -> object:
    """Compress an array otherwise, and damage it."""

    def change(dump: Path) -> None:
        buffer = io.BytesIO()
        np.save(buffer, np.arange(10_000))
        with zipfile.ZipFile(dump, "a", method) as archive:
            archive.writestr("snapshot:more.npy", buffer.getvalue())
            begin = archive.getinfo("snapshot:more.npy").header_offset + 100
        data = bytearray(dump.read_bytes())
        data[begin : begin + 200] = bytes(200)
        dump.write_bytes(data)

    return change


def _bad(name: str, value: object) -> object:
    """Change one thing of what is said about the bad value."""

    def change(dump: Path) -> None:
        bad = json.loads(str(_arrays(dump)["about"]))["bad"]
        _edited("bad", {**bad, name: value})(dump)

    return change


def _cast(name: str, kind: type) -> object:
    """Change the type of an array."""

    def change(dump: Path) -> None:
        arrays = _arrays(dump)
        _write(dump, arrays, **{name: arrays[name].astype(kind)})

    return change


def _many(dump: Path) -> None:
    with zipfile.ZipFile(dump, "a") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.npy", b"")


SHAPES = {"actions": [1], "done": [], "rewards": []}


HOSTILE = {
    "a name twice": _twice,
    "words for numbers": _replaced("snapshot:state", np.full((4, 4), "x")),
    "words for flags": _cast("resets", str),
    "words for a schema": _replaced("schema", np.array("1")),
    "two schemas": _replaced("schema", np.array([1, 1])),
    "a schema of thousands of digits": _replaced("schema", np.array("9" * 4000)),
    "complex observations": _cast("tensor:observations", complex),
    "longdouble observations": _cast("tensor:observations", np.longdouble),
    "longdouble environments": _cast("envs", np.longdouble),
    "steps and a half": _cast("steps", float),
    "a row and a half": _edited("snapshot_row", 0.5),
    "a row that is true": _edited("snapshot_row", True),  # noqa: FBT003 - a case
    "a step of thousands of digits": _bad("step", 10**4000),
    "a row before the first": _bad("row", -1),
    "a column and a half": _bad("column", 0.5),
    "a value that is a list": _bad("value", [1.0]),
    "a tensor that is a list": _bad("tensor", []),
    "a limit that is none": _edited("limit", "nan"),
    "environments of thousands of digits": _edited("num_envs", 10**4000),
    "sides below zero": _edited("shapes", {**SHAPES, "observations": [-1, -4]}),
    "sides and a half": _edited("shapes", {**SHAPES, "observations": [0.5, 8]}),
    "a hundred thousand lines": _edited("report", [["", "x"]] * 100_000),
    "no lines": _edited("report", []),
    "a name that a terminal would obey": _replaced("tensor:\x1b]0;title\x07", np.zeros((1, 1, 1))),
    "a header of parentheses": _header(b"(" * 9000),
    "a header of signs": _header(b"-" * 9000),
    "a header with a warning": _header(b"'\\d'"),
    "a header of no text": _header(b"\xff\xfe"),
    "a header of a hundred megabytes": _header(bytes(2**27), version=2),
    "twenty thousand arrays": _many,
    "damaged LZMA": _compressed(zipfile.ZIP_LZMA),
    "damaged bzip2": _compressed(zipfile.ZIP_BZIP2),
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


@pytest.mark.parametrize("kind", ["objects", "a bomb", "a header with a warning", "two schemas"])
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


@pytest.mark.parametrize("name", ["x" * 300 + ".npz", "a\0b", "\x1b]0;title\x07.npz", "\udcff.npz"])
def test_a_name_that_cannot_be_one_gets_a_sentence(name: str, tmp_path: Path) -> None:
    """In one line that prints, whatever the name."""
    with pytest.raises(BadInputError, match=r"cannot be read|is not a dump") as raised:
        load(tmp_path / name)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500


KILLED = """
import os, signal, sys
import torch
from stepscope.envs import CartPole
from stepscope.envs.faults import Faulty, missing_reading
from stepscope.nans import BadValueError, load, record

torch.set_num_threads(1)
folder, left = sys.argv[1], 0

def kill_in_time(event, _):
    global left
    if event in ("open", "os.link", "os.rename", "os.remove"):
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

def dump():
    env = record(Faulty(CartPole(64, seed=0), missing_reading(step=2, env=3)), folder=folder)
    env.reset(seed=0)
    sys.addaudithook(kill_in_time)
    try:
        for _ in range(8):
            env.step(torch.zeros(64, 1))
    except BadValueError:
        os._exit(0 if env.dump is not None else 1)

for moment in range(100):
    child = os.fork()
    if not child:
        left = moment
        dump()
    status = os.waitpid(child, 0)[1]
    print(*os.listdir(folder))
    if os.path.exists(folder + "/bad-values-step-2.npz"):
        load(folder + "/bad-values-step-2.npz")
    if not status:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
"""


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are Linux's")
def test_a_process_that_is_killed_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    """At whichever moment, with a dump of that name there or not."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=True
        )
        *killed, whole = done.stdout.splitlines()
        assert len(killed) > 1
        assert {"", "bad-values-step-2.npz"} >= set(killed)
        assert "bad-values-step-2.npz" == whole


def test_where_files_have_names_those_of_the_dead_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on other platforms than Linux: what nobody has written to for long."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    old, new = (tmp_path / f".bad-values-step-3.npz.{number}" for number in (1, 2))
    for part in (old, new):
        part.touch()
    os.utime(old, (time.time() - 10_000,) * 2)
    path = _dumped(tmp_path).dump
    assert {new, path} == set(tmp_path.iterdir())
    assert 37 == load(path).envs[0]


def test_where_files_have_names_nothing_is_left_of_what_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is that of a folder."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    taken = tmp_path / "bad-values-step-20.npz"
    taken.mkdir()
    with pytest.warns(BadValueWarning, match="cannot be written"):
        _dumped(tmp_path)
    assert [taken] == list(tmp_path.iterdir())


KEYS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.sampled_from(
        ["a.npy", "a", "a/b", "a\0", "x" * 70_000, "y" * 70_000 + "z", "a@4x3 float32", "schema", "CON"]
    ),
    st.integers(),
    st.binary(max_size=6),
    st.none(),
    st.tuples(st.integers()),
)
KINDS = [
    getattr(torch, name)
    for name in (
        *(
            "float16",
            "bfloat16",
            "float32",
            "float64",
            "float8_e4m3fn",
            "float8_e5m2",
            "complex64",
            "complex128",
        ),
        *("uint8", "int8", "int16", "int32", "int64", "uint16", "bool"),
    )
]
SIDES = st.lists(st.integers(0, 3), max_size=3)
VALUES = st.tuples(st.sampled_from(KINDS), SIDES)


def _filled(kind: torch.dtype, sides: list[int]) -> torch.Tensor:
    return torch.arange(4 * np.prod(sides, dtype=int)).reshape(4, *sides).to(kind)


class Arbitrary:
    """Four environments, whose observations, actions and snapshots have names of every kind."""

    num_envs = 4

    def __init__(self, observations: dict[Any, torch.Tensor], snapshot: dict[Any, torch.Tensor]) -> None:
        self.observations, self.kept = observations, snapshot

    def reset(self) -> Any:  # noqa: ANN401 - the environment's own
        """Begin."""
        return self.observations, {}

    def step(self, _: object) -> Any:  # noqa: ANN401 - the environment's own
        """Reward the third with NaN."""
        no = torch.zeros(4, dtype=torch.bool)
        return self.observations, torch.tensor([1.0, 1.0, torch.nan, 1.0]), no, no, {}

    def snapshot(self) -> dict[Any, torch.Tensor]:
        """Return whatever is needed."""
        return copy.copy(self.kept)


@settings(max_examples=80)
@given(
    observations=st.dictionaries(KEYS, VALUES, max_size=4),
    actions=st.dictionaries(KEYS, VALUES, min_size=1, max_size=3),
    snapshot=st.dictionaries(KEYS, VALUES, max_size=3),
    names=st.dictionaries(KEYS, st.lists(KEYS, max_size=4), max_size=3),
    column=st.lists(KEYS, max_size=1),
)
def test_what_is_written_is_read(
    observations: dict[Any, Any],
    actions: dict[Any, Any],
    snapshot: dict[Any, Any],
    names: dict[Any, Any],
    column: list[Any],
) -> None:
    """Whatever names, types and shapes there are: as it was, in the terminal and on the page, too."""
    samples = [
        {key: _filled(*value) for key, value in each.items()} for each in (observations, actions, snapshot)
    ]
    with tempfile.TemporaryDirectory() as folder:
        env = record(
            Arbitrary(samples[0], samples[2]), folder=folder, names={**names, "rewards": column}, every=2
        )
        env.reset()
        with pytest.raises(BadValueError):
            env.step(samples[1])
        loaded = load(env.dump)
        assert set(env.history.tensors) == set(loaded.tensors)
        for name, values in env.history.tensors.items():
            assert as_array(values[:, loaded.envs]).tobytes() == loaded.tensors[name].tobytes()
        assert bool(snapshot) == bool(loaded.snapshot)
        assert env.report.column == loaded.metadata["column"]
        status, out, err = _replayed(env.dump, "--html", str(Path(folder) / "page.html"))
        assert (0, "") == (status, err)
        assert all(line.isprintable() for line in out.splitlines())


def _replayed(path: Path, *options: str) -> tuple[int, str, str]:
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = main(["replay", str(path), *options])
    return status, out.getvalue(), err.getvalue()


VALUES_OF_JSON: list[Any] = [
    *(
        None,
        True,
        -1,
        0,
        0.5,
        10**30,
        10**4000,
        float("nan"),
        float("inf"),
        "",
        "x",
        "\x1b[2J",
        "\ud800",
        "9" * 5000,
    ),
    *([], [[]], {}, {"x": []}, [["a", "b"]], [[1, 2]], ["ab"], {"observations": [-1]}, "x" * 100_000),
]
ARRAYS: list[np.ndarray] = [
    *(
        np.array(1),
        np.array([]),
        np.array("x"),
        np.zeros((2, 2)),
        np.arange(3),
        np.array([1.5]),
        np.array(["x"]),
    ),
    *(np.array(1 + 1j), np.zeros((9, 16, 4), np.float16), np.zeros(9, bool), np.array(np.nan, np.longdouble)),
    *(np.zeros(9, ">i8"), np.zeros((9, 16, 0)), np.array("{}"), np.zeros((9, 0, 4))),
]


def _damage_bytes(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(draw.choice((1, 1, 2, 8))):
        at = draw.randrange(len(data))
        if draw.random() < 0.3:
            at = draw.randrange(max(0, len(data) - 1200), len(data))  # where the list of members is
        kind = draw.randrange(4)
        if kind == 0:
            data[at] = draw.randrange(256)
        elif kind == 1:
            del data[at : at + draw.randrange(40)]
        elif kind == 2:
            data[at:at] = draw.randbytes(draw.randrange(40))
        else:
            data[at : at + 4] = draw.choice((bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff"))
    path.write_bytes(data)


def _damage_members(path: Path, draw: random.Random) -> None:
    """Change what an array says of itself, or where it is, with all checksums right."""
    with zipfile.ZipFile(path) as archive:
        members = {name: bytearray(archive.read(name)) for name in archive.namelist()}
    name = draw.choice(list(members))
    data = members[name]
    kind = draw.randrange(5)
    if kind == 0:
        data[draw.randrange(min(len(data), 128))] = draw.randrange(256)
    elif kind == 1:
        del data[draw.randrange(len(data)) :]
    elif kind == 2:
        del members[name]
    elif kind == 3:
        members[draw.choice(list(members))] = data
    else:
        members[draw.choice(("tensor:", "present:", "snapshot:", "a\n", "tensor:\x1b[2J")) + name] = data
    with zipfile.ZipFile(path, "w", draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_LZMA))) as archive:
        for each, content in members.items():
            archive.writestr(each, bytes(content))


def _damage_arrays(path: Path, draw: random.Random) -> None:
    arrays = _arrays(path)
    _write(path, arrays, **{draw.choice(list(arrays)): draw.choice(ARRAYS)})


def _damage_about(path: Path, draw: random.Random) -> None:
    arrays = _arrays(path)
    about = json.loads(str(arrays["about"]))
    place = draw.choice((about, about, about["bad"], about["names"], about["shapes"]))
    place[draw.choice([*place, "more"])] = draw.choice(VALUES_OF_JSON)
    _write(path, arrays, about=np.array(json.dumps(about)))


@pytest.mark.parametrize("hundred", range(6))
@pytest.mark.parametrize("damage", [_damage_bytes, _damage_members, _damage_arrays, _damage_about])
def test_a_damaged_dump_is_shown_or_gets_one_sentence(
    dump: Path, damage: Callable[[Path, random.Random], None], hundred: int
) -> None:
    """Each of hundreds: the exit status is 0 and nothing is on standard error, or it is 2 and there is one line."""
    whole, shown = dump.read_bytes(), dump.parent / "page.html"
    for seed in range(100 * hundred, 100 * hundred + 100):
        dump.write_bytes(whole)
        damage(dump, random.Random(seed))  # noqa: S311 - not a secret
        status, out, err = _replayed(dump, "--html", str(shown))
        assert (status, len(err.splitlines())) in ((0, 0), (2, 1)), (seed, err)
        assert (out + err).replace("\n", "").isprintable(), seed


@pytest.mark.parametrize("seed", range(16))
def test_a_damaged_dump_is_replayed_or_gets_one_sentence(dump: Path, seed: int) -> None:
    """Also where an environment is put into what it says."""
    draw = random.Random(seed)  # noqa: S311 - not a secret
    draw.choice((_damage_members, _damage_arrays, _damage_about))(dump, draw)
    status, _, err = _replayed(dump, "--env", "stepscope.envs:CartPole")
    assert (status, len(err.splitlines())) in ((0, 0), (2, 1))


def _grown(path: Path, rows: int, columns: int) -> Path:
    """Repeat the last row, and the columns that are observed."""
    arrays = _arrays(path)
    about = json.loads(str(arrays["about"]))
    about["shapes"]["observations"] = [4 * columns]
    arrays["tensor:observations"] = np.tile(arrays["tensor:observations"], (1, 1, columns))
    for name, array in arrays.items():
        if name in ("steps", "resets") or name.startswith(("tensor:", "present:")):
            arrays[name] = np.concatenate([array, np.repeat(array[-1:], rows, axis=0)])
    return _write(path, arrays, about=np.array(json.dumps(about)))


def test_a_page_takes_what_it_shows(dump: Path) -> None:
    """Of a hundred thousand columns it shows 64, and does not make the others."""
    loaded = load(_grown(dump, 0, 25_000))
    tracemalloc.start()
    try:
        text = render_page(loaded)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert 64 == text.count('"rows":')
    assert '"observations [2]", "first": true' in text.replace("pole_angle", "[2]")


def test_a_page_shows_the_rows_around_the_bad_one(dump: Path) -> None:
    """A script takes no more than some hundred thousand arguments; the page has what stands around."""
    loaded = load(_grown(dump, 30_000, 1))
    data = json.loads(render_page(loaded).split('id="data">')[1].split("</script>")[0])
    assert 20 in data["steps"]
    assert all(9 * 1000 >= sum(map(len, curve["rows"])) for curve in data["curves"])
    assert all(len(data["steps"]) == len(row) for curve in data["curves"] for row in curve["rows"])


def test_a_word_of_ten_million_letters_is_shortened(dump: Path) -> None:
    """It would take a terminal's wrapping a minute."""
    _edited("report", [["first", "x" * 10_000_000]])(dump)
    status, out, err = _replayed(dump)
    assert (0, "") == (status, err)
    assert len(out) < 10_000


def test_a_dump_that_could_not_be_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One environment alone takes more than may be unpacked."""
    monkeypatch.setattr("stepscope.nans._dump._MAX_BYTES", 1000)
    with pytest.warns(
        BadValueWarning, match="one environment alone exceeds the 1,000 bytes or 10,000 arrays"
    ):
        _dumped(tmp_path)
    assert [] == list(tmp_path.iterdir())
