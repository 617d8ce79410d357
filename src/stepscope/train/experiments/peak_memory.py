"""Peak memory of a training run, without what the environment holds.

`measure_peak_memory` trains in a fresh process on an environment that stands still, so that only the library allocates.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import tempfile
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from stepscope.measure import run_in_subprocess
from stepscope.train._run import check_library

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["PeakMemory", "measure_peak_memory"]


@dataclass(frozen=True, kw_only=True)
class PeakMemory:
    """Peak memory of a training run.

    Attributes
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    torch_bytes
        Peak of PyTorch's allocator, without what the environment holds: on a CPU from the profiler's record of every
        allocation, on CUDA from ``torch.cuda.max_memory_allocated()``.
    rollout_host_bytes
        Size of the NumPy arrays in Stable-Baselines3's rollout buffer; None for the other libraries.
    device
        Device that it trained on.
    """

    library: str
    torch_bytes: int
    rollout_host_bytes: int | None
    device: str


def measure_peak_memory(
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
) -> PeakMemory:
    """Train with PPO for two iterations in a fresh process, on an environment whose tensors never change.

    Parameters
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    num_envs, horizon, minibatches
        Environments, vector steps per rollout, and minibatches that a rollout is cut into.
    observation
        Shape of an observation: one number, or channels, height and width of an image, for which every library gets the
        same convolutions.
    actions
        Length of an action.
    hidden
        Widths of the hidden layers.
    dtype
        Type of an observation: ``"float32"`` or, for images, ``"uint8"``, which RSL-RL and skrl do not take.
    device
        None is CUDA where there is one, else the CPU.
    limit
        Time after which the process is killed, in seconds.

    Returns
    -------
    PeakMemory
        Bytes at the peak.

    Raises
    ------
    BadInputError
        If the library is unknown or refused its settings.
    MeasurementFailedError
        If the process raised, died or took too long.
    """
    check_library(library)
    settings = {"horizon": horizon, "minibatches": minibatches, "hidden": list(hidden)}
    result = run_in_subprocess(
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
    return PeakMemory(library=library, **result)


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
    """Return a list to which the size of each rollout buffer is appended when it is created or emptied."""
    import numpy as np  # noqa: PLC0415
    from stable_baselines3.common.buffers import RolloutBuffer  # noqa: PLC0415

    sizes: list[int] = []
    reset = RolloutBuffer.reset

    def reset_and_measure(buffer: Any) -> None:  # noqa: ANN401 - the library has no types
        reset(buffer)
        sizes.append(sum(array.nbytes for array in vars(buffer).values() if isinstance(array, np.ndarray)))

    RolloutBuffer.reset = reset_and_measure
    return sizes
