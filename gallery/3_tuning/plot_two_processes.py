# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "wall"
"""
Is training faster with two processes?
======================================

With torchrun each process has its own environments and a copy of the network, and after each minibatch the processes average their gradients.
This example trains RL-Games, RSL-RL and skrl in one and in two processes with gloo on a CPU,
and measures the cost, the counts in the logs, and the state that the processes do not share.
"""

import re
from statistics import median

from stepscope import plots
from stepscope.evidence import (
    claim,
    full_size,
    provenance,
    read_recorded,
    record_measurement,
)
from stepscope.logs import BY_KEY, reads
from stepscope.measure import Estimate, all_of
from stepscope.train.experiments.ranks import (
    AllReduce,
    DistributedTraining,
    RankRun,
    run_on_ranks,
)
from stepscope.train.experiments.two_hosts import TwoHosts

# %%
# One process with N environments, two with N each (weak scaling), and two that share the N (strong scaling), in turns.
# Then longer training runs, in which each process writes down the statistics of its observation normaliser.
# RSL-RL normalises observations only if this is switched on.

libraries = ["rl_games", "rsl_rl", "skrl"]
num_envs, rounds, seeds, iterations = (
    (1024, 10, 8, 40) if full_size() else (128, 6, 1, 10)
)
ways = {"alone": (1, num_envs), "weak": (2, num_envs), "strong": (2, num_envs // 2)}
sizes = (64, 1024, 16384, 262144, 1048576)

short = [
    (
        library,
        way,
        DistributedTraining(library=library, ranks=ranks, num_envs=envs, iterations=3),
    )
    for _ in range(rounds)
    for library in libraries
    for way, (ranks, envs) in ways.items()
]
long = [
    DistributedTraining(
        library=library,
        ranks=2,
        num_envs=128,
        iterations=iterations,
        seed=100 * seed,
        options={"normalise": True} if library == "rsl_rl" else {},
    )
    for seed in range(seeds)
    for library in libraries
]
results = run_on_ranks(
    [*(training for *_, training in short), *long, AllReduce(numbers=sizes)],
    limit=1800.0,
)
trained = results[len(short) : -1]
reduced = results[-1][0].seconds
recorded = None if full_size() else read_recorded()

# %%
# Efficiency
# ----------
# The efficiency is 100 % if two processes do twice the work in the same time.
# Two processes need two quiet cores, and wall times on a busy machine are unreliable.
# Therefore CPU time counts as well: what two processes take for the same number of environment steps.


def iteration_times(runs: list[RankRun], clock: str) -> list[float]:
    """Return the median time of an iteration for each process."""
    return [median(getattr(run, clock)) for run in runs]


def efficiencies(library: str, clock: str) -> dict[str, list[float]]:
    """Return the efficiency of each way in each round."""
    seconds = {way: [] for way in ways}
    for (name, way, _), runs in zip(short, results, strict=False):
        if name == library:
            times = iteration_times(runs, clock)
            seconds[way].append(max(times) if clock == "wall" else sum(times))
    # In wall time both work at once; in CPU time each counts.
    processes = 2 if clock == "wall" else 1
    work = {"weak": 2, "strong": 1}
    return {
        way: [
            work[way] * one / (processes * two)
            for one, two in zip(seconds["alone"], seconds[way], strict=True)
        ]
        for way in work
    }


busiest = max(
    (run.disturbance for runs in results[: len(short)] for run in runs),
    key=lambda disturbance: disturbance.share,
)
samples = {
    library: {clock: efficiencies(library, clock) for clock in ("cpu", "wall")}
    for library in libraries
}
efficiency = {
    library: {
        clock: {
            way: Estimate.of(values, disturbance=busiest, exposed=clock == "wall")
            for way, values in by_way.items()
        }
        for clock, by_way in by_clock.items()
    }
    for library, by_clock in samples.items()
}
record_measurement("efficiency", samples)
names = {library: BY_KEY[library].name for library in libraries}
for library in libraries:
    for way in ("weak", "strong"):
        cpu, wall = (efficiency[library][clock][way] for clock in ("cpu", "wall"))
        print(
            f"{names[library]:8}  {way:6} scaling: efficiency {cpu.show('{:.0%}')} by CPU time,"
            f" {wall.show('{:.0%}')} by the clock on the wall"
        )
print(f"busiest training: {busiest}")

# %%

spans = {}
for way in ("weak", "strong"):
    values = [efficiency[library]["cpu"][way].value for library in libraries]
    spans[way] = f"{100 * min(values):.0f} to {100 * max(values):.0f} %"
figure, axes = plots.figure(
    title=f"Two processes with N environments each are {spans['weak']} efficient,"
    f" two that share N only {spans['strong']}",
    x="",
    y="efficiency by CPU time in %",
)
drawn = [(efficiency, f"{num_envs} environments", 0.0, None)]
if recorded:
    full = {
        library: {
            "cpu": {way: Estimate.of(values) for way, values in clocks["cpu"].items()}
        }
        for library, clocks in recorded["measurements"]["efficiency"].items()
    }
    name = f"1024, recorded on {recorded['device']}, {recorded['date']}"
    drawn.append((full, name, 0.12, "none"))
    for library in libraries:
        figures = (
            f"{way} {full[library]['cpu'][way].show('{:.0%}')}"
            for way in ("weak", "strong")
        )
        print(f"{names[library]:8}  recorded at full size: {', '.join(figures)}")
for estimates, label, aside, face in drawn:
    axes.plot([], [], "o", color=plots.INK, markerfacecolor=face, label=label)
    for place, library in enumerate(libraries):
        for way, marker, shift in (("weak", "o", -0.25), ("strong", "s", 0.15)):
            estimate = estimates[library]["cpu"][way]
            axes.errorbar(
                [place + shift + aside],
                [100 * estimate.value],
                [
                    [100 * (estimate.value - estimate.low)],
                    [100 * (estimate.high - estimate.value)],
                ],
                fmt=marker,
                color=plots.COLOURS[library],
                markerfacecolor=face,
                capsize=4,
            )
for place in range(len(libraries)):
    for way, shift in (("weak", -0.19), ("strong", 0.21)):
        axes.text(place + shift, 8, way, ha="center")
axes.legend(loc="upper left")
axes.axhline(100, color=plots.MUTED, linestyle=":")
axes.set_ylim(0, 145)
axes.set_yticks(range(0, 101, 20))
axes.set_xlim(-0.5, len(libraries) - 0.5)
axes.set_xticks(range(len(libraries)), list(names.values()))
plots.show(figure)

# %%
# What the logs count
# -------------------
# The number of iterations is a setting, so two processes take twice the environment steps.

first = {training.library: runs for training, runs in zip(long, trained, strict=True)}
stepped = {
    library: sum(run.env_steps for run in runs) for library, runs in first.items()
}
own = {library: runs[0].env_steps for library, runs in first.items()}
records = {
    library: [record for record in reads(runs[0].text) if record.kind == "iteration"]
    for library, runs in first.items()
}
printed = {
    library: records[library][-1].env_steps for library in ("rl_games", "rsl_rl")
}
bar = re.findall(r"(\d+)/(\d+) \[", first["skrl"][0].text)[-1]
print(
    f"RSL-RL    prints {printed['rsl_rl']:,} total steps; both processes took {stepped['rsl_rl']:,}"
)
print(
    f"RL-Games  prints {printed['rl_games']:,} frames; both processes took {stepped['rl_games']:,}"
)
print(
    f"skrl      prints {int(bar[0]):,} vector steps; both processes took {stepped['skrl']:,} environment steps"
)
rate_ratio = {
    library: Estimate.of(
        [
            record.fps.total * seconds / (own[library] / iterations)
            for record, seconds in zip(
                records[library][1:], first[library][0].wall, strict=True
            )
        ]
    )
    for library in printed
}
for library, ratio in rate_ratio.items():
    print(
        f"{names[library]:8}  prints {ratio.show('{:.2f}')} times the rate of its first process"
    )
record_measurement("counts", {"stepped": stepped, "printed": printed})

# %%
# Observation normalisers
# -----------------------
# The gradients are averaged, and so the networks stay the same bit for bit.
# Whether the processes normalise an observation in the same way depends on the library.


def distance(runs: list[RankRun], iteration: int) -> float:
    """Return the largest distance of the two means, in standard deviations."""
    one, two = (run.normaliser[iteration] for run in runs)
    return max(
        abs(a - b) / ((s + t) / 2)
        for a, b, s, t in zip(
            one["mean"], two["mean"], one["std"], two["std"], strict=True
        )
    )


for library, runs in first.items():
    for run in runs:
        last = run.normaliser[-1]
        means = "  ".join(f"{mean:+.4f}" for mean in last["mean"])
        print(
            f"{names[library]:8}  rank {run.rank}: mean {means}  count {last['count']:,.0f}"
        )
distances = {
    library: [
        [distance(runs, iteration) for iteration in range(iterations)]
        for training, runs in zip(long, trained, strict=True)
        if training.library == library
    ]
    for library in libraries
}
record_measurement("normaliser_distance", distances)
apart = {
    library: Estimate.of([curve[-1] for curve in curves])
    for library, curves in distances.items()
}
for library, estimate in apart.items():
    print(
        f"{names[library]:8}  after {iterations} iterations the means are {estimate.show()} standard deviations apart"
    )

curves = distances
if recorded:
    curves = recorded["measurements"]["normaliser_distance"]
    print(
        f"the figure shows the full-size run on {recorded['device']}, {recorded['date']}"
    )
middle = {
    library: [median(values) for values in zip(*seeds_of, strict=True)]
    for library, seeds_of in curves.items()
}
figure, axes = plots.figure(
    title=f"The observation means of two ranks drift {middle['rl_games'][-1]:.2f} standard deviations apart"
    f" in RL-Games, {middle['skrl'][-1]:.2f} in skrl, and {middle['rsl_rl'][-1]:.2g} in RSL-RL",
    x="iteration",
    y="distance in standard deviations",
)
for library, style in zip(libraries, ("-", "--", ":"), strict=True):
    axes.plot(
        range(1, len(middle[library]) + 1),
        middle[library],
        style,
        color=plots.COLOURS[library],
        label=f"{names[library]}, {len(curves[library])} seed{'s' * (len(curves[library]) > 1)}",
    )
    for curve in curves[library]:
        axes.plot(
            range(1, len(curve) + 1),
            curve,
            style,
            color=plots.COLOURS[library],
            linewidth=0.7,
            alpha=0.35,
        )
axes.legend(loc="upper left")
plots.show(figure)

# %%
# Why two may not be faster
# -------------------------
# In each iteration the processes wait for each other many times.
# The tensors are small, so the time is spent on the way and not on the numbers.

collectives = {
    library: sum(runs[0].collectives.values())
    for (library, way, _), runs in zip(short, results, strict=False)
    if way == "weak"
}
parameters = {library: runs[0].parameters for library, runs in first.items()}
record_measurement("collectives", collectives)
record_measurement("all_reduce_seconds", reduced)
for library, count in collectives.items():
    print(
        f"{names[library]:8}  {count} collective operations an iteration, {parameters[library]:,} parameters"
    )
typical = {size: Estimate.of(times) for size, times in reduced.items()}
for size in sizes:
    shown = Estimate.of([1e6 * value for value in reduced[size]]).show("{:.0f}")
    print(f"all-reduce of {4 * size / 1024:8.2f} KiB: {shown} µs")

ours = max(parameters.values())
figure, axes = plots.figure(
    title=f"An all-reduce of 64 KiB takes {1e6 * typical[sizes[2]].value:,.0f} µs, of 256 bytes"
    f" {1e6 * typical[sizes[0]].value:,.0f} µs",
    x="size of the tensor in KiB",
    y="microseconds",
    log="xy",
)
axes.errorbar(
    [4 * size / 1024 for size in sizes],
    [1e6 * typical[size].value for size in sizes],
    [
        [1e6 * (typical[size].value - typical[size].low) for size in sizes],
        [1e6 * (typical[size].high - typical[size].value) for size in sizes],
    ],
    fmt="o-",
    color=plots.COLOURS["per_env"],
    capsize=3,
)
axes.axvline(4 * ours / 1024, color=plots.MUTED, linestyle=":")
axes.annotate(
    f"network of {ours:,} parameters",
    (4 * ours / 1024, axes.get_ylim()[1]),
    (-6, -4),
    textcoords="offset points",
    ha="right",
    va="top",
)
plots.show(figure)

# %%
# Two hosts
# ---------
# Two network namespaces act as two hosts. A process delays each packet between them, as a slow network does.
# This needs root, and is measured at full size: the build shows the recorded result.

delays = [0.0, 0.001, 0.002, 0.005]
hosts_seconds = {}
if TwoHosts.problem() is None and not recorded:
    with TwoHosts(delays=delays[1:]) as hosts:
        jobs = [
            AllReduce(numbers=(ours,), interface=interface, repeats=15)
            for interface in hosts.interfaces
        ]
        across = [
            DistributedTraining(
                library="rsl_rl", ranks=ranks, num_envs=num_envs, interface=name
            )
            for _ in range(6 * full_size())
            for name in hosts.interfaces
            for ranks in (1, 2)
        ]
        answers = run_on_ranks([*jobs, *across], hosts=hosts, limit=900.0)
    hosts_seconds["all_reduce"] = {
        f"{delay:g}": answer[0].seconds[ours]
        for delay, answer in zip(delays, answers, strict=False)
    }
    for training, runs in zip(across, answers[len(jobs) :], strict=True):
        delay = delays[hosts.interfaces.index(training.interface)]
        hosts_seconds.setdefault(f"iteration_{training.ranks}", {}).setdefault(
            f"{delay:g}", []
        ).append(median(runs[0].wall))
    record_measurement("two_hosts", hosts_seconds)
elif recorded:
    hosts_seconds = recorded["measurements"]["two_hosts"]
    print(f"recorded on {recorded['device']}, {recorded['date']}")

# %%

if hosts_seconds:
    waits = {
        float(delay): Estimate.of([1e3 * seconds for seconds in times])
        for delay, times in hosts_seconds["all_reduce"].items()
    }
    for delay, estimate in waits.items():
        print(
            f"{1e3 * delay:g} ms each way: an all-reduce takes {estimate.show('{:.1f}')} ms"
        )
    for name in ("iteration_1", "iteration_2"):
        for delay, times in hosts_seconds.get(name, {}).items():
            shown = Estimate.of([1e3 * seconds for seconds in times]).show("{:.0f}")
            print(
                f"{1e3 * float(delay):g} ms each way, {name[-1]} process(es): an iteration of RSL-RL takes {shown} ms"
            )
    slowest = max(waits)
    figure, axes = plots.figure(
        title=f"With {1e3 * slowest:g} ms each way an all-reduce takes {waits[slowest].value:.0f} ms",
        x="delay each way in milliseconds",
        y="milliseconds per all-reduce",
    )
    axes.errorbar(
        [1e3 * delay for delay in waits],
        [estimate.value for estimate in waits.values()],
        [
            [estimate.value - estimate.low for estimate in waits.values()],
            [estimate.high - estimate.value for estimate in waits.values()],
        ],
        fmt="o-",
        color=plots.COLOURS["per_env"],
        capsize=3,
    )
    axes.set_ylim(0)
    plots.show(figure)

# %%
# Common advice and what is missing from it, tested on this machine.

for library in libraries:
    speedup = Estimate.of(
        [2 * value for value in samples[library]["wall"]["weak"]],
        disturbance=busiest,
        exposed=True,
    )
    figures = f"{speedup.show('{:.2f}x')} with {num_envs} environments each, on cores that others may use"
    if full_size():
        claim(
            f"{names[library]}: two processes collect more environment steps per second than one",
            speedup.above(1),
            figures,
            question="C14",
        )
    claim(
        f"{names[library]}: two processes collect less than twice the environment steps per second",
        speedup.below(2),
        figures,
        question="C14",
    )
    weak, strong = (samples[library]["cpu"][way] for way in ("weak", "strong"))
    worse = Estimate.of(
        [added / shared for added, shared in zip(weak, strong, strict=True)],
        disturbance=busiest,
    )
    claim(
        f"{names[library]}: two processes that share the environments take more CPU time for an environment step than"
        " two that have as many each",
        worse.above(1),
        f"{worse.show('{:.2f}x')} the CPU time for an environment step",
        question="C14",
    )
claim(
    "in the same number of iterations, two processes take twice the environment steps of one",
    all(stepped[library] == 2 * 128 * 16 * iterations for library in libraries),
    ", ".join(f"{names[library]} {stepped[library]:,}" for library in libraries),
    question="C14",
)
claim(
    "RSL-RL prints the environment steps of all processes, and RL-Games does so one iteration late",
    printed["rsl_rl"] == stepped["rsl_rl"]
    and printed["rl_games"] == stepped["rl_games"] * (iterations - 1) // iterations,
    f"{printed['rsl_rl']:,} of {stepped['rsl_rl']:,} and {printed['rl_games']:,} of {stepped['rl_games']:,}",
    question="C14",
)
claim(
    "skrl's progress bar counts the vector steps of one process",
    int(bar[0]) == 16 * iterations,
    f"{bar[0]}",
    question="C14",
)
claim(
    "the rates that RSL-RL and RL-Games print are those of all processes",
    all_of(*(ratio.between(1.5, 3) for ratio in rate_ratio.values())),
    ", ".join(
        f"{names[library]} {ratio.show('{:.2f}x')}"
        for library, ratio in rate_ratio.items()
    ),
    question="C14",
)
claim(
    "the networks of all processes are the same bit for bit",
    all(one.digest == two.digest for one, two in trained),
    f"in {len(trained)} training runs",
    question="C14",
)
claim(
    "RL-Games and skrl keep a normaliser of observations in each process, and these differ",
    all(
        one.normaliser[-1] != two.normaliser[-1]
        for training, (one, two) in zip(long, trained, strict=True)
        if training.library != "rsl_rl"
    ),
    ", ".join(
        f"{names[library]} {apart[library].show()} standard deviations"
        for library in ("rl_games", "skrl")
    ),
    question="B9",
)
for library, least in (("rl_games", 0.1), ("skrl", 0.02)):
    drift = Estimate.of([curve[-1] for curve in curves[library]])
    claim(
        f"{names[library]}: the means of two ranks drift more than {least:g} standard deviations apart",
        drift.above(least),
        f"{drift.show()} after {iterations} iterations"
        + ", recorded at full size" * (curves is not distances),
        question="B9",
        recorded=curves is not distances,
    )
claim(
    "RSL-RL's normaliser is the same in all processes",
    all(
        one.normaliser == two.normaliser
        for training, (one, two) in zip(long, trained, strict=True)
        if training.library == "rsl_rl"
    ),
    f"{apart['rsl_rl'].show('{:g}')} standard deviations",
    question="B9",
)
claim(
    "with five passes over four minibatches, each library makes at least 60 collective operations in an"
    " iteration",
    all(count >= 60 for count in collectives.values()),
    ", ".join(f"{names[library]} {count}" for library, count in collectives.items()),
    question="C14",
)
small = Estimate.of(
    [b / a for a, b in zip(reduced[sizes[0]], reduced[sizes[2]], strict=True)]
)
claim(
    "for a small network the size matters little: 64 KiB, 256 times as many bytes, cost less than 16"
    " times as much as 256 bytes",
    small.below(16),
    small.show("{:.2f}x"),
    question="C14",
)
large = Estimate.of(
    [b / a for a, b in zip(reduced[sizes[0]], reduced[sizes[-1]], strict=True)]
)
claim(
    "for a large network the size matters: 4 MiB cost more than twice as much as 256 bytes",
    large.above(2),
    large.show("{:.2f}x"),
    question="C14",
)
if hosts_seconds:
    trips = Estimate.of(
        [seconds / delays[-1] for seconds in hosts_seconds["all_reduce"]["0.005"]]
    )
    claim(
        "between two hosts an all-reduce takes more than twice the delay of the network each way",
        trips.above(2),
        f"{trips.show('{:.1f}')} times the 5 ms",
        question="C14",
    )
if "iteration_2" in hosts_seconds:
    together = hosts_seconds["iteration_2"]
    longer = Estimate.of(
        [
            slow / fast
            for fast, slow in zip(together["0"], together["0.005"], strict=True)
        ]
    )
    claim(
        "a delay of 5 ms each way makes an iteration of RSL-RL on two hosts longer",
        longer.above(1),
        longer.show("{:.1f}x"),
        question="C14",
    )
if recorded:
    claim(
        "the full-size run counts the same collective operations",
        recorded["measurements"]["collectives"] == collectives,
        ", ".join(str(count) for count in collectives.values()),
        question="C14",
    )
    claim(
        "the full-size run finds the same: RL-Games' and skrl's normalisers differ, RSL-RL's do not",
        all(
            (max(curve[-1] for curve in curves[library]) > 0)
            == (distances[library][0][-1] > 0)
            for library in libraries
        ),
        ", ".join(
            f"{names[library]} {middle[library][-1]:.2f}" for library in libraries
        ),
        question="B9",
    )

print(provenance())
