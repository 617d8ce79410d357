"""The directives ``{published-rates}`` and ``{our-rates}``: rates under their scopes, and comparisons only within one.

````
```{published-rates} cartpole
```

```{our-rates}
```
````

The first shows a table of ``results/published.toml``. A row that is to be compared with another shows how many times
its rates it has, scope by scope; where the two share none, the cell says that it refuses.
The second shows what this project's own runs came to: the build's, what other machines recorded, and recordings of
consoles, read by `stepscope.logs`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import RECORDINGS, root
from stepscope._sphinx.tables import empty_state, table
from stepscope.errors import BadInputError
from stepscope.evidence import FOLDER_VARIABLE, read_ledger
from stepscope.evidence.published import PublishedRates, ratios, read_published
from stepscope.logs import library_name, read
from stepscope.runs import SCOPES, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sphinx.application import Sphinx

__all__ = ["of_measurements", "of_recording", "rows", "setup"]

_ABSENT = "\N{EN DASH}"
_MEASURED = "5_outputs/plot_four_meanings_of_fps"
# Consoles of simulators that the build does not have; the cart-pole of the four libraries is measured by it.
_RECORDED = ("isaaclab/3.0.0/benchmark.txt", "isaaclab/3.0.0/train.txt", "mjlab/1.6.0/train.txt")


def rows(found: Sequence[PublishedRates]) -> tuple[list[str], list[list[str | nodes.Node]]]:
    """Return the heads and the rows of a table; scopes that no row has are left out."""
    scopes = [scope for scope in SCOPES if any(scope in each.rates for each in found)]
    named = {each.name: each for each in found if each.name}
    return ["What ran", *scopes], [
        [_what(each), *_cells(each, scopes, named[each.against] if each.against else None)] for each in found
    ]


def _what(each: PublishedRates) -> nodes.Node:
    source = nodes.reference("", each.source, refuri=each.url) if each.url else nodes.Text(each.source)
    environments = f"{each.num_envs:,} environments, {each.device}"
    return nodes.inline(
        "",
        "",
        nodes.strong("", each.task),
        nodes.inline("", environments, classes=["below"]),
        nodes.inline("", "", nodes.Text(f"{each.software}; "), source, classes=["below"]),
    )


def _cells(
    each: PublishedRates, scopes: Sequence[str], other: PublishedRates | None
) -> Iterator[str | nodes.Node]:
    shared = ratios(each, other) if other else {}
    for scope in scopes:
        if scope not in each.rates:
            yield _ABSENT
            continue
        cell = nodes.inline("", "", nodes.Text(f"{each.rates[scope]:,.0f}"))
        if scope in shared:
            cell += nodes.inline("", f"{shared[scope]:.2g}x {each.against}", classes=["below"])
        elif other and not shared:
            refusal = f"not compared with {each.against}: {' and '.join(other.rates)} is another scope"
            cell += nodes.inline("", refusal, classes=["below", "refused"])
        yield cell


def of_measurements(
    measurements: Mapping[str, Any], provenance: Mapping[str, Any], *, source: str
) -> Iterator[PublishedRates]:
    """Yield what the example about the four scopes measured with clocks of its own, library by library."""
    found = measurements.get("env_steps_per_second", {})
    for library, rates in found.get("our_clocks", {}).items():
        yield PublishedRates(
            task="the cart-pole of this guide",
            software=library_name(library),
            device=provenance["device"],
            num_envs=found["num_envs"],
            rates={scope: rate for scope, rate in rates.items() if scope in SCOPES},
            source=source,
        )


def of_recording(path: Path) -> PublishedRates:
    """Return the rates of a recorded console: of each the typical one, or what a benchmark reports."""
    made = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    summary = Summary(path.name)
    for record in read(path):
        summary.add(record)
    [run] = summary.runs()
    rates = {rate.scope: rate.typical for rate in run.rates if not rate.derived}
    for _, reported in run.reported:
        rates |= dict(reported)
    learners = [library_name(library) for library, _ in run.libraries]
    return PublishedRates(
        task=made["settings"]["task"],
        software=", ".join([f"{library_name(made['library'])} {made['version']}", *learners]),
        device=made["device"],
        num_envs=made["settings"]["num_envs"],
        rates={scope: rate for scope, rate in rates.items() if scope in SCOPES},
        source=f"recorded {made['date']}",
    )


class _Published(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = root(self.env) / "results" / "published.toml"
        self.env.note_dependency(str(path))
        try:
            tables = read_published(path)
        except BadInputError as error:
            raise self.error(f"{path.name}: {error}") from error
        if self.arguments[0] not in tables:
            raise self.error(f"{path.name} has no table [[{self.arguments[0]}]]")
        return [_shown(tables[self.arguments[0]])]


class _Ours(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # it shows what the examples of this build have measured
        found = [*_this_build(), *_other_machines(root(self.env) / "results")]
        found += [of_recording(root(self.env) / RECORDINGS / name) for name in _RECORDED]
        if not found:
            return [empty_state("The build measures these rates: nox -s docs.")]
        return [_shown(found)]


def _this_build() -> Iterator[PublishedRates]:
    for shown in read_ledger(Path(os.environ[FOLDER_VARIABLE])):
        if shown.script == _MEASURED:
            source = f"this build, {shown.provenance.get('date', _ABSENT)}"
            yield from of_measurements(shown.measurements, shown.provenance, source=source)


def _other_machines(results: Path) -> Iterator[PublishedRates]:
    for path in sorted(results.glob(f"*/{_MEASURED}.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        yield from of_measurements(
            result["measurements"], result, source=f"recorded {result['date']}, {result['commit'] or _ABSENT}"
        )


def _shown(found: Iterable[PublishedRates]) -> nodes.Node:
    heads, cells = rows(list(found))
    return table(heads, cells, "rates")


def setup(app: Sphinx) -> None:
    """Register the directives."""
    app.add_directive("published-rates", _Published)
    app.add_directive("our-rates", _Ours)
