"""`stepscope fit --verify` on the device at hand: whether the predicted size runs, and 5 % more runs out of memory.

On a GPU the budget is all that is free, so the run beyond it meets CUDA's own error. On a CPU it is 1 GiB.

    python bench/verify.py [--budget 2GiB]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from stepscope.evidence import claim, provenance, record_measurement

HORIZON = 256  # so that the environments' memory is the device's, and not the host's


def fit(budget: str | None, *, device: str) -> dict[str, Any]:
    """Run the command as a user does, and return its result."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fit.json")
        subprocess.run(
            [
                *(sys.executable, "-m", "stepscope", "fit", "stepscope.envs:CartPole", "--verify"),
                *("--horizon", str(HORIZON), "--option", f"device={device}", "--json", str(path)),
                *(("--budget", budget) if budget else ()),
            ],
            check=True,
        )
        return dict(json.loads(path.read_text(encoding="utf-8")))


def main() -> None:
    """Predict, verify, and say how it went."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--budget", default=None if device == "cuda" else "1GiB", metavar="SIZE")
    options = parser.parse_args()
    result = fit(options.budget, device=device)
    memory = result["limited_by"]
    model, budget = result["models"][memory], result["budget_bytes"][memory]
    record_measurement(
        "fit",
        {
            name: result[name]
            for name in ("budget_bytes", "probes", "models", "largest_num_envs", "limited_by", "verified")
        },
    )
    predicted, beyond = result["verified"]
    for probe in result["verified"]:
        print(f"N = {probe['num_envs']:,}: {probe['status']}{', ' * bool(probe['reason'])}{probe['reason']}")
    line = model["fixed_bytes"] + model["per_env_bytes"] * predicted["num_envs"]
    taken = predicted[f"{memory}_bytes"] or 0
    error = line / taken - 1 if taken else float("inf")
    claim(
        "The number of cart-poles that `stepscope fit` predicts runs within the budget",
        predicted["fits"],
        f"{predicted['num_envs']:,} cart-poles with a rollout of {HORIZON} steps in {budget / 2**30:.1f} GiB,"
        f" memory {100 * error:+.1f} % off",
        question="C04",
    )
    claim(
        "With 5 % more cart-poles than `stepscope fit` predicts, the run exceeds the budget",
        not beyond["fits"],
        f"{beyond['num_envs']:,} cart-poles: {beyond['status']}",
        question="C04",
    )
    claim(
        "On a GPU, 5 % more cart-poles than `stepscope fit` predicts for all free memory end in CUDA's own out-of-memory error",
        beyond["status"] == "out of memory" and "CUDA" in beyond["reason"],
        beyond["reason"] or beyond["status"],
        needs="cuda",
    )
    print(provenance())


if __name__ == "__main__":
    main()
