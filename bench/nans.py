"""Cost of looking for NaN: the recorder beside other libraries' checks, in one run.

Around the same environment, and in the same update of a network. All are timed in alternating blocks, so that a busy
moment of the machine affects them alike.

The goal of 1.10 is out of reach on a CPU: what a step of 4096 cart-poles takes in and returns are 100 kB, and copies of
them into a buffer that is larger than a cache are the floor. On one thread of an AMD EPYC that is busy otherwise (a step
takes 120 us) the copies alone take 22 us, of which 9 us are the start of four operations, and the recorder takes 62 us.
Of the other 40 us, each left out in turn, 10 are the check, 8 the rounding of older rows, 11 the snapshot of the
environment, and the rest is Python. Tried and not better: memmove, one concatenation, or one operation for all copies;
references to what a step returns, copied once in eight steps (36 us where copies took 24), which also miss what is
overwritten in between; copies and extrema in one compiled function (152 us); a scalar product or both extrema instead of
the norm.

    python bench/nans.py [--env stepscope.envs:CartPole] [--num-envs 4096] [--block 0.03] [--json PATH]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from stepscope._common.callables import make_env
from stepscope.envs import CartPole
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import Comparison, compare, stopwatch
from stepscope.nans import BadValueError, record

try:  # two of the contenders; without them the others are measured
    from rsl_rl.utils.utils import check_nan
    from tensordict import TensorDict
except ModuleNotFoundError:
    check_nan = None
try:
    from stable_baselines3.common.vec_env import VecCheckNan

    from stepscope.train.sb3 import _Environment
except ModuleNotFoundError:
    VecCheckNan, _Environment = None, object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOAL = 1.10
_ROUNDS = 15
_BUDGET = 20.0 if torch.cuda.is_available() else 60.0  # seconds, of steps and of updates each
_KEPT = 100  # steps, as mjlab's guard keeps them by default
_HORIZON = 24


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Something that looks for NaN.

    Attributes
    ----------
    name
        Name in the table.
    step
        Function that is timed.
    beside
        Name of the contender that does the same without a check.
    """

    name: str
    step: Callable[[], Any]
    beside: str


def around(factory: str, num_envs: int, device: str, folder: str) -> Iterator[Contender]:
    """Yield steps of an environment, each with one of its own."""

    def make() -> Any:  # noqa: ANN401 - any environment
        env = make_env(factory, num_envs=num_envs, device=device, options={"seed": 0})
        env.reset(seed=0)
        return env

    bare = make()
    actions = 2 * torch.rand(num_envs, bare.single_action_space.shape[0], device=device) - 1
    off = "a step, the recorder off"
    yield Contender(name=off, step=lambda: bare.step(actions), beside=off)
    for name, options in {
        "on": {"folder": None},
        "on, with a dump when it finds something": {"folder": folder},
        "on, looking at each step": {"folder": None, "every": 1},
    }.items():
        env = record(make(), **options)
        env.reset(seed=0)
        yield Contender(name=name, step=lambda env=env: env.step(actions), beside=off)  # type: ignore[misc] # of a loop
    if factory == "stepscope.envs:CartPole":  # whose results have known shapes
        copied = _copied_only(make())
        yield Contender(name="the copies alone", step=lambda: copied(actions), beside=off)
    if check_nan is not None:
        checked = _checked_by_rsl_rl(make())
        yield Contender(name="RSL-RL's check_nan", step=lambda: checked(actions), beside=off)
    kept = _copied(make())
    yield Contender(name="a copy of the state each step, as mjlab", step=lambda: kept(actions), beside=off)
    if device == "cpu" and VecCheckNan is not None:
        arrays, plain, guarded = actions.numpy(), _Arrays(make()), VecCheckNan(_Arrays(make()), True)  # noqa: FBT003 - raises
        name = "a step of Stable-Baselines3"
        yield Contender(name=name, step=lambda: plain.step(arrays), beside=name)
        yield Contender(name="its VecCheckNan", step=lambda: guarded.step(arrays), beside=name)
        ours = record(_Arrays(make()), folder=None)
        ours.reset()
        yield Contender(name="the recorder around it", step=lambda: ours.step(arrays), beside=name)


