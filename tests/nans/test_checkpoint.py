"""The test of checkpoints for NaN and infinity, on files that the libraries wrote."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stepscope.errors import BadInputError
from stepscope.nans import Checkpoint, inspect_checkpoint, last_good

RECORDED = Path(__file__).parent / "checkpoints"

TRAIN = """
from stepscope.envs import CartPole
from stepscope.train.experiments.fault_injection import FAULTS, FaultCounterEnv
env = FaultCounterEnv(CartPole(16, seed=0), FAULTS["infinity rewarded"])
"""
LIBRARY = """
from stepscope.train import {library}
{library}.train(env, iterations=6, horizon=16, log_dir="runs", checkpoint_every=1)
"""
# With a second minibatch RSL-RL ends within the update that breaks the weights, and does not save them.
RSL_RL = """
from rsl_rl.algorithms import PPO
def update(self, old=PPO.update):
    self.num_learning_epochs = self.num_mini_batches = 1
    return old(self)
PPO.update = update
"""
# PPO ends likewise; DQN goes on. Its seed decides when it first learns from the bad value, or whether it does at all.
SB3 = """
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import CheckpointCallback
from stepscope.train import sb3
from stepscope.envs.faults import missing_reading
env = FaultCounterEnv(CartPole(16, seed=0), missing_reading(step=20, env=3, column=1))
env = sb3._Environment(env, discrete=True)
agent = DQN("MlpPolicy", env, learning_starts=64, train_freq=1, seed=0, device="cpu")
agent.learn(16 * 64, callback=CheckpointCallback(8, "runs", name_prefix="dqn"))
"""
CODE = {
    "rl_games": LIBRARY.format(library="rl_games"),
    "rsl_rl": RSL_RL + LIBRARY.format(library="rsl_rl"),
    "skrl": LIBRARY.format(library="skrl"),
    "sb3": SB3,
}
# Of the bad value, in the unit in which the library counts: epochs, iterations, vector steps, environment steps.
UNITS = {"rl_games": ("epoch", 2), "rsl_rl": ("iteration", 1), "skrl": ("step", 32), "sb3": ("step", 20 * 16)}


@pytest.mark.live
@pytest.mark.parametrize("library", CODE)
def test_the_last_good_checkpoint_was_saved_before_the_bad_value(library: str, tmp_path: Path) -> None:
    """Every earlier one is finite, and one that was saved after it is not."""
    code = TRAIN + CODE[library]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False)
    files = [path for path in tmp_path.rglob("*") if path.suffix in (".pth", ".pt", ".zip")]
    checkpoints = [inspect_checkpoint(path) for path in files]
    unit, struck = UNITS[library]
    assert {library} == {checkpoint.library for checkpoint in checkpoints}
    assert {unit} == {checkpoint.unit for checkpoint in checkpoints}
    good = [one.saved_at for one in checkpoints if not one.bad and one.saved_at is not None]
    bad = [one.saved_at for one in checkpoints if one.bad and one.saved_at is not None]
    assert good
    assert bad
    assert max(good) < min(bad)
    assert min(bad) >= struck
    last = last_good(checkpoints)
    assert last is not None
    assert max(good) == last.saved_at
    for checkpoint in checkpoints:  # the same numbers as where the file is trusted
        if checkpoint.path.suffix != ".zip":
            found = sum(tensor.nan + tensor.infinite for tensor in checkpoint.bad)
            assert _nonfinite(torch.load(checkpoint.path, weights_only=False)) == found
    if library == "skrl":
        _continue_with_skrl(last, tmp_path)


RESUME = """
from skrl.trainers.torch import SequentialTrainer
from stepscope.envs import CartPole
from stepscope.train import skrl
def train(self, old=SequentialTrainer.train):
    self.agents.load({path!r})
    print(float(self.agents.models["policy"].state_dict()["log_std"][0]))
    return old(self)
