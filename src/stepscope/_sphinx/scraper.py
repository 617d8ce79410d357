"""Figures of the gallery as SVG files that follow the colour scheme of the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from stepscope.plots import for_both_schemes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["alternative_text", "svg"]


def svg(block: tuple[str, str, int], block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:  # noqa: ARG001 - sphinx-gallery's signature
    """Save every open figure and return the reST that shows it; a scraper for sphinx-gallery."""
    images = []
    for number in plt.get_fignums():
        figure = plt.figure(number)
        path = Path(next(block_vars["image_path_iterator"])).with_suffix(".svg")
        # No date in the file: the same figure is the same file.
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "stepscope"}):
            figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
        path.write_text(for_both_schemes(path.read_text(encoding="utf-8")), encoding="utf-8")
        source = Path(gallery_conf["src_dir"])
        images.append(
            f"\n.. image:: /{path.relative_to(source).as_posix()}\n"
            f"   :alt: {alternative_text(figure)}\n   :class: figure dark-light\n"
        )
    plt.close("all")
    return "\n".join(images)


def alternative_text(figure: Figure) -> str:
    """Return the figure in words: its title, which says the answer, and what the axes show."""
    axes = figure.get_axes()
    titles = [" ".join(axis.get_title(loc="left").split()) for axis in axes]
    horizontal = {axis.get_xlabel() for axis in axes} - {""}
    vertical = {axis.get_ylabel() for axis in axes} - {""}
    parts = [title for title in titles if title]
    parts += [f"Horizontal axis: {label}" for label in sorted(horizontal)]
    parts += [f"vertical axis: {label}" for label in sorted(vertical)]
    return "; ".join(" ".join(part.split()) for part in parts)
