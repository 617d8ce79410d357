"""The command ``stepscope replay``: what it prints and writes, and one sentence where it cannot work."""

from __future__ import annotations

import json
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
    text = done.stdout.decode()
    assert "the same, bit for bit" in text
    assert "it happens again" in text
    for change in ("actions of half the size", "half the timestep", "a clean reset"):
        assert change in text


def test_programs_get_json_and_a_browser_a_page(dump: str, run: Run, tmp_path: Path) -> None:
    """The page stands alone, with every column in it."""
    done = run(
        "replay", dump, "--env", "stepscope.envs:CartPole", *OPTIONS, "--json", "--html", "replay.html"
    )
    found = json.loads(done.stdout)
    assert {"report", "bad", "replay", "cures"} == set(found)
    assert found["replay"]["differs"] is None
    page = (tmp_path / "replay.html").read_text(encoding="utf-8")
    for name in (*CartPole.observation_names, "force"):
        assert name in page
    assert "http-equiv" not in page
    assert "src=" not in page


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("none.npz",), "none.npz cannot be read"),
        (("mine.py",), "mine.py is no dump"),
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
