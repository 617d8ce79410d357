"""axe-core on the built pages, in a browser: wide and on a phone, light and dark."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from stepscope.explain import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bs4 import BeautifulSoup
    from playwright.sync_api import Browser, Page

WAYS = {
    "wide and light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone and dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
# One page of each kind, seen in both ways; the others in one of them, in turn.
KINDS = (
    "404.html",
    "index.html",
    "search.html",
    "auto_gallery/index.html",
    "auto_gallery/4_nans/plot_stability_map.html",
    "guide/scaling-out.html",
    "outputs/index.html",
    "reference/api/plots.html",
    "results/normal.html",
    "tools/memory.html",
    "tools/stability.html",
    "tools/read-a-log.html",
    "troubleshooting/nan-loss.html",
)
MESSAGES = 40  # every so many of the pages of messages, which are all written by one function
# The colours of code are those of a style that was made for contrast; each word is an element, which takes minutes.
RUN = """(rules) => axe.run({include: [["body"]], exclude: [["pre *"]]}, {resultTypes: ["violations"], rules})
    .then(({violations}) => violations.map(({id, nodes}) => `${id}: ${nodes[0].html}`))"""
WITHOUT_COLOURS = {"color-contrast": {"enabled": False}}  # which are those of the pages above


@pytest.fixture(scope="module")
def windows(browser: Browser) -> Iterator[dict[str, Page]]:
    """A window for each way to look at pages."""
    contexts = {name: browser.new_context(**way) for name, way in WAYS.items()}
    yield {name: context.new_page() for name, context in contexts.items()}
    for context in contexts.values():
        context.close()


def _find_violations(window: Page, address: str, engine: str, rules: dict[str, Any]) -> list[str]:
    window.goto(address)
    window.evaluate(engine)
    return window.evaluate(RUN, rules)


@pytest.mark.parametrize("way", WAYS)
def test_pages_of_each_kind_violate_nothing(
    address: str, windows: dict[str, Page], engine: str, way: str
) -> None:
    """axe-core finds nothing on them."""
    found = {name: _find_violations(windows[way], f"{address}/{name}", engine, {}) for name in KINDS}
    assert {name: violations for name, violations in found.items() if violations} == {}


@pytest.mark.slow
def test_no_other_page_violates_anything(
    address: str, pages: dict[str, BeautifulSoup], windows: dict[str, Page], engine: str
) -> None:
    """Nor on any other page, apart from its colours."""
    messages = [f"troubleshooting/{name}.html" for name in catalogue()]
    left_out = {*messages, *KINDS} - set(messages[::MESSAGES])
    others = [name for name in pages if name not in left_out]
    found = {
        name: _find_violations(window, f"{address}/{name}", engine, WITHOUT_COLOURS)
        for name, window in zip(others, itertools.cycle(windows.values()), strict=False)
    }
    assert {name: violations for name, violations in found.items() if violations} == {}


def test_colours_of_code_can_be_told_from_the_page(browser: Browser, address: str) -> None:
    """Every colour of the style has a contrast of 4.5 to 1 on the background of code, light and dark."""
    measure = """() => {
      const channels = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
        const value = part / 255;
        return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      });
      const light = (colour) => {
        const [red, green, blue] = channels(colour);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
      };
      const poor = new Set();
      for (const pre of document.querySelectorAll(".highlight pre")) {
        const back = light(getComputedStyle(pre).backgroundColor);
        for (const word of pre.querySelectorAll("span")) {
          if (!word.textContent.trim()) continue;
          const ratio = light(getComputedStyle(word).color) / back;
          if (Math.max(ratio, 1 / ratio) < 4.5) poor.add(`${word.className}: ${word.textContent.slice(0, 20)}`);
        }
      }
      return [...poor];
    }"""
    for scheme in ("light", "dark"):
        with browser.new_context(color_scheme=scheme) as context:
            window = context.new_page()
            for name in ("auto_gallery/4_nans/plot_stability_map.html", "reference/cli.html"):
                window.goto(f"{address}/{name}")
                assert window.evaluate(measure) == [], (name, scheme)
