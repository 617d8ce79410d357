"""Training with every step, rollout and update timed from outside.

`time_training` trains in a fresh process and returns the times together with what the library printed, so that each
printed rate can be compared with the measured one of its scope. `training_splits` trains several times in turns, and
returns how long stepping, inference and learning take in each.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from stepscope._common.callables import make_env
from stepscope.measure import Comparison, Disturbance, DisturbanceMeter, Elapsed, compare, run_in_subprocess
from stepscope.train._run import check_library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gymnasium.vector import VectorEnv
    from torch import Tensor

    from stepscope.train._boundaries import Boundaries

__all__ = ["TimedIteration", "TimedRun", "time_training", "training_splits"]


@dataclass(frozen=True, kw_only=True)
class TimedIteration:
    """Times of one rollout and its update, in seconds since the first rollout began.

    Attributes
    ----------
    began
        Start of the rollout: the first action was asked for.
    collected
        End of the rollout: its last environment step was taken and stored.
    ended
        End of the update.
    stepping
        Seconds spent in the environment's ``step()``.
    """

    began: float
    collected: float
    ended: float
    stepping: float


@dataclass(frozen=True, kw_only=True)
class TimedRun:
    """Times of a training run, and what the library printed.

    Attributes
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    num_envs, horizon
        Environments, and vector steps per rollout.
    text
        The library's standard output.
    iterations
        Times of each iteration, in order.
    episodes
        First vector step of each finished episode and the one after its last, counted from 0, in the order in which
        they ended; those that ended in the same step, in the order of the environments.
    disturbance
        Disturbance of the training by other work.
    """

    library: str
    num_envs: int
    horizon: int
    text: str
    iterations: tuple[TimedIteration, ...]
    episodes: tuple[tuple[int, int], ...]
    disturbance: Disturbance


def time_training(
    library: str,
    *,
    num_envs: int,
    iterations: int,
    horizon: int = 32,
    env: Mapping[str, object] | None = None,
    device: str | None = None,
    limit: float = 300.0,
) -> TimedRun:
    """Train the cart-pole with PPO in a fresh process, and time its parts.

    Parameters
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    num_envs, iterations, horizon
        Environments, rollouts with an update each, and vector steps per rollout.
    env
        More options of `stepscope.envs.CartPole`, as JSON can hold them.
    device
        None is CUDA where there is one, else the CPU, with one thread.
    limit
        Time after which the process is killed, in seconds.

    Returns
    -------
    TimedRun
        The times, the text and the episodes.

    Raises
    ------
    BadInputError
        If the library is unknown or the environment refused its options.
    MeasurementFailedError
        If the process raised, died or took too long.
    """
    check_library(library)
    result = run_in_subprocess(
        f"{__name__}:_train",
        limit=limit,
        library=library,
        num_envs=num_envs,
        iterations=iterations,
        horizon=horizon,
        env=dict(env or {}),
        device=device,
    )
    return TimedRun(
        library=library,
        num_envs=num_envs,
        horizon=horizon,
        text=result["text"],
        iterations=tuple(TimedIteration(**times) for times in result["iterations"]),
        episodes=tuple((began, ended) for began, ended in result["episodes"]),
        disturbance=Disturbance(**result["disturbance"]),
    )


_PARTS = ("stepping", "inference", "learning", "total")


def training_splits(
    trainings: Mapping[Any, Mapping[str, Any]],
    *,
    budget: float = 30.0,
    least: int = 9,
    device: str | None = None,
    limit: float = 900.0,
) -> Comparison:
    """Split the iterations of several training runs into stepping, inference and learning, measured in turns.

    Each round begins every training anew, in one process, and times its second iteration: the first one is not typical.

    Parameters
    ----------
    trainings
        Name to its ``library``, one of `stepscope.train.LIBRARIES`, and ``num_envs``. It may have ``env``, which is
        ``"module:factory"`` and by default the cart-pole, with ``options``; and any keyword argument of the library's
        ``train``, such as ``horizon``, ``minibatches`` and ``hidden``.
    budget, least
        As for `stepscope.measure.compare`.
    device
        None is CUDA where there is one, else the CPU, with one thread.
    limit
        Time after which the process is killed, in seconds.

    Returns
    -------
    Comparison
        Sides ``(name, part)`` where the part is ``"stepping"``, inside of the environment's ``step()``; ``"inference"``,
        the rest of the rollout; ``"learning"``, the update; or ``"total"``, all three: seconds per iteration, on a CPU
        those of the processor. What a library does between two iterations, such as printing, is in none of them.

    Raises
    ------
    BadInputError
        A library or a factory is unknown, or refused its arguments.
    MeasurementFailedError
        The process raised, died or took too long.
    """
    for training in trainings.values():
        check_library(training["library"])
    data = run_in_subprocess(
        f"{__name__}:_split_in_turns",
        limit=limit,
        trainings=[dict(training) for training in trainings.values()],
        device=device,
        budget=budget,
        least=least,
    )
    return Comparison.from_json(data, list(trainings))


def _split_in_turns(
    *, trainings: list[dict[str, Any]], device: str | None, budget: float, least: int
) -> dict[str, Any]:
    """Time the training runs and return the comparison as JSON can hold it; runs in the fresh process."""
    sides = {place: _split(device=device, **training) for place, training in enumerate(trainings)}
    for split in sides.values():
        split()  # what is compiled or imported is not counted
    return compare(sides, budget=budget, least=least, precision=0.0).to_json()


def _split(
    *,
    library: str,
    num_envs: int,
    device: str | None,
    env: str = "stepscope.envs:CartPole",
    options: dict[str, Any] | None = None,
    **settings: Any,  # noqa: ANN401 - those of the library's own `train`
) -> Callable[[], dict[str, Elapsed]]:
    """Return a function that trains for two iterations and returns the times of the second."""
    import torch  # noqa: PLC0415 - for the fresh process only, as below

    from stepscope._common.devices import usable_device  # noqa: PLC0415

    where = usable_device(device)
    module = importlib.import_module(f"stepscope.train.{library}")
    world = make_env(env, num_envs=num_envs, device=where, options=options or {})
    on_gpu = where.type == "cuda"
    wait = torch.cuda.synchronize if on_gpu else lambda: None

    def split() -> dict[str, Elapsed]:
        clocks = [_Clocks(time.perf_counter)] + [_Clocks(time.process_time)] * (not on_gpu)
        with contextlib.ExitStack() as stack:
            for each in clocks:
                stack.enter_context(each.around(world, module.BOUNDARIES, wait=wait))
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            module.train(world, iterations=2, log_dir=folder, **settings)
        wall, *cpu = [_parts_of_last(each) for each in clocks]
        return {part: Elapsed(wall=wall[part], cpu=cpu[0][part] if cpu else None) for part in _PARTS}

    return split


def _parts_of_last(clocks: _Clocks) -> dict[str, float]:
    """Return the seconds of each part of the last iteration."""
    last = TimedIteration(**clocks.iterations()[-1])
    rollout = last.collected - last.began
    learning = last.ended - last.collected
    return {
        "stepping": last.stepping,
        "inference": rollout - last.stepping,
        "learning": learning,
        "total": rollout + learning,
    }


@dataclass
class _Clocks:
    """Clocks around the steps of an environment and the methods of an agent."""

    read: Callable[[], float] = field(default_factory=lambda: time.perf_counter)
    moments: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    steps: list[tuple[float, float]] = field(default_factory=list)
    done: list[Tensor] = field(default_factory=list)

    @contextlib.contextmanager
    def around(self, env: VectorEnv, boundaries: Boundaries, *, wait: Callable[[], object]) -> Iterator[None]:
        """Time the parts of each iteration until the end of the block."""
        agent = boundaries.agent
        names = {getattr(boundaries, moment).partition(":")[0] for moment in ("began", "collected", "ended")}
        originals = {name: getattr(agent, name) for name in names}
        step = env.step
        self.around_step(env, wait=wait)
        self.around_agent(boundaries)
        try:
            yield
        finally:
            env.step = step
            for name, method in originals.items():
                setattr(agent, name, method)

    def around_step(self, env: VectorEnv, *, wait: Callable[[], object]) -> None:
        """Time ``step()``, which waits for its device, so that no clock stops before the work is done."""
        original = env.step
        inside = False

        def step(actions: Tensor) -> Any:  # noqa: ANN401 - whatever the environment returns
            nonlocal inside
            if inside:  # the environment calls itself when it finds itself in inference mode
                return original(actions)
            inside = True
            start = self.read()
            returned = original(actions)
            wait()
            self.steps.append((start, self.read()))
            inside = False
            self.done.append(returned[2] | returned[3])
            return returned

        env.step = step

    def around_agent(self, boundaries: Boundaries) -> None:
        """Time the calls that bound the parts of an iteration."""
        agent = boundaries.agent
        for moment in ("began", "collected", "ended"):
            method, _, edge = getattr(boundaries, moment).partition(":")
            setattr(agent, method, self._timed(getattr(agent, method), moment, edge))

    def _timed(self, method: Callable[..., Any], moment: str, edge: str) -> Callable[..., Any]:
        @functools.wraps(method)
        def timed(*args: object, **options: object) -> Any:  # noqa: ANN401 - as above
            if edge == "start":
                self.moments[moment].append(self.read())
            returned = method(*args, **options)
            if edge == "end":
                self.moments[moment].append(self.read())
            return returned

        return timed

    def iterations(self) -> list[dict[str, float]]:
        """Return the fields of each `TimedIteration`."""
        zero = self.moments["began"][0]
        iterations = []
        before = zero
        for collected, ended in zip(self.moments["collected"], self.moments["ended"], strict=True):
            began = next(moment for moment in self.moments["began"] if moment >= before)
            stepping = sum(end - start for start, end in self.steps if began <= start < collected)
            iterations.append(
                {
                    "began": began - zero,
                    "collected": collected - zero,
                    "ended": ended - zero,
                    "stepping": stepping,
                }
            )
            before = ended
        return iterations

    def episodes(self) -> list[tuple[int, int]]:
        """Return the first vector step of each finished episode, and the one after its last."""
        began = [0] * len(self.done[0])
        episodes = []
        for step, done in enumerate(self.done, start=1):
            for number in done.nonzero().flatten().tolist():
                episodes.append((began[number], step))
                began[number] = step
        return episodes


def _train(
    *,
    library: str,
    num_envs: int,
    iterations: int,
    horizon: int,
    env: dict[str, Any],
    device: str | None,
) -> dict[str, Any]:
    """Train here and return what JSON can hold of it; runs in the fresh process."""
    import torch  # noqa: PLC0415 - for the fresh process only, as below

    from stepscope._common.devices import usable_device  # noqa: PLC0415
    from stepscope.envs import CartPole  # noqa: PLC0415

    where = usable_device(device)
    module = importlib.import_module(f"stepscope.train.{library}")
    clocks = _Clocks()
    world = CartPole(num_envs, device=where, **env)
    wait = torch.cuda.synchronize if where.type == "cuda" else lambda: None
    meter = DisturbanceMeter()
    with (
        clocks.around(world, module.BOUNDARIES, wait=wait),
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        contextlib.redirect_stdout(io.StringIO()) as console,
    ):
        module.train(world, iterations=iterations, horizon=horizon, log_dir=folder)
    return {
        "disturbance": asdict(meter.read()),
        "text": console.getvalue(),
        "iterations": clocks.iterations(),
        "episodes": clocks.episodes(),
    }
