"""Train while memory is weighed: how much PyTorch allocates at its peak, and what of it an update needs.

`weighed` trains in a fresh process on an environment that stands still, so that what is weighed is the library's.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import tempfile
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure import fresh
from stepscope.train._run import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["WeighedRun", "weighed"]


@dataclass(frozen=True, kw_only=True)
class WeighedRun:
    """What a training took.

    Attributes
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    torch_bytes
        Most that PyTorch's allocator had given out at once, without what the environment holds. On a CPU it is the sum
        over the profiler's record of every allocation, on CUDA ``torch.cuda.max_memory_allocated()``.
    rollout_host_bytes
        What the arrays of NumPy in Stable-Baselines3's rollout buffer hold; None for libraries that have no such.
    device
        Where it trained.
    """

    library: str
    torch_bytes: int
    rollout_host_bytes: int | None
    device: str


def weighed(
    library: str,
    *,
    num_envs: int,
    horizon: int,
    minibatches: int = 4,
    observation: Sequence[int] = (48,),
    actions: int = 12,
    hidden: Sequence[int] = (64, 64),
    dtype: str = "float32",
    device: str | None = None,
    limit: float = 300.0,
) -> WeighedRun:
    """Train with PPO for two iterations in a fresh process, on an environment whose tensors never change.

    Parameters
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    num_envs, horizon, minibatches
        Environments, vector steps per rollout, and parts that it is cut into.
    observation
        Shape of an observation: one number, or channels, height and width of an image, for which every library gets the
        same convolutions.
    actions
        How many numbers an action has.
    hidden
        Widths of the hidden layers.
    dtype
        Type of the numbers of an observation: ``"float32"`` or, for images, ``"uint8"``, which RSL-RL and skrl do not
        take.
    device
        None is CUDA where there is one, else the CPU.
    limit
        Time after which the process is killed, in seconds.

    Returns
    -------
    WeighedRun
        Bytes at the peak.

    Raises
    ------
    BadInputError
        There is no such library here, or it refused its settings.
    MeasurementFailedError
        The process raised, died or took too long.
    """
    if library not in LIBRARIES:
        raise BadInputError(f"{library!r} is not one of {', '.join(LIBRARIES)}.")
    settings = {"horizon": horizon, "minibatches": minibatches, "hidden": list(hidden)}
    seen = fresh(
        f"{__name__}:_train",
        limit=limit,
        library=library,
        num_envs=num_envs,
        observation=list(observation),
        actions=actions,
        dtype=dtype,
        settings=settings,
        device=device,
    )
    return WeighedRun(library=library, **seen)


def _train(
    *,
    library: str,
    num_envs: int,
    observation: list[int],
    actions: int,
    dtype: str,
    settings: dict[str, Any],
    device: str | None,
) -> dict[str, Any]:
    """Train here; runs in the fresh process."""
    from stepscope._common.devices import usable_device  # noqa: PLC0415 - for the fresh process, and so are those below
    from stepscope.envs import Still  # noqa: PLC0415

    where = usable_device(device)
    env = Still(num_envs, observation=observation, actions=actions, device=where, dtype=dtype)
    rollout = _rollout_of_sb3() if library == "sb3" else None
    module = importlib.import_module(f"stepscope.train.{library}")

    def train() -> None:
        silence = io.StringIO()
        with (
            # RSL-RL's thread may still be writing there when the training has ended.
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            contextlib.redirect_stdout(silence),
            contextlib.redirect_stderr(silence),
        ):
            module.train(env, iterations=2, log_dir=folder, **settings)

    peak = _peak_on_cuda(train) if where.type == "cuda" else _peak_on_cpu(train)
    return {
        "torch_bytes": peak,
        "rollout_host_bytes": None if rollout is None else rollout[-1],
        "device": str(where),
    }


def _peak_on_cpu(train: Callable[[], None]) -> int:
    import torch  # noqa: PLC0415

    cpu = torch.profiler.ProfilerActivity.CPU
    with torch.profiler.profile(activities=[cpu], profile_memory=True) as profile:
        train()
    events = profile.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    return max(accumulate(change for _, change in changes))


def _peak_on_cuda(train: Callable[[], None]) -> int:
    import torch  # noqa: PLC0415

    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    train()
    return torch.cuda.max_memory_allocated() - before


def _rollout_of_sb3() -> list[int]:
    """Return a list to which the bytes of each rollout buffer are appended when it is made or emptied."""
    import numpy as np  # noqa: PLC0415
    from stable_baselines3.common.buffers import RolloutBuffer  # noqa: PLC0415

    found: list[int] = []
    reset = RolloutBuffer.reset

    def weigh(buffer: Any) -> None:  # noqa: ANN401 - the library has no types
        reset(buffer)
        found.append(sum(array.nbytes for array in vars(buffer).values() if isinstance(array, np.ndarray)))

    RolloutBuffer.reset = weigh
    return found
