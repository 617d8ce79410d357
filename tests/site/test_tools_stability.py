"""The page "Will this gain explode?", used in a browser as a reader would."""

from __future__ import annotations

import itertools
import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bs4 import BeautifulSoup
    from playwright.sync_api import Browser, Page

PAGE = "tools/stability.html"
SETUPS = ("none", "joint", "controller", "implicitfast")
TIMESTEPS = (0.5, 1, 2, 5, 10, 20, 40)  # ms
# The page's policy forbids `wait_for_function`, which evaluates text.
FOLLOW = """link => new Promise((resolve) => {
    if (location.hash === link) return resolve();
    addEventListener("hashchange", () => setTimeout(resolve), { once: true });
    location.hash = link;
  })"""
GAINS = (10, 30, 120, 480, 1920, 7680, 20000)  # N m / rad


@pytest.fixture(scope="module")
def tool(browser: Browser, address: str, pages: dict[str, BeautifulSoup]) -> Iterator[Page]:
    """The page, without animation."""
    if pages[PAGE].select_one("#measurement-stability") is None:
        pytest.skip("the example that measures the map did not run; nox -s docs runs it")
    with browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as context:
        window = context.new_page()
        window.goto(f"{address}/{PAGE}")
        yield window


@pytest.fixture(scope="module")
def measured(pages: dict[str, BeautifulSoup]) -> dict[str, Any]:
    """The map of this build, as the page holds it."""
    data = pages[PAGE].select_one("#measurement-stability")
    if data is None:
        pytest.skip("the example that measures the map did not run; nox -s docs runs it")
    return json.loads(data.string)


def _open(tool: Page, address: str, **view: object) -> None:
    """Follow a link to a view, from another page: the browser reads all of it again."""
    tool.goto("about:blank")
    tool.goto(f"{address}/{PAGE}#{'&'.join(f'{name}={value}' for name, value in view.items())}")


def _verdict(tool: Page) -> str:
    return tool.locator(".verdict-words").inner_text()


def _growth(timestep: float, gain: float, setup: str, measured: dict[str, Any]) -> float:
    """Return the largest absolute eigenvalue of one step, from its definition: solve for the new state."""
    inertia, damping = measured["inertia_kg_m2"], measured["damping_n_m_s_per_rad"]
    h = timestep / 1000
    end = damping if setup in ("joint", "implicitfast") else 0.0
    start = damping if setup == "controller" else 0.0
    # (J + h end) v' = J v - h (gain q + start v);  q' - h v' = q
    left = np.array([[1.0, -h], [0.0, inertia + h * end]])
    right = np.array([[1.0, 0.0], [-h * gain, inertia - h * start]])
    values = np.linalg.eigvals(np.linalg.solve(left, right))
    # At the border itself, where both are -1 and share one vector, the joint swings wider by the same angle each time.
    return math.inf if np.allclose(values, -1) else float(abs(values).max())


@pytest.mark.parametrize("setup", SETUPS)
def test_the_joint_explodes_where_a_step_amplifies(
    tool: Page, address: str, measured: dict[str, Any], setup: str
) -> None:
    """Its verdict is that of the eigenvalues of one step, at every point; without damping it rings where it is stable."""
    _open(tool, address, timestep=1, gain=30, damping=setup)
    for timestep, gain in itertools.product(TIMESTEPS, GAINS):
        growth = _growth(timestep, gain, setup, measured)
        tool.evaluate(FOLLOW, f"#timestep={timestep}&gain={gain}&damping={setup}")
        stable = "Rings" if setup == "none" else "Settles"
        expected = "Explodes" if growth > 1 + 1e-9 else stable
        assert _verdict(tool).startswith(expected), (timestep, gain, growth)


def test_measured_cells_explode_here_as_well(tool: Page, address: str, measured: dict[str, Any]) -> None:
    """What MuJoCo Warp has measured and what is integrated on the page agree, apart from cells at the border."""
    disagree = []
    for setup, rows in measured["share"].items():
        for gain, row in rows.items():
            for timestep, share in row.items():
                growth = _growth(1000 * float(timestep), float(gain), setup, measured)
                if abs(growth - 1) > 0.1 and (share > 0) != (growth > 1):
                    disagree.append((setup, gain, timestep))
    assert disagree == []
    failed = sum(share > 0 for row in measured["share"]["controller"].values() for share in row.values())
    _open(tool, address, timestep=20, gain=480, damping="controller")
    assert tool.locator(".stability-map .cell.failed").count() == failed
    assert tool.locator(".stability-map .cell").count() == 30
    assert "16 of 16 joints failed" in tool.locator(".calculator-answer").inner_text()


def test_the_map_is_the_one_that_the_example_printed(
    pages: dict[str, BeautifulSoup], measured: dict[str, Any]
) -> None:
    """The page of the example has the same shares."""
    text = pages["auto_gallery/4_nans/plot_stability_map.html"].get_text()
    for gain, row in measured["share"]["none"].items():
        [line] = re.findall(rf"(?<!\d){float(gain):.0f} N m/rad((?: +\d+ % \( *[\d.]+\))+)", text)
        printed = [int(share) for share in re.findall(r"(\d+) % \(", line)]
        assert printed == [round(100 * share) for share in row.values()]


