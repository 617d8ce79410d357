"""A self-contained page with the figure and the summary of a log."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

from stepscope.plots import for_dark_pages
from stepscope.runs import report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from stepscope.runs import RunSummary

__all__ = ["format_page"]

_MOST_SHOWN = 20

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1f2328; --page: #ffffff; --line: #d0d7de; --bad: #b34700; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6edf3; --page: #0d1117; --line: #30363d; --bad: #ff9a52; }} }}
body {{ margin: 2rem auto; padding: 0 1rem; max-width: 54rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--page); }}
h1 {{ font-size: 1.3rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.1rem; }}
img {{ width: 100%; height: auto; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line); }}
th {{ white-space: nowrap; font-weight: 600; }}
td {{ white-space: pre-wrap; overflow-wrap: anywhere; font-family: ui-monospace, monospace; font-size: .85rem; }}
.bad {{ color: var(--bad); }}
</style>
</head>
<body>
<h1>{title}</h1>
<picture>
<source media="(prefers-color-scheme: dark)" srcset="{dark}">
<img src="{light}" alt="{alt}">
</picture>
{tables}
</body>
</html>
"""


def format_page(drawn: Figure, summaries: Sequence[RunSummary], *, name: str) -> str:
    """Return a page that needs no other file: the figure, once for light screens and once for dark ones, and the summary."""
    out = io.StringIO()
    drawn.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    light = out.getvalue()
    titles = [" ".join(axes.get_title(loc="left").split()) for axes in drawn.get_axes()]
    return _PAGE.format(
        title=html.escape(name),
        light=_uri(light),
        dark=_uri(for_dark_pages(light)),
        alt=html.escape("; ".join(titles)),
        tables="\n".join(_table(summary, several=len(summaries) > 1) for summary in summaries[:_MOST_SHOWN]),
    )


def _uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _table(summary: RunSummary, *, several: bool) -> str:
    rows = [
        f'<tr><th scope="row">{html.escape(line.label)}</th><td class="{line.severity}">{html.escape(line.text)}</td></tr>'
        for line in report(summary)
    ]
    heading = f"<h2>Run {summary.run}</h2>\n" if several else ""
    return f"{heading}<table>\n{chr(10).join(rows)}\n</table>"
