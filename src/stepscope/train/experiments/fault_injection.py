"""Training with an injected fault: what a library does with one bad value.

`run_with_fault` trains in a fresh process on cart-poles with a fault and returns how that ended and what was saved.
To start the process in another way, train on a `FaultCounterEnv` and call `outcome_of` afterwards.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from stepscope._common.callables import resolve_callable
from stepscope.envs import CartPole
from stepscope.envs.faults import (
    Fault,
    Faulty,
    bad_reward,
    infinite_reading,
    infinite_reward,
    missing_reading,
)
from stepscope.train._run import check_library, run_and_capture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

__all__ = ["FAULTS", "SIZE", "FaultCounterEnv", "FaultRun", "outcome_of", "run_with_fault"]

SIZE = {"num_envs": 16, "iterations": 6, "horizon": 16}
"""Environments, rollouts, and vector steps of each: large enough to learn from, and done in seconds."""

FAULTS: Mapping[str, Fault] = {
    "NaN observed": missing_reading(step=20, env=3, column=1),
    "infinity observed": infinite_reading(step=20, env=3, column=1),
    "NaN rewarded": bad_reward(step=20, env=3),
    "infinity rewarded": infinite_reward(step=20, env=3),
}
"""Faults for a training of that size: in its second rollout, so that one checkpoint was saved before."""

_CONSOLE, _STEPS = "console.txt", "steps.txt"


@dataclass(frozen=True, kw_only=True)
class FaultRun:
    """Outcome of a training run with a fault.

    Attributes
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    status
        Exit status of its process.
    vector_steps
        Number taken between the bad value and the end of the process; None if it trained to the end.
    message
        The last line of its traceback; empty if there is none.
    nonfinite_share
        Share of the numbers in its last checkpoint that are not finite; None if nothing was saved.
    """

    library: str
    status: int
    vector_steps: int | None
    message: str
    nonfinite_share: float | None


class FaultCounterEnv(Faulty):
    """Environment with a fault that writes its number of steps to the working folder."""

    def step(self, actions: Tensor) -> Any:  # noqa: ANN401 - the environment's own
        """Step the environment and inject the fault when it is due."""
        result = super().step(actions)
        Path(_STEPS).write_text(str(self._step), encoding="utf-8")
        return result


def run_with_fault(library: str, fault: Fault, *, guard: str | None = None, device: str = "cpu") -> FaultRun:
    """Train with PPO on cart-poles with one bad value; a checkpoint is saved after each rollout.

    Parameters
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    fault
        What goes wrong, and when.
    guard
        ``module:function`` that wraps the environment, such as ``"stepscope.nans:record"``.
    device
        Device to train on, ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    FaultRun
        Whether it noticed, when, and what it had saved.

    Raises
    ------
    BadInputError
        If the library is unknown.
    """
    check_library(library)
    # JSON of Python's knows NaN and infinity, and reads them back.
    request = json.dumps({"library": library, "fault": asdict(fault), "guard": guard, "device": device})
    code = f"import json, sys; from {__name__} import _train; _train(**json.loads(sys.argv[1]))"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, _CONSOLE)
        status = run_and_capture([sys.executable, "-c", code, request], log=log, cwd=folder)
        return outcome_of(Path(folder), library, fault, status)


def outcome_of(folder: Path, library: str, fault: Fault, status: int) -> FaultRun:
    """Return the outcome of a training run on a `FaultCounterEnv`.

    Parameters
    ----------
    folder
        Working folder of the training, with its console output in ``console.txt`` and its checkpoints anywhere below.
    library, fault, status
        Library, injected fault, and exit status.
    """
    console = (folder / _CONSOLE).read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    steps = int((folder / _STEPS).read_text()) if (folder / _STEPS).is_file() else 0
    failed = status != 0
    return FaultRun(
        library=library,
        status=status,
        vector_steps=steps - fault.step if failed else None,
        message=_last_exception(console) if failed else "",
        nonfinite_share=_nonfinite_share(folder),
    )


def _last_exception(console: list[str]) -> str:
    """Return the last line that begins with the name of an exception and a colon, else the last line."""
    exceptions = (
        line
        for line in reversed(console)
        if line.partition(":")[0].rpartition(".")[2].endswith(("Error", "Exception"))
    )
    return next(exceptions, console[-1] if console else "")


def _train(library: str, fault: dict[str, Any], guard: str | None, device: str) -> None:
    """Train here; runs in the fresh process."""
    size = dict(SIZE)
    env: Any = FaultCounterEnv(CartPole(size.pop("num_envs"), seed=0, device=device), Fault(**fault))
    if guard is not None:
        env = resolve_callable(guard)(env)
    module = importlib.import_module(f"stepscope.train.{library}")
    module.train(env, **size, log_dir="runs", checkpoint_every=1)


def _nonfinite_share(folder: Path) -> float | None:
    """Return the share of numbers in the newest checkpoint that are not finite."""
    files = (path for path in folder.rglob("*") if path.suffix in (".pth", ".pt", ".zip"))
    checkpoints = sorted(files, key=lambda path: path.stat().st_mtime_ns)
    if not checkpoints:
        return None
    tensors = list(_weights(checkpoints[-1]))
    nonfinite = sum(int((~tensor.isfinite()).sum()) for tensor in tensors)
    return nonfinite / sum(tensor.numel() for tensor in tensors)


# Keys of the weights of policies and values in the checkpoints of all libraries and versions.
_WEIGHTS = ("model", "model_state_dict", "actor_state_dict", "critic_state_dict", "policy", "value")


def _weights(path: Path) -> Iterator[Tensor]:
    if path.suffix == ".zip":  # Stable-Baselines3
        with zipfile.ZipFile(path) as parts, parts.open("policy.pth") as policy:
            groups = [torch.load(policy, map_location="cpu", weights_only=True)]
    else:
        # Written a moment ago by our own process; old versions keep NumPy's numbers in it.
        checkpoint = torch.load(path, map_location="cpu", weights_only=False)
        groups = [checkpoint[name] for name in _WEIGHTS if name in checkpoint]
    for group in groups:
        yield from (value for value in group.values() if value.is_floating_point())