def _copied_only(env: CartPole) -> Callable[[torch.Tensor], None]:
    """Copy inputs and outputs into a buffer of 32 steps, in four operations, and nothing else."""
    num_envs, device, row = env.num_envs, env.device, 0
    kept = [
        (
            torch.zeros(num_envs, 1, device=device),
            torch.zeros(num_envs, device=device),
            torch.zeros(num_envs, dtype=torch.bool, device=device),
            torch.zeros(4, num_envs, device=device).t(),
        )
        for _ in range(32)
    ]

    def step(actions: torch.Tensor) -> None:
        nonlocal row
        row = (row + 1) % 32
        kept_actions, kept_rewards, kept_done, kept_observations = kept[row]
        kept_actions.copy_(actions)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        kept_rewards.copy_(rewards)
        torch.logical_or(terminated, truncated, out=kept_done)
        kept_observations.copy_(observations)

    return step


def _checked_by_rsl_rl(env: Any) -> Callable[[torch.Tensor], None]:  # noqa: ANN401 - any environment
    """Do what its runner does after each step: look at observations, rewards and flags."""

    def step(actions: torch.Tensor) -> None:
        observations, rewards, terminated, truncated, _ = env.step(actions)
        groups = TensorDict({"policy": observations}, batch_size=[env.num_envs])
        check_nan(groups, rewards, (terminated | truncated).long())

    return step


def _copied(env: Any) -> Callable[[torch.Tensor], None]:  # noqa: ANN401 - any environment
    """Do what its guard does: clone the state of all environments, keep it, and look at it with the host."""
    kept: list[dict[str, torch.Tensor]] = []

    def step(actions: torch.Tensor) -> None:
        kept.append(env.snapshot())
        del kept[:-_KEPT]
        observations, *_ = env.step(actions)
        if bool((~observations.isfinite()).any()):
            raise ValueError

    return step


class _Arrays(_Environment):
    """The environment as Stable-Baselines3 wants it, with nothing to say of single environments."""

    def __init__(self, env: Any) -> None:  # noqa: ANN401 - any environment
        super().__init__(env, discrete=False)
        self.infos: list[dict[str, Any]] = [{} for _ in range(env.num_envs)]

    def step_wait(self) -> Any:  # noqa: ANN401 - the library's own
        observations, rewards, terminated, truncated, _ = self.env.step(self.actions)
        return observations.numpy(), rewards.numpy(), (terminated | truncated).numpy(), self.infos


def updates(num_envs: int, device: str) -> Iterator[Contender]:
    """Yield updates of a policy on a minibatch: a quarter of a rollout, forward, backward, and a step of Adam."""
    network = [_network().to(device) for _ in range(3)]
    observations = torch.randn(num_envs * _HORIZON // 4, 48, device=device)
    name = "an update"
    yield Contender(name=name, step=_update(network[0], observations, nullcontext), beside=name)
    env = record(CartPole(4, device=device), folder=None)
    env.watch(network[1])
    step = _update(network[1], observations, nullcontext)
    yield Contender(name="watched by the recorder", step=lambda: (step(), env), beside=name)
    step_of_torch = _update(network[2], observations, lambda: torch.autograd.set_detect_anomaly(mode=True))
    yield Contender(name="torch.autograd.set_detect_anomaly", step=step_of_torch, beside=name)


def _network() -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for inputs, outputs in ((48, 256), (256, 128), (128, 64)):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ELU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(64, 12))


def _update(
    network: torch.nn.Module, observations: torch.Tensor, mode: Callable[[], Any]
) -> Callable[[], None]:
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)

    def update() -> None:
        with mode():
            adam.zero_grad()
            network(observations).square().mean().backward()
            adam.step()

    return update


def time_contenders(contenders: list[Contender], seconds: float, *, cuda: bool) -> Comparison:
    """Time a step of each, in alternating blocks of so many seconds."""
    wait = torch.cuda.synchronize if cuda else None
    return compare(
        {
            contender.name: stopwatch(contender.step, synchronise=wait, block=seconds)
            for contender in contenders
        },
        budget=_BUDGET,
        least=_ROUNDS,
    )


