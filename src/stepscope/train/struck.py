"""Train while something goes wrong: what becomes of a library that is given one bad value.

`struck` trains in a fresh process on cart-poles with a fault, and says how that ended and what was saved.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.train._run import LIBRARIES, keep_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from stepscope.envs.faults import Fault

__all__ = ["StruckRun", "struck"]

_HORIZON = 16


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


def struck(
    library: str, fault: Fault, *, guard: str | None = None, num_envs: int = 16, iterations: int = 6
) -> StruckRun:
    """Train with PPO on cart-poles, one value of which is bad once.

    Parameters
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    fault
        What goes wrong, and when.
    guard
        ``module:function`` that is put around the environment, such as ``"stepscope.nans:record"``; None is none.
    num_envs, iterations
        Environments, and rollouts of 16 vector steps; a checkpoint is saved after each.

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
    with tempfile.TemporaryDirectory() as folder:
        log, count = Path(folder, "console.txt"), Path(folder, "steps.txt")
        # JSON of Python's knows NaN and infinity, and reads them back.
        given: dict[str, Any] = {"library": library, "fault": asdict(fault), "guard": guard}
        given |= {"num_envs": num_envs, "iterations": iterations}
        code = f"import json, sys; from {__name__} import _train; _train(**json.loads(sys.argv[1]))"
        status = keep_console([sys.executable, "-c", code, json.dumps(given)], log=log, cwd=folder)
        console = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
        taken = int(count.read_text()) if count.is_file() else 0
        share = subprocess.run(
            [sys.executable, "-c", f"from {__name__} import _poisoned; print(_poisoned('.', {library!r}))"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    failed = status != 0
    return StruckRun(
        library=library,
        status=status,
        vector_steps=taken - fault.step if failed else None,
        message=_last_exception(console) if failed else "",
        poisoned=None if share == "None" else float(share),
    )


def _last_exception(console: list[str]) -> str:
    """Return the line that names an exception: it begins with a word that ends so, and a colon."""
    named = [
        line for line in console if line.partition(":")[0].rpartition(".")[2].endswith(("Error", "Exception"))
    ]
    return named[-1] if named else console[-1] if console else ""


def _train(library: str, fault: dict[str, Any], guard: str | None, num_envs: int, iterations: int) -> None:
    """Train here; runs in the fresh process."""
    from stepscope.envs import CartPole  # noqa: PLC0415 - for the fresh process, and so are those below
    from stepscope.envs.faults import Fault, Faulty  # noqa: PLC0415
    from stepscope.measure._factory import found_by_name  # noqa: PLC0415

    class Counted(Faulty):
        def step(self, actions: Tensor) -> Any:  # noqa: ANN401 - the environment's own
            result = super().step(actions)
            Path("steps.txt").write_text(str(self._step), encoding="utf-8")
            return result

    env: Any = Counted(CartPole(num_envs, seed=0, device="cpu"), Fault(**fault))
    if guard is not None:
        env = found_by_name(guard)(env)
    module = importlib.import_module(f"stepscope.train.{library}")
    module.train(env, iterations=iterations, horizon=_HORIZON, log_dir="runs", checkpoint_every=1)


def _poisoned(folder: str, library: str) -> float | None:
    """Return the share of numbers in the newest checkpoint that are not finite; runs in a fresh process."""
    patterns = {"rl_games": "*.pth", "rsl_rl": "model_*.pt", "skrl": "agent_*.pt", "sb3": "*.zip"}
    saved = sorted(Path(folder).rglob(patterns[library]), key=lambda path: path.stat().st_mtime_ns)
    if not saved:
        return None
    numbers = bad = 0
    for tensor in _weights(saved[-1], library):
        numbers += tensor.numel()
        bad += int((~tensor.isfinite()).sum())
    return bad / numbers


def _weights(path: Path, library: str) -> Iterator[Tensor]:
    import torch  # noqa: PLC0415 - for the fresh process

    if library == "sb3":
        from stable_baselines3 import PPO  # noqa: PLC0415

        yield from PPO.load(path, device="cpu").policy.state_dict().values()
        return
    saved = torch.load(
        path, map_location="cpu", weights_only=False
    )  # written a moment ago, by our own process
    key = {
        "rl_games": ("model",),
        "rsl_rl": ("actor_state_dict", "critic_state_dict"),
        "skrl": ("policy", "value"),
    }
    for part in key[library]:
        yield from (value for value in saved[part].values() if value.is_floating_point())
