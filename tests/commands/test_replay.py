"""The command ``stepscope replay``: what it prints and writes, and one sentence where it cannot work."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import torch

from stepscope.envs import CartPole
from stepscope.nans import BadValueError, Recorder, record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Run

ENDLESS = {"track_half_length": 1e30, "angle_limit": 1e30}
OPTIONS = (
    "--option",
    "track_half_length=1e30",
    "--option",
    "angle_limit=1e30",
    "--option",
    "force_limit=1e8",
)
MINE = "from stepscope.envs import CartPole\nclass Plain:\n    def __init__(self, num_envs): pass\n    def reset(self): return 0, {}\n"


@pytest.fixture
def dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a dump of cart-poles that broke under their forces, in the working directory."""
    env = record(CartPole(8, seed=0, force_limit=1e8, **ENDLESS), folder=tmp_path)
    env.reset(seed=0)
    with pytest.raises(BadValueError):
        _step(env)
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return env.dump.name


def _step(env: Recorder) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        env.step(2 * torch.rand(8, 1, generator=generator) - 1)


def test_the_report_is_shown(dump: str, run: Run) -> None:
    """As it was when the dump was written, with what was recorded."""
    done = run("replay", dump)
    assert (0, b"") == (done.returncode, done.stderr)
    text = done.stdout.decode()
    for label in ("first bad value", "before it", "action", "spreads to", "likely cause", "recorded"):
        assert label in text
    assert "8 of 8 environments: observations, actions, rewards, done" in " ".join(text.split())