def count_syncs(contender: Contender) -> int:
    """Return how often 32 steps wait for the device, as counted by torch."""
    import warnings  # noqa: PLC0415 - only here

    contender.step()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(32):
                contender.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("called a synchronizing" in str(warning.message) for warning in caught)


def time_dump(factory: str, num_envs: int, device: str, folder: str) -> tuple[float, int]:
    """Return the seconds of a report with its dump, and the bytes of the dump."""
    env = record(
        make_env(factory, num_envs=num_envs, device=device, options={"seed": 0}), folder=folder, every=8
    )
    env.reset(seed=0)
    actions = torch.zeros(num_envs, env.single_action_space.shape[0], device=device)
    for _ in range(47):
        env.step(actions)
    actions[0] = torch.nan
    env.step(actions)
    began = time.perf_counter()
    try:
        env.check()
    except BadValueError:
        return time.perf_counter() - began, env.dump.stat().st_size
    raise AssertionError("the bad value was not found")


def show(what: str, contenders: list[Contender], taken: Comparison, *, cuda: bool) -> dict[str, int]:
    """Print a line for each, and keep it for the results of this device."""
    syncs = {contender.name: count_syncs(contender) for contender in contenders} if cuda else {}
    record_measurement(
        what,
        {
            contender.name: {
                "seconds": asdict(taken.seconds(contender.name)),
                "beside": contender.beside,
                "ratio": asdict(taken.ratio(contender.name, contender.beside)),
                "waits_in_32": syncs.get(contender.name),
            }
            for contender in contenders
        },
    )
    for contender in contenders:
        name, other = contender.name, contender.beside
        took, beside = taken.seconds(name).median, taken.seconds(other).median
        line = f"{name:42}{1e6 * took:10.1f} us"
        if name != other:
            ratio = taken.ratio(name, other)
            line += f"  {1e6 * (took - beside):+8.1f} us  {ratio.show('{:.3f}')} of that"
        if cuda:
            line += f"  waits {syncs[name]} times in 32"
        print(line)
    print(f"{len(taken.rounds)} rounds by the {taken.clock} clock; {taken.disturbance}")
    return syncs


def main() -> None:
    """Print a line for each, and write all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--num-envs", type=int, default=4096)
    parser.add_argument("--env", default="stepscope.envs:CartPole", metavar="FACTORY")
    parser.add_argument(
        "--block", type=float, default=0.03, metavar="S", help="seconds of a block (default 0.03)"
    )
    options = parser.parse_args()
    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    torch.set_num_threads(1)
    print(f"{options.num_envs} of {options.env} on {device}")
    with tempfile.TemporaryDirectory() as folder:
        steps = list(around(options.env, options.num_envs, device, folder))
        taken = time_contenders(steps, options.block, cuda=cuda)
        syncs = show("steps", steps, taken, cuda=cuda)
        seconds, size = time_dump(options.env, options.num_envs, device, folder)
    print(f"a report and a dump of {size:,} bytes: {1e3 * seconds:.0f} ms, once")
    trained = list(updates(options.num_envs, device))
    learnt = time_contenders(trained, options.block, cuda=cuda)
    show("updates", trained, learnt, cuda=cuda)
    claim(
        "Around an environment on a GPU the recorder never makes the host wait for the device",
        syncs.get("on") == 0,
        f"{syncs.get('on', 'no')} waits in 32 steps",
        needs="cuda",
    )
    ratio = taken.ratio("on", "a step, the recorder off")
    claim(
        f"On a GPU a cart-pole step with the recorder takes at most {GOAL} times as long as without it",
        ratio.below(GOAL),
        f"{ratio.show('{:.2f}')} times the step time with {options.num_envs:,} environments",
        needs="cuda",
    )
    print(f"the goal of the recorder is {GOAL} at 4096 environments")
    print(provenance())
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "steps": {"sides": list(taken.rounds[0]), **taken.to_json()},
                    "updates": {"sides": list(learnt.rounds[0]), **learnt.to_json()},
                    "provenance": asdict(provenance()),
                },
                indent=1,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