SequentialTrainer.train = train
skrl.train(CartPole(16, seed=0), iterations=2, horizon=16, log_dir="resumed", checkpoint_every=1)
"""


def _continue_with_skrl(last: Checkpoint, folder: Path) -> None:
    """Train on from a checkpoint as the guide says; the recordings of the other libraries show how they continue."""
    code = RESUME.format(path=str(last.path))
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert 0 == process.returncode, process.stderr
    saved = torch.load(last.path, weights_only=True)
    assert str(float(saved["policy"]["log_std"][0])) in process.stdout.splitlines()
    resumed = [inspect_checkpoint(path) for path in (folder / "resumed").rglob("agent_*.pt")]
    assert 2 == len(resumed)
    assert not any(checkpoint.bad for checkpoint in resumed)


def _nonfinite(value: Any) -> int:  # noqa: ANN401 - as it was saved
    if isinstance(value, torch.Tensor):
        return int((~value.isfinite()).sum())
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return sum(map(_nonfinite, inner))


def test_checkpoints_of_skrl_for_jax() -> None:
    """These two were written by skrl 2.1.1 on JAX 0.10, in a training with an infinite observation in step 20."""
    pytest.importorskip("msgpack")
    good, bad = (inspect_checkpoint(RECORDED / f"agent_{step}.pickle") for step in (16, 32))
    assert ("skrl", 16, 27, ()) == (good.library, good.saved_at, good.tensors, good.bad)
    assert ("skrl", 32) == (bad.library, bad.saved_at)
    assert {tensor.name.partition("/")[0] for tensor in bad.bad} == {"policy", "value"}
    assert good == last_good([bad, good])


def test_arrays_in_a_pickle(tmp_path: Path) -> None:
    """As skrl for Warp writes them."""
    path = tmp_path / "agent_8.pickle"
    modules = {"policy": {"weight": np.array([1.0, np.inf, np.nan, np.nan])}, "scale": np.arange(3)}
    path.write_bytes(pickle.dumps(modules, protocol=4))
    [bad] = inspect_checkpoint(path).bad
    assert ("policy/weight", 4, 2, 1) == (bad.name, bad.numbers, bad.nan, bad.infinite)


class _Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("kind", ["torch", "legacy", "pickle", "sb3", "legacy sb3"])
def test_no_code_of_a_file_is_run(kind: str, tmp_path: Path) -> None:
    """What asks for code is refused by one sentence."""
    path = tmp_path / {"torch": "a.pt", "legacy": "b.pth", "pickle": "c.pickle"}.get(kind, "d.zip")
    evil = {"policy": {"weight": torch.zeros(2)}, "other": _Evil(tmp_path / "made")}
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"other": _Evil(tmp_path / "made")}))
    elif kind.endswith("sb3"):
        part = BytesIO()
        torch.save(evil, part, _use_new_zipfile_serialization=kind == "sb3")
        with zipfile.ZipFile(path, "w") as parts:
            parts.writestr("policy.pth", part.getvalue())
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=kind == "torch")
    with pytest.raises(BadInputError) as caught:
        inspect_checkpoint(path)
    assert not (tmp_path / "made").exists()
    expected = "is not a checkpoint" if "legacy" in kind else "asks for posix.mkdir"
    assert expected in str(caught.value)
    if kind == "torch":  # the file does what it should when it is trusted
        torch.load(path, weights_only=False)
        assert (tmp_path / "made").exists()


def test_an_old_pytorch_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Releases before 2.5 cannot be given the placeholders that checkpoints of RL-Games need."""
    torch.save({"iter": 1, "w": torch.ones(1)}, tmp_path / "model.pt")
    monkeypatch.delattr(torch.serialization, "safe_globals")
    with pytest.raises(BadInputError, match=r"needs PyTorch 2\.5 or newer"):
        inspect_checkpoint(tmp_path / "model.pt")


def test_files_that_are_not_checkpoints(tmp_path: Path) -> None:
    """Each gets a sentence that says what it is."""
    whole = tmp_path / "model_3.pt"
    torch.save({"iter": 3, "actor_state_dict": {"w": torch.ones(1000)}}, whole)
    half = tmp_path / "half.pt"
    half.write_bytes(whole.read_bytes()[:2000])
    exported = tmp_path / "policy.pt"
    torch.jit.script(torch.nn.Linear(2, 2)).save(exported)
    empty, text, numbers = tmp_path / "empty.pt", tmp_path / "text.pt", tmp_path / "numbers.pt"
    empty.touch()
    text.write_text("Learning iteration 0/10\n", encoding="utf-8")
    torch.save({"iter": 3}, numbers)
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as parts:
        parts.writestr("readme", "")
    for path, words in (
        (half, "is not complete"),
        (exported, "is a TorchScript program"),
        (empty, "is empty"),
        (text, "is not a checkpoint"),
        (numbers, "holds no tensors"),
        (archive, "is a zip archive, but not a checkpoint"),
        (tmp_path / "none.pt", "cannot be read (No such file or directory)"),
        (tmp_path, "is a directory without checkpoints"),
    ):
        with pytest.raises(BadInputError) as caught:
            inspect_checkpoint(path)
        assert str(caught.value).startswith(f"{path} {words}")
    assert 3 == inspect_checkpoint(whole).saved_at


def _checkpoint(saved_at: int | None, *, bad: bool = False) -> Checkpoint:
    tensors = inspect_checkpoint(RECORDED / "agent_32.pickle").bad if bad else ()
    return Checkpoint(
        path=Path(f"model_{saved_at}.pt"),
        library=None,
        saved_at=saved_at,
        unit="step",
        tensors=1,
        bad=tensors,
    )


def test_the_last_good_one_comes_before_the_first_bad_one() -> None:
    """In the order of iterations, not of names; a later good one would be another run's."""
    pytest.importorskip("msgpack")
    first, second, third = _checkpoint(50), _checkpoint(100), _checkpoint(1000, bad=True)
    assert second == last_good([third, second, first])
    assert second == last_good([third, second, first, _checkpoint(2000), _checkpoint(None)])
    assert last_good([_checkpoint(0, bad=True), second]) is None
    assert last_good([_checkpoint(None)]) is None
    assert second == last_good([_checkpoint(100, bad=True), second, first])


def test_numbers_of_every_format_are_tested(tmp_path: Path) -> None:
    """Also those of 8 bits, complex ones, and tensors that share memory or are no leaves."""
    path = tmp_path / "all.pt"
    bad = torch.tensor([1.0, float("nan")])
    torch.save(
        {
            "f16": bad.half(),
            "bf16": bad.bfloat16(),
            "f8": bad.to(torch.float8_e5m2),
            "c": bad.to(torch.complex64),
            "view": torch.stack([bad, bad])[:, 1],
            "list": [torch.ones(2), (torch.nn.Parameter(bad),)],
            "int": torch.ones(2, dtype=torch.int64),
        },
        path,
    )
    checkpoint = inspect_checkpoint(path)
    assert ["f16", "bf16", "f8", "c", "view", "list/1/0"] == [tensor.name for tensor in checkpoint.bad]
    assert 7 == checkpoint.tensors
