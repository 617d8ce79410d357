"""The directives ``{published-rates}`` and ``{our-rates}``: rates under their scopes, and comparisons only within one.

````
```{published-rates} cartpole
```

```{our-rates}
```
````

The first shows a table of ``results/published.toml``. A row that is to be compared with another shows how many times
its rates it has, scope by scope; where the two share none, the cell shows that they are not compared.
The second shows the rates of this project's own runs: in this build, on other machines, and in recordings of consoles
that `stepscope.logs` reads.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import RECORDINGS, project_root
from stepscope._sphinx.tables import table
from stepscope.errors import BadInputError
from stepscope.evidence import evidence_folder, read_ledger
from stepscope.evidence.published import PublishedRates, ratios, read_published
from stepscope.logs import library_name, read
from stepscope.runs import SCOPES, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path


__all__ = [
    "OurRatesDirective",
    "PublishedRatesDirective",
    "rate_rows",
    "rates_from_libraries",
    "rates_from_measurements",
    "rates_from_recording",
]

_ABSENT = "\N{EN DASH}"
_MEASURED = "5_outputs/plot_four_meanings_of_fps"
_PRINTED = "bench/libraries"  # what a GPU records of the libraries at two sizes, as they print it
# Consoles of simulators that the build does not have; the cart-pole of the four libraries is measured by it.
_RECORDED = ("isaaclab/3.0.0/benchmark.txt", "isaaclab/3.0.0/train.txt", "mjlab/1.6.0/train.txt")


def rate_rows(rates: Sequence[PublishedRates]) -> tuple[list[str], list[list[str | nodes.Node]]]:
    """Return the heads and the rows of a table; scopes that no row has are left out."""
    scopes = [scope for scope in SCOPES if any(scope in row.rates for row in rates)]
    by_name = {row.name: row for row in rates if row.name}
    return ["What ran", *scopes], [
        [_run_cell(row), *_rate_cells(row, scopes, by_name[row.against] if row.against else None)]
        for row in rates
    ]


def _run_cell(row: PublishedRates) -> nodes.Node:
    source = nodes.reference("", row.source, refuri=row.url) if row.url else nodes.Text(row.source)
    environments = f"{row.num_envs:,} environments, {row.device}"
    return nodes.inline(
        "",
        "",
        nodes.strong("", row.task),
        nodes.inline("", environments, classes=["below"]),
        nodes.inline("", "", nodes.Text(f"{row.software}; "), source, classes=["below"]),
    )


def _rate_cells(
    row: PublishedRates, scopes: Sequence[str], other: PublishedRates | None
) -> Iterator[str | nodes.Node]:
    shared = ratios(row, other) if other else {}
    for scope in scopes:
        if scope not in row.rates:
            yield _ABSENT
            continue
        cell = nodes.inline("", "", nodes.Text(f"{row.rates[scope]:,.0f}"))
        if scope in shared:
            cell += nodes.inline("", f"{shared[scope]:.2g}x {row.against}", classes=["below"])
        elif other and not shared:
            refusal = f"not compared with {row.against}: {' and '.join(other.rates)} is another scope"
            cell += nodes.inline("", refusal, classes=["below", "refused"])
        yield cell


def rates_from_measurements(
    measurements: Mapping[str, Any], provenance: Mapping[str, Any], *, source: str
) -> Iterator[PublishedRates]:
    """Yield what the example about the four scopes measured with its own clocks, library by library."""
    measured = measurements.get("env_steps_per_second", {})
    for library, rates in measured.get("our_clocks", {}).items():
        yield PublishedRates(
            task="the cart-pole of this guide",
            software=library_name(library),
            device=provenance["device"],
            num_envs=measured["num_envs"],
            rates={scope: rate for scope, rate in rates.items() if scope in SCOPES},
            source=source,
        )


def rates_from_libraries(result: Mapping[str, Any], *, source: str) -> Iterator[PublishedRates]:
    """Yield the rates that the libraries printed in a recorded result, size by size, with the memory of the GPU."""
    for library, runs in result["measurements"].get("libraries", {}).get("runs", {}).items():
        for num_envs, run in runs.items():
            rates = {scope: rate for scope, rate in run["env_steps_per_second"].items() if scope in SCOPES}
            memory = run.get("device_bytes")
            if rates:
                yield PublishedRates(
                    task="the cart-pole of this guide",
                    software=library_name(library)
                    + (f", {memory / 2**20:,.0f} MiB of GPU memory" if memory else ""),
                    device=result["device"],
                    num_envs=int(num_envs),
                    rates=rates,
                    source=source,
                )


def rates_from_recording(path: Path) -> PublishedRates:
    """Return the rates of a recorded console: the typical one of each scope, or those that a benchmark reports."""
    recording = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    summary = Summary(path.name)
    for record in read(path):
        summary.add(record)
    [run] = summary.runs()
    rates = {rate.scope: rate.typical for rate in run.rates if not rate.derived}
    for _, reported in run.reported:
        rates |= dict(reported)
    learners = [library_name(library) for library, _ in run.libraries]
    return PublishedRates(
        task=recording["settings"]["task"],
        software=", ".join([f"{library_name(recording['library'])} {recording['version']}", *learners]),
        device=recording["device"],
        num_envs=recording["settings"]["num_envs"],
        rates={scope: rate for scope, rate in rates.items() if scope in SCOPES},
        source=f"recorded {recording['date']}",
    )


class PublishedRatesDirective(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = project_root(self.env) / "results" / "published.toml"
        self.env.note_dependency(str(path))
        try:
            tables = read_published(path)
        except BadInputError as error:
            raise self.error(f"{path.name}: {error}") from error
        if self.arguments[0] not in tables:
            raise self.error(f"{path.name} has no table [[{self.arguments[0]}]]")
        return [_rates_table(tables[self.arguments[0]])]


class OurRatesDirective(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # it shows the evidence of this build
        rates = [*_this_build(), *_other_machines(project_root(self.env) / "results")]
        rates += [rates_from_recording(project_root(self.env) / RECORDINGS / name) for name in _RECORDED]
        return [_rates_table(rates)]


def _this_build() -> Iterator[PublishedRates]:
    for entry in read_ledger(evidence_folder()):
        if entry.script == _MEASURED:
            source = f"this build, {entry.provenance.get('date', _ABSENT)}"
            yield from rates_from_measurements(entry.measurements, entry.provenance, source=source)


def _other_machines(results: Path) -> Iterator[PublishedRates]:
    for path in sorted([*results.glob(f"*/{_MEASURED}.json"), *results.glob(f"*/{_PRINTED}.json")]):
        result = json.loads(path.read_text(encoding="utf-8"))
        source = f"recorded {result['date']}, {result['commit'] or _ABSENT}"
        yield from rates_from_measurements(result["measurements"], result, source=source)
        yield from rates_from_libraries(result, source=source)


def _rates_table(rates: Iterable[PublishedRates]) -> nodes.Node:
    heads, cells = rate_rows(list(rates))
    return table(heads, cells, "rates")
