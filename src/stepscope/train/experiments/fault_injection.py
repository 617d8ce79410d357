"""Train while something goes wrong: what becomes of a library that is given one bad value.

`struck` trains in a fresh process on cart-poles with a fault, and says how that ended and what was saved.
Who starts the process in another way gives it a `StruckEnv`, and asks `ending` afterwards.
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

from stepscope.envs import CartPole
from stepscope.envs.faults import (
    Fault,
    Faulty,
    bad_reward,
    infinite_reading,
    infinite_reward,
    missing_reading,
)
from stepscope.errors import BadInputError
from stepscope.measure import found_by_name
from stepscope.train._run import LIBRARIES, keep_console

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

__all__ = ["FAULTS", "SIZE", "StruckEnv", "StruckRun", "ending", "struck"]

SIZE = {"num_envs": 16, "iterations": 6, "horizon": 16}
"""Environments, rollouts, and vector steps of each: large enough to learn from, and done in seconds."""

FAULTS: Mapping[str, Fault] = {
    "NaN observed": missing_reading(step=20, env=3, column=1),
    "infinity observed": infinite_reading(step=20, env=3, column=1),
    "NaN rewarded": bad_reward(step=20, env=3),
    "infinity rewarded": infinite_reward(step=20, env=3),
}
"""What strikes a training of that size: in its second rollout, so that one checkpoint was saved before."""

_CONSOLE, _STEPS = "console.txt", "steps.txt"


@dataclass(frozen=True, kw_only=True)
class StruckRun:
    """How a training ended.

    Attributes
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    status
        Exit status of its process; 0 says that all is well.
    vector_steps
        How many were taken after the bad value before it ended, or None if it trained to the end.
    message
        The last line of its traceback; empty if there is none.
    poisoned
        Share of the numbers in its last checkpoint that are not finite; None if nothing was saved.
    """

    library: str
    status: int
    vector_steps: int | None
    message: str
    poisoned: float | None


class StruckEnv(Faulty):
    """An environment with a fault, which notes in the working folder how many steps it has taken."""

    def step(self, actions: Tensor) -> Any:  # noqa: ANN401 - the environment's own
        """Step the environment, with what goes wrong in this step."""
        result = super().step(actions)
        Path(_STEPS).write_text(str(self._step), encoding="utf-8")
        return result


def struck(library: str, fault: Fault, *, guard: str | None = None) -> StruckRun:
    """Train with PPO on cart-poles, one value of which is bad once; a checkpoint is saved after each rollout.

    Parameters
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    fault
        What goes wrong, and when.
    guard
        ``module:function`` that is put around the environment, such as ``"stepscope.nans:record"``; None is none.

    Returns
    -------
    StruckRun
        Whether it noticed, when, and what it had saved.

    Raises
    ------
    BadInputError
        There is no such library here.
    """
    if library not in LIBRARIES:
        raise BadInputError(f"{library!r} is not one of {', '.join(LIBRARIES)}.")
    # JSON of Python's knows NaN and infinity, and reads them back.
    given = json.dumps({"library": library, "fault": asdict(fault), "guard": guard})
    code = f"import json, sys; from {__name__} import _train; _train(**json.loads(sys.argv[1]))"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, _CONSOLE)
        status = keep_console([sys.executable, "-c", code, given], log=log, cwd=folder)
        return ending(Path(folder), library, fault, status)


def ending(folder: Path, library: str, fault: Fault, status: int) -> StruckRun:
    """Return how a training ended whose environment was a `StruckEnv`.

    Parameters
    ----------
    folder
        Where it ran: its console is in ``console.txt``, its checkpoints are somewhere below.
    library, fault, status
        What trained, what went wrong, and the exit status.
    """
    console = (folder / _CONSOLE).read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    taken = int((folder / _STEPS).read_text()) if (folder / _STEPS).is_file() else 0
    failed = status != 0
    return StruckRun(
        library=library,
        status=status,
        vector_steps=taken - fault.step if failed else None,
        message=_last_exception(console) if failed else "",
        poisoned=_poisoned(folder, library),
    )


def _last_exception(console: list[str]) -> str:
    """Return the line that names an exception: it begins with a word that ends so, and a colon."""
    named = [
        line for line in console if line.partition(":")[0].rpartition(".")[2].endswith(("Error", "Exception"))
    ]
    return named[-1] if named else console[-1] if console else ""


def _train(library: str, fault: dict[str, Any], guard: str | None) -> None:
    """Train here; runs in the fresh process."""
    size = dict(SIZE)
    env: Any = StruckEnv(CartPole(size.pop("num_envs"), seed=0, device="cpu"), Fault(**fault))
    if guard is not None:
        env = found_by_name(guard)(env)
    module = importlib.import_module(f"stepscope.train.{library}")
    module.train(env, **size, log_dir="runs", checkpoint_every=1)


def _poisoned(folder: Path, library: str) -> float | None:
    """Return the share of numbers in the newest checkpoint that are not finite."""
    patterns = {"rl_games": "*.pth", "rsl_rl": "model_*.pt", "skrl": "agent_*.pt", "sb3": "*.zip"}
    saved = sorted(folder.rglob(patterns[library]), key=lambda path: path.stat().st_mtime_ns)
    if not saved:
        return None
    numbers = bad = 0
    for tensor in _weights(saved[-1]):
        numbers += tensor.numel()
        bad += int((~tensor.isfinite()).sum())
    return bad / numbers


# Where the weights of a policy and a value are, by whichever library and version wrote them.
_WEIGHTS = ("model", "model_state_dict", "actor_state_dict", "critic_state_dict", "policy", "value")


def _weights(path: Path) -> Iterator[Tensor]:
    if path.suffix == ".zip":  # Stable-Baselines3
        with zipfile.ZipFile(path) as parts, parts.open("policy.pth") as policy:
            groups = [torch.load(policy, map_location="cpu", weights_only=True)]
    else:
        # Written a moment ago, by our own process; old versions keep NumPy's numbers in it.
        saved = torch.load(path, map_location="cpu", weights_only=False)
        groups = [saved[name] for name in _WEIGHTS if name in saved]
    for group in groups:
        yield from (value for value in group.values() if value.is_floating_point())
