"""One process of `run_on_ranks`: ``torchrun ... -m stepscope.train.experiments._rank FOLDER``.

The processes agree on each job through their own store, and make a new process group for each: the library that
trains makes it itself, as it does for its users.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import io
import json
import os
import socket
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed
from torch.optim.optimizer import register_optimizer_step_post_hook

from stepscope.envs import CartPole
from stepscope.measure import DisturbanceMeter
from stepscope.train._processes import Rank, join_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepscope.train._boundaries import Boundaries

_COLLECTIVES = ("all_reduce", "broadcast", "broadcast_object_list", "all_gather")
# Where an agent has its normaliser of observations, and the names of its mean, its variance and its count.
_NORMALISERS: dict[str, tuple[Callable[[Any], Any], tuple[str, str, str]]] = {
    "rl_games": (lambda agent: agent.model.running_mean_std, ("running_mean", "running_var", "count")),
    "rsl_rl": (
        lambda agent: agent.actor.obs_normalizer if agent.actor.obs_normalization else None,
        ("_mean", "_var", "count"),
    ),
    "skrl": (
        lambda agent: agent.checkpoint_modules["observation_preprocessor"],
        ("running_mean", "running_variance", "current_count"),
    ),
}
_CPU = torch.device("cpu")


def main() -> None:
    """Run the jobs of a folder, and write there what this process saw."""
    folder = Path(sys.argv[1])
    rank = Rank.of_environment()
    # The variables of torchrun are changed for each job, and its own store is left to it.
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    os.environ["TORCHELASTIC_USE_AGENT_STORE"] = "False"
    store = distributed.PrefixStore(
        "stepscope", distributed.TCPStore(address, port, is_master=False, timeout=timedelta(minutes=10))
    )
    results: list[dict[str, Any] | None] = []
    for number, job in enumerate(json.loads((folder / "jobs.json").read_text("utf-8"))):
        count = job.pop("ranks", rank.count)
        if rank.index == 0:
            store.set(f"port-{number}", str(_free_port()))
        if rank.index < count:
            os.environ["MASTER_PORT"] = store.get(f"port-{number}").decode()
            os.environ["WORLD_SIZE"] = str(count)
            results.append(_run(job, Rank(index=rank.index, local=rank.local, count=count)))
        else:
            results.append(None)
        store.set(f"done-{number}-{rank.index}", "")
        store.wait([f"done-{number}-{other}" for other in range(rank.count)])
    (folder / f"{rank.index}.json").write_text(json.dumps(results), encoding="utf-8")
    # The last to leave is the host of torchrun's store.
    store.set(f"end-{rank.index}", "")
    store.wait([f"end-{other}" for other in range(rank.count)])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])


def _run(job: dict[str, Any], rank: Rank) -> dict[str, Any]:
    kind = job.pop("kind")
    if interface := job.pop("interface"):
        os.environ["GLOO_SOCKET_IFNAME"] = interface
    meter = DisturbanceMeter()
    result = (_train if kind == "DistributedTraining" else _reduce)(rank=rank, **job)
    return {"rank": rank.index, "disturbance": asdict(meter.read()), **result}


def _reduce(*, rank: Rank, numbers: list[int], repeats: int) -> dict[str, Any]:
    distributed.init_process_group("gloo", rank=rank.index, world_size=rank.count)
    tensors = {size: torch.zeros(size) for size in numbers}
    seconds: dict[int, list[float]] = {size: [] for size in numbers}
    for turn in range(repeats + 1):  # in turns, so that other work meets all sizes alike
        for size, tensor in tensors.items():
            distributed.barrier()
            began = time.perf_counter()
            distributed.all_reduce(tensor)
            if turn:
                seconds[size].append(time.perf_counter() - began)
    distributed.barrier()
    distributed.destroy_process_group()
    return {"seconds": seconds}


class _Observer:
    """What one process sees of its training."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.env_steps = 0
        self.moments: list[tuple[float, float]] = []
        self.calls: list[Counter[str]] = [Counter()]
        self.reduced = 0
        self.statistics: list[dict[str, Any]] = []
        self.parameters: list[torch.Tensor] = []

    def end_iteration(self, agent: object) -> None:
        """Note when an iteration ended, and what the normaliser has seen until then."""
        self.moments.append((time.perf_counter(), time.process_time()))
        self.calls.append(Counter())
        find, names = _NORMALISERS[self.library]
        normaliser = find(agent)
        if normaliser is not None:
            mean, variance, count = (getattr(normaliser, name) for name in names)
            self.statistics.append(
                {
                    "count": float(count),
                    "mean": mean.double().flatten().tolist(),
                    "std": variance.double().sqrt().flatten().tolist(),
                }
            )

    def step(self, env: CartPole) -> None:
        """Count the steps of an environment."""
        original = env.step
        inside = False

        def step(actions: torch.Tensor) -> Any:  # noqa: ANN401 - whatever the environment returns
            nonlocal inside
            if inside:  # the environment calls itself when it finds itself in inference mode
                return original(actions)
            inside = True
            returned = original(actions)
            inside = False
            self.env_steps += env.num_envs
            return returned

        env.step = step  # type: ignore[method-assign]

    @contextlib.contextmanager
    def watch(self, boundaries: Boundaries) -> Iterator[None]:
        """Watch the library: ends of iterations, collective operations, the normaliser and the parameters."""
        method, _, edge = boundaries.ended.partition(":")
        if edge != "end":
            raise ValueError(boundaries.ended)
        hook = register_optimizer_step_post_hook(self._keep_parameters)
        with contextlib.ExitStack() as stack:
            stack.callback(hook.remove)
            stack.enter_context(_after(boundaries.agent, method, lambda agent, *_: self.end_iteration(agent)))
            for collective in _COLLECTIVES:
                count = functools.partial(self._count, collective)
                stack.enter_context(_after(distributed, collective, count))
            yield

    def _count(self, name: str, first: object = None, *_: object) -> None:
        self.calls[-1][name] += 1
        if name == "all_reduce" and isinstance(first, torch.Tensor):
            self.calls[-1]["numbers"] += first.numel()

    def _keep_parameters(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        self.parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]

    def summary(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        pairs = list(zip(self.moments, self.moments[1:], strict=False))
        last = self.calls[-2]
        digest = hashlib.sha256()
        for parameter in self.parameters:
            digest.update(parameter.detach().numpy().tobytes())
        return {
            "env_steps": self.env_steps,
            "wall": [after[0] - before[0] for before, after in pairs],
            "cpu": [after[1] - before[1] for before, after in pairs],
            "collectives": {name: count for name, count in last.items() if name != "numbers"},
            "reduced": last["numbers"],
            "normaliser": self.statistics,
            "parameters": sum(parameter.numel() for parameter in self.parameters),
            "digest": digest.hexdigest(),
        }


@contextlib.contextmanager
def _after(owner: object, name: str, notice: Callable[..., object]) -> Iterator[None]:
    """Call `notice` with the arguments of each call of a method, after it."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(*args: object, **options: object) -> Any:  # noqa: ANN401 - whatever it returns
        returned = original(*args, **options)
        notice(*args)
        return returned

    setattr(owner, name, watched)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _train(
    *,
    rank: Rank,
    library: str,
    num_envs: int,
    horizon: int,
    iterations: int,
    minibatches: int,
    seed: int,
    options: dict[str, Any],
) -> dict[str, Any]:
    observer = _Observer(library)
    env = CartPole(num_envs, device=_CPU)
    observer.step(env)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        contextlib.redirect_stdout(io.StringIO()) as console,
        join_processes(library, _CPU, rank, timeout=300.0),
    ):
        module = _import(library)
        with observer.watch(module.BOUNDARIES):
            module.train(
                env,
                iterations=iterations,
                horizon=horizon,
                minibatches=minibatches,
                seed=seed + rank.index,
                log_dir=folder,
                **options,
            )
    return {"text": console.getvalue(), **observer.summary()}


def _import(library: str) -> Any:  # noqa: ANN401 - a module
    if library != "skrl":
        return importlib.import_module(f"stepscope.train.{library}")
    # skrl reads the variables, and makes the process group, once: when its configuration is made.
    count = os.environ["WORLD_SIZE"]
    if "skrl" not in sys.modules:
        os.environ["WORLD_SIZE"] = "1"
    module = importlib.import_module("stepscope.train.skrl")
    os.environ["WORLD_SIZE"] = count
    import skrl  # noqa: PLC0415 - only where it trains

    skrl.config.torch = type(skrl.config.torch)()
    return module


if __name__ == "__main__":
    main()
