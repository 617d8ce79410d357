"""Memory that `stepscope memory` predicts against what PyTorch allocates when the real libraries train.

Each training runs in a process of its own, on an environment that stands still, and PyTorch's allocator says what it took.

    python bench/memory.py [--drawn 60] [--seed 1] [--json PATH]

``--drawn`` takes so many trainings of random sizes in place of those that are listed here.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import asdict, replace
from pathlib import Path

from stepscope.evidence import provenance
from stepscope.plan.memory import LIBRARIES, MemoryEstimate, Training, estimate_memory
from stepscope.train.experiments.peak_memory import PeakMemory, measure_peak_memory

GOAL = 0.03
_STATES = (
    Training(library="sb3", num_envs=256, horizon=32, observation=(50,), actions=7, hidden=(96, 40)),
    Training(library="sb3", num_envs=1024, horizon=24, observation=(48,), actions=12, hidden=(512, 256, 128)),
    Training(library="sb3", num_envs=64, horizon=16, observation=(300,), actions=20, minibatches=2),
    Training(
        library="sb3", num_envs=2048, horizon=8, observation=(20,), actions=6, hidden=(32, 256), minibatches=2
    ),
    Training(library="sb3", num_envs=256, horizon=32, observation=(4,), actions=1, minibatches=1),
    Training(library="sb3", num_envs=128, horizon=8, observation=(48,), actions=12, hidden=(400, 400)),
)
_IMAGES = (
    Training(library="sb3", num_envs=16, horizon=16, observation=(3, 84, 84), actions=5, hidden=()),
    Training(
        library="sb3", num_envs=16, horizon=16, observation=(1, 64, 64), actions=5, hidden=(), minibatches=2
    ),
    Training(
        library="sb3", num_envs=64, horizon=8, observation=(4, 48, 64), actions=5, hidden=(64,), minibatches=2
    ),
)
_BYTES_OR_FLOATS = (("rl_games", "float32"), ("sb3", "float32"))


def measure(training: Training) -> tuple[MemoryEstimate, PeakMemory]:
    """Return what is counted, and what was allocated."""
    run = measure_peak_memory(training.library, **training.settings)
    return estimate_memory(training), run


def random_training(draw: random.Random) -> Training:
    """Return a training of random sizes, small enough for a laptop."""
    library, is_image = draw.choice(LIBRARIES), draw.choice((False, True))
    if is_image:
        observation = (draw.choice((1, 3, 4)), draw.choice((36, 48, 64)), draw.choice((48, 64, 84)))
    else:
        observation = (draw.choice((4, 20, 48, 235)),)
    horizon = draw.choice((8, 16, 24))
    return Training(
        library=library,
        num_envs=draw.choice((8, 16, 32, 64) if is_image else (64, 256, 1024)),
        horizon=horizon,
        observation=observation,
        actions=draw.choice((1, 6, 12, 29)),
        hidden=draw.choice(((), (64,), (128, 64)) if is_image else ((64, 64), (512, 256, 128), (32, 256))),
        minibatches=draw.choice([parts for parts in (1, 2, 4, 8, 16) if parts <= horizon]),
        dtype=draw.choice((None, "float32")),
    )


def main() -> None:
    """Print a line for each training, and write all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--drawn", type=int, default=0, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    cases = [replace(training, library=library) for library in LIBRARIES for training in (*_STATES, *_IMAGES)]
    cases += [replace(_IMAGES[0], library=library, dtype=dtype) for library, dtype in _BYTES_OR_FLOATS]
    if options.drawn:
        draw = random.Random(options.seed)  # noqa: S311 - nothing secret
        cases = [random_training(draw) for _ in range(options.drawn)]
    results = []
    print(f"{'':9}{'N':>6}{'H':>4}{'/':>3}  {'observation':18}{'hidden':16}{'counted':>14}{'allocated':>14}")
    for training in cases:
        counted, run = measure(training)
        off = counted.torch_bytes / run.torch_bytes - 1
        results.append(
            {"counted": asdict(counted), "torch_bytes": counted.torch_bytes, "run": asdict(run), "off": off}
        )
        print(
            f"{training.library:9}{training.num_envs:6}{training.horizon:4}{training.minibatches:3}"
            f"  {'x'.join(map(str, training.observation)):9}{training.number_type:9}{','.join(map(str, training.hidden)):16}"
            f"{counted.torch_bytes:14,}{run.torch_bytes:14,}  {off:+.2%}",
            flush=True,
        )
    worst = max(abs(result["off"]) for result in results)
    print(f"at most {worst:.2%} off; the goal is {GOAL:.0%}")
    print(provenance())
    if options.json:
        options.json.write_text(
            json.dumps({"results": results, "provenance": asdict(provenance())}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