def test_every_control_works_by_keyboard(tool: Page, address: str) -> None:
    """Arrow keys move the sliders and the choice of damping; each changes the answer and the link."""
    _open(tool, address, timestep=10, gain=480, damping="none")
    first = tool.locator("#timestep")
    first.focus()
    seen = [first.get_attribute("aria-valuetext")]
    tool.keyboard.press("ArrowRight")
    seen.append(first.get_attribute("aria-valuetext"))
    assert seen[0] == "10 ms"
    assert float(seen[1].split()[0]) > 10
    assert "timestep=10&" not in tool.url
    tool.keyboard.press("End")
    assert "timestep=50&" in tool.url
    assert _verdict(tool).startswith("Explodes")
    tool.keyboard.press("Tab")
    assert tool.evaluate("document.activeElement.id") == "gain"
    tool.keyboard.press("Home")
    assert "gain=10&" in tool.url
    tool.keyboard.press("Tab")
    tool.keyboard.press("ArrowDown")
    assert "damping=joint" in tool.url
    assert _verdict(tool).startswith("Settles")
    tool.keyboard.press("Tab")
    assert tool.evaluate("document.activeElement.textContent") == "Play again"
    tool.keyboard.press("Enter")
    assert tool.locator(".stability-trace .step").count() == 49


def test_a_click_on_the_map_chooses_its_point(tool: Page, address: str) -> None:
    """A click on the measured cell of 2 ms and 7,680 N m/rad."""
    _open(tool, address, timestep=20, gain=30, damping="none")
    tool.locator(".stability-map circle.cell").last.click()
    assert "gain=7680&" in tool.url
    assert "timestep=2&" in tool.url


def test_a_link_reproduces_the_view(tool: Page, address: str) -> None:
    """What a reader sees at an address, another reader sees, too; nonsense in it changes nothing and is not shown."""
    _open(tool, address, timestep=10, gain=480, damping="none")
    tool.locator("#gain").focus()
    for _ in range(7):
        tool.keyboard.press("ArrowRight")
    tool.locator("input[value=implicitfast]").check()
    view = tool.locator(".stability-tool").inner_text()
    link = tool.url
    tool.goto("about:blank")
    tool.goto(link)
    assert tool.locator(".stability-tool").inner_text() == view
    _open(tool, address, timestep="-1", gain="<b>", damping="toString")
    assert tool.locator("#timestep").get_attribute("aria-valuetext") == "20 ms"
    assert tool.locator("input[value=none]").is_checked()


def test_the_drawing_moves_unless_a_reader_wants_none_of_it(
    browser: Browser, address: str, tool: Page
) -> None:
    """Step by step, or all of them at once; it ends by itself."""
    _open(tool, address, timestep=5, gain=480, damping="joint")
    assert tool.locator(".stability-trace .step").count() == 49
    with browser.new_context() as context:
        window = context.new_page()
        window.goto(f"{address}/{PAGE}#timestep=5&gain=480&damping=joint")
        steps = window.locator(".stability-trace .step")
        steps.nth(2).wait_for()
        assert steps.count() < 49
        steps.nth(48).wait_for()


@pytest.mark.parametrize("setup", ["none", "joint"])
def test_small_steps_follow_the_exact_motion(tool: Page, address: str, setup: str) -> None:
    """The two curves of the drawing meet where many steps make a period: the one is integrated, the other solved."""
    _open(tool, address, timestep=0.5, gain=480, damping=setup)
    apart = tool.evaluate(
        """() => {
          const [, ...exact] = document.querySelector(".stability-trace .truth").getAttribute("d").split(/[ML]/);
          return [...document.querySelectorAll(".stability-trace .step")].map((step, at) =>
            Math.abs(Number(step.getAttribute("cy")) - Number(exact[8 * at].split(",")[1])));
        }"""
    )
    assert len(apart) == 49
    assert max(apart) < 4  # of 100 between -1 and 1 rad


def test_nothing_comes_from_another_host_and_nothing_fails(browser: Browser, address: str) -> None:
    """All requests of a visit go to the site; no error is logged."""
    with browser.new_context() as context:
        window = context.new_page()
        requests, errors = [], []
        window.on("request", lambda request: requests.append(request.url))
        window.on("console", lambda message: message.type == "error" and errors.append(message.text))
        window.on("pageerror", lambda error: errors.append(str(error)))
        window.goto(f"{address}/{PAGE}#timestep=20&gain=480&damping=none")
        window.locator(".stability-trace .step").nth(3).wait_for()
        assert requests
        assert [url for url in requests if not url.startswith(address)] == []
        # The theme itself reports that no mode is stored yet.
        assert [text for text in errors if "theme mode" not in text] == []


def test_without_javascript_a_sentence_says_so(browser: Browser, address: str) -> None:
    """The controls are not shown where they would do nothing."""
    with browser.new_context(java_script_enabled=False) as context:
        window = context.new_page()
        window.goto(f"{address}/{PAGE}")
        assert window.locator("#timestep").is_hidden()
        assert "need JavaScript" in window.inner_text("noscript p")
