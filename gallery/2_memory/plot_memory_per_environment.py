# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
How much memory does one more environment take?
===============================================

Memory grows linearly, M(N) = a + b N: a fixed cost plus a cost per environment.
A few small runs give the line, and the line predicts what a large run takes.
This example fits it to small numbers of cart-poles and tests it on a larger number.
"""

import os
import platform
import sys
from statistics import median

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import Estimate, footprint_of_command
from stepscope.plan import MemoryModel, memory_of

# %%
# Every point is a fresh process that steps its environments and keeps a rollout of 16 steps.
# Its memory is the peak of the whole process, not only of its tensors.
# On a CPU that is the resident set, on a GPU the figure of the driver.

on_gpu = torch.cuda.is_available()
options = {"device": "cuda" if on_gpu else "cpu"}
times = 16 if on_gpu else 1
small = [64, 8192 * times, 65536 * times, 262144 * times]
held_out = 1048576 * times
horizon = 16


footprints = {}
for n in [*small, held_out]:
    found = memory_of("stepscope.envs:CartPole", n, horizon=horizon, options=options)
    if not found.ok:
        raise SystemExit(
            f"{n} environments: {found.status}, {found.reason}\n{found.output_tail}"
        )
    footprints[n] = found.footprint
taken = {
    n: found.device_bytes if on_gpu else found.host_bytes
    for n, found in footprints.items()
}
record_measurement(
    "memory",
    {
        n: {
            "host_bytes": found.host_bytes,
            "device_bytes": found.device_bytes,
            "torch_allocated_bytes": found.torch_allocated_bytes,
            "torch_reserved_bytes": found.torch_reserved_bytes,
            "other_bytes": found.other_bytes,
        }
        for n, found in footprints.items()
    },
)

# %%
# The line goes through the small sizes only.

model = MemoryModel.fit([(n, taken[n]) for n in small])
for n, residual in zip(small, model.residuals, strict=True):
    print(
        f"N = {n:8}  {taken[n] / 2**20:8.1f} MiB,  {100 * residual:+.1f} % off the line"
    )
print(
    f"M(N) = {model.fixed_bytes / 2**20:.0f} MiB + {model.per_env_bytes:.0f} bytes x N"
)
predicted = model.predict(held_out)
error = predicted / taken[held_out] - 1
print(
    f"N = {held_out:8}  {taken[held_out] / 2**20:8.1f} MiB,"
    f"  predicted {predicted / 2**20:.1f} MiB ({100 * error:+.1f} %)"
)

# %%
# The fixed part is Python, PyTorch and, on a GPU, the CUDA context.
# Beyond the number where both parts are equal, the environments dominate.

equal = model.fixed_bytes / model.per_env_bytes
figure, axes = plots.figure(
    title=f"The line from at most {max(small):,} environments predicts {held_out:,}",
    x="number of environments",
    y="GPU memory (MiB)" if on_gpu else "resident set (MiB)",
    log="x",
)
line = [min(small) * (1.5 * held_out / min(small)) ** (i / 99) for i in range(100)]
axes.plot(
    line,
    [model.predict(n) / 2**20 for n in line],
    "--",
    color=plots.COLOURS["per_env"],
    linewidth=1.3,
    label="a + b N",
)
axes.axhline(
    model.fixed_bytes / 2**20,
    color=plots.COLOURS["fixed"],
    linestyle=":",
    label="fixed part a",
)
axes.plot(
    small,
    [taken[n] / 2**20 for n in small],
    "o",
    color=plots.COLOURS["per_env"],
    label="fitted",
)
axes.plot([held_out], [taken[held_out] / 2**20], "s", color=plots.INK, label="held out")
axes.set_ylim(bottom=0)
axes.legend(loc="upper left")
plots.show(figure)
print(f"the environments take as much as all else from N = {equal:,.0f} on")

# %%
# A straight line needs an allocator that gives freed memory back.
# The allocator of glibc keeps small blocks, and it counts ever larger tensors as small when it sees them freed.
# The runs above set MALLOC_MMAP_THRESHOLD_=131072 to prevent that, and so can any run on a CPU.
# This is a smaller run with and without that setting, in turns.

some = 65536
PROGRAM = f"""
import torch
from stepscope.envs import CartPole
env = CartPole({some})
rollout = [env.reset()[0]]
for step in range({horizon}):
    rollout.append(env.step(torch.rand(env.num_envs, 1))[:4])
"""

if not on_gpu and platform.libc_ver()[0] == "glibc":
    settings = {"with": {"MALLOC_MMAP_THRESHOLD_": "131072"}, "without": {}}
    kept = {name: [] for name in settings}
    plain = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    for _ in range(
        6
    ):  # what is kept depends on the order of events, and is not the same twice
        for name, setting in settings.items():
            run = footprint_of_command(
                [sys.executable, "-c", PROGRAM],
                environment={**plain, **setting, "OMP_NUM_THREADS": "1"},
            )
            kept[name].append(run.footprint.host_bytes)
    for name, peaks in kept.items():
        print(f"N = {some:8}  {median(peaks) / 2**20:8.1f} MiB {name} it")
    more = Estimate.of(
        [
            without / with_it
            for with_it, without in zip(kept["with"], kept["without"], strict=True)
        ]
    )
    claim(
        "On a CPU the same run takes more memory if the allocator keeps freed blocks",
        more.above(1),
        f"{more.show('{:.2f}')} times the memory",
    )

# %%
# Common advice, tested on this machine.

claim(
    f"Memory grows linearly: a line through at most {max(small):,} cart-poles predicts {held_out:,} within 5 %",
    abs(error) < 0.05,
    f"{100 * error:+.1f} % off",
    question="C04",
)

print(provenance())
