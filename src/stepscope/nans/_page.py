"""Self-contained HTML page of a dump, with the bad environment next to healthy ones."""

from __future__ import annotations

import html
import json
import math
from itertools import islice
from string import Template
from typing import TYPE_CHECKING, Any

from stepscope.nans._first_bad import sort_causally
from stepscope.nans._names import column_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from stepscope.nans._dump import Dump

__all__ = ["render_page"]

_MAX_COLUMNS = 64
_OTHERS = 8  # healthy environments that are drawn
_MAX_ROWS, _ROWS_AFTER = 1000, 100  # all of them, and those after the bad one


def render_page(dump: Dump) -> str:
    """Return a page with the report, a slider, and a curve for each column, the bad one first."""
    metadata = dump.metadata
    lines = "".join(
        f"<tr><th>{html.escape(label)}</th><td>{html.escape(text)}</td></tr>"
        for label, text in metadata["report"]
    )
    before = max(0, metadata["bad"]["row"] + _ROWS_AFTER - _MAX_ROWS)
    rows = slice(before, before + _MAX_ROWS)
    data = {
        "steps": dump.steps[rows].tolist(),
        "envs": dump.envs.tolist()[: 1 + _OTHERS],
        "bad": metadata["bad"]["step"],
    }
    # A closing tag within a text would end the script, and an opening comment would hide its end.
    text = json.dumps({**data, "curves": list(_curves(dump, rows))}).replace("<", "\\u003c")
    title = html.escape(f"Step {metadata['bad']['step']:,}, environment {metadata['bad']['env']:,}")
    return _PAGE.substitute(title=title, lines=lines, data=text)


def _curves(dump: Dump, rows: slice) -> Iterator[dict[str, Any]]:
    for number, (name, column) in enumerate(islice(_columns(dump), _MAX_COLUMNS)):
        names = dump.metadata["names"].get(name)
        values = dump.tensors[name][rows, : 1 + _OTHERS, column].T
        present = dump.present[name][rows]
        yield {
            "name": f"{name} {column_name(None if names is None else tuple(names), column)}",
            "first": number == 0,
            "rows": [
                [_json_number(value) if there else None for value, there in zip(row, present, strict=True)]
                for row in values
            ],
        }


def _columns(dump: Dump) -> Iterator[tuple[str, int]]:
    """Yield the names and columns of tensors, the bad one first."""
    first = dump.metadata["bad"]["tensor"], dump.metadata["bad"]["column"]
    yield first
    for name in sort_causally(tuple(dump.tensors)):
        for column in range(dump.tensors[name].shape[2]):
            if (name, column) != first:
                yield name, column


def _json_number(value: np.floating[Any]) -> float | str:
    """Return a number for JSON; NaN and infinity are text."""
    number = float(value)
    return float(f"{number:.7g}") if math.isfinite(number) else str(number)


_PAGE = Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #1f2328; --back: #fff; --muted: #8b949e; --bad: #d55e00; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --back: #0f1419; --accent: #4aa3df; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
th { text-align: left; vertical-align: top; padding-right: 1.2rem; font-weight: 600; white-space: nowrap; }
td { overflow-wrap: anywhere; }
.scrub { position: sticky; top: 0; background: var(--back); padding: 0.7rem 0; border-bottom: 1px solid var(--muted); }
input { width: 100%; accent-color: var(--accent); }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 0.8rem; margin-top: 1rem; }
figure { margin: 0; }
figcaption { font-size: 0.85rem; overflow-wrap: anywhere; }
figcaption b { float: right; font-variant-numeric: tabular-nums; }
.bad { color: var(--bad); }
svg { width: 100%; height: 6rem; }
polyline { fill: none; stroke: var(--muted); stroke-width: 1; vector-effect: non-scaling-stroke; opacity: 0.5; }
polyline.mine { stroke: var(--accent); stroke-width: 2; opacity: 1; }
line { stroke: var(--ink); stroke-width: 1; vector-effect: non-scaling-stroke; }
rect { fill: var(--bad); opacity: 0.18; }
</style>
<h1>$title</h1>
<table>$lines</table>
<div class="scrub"><label>step <output id="step"></output> <input id="at" type="range" min="0" aria-label="step"></label></div>
<p>The bad environment is drawn strong, healthy ones are drawn thin. Where a curve is shaded it is not finite.</p>
<div class="curves" id="curves"></div>
<script type="application/json" id="data">$data</script>
<script>
const data = JSON.parse(document.getElementById("data").textContent), last = data.steps.length - 1;
const svg = (name, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const cursors = [], values = [];
for (const curve of data.curves) {
  const numbers = curve.rows.flat().filter(value => typeof value === "number");
  const low = Math.min(...numbers), high = Math.max(...numbers), span = high - low || 1;
  const picture = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img" });
  picture.setAttribute("aria-label", curve.name);
  curve.rows.forEach((row, index) => {
    const points = row.map((value, at) => typeof value === "number" ? [100 * at / (last || 1), 96 - 92 * (value - low) / span] : null);
    if (index === 0) row.forEach((value, at) => {
      if (typeof value === "string") picture.append(svg("rect", { x: 100 * at / (last || 1) - 50 / (last || 1), y: 0, width: 100 / (last || 1), height: 100 }));
    });
    picture.append(svg("polyline", { points: points.filter(Boolean).map(point => point.join(",")).join(" "), class: index ? "" : "mine" }));
  });
  const cursor = svg("line", { y1: 0, y2: 100 });
  picture.append(cursor);
  cursors.push(cursor);
  const figure = document.createElement("figure"), caption = document.createElement("figcaption"), value = document.createElement("b");
  caption.append(curve.name, value);
  if (curve.first) caption.className = "bad";
  values.push([value, curve.rows[0]]);
  figure.append(caption, picture);
  document.getElementById("curves").append(figure);
}
const slider = document.getElementById("at");
slider.max = last;
const show = () => {
  const at = Number(slider.value);
  document.getElementById("step").textContent = data.steps[at];
  for (const cursor of cursors) { cursor.setAttribute("x1", 100 * at / (last || 1)); cursor.setAttribute("x2", 100 * at / (last || 1)); }
  for (const [place, row] of values) place.textContent = row[at] ?? "\\u2013";
};
slider.addEventListener("input", show);
slider.value = Math.max(0, data.steps.indexOf(data.bad));
show();
</script>
</html>
""")
