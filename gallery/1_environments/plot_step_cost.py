# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
When do more environments start to cost time?
=============================================

A vector step has a fixed cost, paid once, and a cost for each environment.
While the fixed cost dominates, more environments are almost free.
This example measures the step time of the cart-pole from one environment to tens of thousands,
and fits the straight line T(N) = a + b N that shows where additional environments start to cost time.
"""

import torch
from stepscope import plots
from stepscope.envs import CartPole
from stepscope.errors import BadInputError
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import MeasurementFailedError, step_times
from stepscope.plan import CostModel

# %%
# All sizes are measured in turns, in one fresh process, after a warm-up.
# On a CPU the time is the processor time of one thread, so other programs do not count.
# The compiled step is one fused kernel.
# It needs a compiler and is left out if there is none.

sizes = [1, 8, 64, 512, 4096, 32768]
if torch.cuda.is_available():
    sizes += [131072, 1048576]
large = max(sizes)

comparisons = {
    "eager": step_times(
        {n: {"num_envs": n} for n in sizes},
        # Where the claims below begin to hold: it measures until that is decided.
        thresholds=[(64, 1, 4.0), (4096, 64, 64.0), (large, large // 8, 1.0)],
    )
}
try:
    comparisons["compiled"] = step_times(
        {n: {"num_envs": n, "compile": True} for n in sizes[2:]}, budget=5.0
    )
except (BadInputError, MeasurementFailedError) as error:
    print(f"The compiled step is left out: {error}")

# %%
# On a GPU the launches of a step can be captured once as a CUDA graph and replayed with a single launch.

fused = "compiled" in comparisons
if torch.cuda.is_available():
    graphs = {n: {"num_envs": n, "compile": fused} for n in sizes[2:]}
    try:
        comparisons["CUDA graph"] = step_times(
            graphs, env="stepscope.envs.graphs:GraphedCartPole", budget=5.0
        )
    except MeasurementFailedError as error:
        print(f"The CUDA graph is left out: {error}")
times = {
    name: {n: found.seconds(n) for n in found.rounds[0]}
    for name, found in comparisons.items()
}

for name, curve in times.items():
    for n, timing in curve.items():
        wall = comparisons[name].wall(n).median
        step, rate = 1e6 * timing.median, n / timing.median
        print(
            f"{name:10}  N = {n:7}  {step:9.1f} us a step  {rate:12.0f} env steps/s"
            f"  (wall time {1e6 * wall:9.1f} us)"
        )

record_measurement(
    "step_time",
    {
        name: {n: [t.low, t.median, t.high] for n, t in curve.items()}
        for name, curve in times.items()
    },
)

# %%
# In the cost model the rate reaches half of its peak at N½ = a / b environments.
# Well below N½ the fixed cost of launching each operation dominates (launch-bound).
# Well above it the work in each environment dominates (throughput-bound).

models = {
    name: CostModel.fit([(n, t.median) for n, t in curve.items()])
    for name, curve in times.items()
}
for name, model in models.items():
    print(
        f"{name:10}  T(N) = {1e6 * model.fixed:.0f} us + {1e9 * model.per_env:.1f} ns x N,"
        f"  N½ = {model.half_rate_num_envs:.0f},  peak {model.peak_rate:.3g} env steps/s"
    )

# %%
# Well below N½ the curve is flat.
# At N½ a step takes twice the fixed cost.

half = models["eager"].half_rate_num_envs
eager = comparisons["eager"]
figure, axes = plots.figure(
    title=f"Half of the peak rate at about {float(f'{half:.1g}'):,.0f} environments (eager)",
    x="number of environments",
    y=f"{'CPU ' * (eager.clock == 'cpu')}microseconds per vector step",
    log="xy",
)
looks = {
    "eager": ("o", plots.COLOURS["per_env"]),
    "compiled": ("s", plots.INK),
    "CUDA graph": ("^", plots.COLOURS["failure"]),
}
for name, curve in times.items():
    marker, colour = looks[name]
    middle = [1e6 * timing.median for timing in curve.values()]
    quartiles = [
        [1e6 * (timing.median - timing.low) for timing in curve.values()],
        [1e6 * (timing.high - timing.median) for timing in curve.values()],
    ]
    axes.errorbar(
        list(curve), middle, quartiles, fmt=marker, color=colour, capsize=3, label=name
    )
    line = [min(curve) * (max(curve) / min(curve)) ** (i / 99) for i in range(100)]
    fitted = [1e6 * models[name].predict(n) for n in line]
    axes.plot(line, fitted, "--", color=colour, linewidth=1.3)
axes.axvline(half, color=plots.COLOURS["fixed"], linestyle=":")
axes.text(half * 0.9, axes.get_ylim()[0] * 1.1, "N½", color=plots.MUTED, ha="right")
axes.legend(loc="upper left", title="median, quartiles, fit")
plots.show(figure)

# %%
# The physics needs few operations for each number that it reads and writes, so the memory sets the limit.
# A step must at least read the state and the actions, and write the new state and its results.
# Dividing these bytes by the step time gives a rate, to be compared with that of a plain copy.

small = CartPole(1024)
state = sum(part.nbytes for part in small.snapshot().values())
actions = torch.zeros(1024, 1)
*results, info = small.step(actions)
results = sum(part.nbytes for part in (*results, *info.values()))
moved = (2 * state + actions.nbytes + results) / 1024
rows = 2**20 if torch.cuda.is_available() else 2**17
copied = step_times(
    {rows: {"num_envs": rows}},
    env="stepscope.envs.bottlenecks:MemoryCopy",
    budget=1.0,
)
bandwidth = 2 * 64 * 4 * rows / copied.seconds(rows).median
fastest = min(times, key=lambda name: times[name][large].median)
rate = large / times[fastest][large].median
share = moved * rate / bandwidth
print(
    f"{moved:.0f} bytes a step of one cart-pole; {fastest}, N = {large:,}:"
    f" {rate:.3g} env steps/s move {moved * rate / 1e9:.1f} GB/s,"
    f" {100 * share:.0f} % of the {bandwidth / 1e9:.1f} GB/s of a copy"
)
record_measurement(
    "memory_bandwidth",
    {
        "bytes_per_env_step": moved,
        "copy_bytes_per_second": bandwidth,
        "fastest": fastest,
        "env_steps_per_second": rate,
        "share_of_copy": share,
    },
)

# %%
# Common advice, tested on this machine.

print(f"{len(eager.rounds)} rounds; {eager.disturbance}")
faster = eager.estimate(lambda seconds: 4096 / seconds[4096] * seconds[64] / 64)
claim(
    "4,096 cart-poles in PyTorch collect more environment steps per second than 64",
    faster.above(1),
    f"{faster.show('{:.0f}')} times as many",
    question="C01",
)
ratio = eager.ratio(64, 1)
claim(
    "With few environments more are almost free: a step of 64 takes less than 4 times as long as a step of 1",
    ratio.below(4),
    f"{ratio.show('{:.2f}')} times the step time",
    question="C02",
)
ratio = eager.ratio(large, large // 8)
claim(
    f"With many environments every step gets longer: a step of {large:,} against a step of {large // 8:,}",
    ratio.above(1),
    f"{ratio.show('{:.1f}')} times the step time",
    question="C02",
)
claim(
    "A GPU steps more than a billion cart-poles per second",
    rate > 1e9,
    f"{rate:.3g} with {large:,} cart-poles ({fastest}), at {100 * share:.0f} % of the memory bandwidth of a copy",
    question="C01",
    needs="cuda",
)

print(provenance())
