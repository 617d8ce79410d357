"""Figures of the gallery: vector graphics, for light and for dark pages, with words."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from matplotlib import pyplot as plt

from stepscope import plots
from stepscope._sphinx.scraper import alternative_text, svg


@pytest.fixture
def drawn() -> object:
    """One figure in the house's style."""
    figure, axes = plots.figure(title="One line goes up", x="time (s)", y="height (m)")
    axes.plot([0, 1], [0, 1], color=plots.COLOURS["rsl_rl"])
    yield figure
    plt.close(figure)


def test_the_words_say_the_answer_and_the_axes(drawn: object) -> None:
    """Who cannot see a figure is told its title, which says the answer, and what is drawn."""
    assert "One line goes up; Horizontal axis: time (s); vertical axis: height (m)" == alternative_text(drawn)


@pytest.mark.usefixtures("drawn")
def test_a_figure_follows_the_scheme_of_its_page(tmp_path: Path) -> None:
    """It is one valid SVG file; a rule for dark pages names each colour that is drawn and sinks into them."""
    names = (str(tmp_path / f"figure_{number:03}.png") for number in range(1, 9))
    text = svg(("code", "", 1), {"image_path_iterator": names}, {"src_dir": str(tmp_path)})
    [path] = tmp_path.iterdir()
    assert path.name == "figure_001.svg"
    assert text.count(".. image::") == 1
    root = ET.parse(path).getroot()  # noqa: S314 - we have just drawn it
    [*_, rules] = root.iter("{http://www.w3.org/2000/svg}style")
    assert rules.text.startswith("@media (prefers-color-scheme: dark)")
    drawn = path.read_text(encoding="utf-8").partition("@media")[0]
    for name in ("fill", "stroke"):
        assert f"{name}: {plots.INK}" in drawn
        assert (
            f'[style*="{name}: {plots.INK}"]{{{name}:{plots.for_dark_pages(plots.INK)} !important}}'
            in rules.text
        )


@pytest.mark.parametrize(
    "page", [("#ffffff", lambda svg: svg), ("#0f1419", plots.for_dark_pages)], ids=["light", "dark"]
)
@pytest.mark.parametrize("colour", sorted({*plots.COLOURS.values(), plots.INK}))
def test_every_colour_stands_out_from_its_page(page: tuple, colour: str) -> None:
    """Lines keep a contrast of 2:1 and text of 4.5:1 (WCAG's formula) on light and on dark pages."""
    background, exchange = page
    needed = 4.5 if colour == plots.INK else 2
    assert needed <= _contrast(exchange(colour), background)


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