def test_the_recorders_report_ends_with_the_command_that_shows_it(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which works in another directory, because Hydra and Ray change it."""
    folder = tmp_path / "two words"
    folder.mkdir()
    monkeypatch.chdir(folder)
    env = record(CartPole(8, seed=0, force_limit=1e8, **ENDLESS), folder=".")
    env.reset(seed=0)
    with pytest.raises(BadValueError) as error:
        _step(env)
    monkeypatch.chdir(tmp_path)
    *_, saved, command = str(error.value).splitlines()
    assert saved.endswith(str(folder / env.dump.name))
    program, *arguments = shlex.split(command.removeprefix("replay them"))
    assert "stepscope" == program
    assert env.report.headline.encode() in b" ".join(run(*arguments).stdout.split())


def test_what_a_step_does_not_return_is_not_said_to_be_all_right(tmp_path: Path, run: Run) -> None:
    """Only the state that the recorder was given was bad, which a replay cannot see."""
    inner = CartPole(8, seed=0, **ENDLESS)
    env = record(inner, folder=tmp_path, state=lambda: {"root": (19.5 - inner.steps).sqrt()})
    env.reset(seed=0)
    with pytest.raises(BadValueError, match="state/root"):
        _step(env)
    done = run("replay", str(env.dump), "--env", "stepscope.envs:CartPole", *OPTIONS[:4])
    assert 0 == done.returncode
    assert "a step returns no state/root" in " ".join(done.stdout.decode().split())


def test_a_replay_says_whether_it_is_the_same_and_what_prevents_it(dump: str, run: Run) -> None:
    """Bit for bit, and each change by itself."""
    done = run("replay", dump, "--env", "stepscope.envs:CartPole", *OPTIONS)
    assert 0 == done.returncode
    text = " ".join(done.stdout.decode().split())
    assert "the same, bit for bit" in text
    assert "it happens again" in text
    for outcome in (
        "actions of half the size: does not",
        "half the timestep: prevents it",
        "a clean reset: does not",
    ):
        assert outcome in text


def test_programs_get_json_and_a_browser_a_page(dump: str, run: Run, tmp_path: Path) -> None:
    """The page stands alone, with every column in it."""
    done = run(
        "replay", dump, "--env", "stepscope.envs:CartPole", *OPTIONS, "--json", "--html", "replay.html"
    )
    output = json.loads(done.stdout)
    assert {"report", "bad", "replay", "trials"} == set(output)
    assert output["replay"]["differs"] is None
    page = (tmp_path / "replay.html").read_text(encoding="utf-8")
    for name in (*CartPole.observation_names, "force"):
        assert name in page
    assert "http-equiv" not in page
    assert "src=" not in page


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("none.npz",), "none.npz cannot be read"),
        (("mine.py",), "mine.py is not a dump"),
        (("DUMP", "--env", "CartPole"), "names no factory"),
        (("DUMP", "--env", "nowhere:Env"), "no module 'nowhere'"),
        (("DUMP", "--env", "mine:Plain"), "has no restore(snapshot)"),
        (("DUMP", "--env", "stepscope.envs:CartPole", "--option", "wheels=3"), "wheels"),
        (("DUMP", "--html", "no/such/folder.html"), "no/such/folder.html"),
        ((), "DUMP"),
    ],
)
def test_nonsense_gets_one_sentence(dump: str, run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """One line on standard error, nothing on standard output, and the exit status 2."""
    done = run("replay", *(dump if word == "DUMP" else word for word in arguments))
    assert (2, b"") == (done.returncode, done.stdout)
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("stepscope: ")
    assert sentence in line


OTHERS = """
import signal, sys
from pathlib import Path
import torch
from stepscope.envs import CartPole

class Base(CartPole):
    def __init__(self, num_envs):
        super().__init__(num_envs, seed=0)

class Wordless(Exception):
    def __str__(self):
        raise RuntimeError

class AsPath(Base):
    def restore(self, path):
        return Path(path).read_bytes()

class AsText(Base):
    restore = "checkpoint"

class Broken(Base):
    @property
    def restore(self):
        raise RuntimeError("none\\x1b[2J\\nhere")

class Leaving(Base):
    def restore(self, snapshot):
        sys.exit("no")

class Silent(Base):
    def restore(self, snapshot):
        raise Wordless

class Spilling(Base):
    def restore(self, snapshot):
        raise ValueError("x" * 1_000_000)

class Resetting(Base):
    def reset(self, path):
        pass

class Nothing(Base):
    def reset(self, **_):
        return ()
    def step(self, actions):
        return None

class Gripper:
    device, step_dt = "gripper", "slow"
    def __init__(self, num_envs, timestep=0.02, substeps=1):
        env = CartPole(num_envs, seed=0, timestep=timestep, substeps=substeps)
        self.reset, self.step, self.snapshot, self.restore = env.reset, env.step, env.snapshot, env.restore

class Elsewhere(Gripper):
    device = "cuda:7"

class Waiting(Base):
    def step(self, actions):
        Path("ready").touch()
        signal.pause()
"""


@pytest.mark.parametrize(
    ("factory", "sentence"),
    [
        ("AsPath", "a AsPath does not take the snapshot of the dump: TypeError"),
        (
            "AsText",
            "a AsText has no restore(snapshot), so the recorded state cannot be restored.",
        ),
        ("Broken", "a Broken has no restore(snapshot)"),
        ("Leaving", "a Leaving does not take the snapshot of the dump: SystemExit: no"),
        ("Silent", "a Silent does not take the snapshot of the dump: Wordless"),
        ("Spilling", "a Spilling does not take the snapshot of the dump: ValueError: xxx"),
        ("Resetting", "others:Resetting cannot create the environment: TypeError"),
        ("Nothing", "a Nothing cannot be stepped with the recorded actions: TypeError"),
    ],
)
def test_an_environment_that_means_something_else_gets_one_sentence(
    dump: str, run: Run, factory: str, sentence: str, tmp_path: Path
) -> None:
    """Its ``restore`` loads a checkpoint, is none, or fails in its own way."""
    (tmp_path / "others.py").write_text(OTHERS, encoding="utf-8")
    done = run("replay", dump, "--env", f"others:{factory}")
    assert (2, b"") == (done.returncode, done.stdout)
    (line,) = done.stderr.decode().splitlines()
    assert sentence in line
    assert len(line) < 500


@pytest.mark.parametrize("factory", ["Gripper", "Elsewhere"])
def test_a_device_that_means_something_else_is_none(
    dump: str, run: Run, factory: str, tmp_path: Path
) -> None:
    """One that torch does not know is the CPU; one that is not there gets a sentence."""
    (tmp_path / "others.py").write_text(OTHERS, encoding="utf-8")
    done = run("replay", dump, "--env", f"others:{factory}")
    expected = (0, 0) if factory == "Gripper" or torch.cuda.device_count() > 7 else (2, 1)
    assert expected == (done.returncode, len(done.stderr.splitlines())), done.stderr


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="signals are POSIX's")
def test_an_interruption_is_not_commented(dump: str, tmp_path: Path) -> None:
    """Ctrl-C while an environment is stepped."""
    (tmp_path / "others.py").write_text(OTHERS, encoding="utf-8")
    command = [sys.executable, "-m", "stepscope", "replay", dump, "--env", "others:Waiting"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not (tmp_path / "ready").exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (b"", b"") == (out, err)
    assert process.returncode in (130, -signal.SIGINT)


INTERRUPT = """
import os, signal, sys

def interrupt(event, arguments):
    if event == "import" and arguments[0] == "{module}":
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(interrupt)
"""


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="signals are POSIX's")
@pytest.mark.parametrize(
    "module", ["torch", "numpy.version", "numpy.dtypes", "numpy.linalg", "stepscope.envs"]
)
def test_an_interruption_of_an_import_is_neither_lost_nor_commented(
    dump: str, run: Run, module: str, tmp_path: Path
) -> None:
    """NumPy forgets it where torch imports it, and then cannot be imported any more."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT.format(module=module), encoding="utf-8")
    (tmp_path / "others.py").write_text(OTHERS, encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = run("replay", dump, "--env", "others:Base", PYTHONPATH=path)
    assert (b"", b"") == (done.stdout, done.stderr)
    assert done.returncode in (130, -signal.SIGINT)
