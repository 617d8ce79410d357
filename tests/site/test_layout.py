"""Pages as they are laid out, on a phone and on a desk, in a browser."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image, ImageStat

from stepscope import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bs4 import BeautifulSoup
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844}
SMALLEST_LABEL = 9  # px, of a figure on a phone
SMALLEST_CODE = 12  # px
LARGEST_FIGURE = 200_000  # bytes
WITH_TABLES = (
    "outputs/index.html",
    "outputs/rl_games.html",
    "guide/nans.html",
    "results/claims.html",
    "results/normal.html",
)
WITH_FIGURES = ("guide/nans.html", "auto_gallery/4_nans/plot_one_bad_value.html")


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[Page]:
    """A window of the size of a phone."""
    with browser.new_context(viewport=PHONE, color_scheme="light") as context:
        yield context.new_page()


@pytest.mark.parametrize("name", WITH_TABLES)
def test_the_first_column_stays_on_a_phone(address: str, phone: Page, name: str) -> None:
    """It tells what a row is about, however far a reader scrolls; the box shows a shadow where there is more."""
    phone.goto(f"{address}/{name}")
    boxes = phone.evaluate(
        """() => [...document.querySelectorAll(".wide-table, .pst-scrollable-table-container")]
          .filter((box) => box.scrollWidth > box.clientWidth + 1)
          .map((box) => {
            const cell = box.querySelector("tbody tr > :first-child");
            const before = cell.getBoundingClientRect().left;
            box.scrollLeft = 10000;
            const { left, width } = cell.getBoundingClientRect();
            return { moved: left - before, share: width / box.clientWidth, scrolled: box.scrollLeft,
                     shadow: getComputedStyle(box).backgroundAttachment.includes("local") };
          })"""
    )
    assert boxes
    for box in boxes:
        assert box["scrolled"] > 0
        assert abs(box["moved"]) < 1
        assert box["share"] < 0.6
        assert box["shadow"]


def test_no_page_scrolls_sideways_on_a_phone(
    address: str, phone: Page, pages: dict[str, BeautifulSoup]
) -> None:
    """Only boxes within a page do."""
    wide = []
    for name in pages:
        if name.startswith("troubleshooting/") or name == "search.html":
            continue
        phone.goto(f"{address}/{name}", wait_until="domcontentloaded")
        if phone.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
            wide.append(name)
    assert wide == []


@pytest.mark.parametrize(
    "name", ["auto_gallery/4_nans/plot_stability_map.html", "index.html", "reference/cli.html"]
)
def test_no_box_hides_what_was_printed(address: str, page: Page, phone: Page, name: str) -> None:
    """The output of examples and commands wraps, and is large enough to be read; code that goes on shows it."""
    measure = """() => [...document.querySelectorAll("article .highlight pre")].map((pre) => ({
        cut: pre.scrollWidth > pre.clientWidth + 1,
        output: Boolean(pre.closest(".sphx-glr-script-out, .highlight-console")) && !pre.closest(".unwrapped"),
        size: parseFloat(getComputedStyle(pre).fontSize),
        shadow: getComputedStyle(pre).backgroundAttachment.includes("local"),
        text: pre.textContent.slice(0, 40) }))"""
    for window in (page, phone):
        window.goto(f"{address}/{name}")
        boxes = window.evaluate(measure)
        assert boxes
        assert [box for box in boxes if box["output"] and box["cut"]] == []
        assert [box for box in boxes if box["size"] < SMALLEST_CODE] == []
        assert all(box["shadow"] for box in boxes)


def test_formulae_are_centred(address: str, page: Page) -> None:
    """A formula on a line of its own has as much room on its left as on its right."""
    page.goto(f"{address}/guide/environments.html")
    sides = page.evaluate(
        """() => [...document.querySelectorAll("div.math math")].map((formula) => {
          const inner = formula.getBoundingClientRect(), outer = formula.parentElement.getBoundingClientRect();
          const first = formula.firstElementChild.getBoundingClientRect();
          const last = formula.lastElementChild.getBoundingClientRect();
          return [first.left - outer.left, outer.right - Math.max(last.right, first.right)]; })"""
    )
    assert sides
    for left, right in sides:
        assert abs(left - right) < 4


def test_the_bar_takes_two_rows_at_most(address: str, page: Page) -> None:
    """On a tablet, too."""
    page.set_viewport_size({"width": 1024, "height": 800})
    page.goto(f"{address}/guide/index.html")
    height = page.locator("header.bd-header").bounding_box()["height"]
    assert height < 100


@pytest.mark.parametrize("name", WITH_FIGURES)
def test_figures_are_as_wide_as_a_phone(address: str, phone: Page, name: str) -> None:
    """A figure takes the whole width there."""
    phone.goto(f"{address}/{name}")
    shown = phone.evaluate(
        """() => [...document.querySelectorAll("img.figure")]
          .map((image) => image.getBoundingClientRect())
          .map(({ left, width }) => [left, width])"""
    )
    assert shown
    for left, width in shown:
        assert abs(left) < 2
        assert width > 0.98 * PHONE["width"]


def test_figures_are_small_and_their_labels_are_not(site: Path) -> None:
    """No file is above 200 KB, and no label below 9 pixels where a figure is as wide as a phone."""
    figures = sorted((site / "_images").glob("sphx_glr_plot_*_[0-9][0-9][0-9]*.svg"))
    assert figures
    assert [path.name for path in figures if path.stat().st_size > LARGEST_FIGURE] == []
    poor = []
    for path in figures:
        text = path.read_text(encoding="utf-8")
        width = float(re.search(r'viewBox="0 0 ([\d.]+)', text)[1])
        sizes = [float(size) for size in re.findall(r"font(?:-size)?:[^;\"]*?([\d.]+)px", text)]
        if min(sizes) * PHONE["width"] / width < SMALLEST_LABEL:
            poor.append((path.name, min(sizes)))
    assert poor == []


def test_a_figure_is_loaded_once_and_follows_the_theme(browser: Browser, address: str) -> None:
    """A reader who chooses a dark page on a light system gets light ink, from the same file."""
    ink = """async (scheme) => {
      document.documentElement.dataset.theme = scheme;
      await new Promise((done) => setTimeout(done, 300));
    }"""
    with browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light") as context:
        window = context.new_page()
        loaded: list[str] = []
        window.on("request", lambda request: loaded.append(request.url))
        window.goto(f"{address}/guide/nans.html")
        figure = window.locator("img.figure").first
        figure.scroll_into_view_if_needed()
        window.wait_for_load_state("networkidle")
        shots = []
        for scheme in ("light", "dark"):
            window.evaluate(ink, scheme)
            shots.append(Image.open(io.BytesIO(figure.screenshot())).convert("L"))
        figures = [url for url in loaded if "sphx_glr" in url]
        assert len(figures) == len(set(figures)) > 0
    # On a light page the ink is the darkest, on a dark one the brightest; most of a figure is its page.
    (darkest, _), (_, brightest) = (shot.getextrema() for shot in shots)
    assert darkest < 80
    assert brightest > 200
    light, dark = (ImageStat.Stat(shot).median[0] for shot in shots)
    assert light > 200
    assert dark < 60


def test_pages_follow_one_another(pages: dict[str, BeautifulSoup]) -> None:
    """A page of the guide leads to the previous one and the next one; a page of a message to neither."""
    for name, page in pages.items():
        links = page.select(".prev-next-area a")
        if name.startswith("guide/"):
            assert len(links) == 2, name
    assert pages["troubleshooting/nan-loss.html"].select(".prev-next-area a") == []


def test_every_page_can_be_edited_and_reported(pages: dict[str, BeautifulSoup]) -> None:
    """The first link names the file that a page is written from; the second carries the page and the version."""
    for name, page in pages.items():
        if name in {"404.html", "search.html"}:
            continue
        edit, report = (link["href"] for link in page.select(".page-links a"))
        source = edit.partition("/edit/main/")[2]
        generated = source.endswith("GALLERY_HEADER.rst")
        assert generated or (ROOT / source).is_file(), source
        sent = parse_qs(urlsplit(report).query)
        assert sent.keys() == {"body"}
        assert sent["body"][0].startswith("Page: https://")
        assert f"{name}\nStepscope: {__version__}" in sent["body"][0]


def test_every_page_has_a_description_of_its_own(pages: dict[str, BeautifulSoup]) -> None:
    """A search engine gets a sentence, the one that a shared link shows."""
    for name, page in pages.items():
        if name in {"404.html", "search.html"}:
            continue
        [description] = page.find_all("meta", attrs={"name": "description"})
        assert 20 <= len(description["content"]) <= 161, name
        assert description["content"] == page.find("meta", property="og:description")["content"], name
        assert "Figure of the example" not in description["content"], name


def test_the_foot_of_a_page_names_the_version(pages: dict[str, BeautifulSoup]) -> None:
    """A reader sees which release a page is about."""
    assert [] == [
        name
        for name, page in pages.items()
        if f"Stepscope {__version__}" not in page.select_one("footer.bd-footer").get_text()
    ]
