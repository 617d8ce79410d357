"""The calculator of memory, in a browser: the same answers as the commands, and nothing leaves the page."""

from __future__ import annotations

import importlib.util
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from stepscope._common.format import TIMES
from stepscope._sphinx.memory_presets import read_presets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).parents[2]
PAGE = "tools/memory.html"
PATIENCE = 300_000  # milliseconds: a busy machine takes long, and that is no failure
_, PRESETS = read_presets(ROOT / "docs" / "tools" / "memory-presets.toml")
OTHERS = (
    {"library": "skrl", "num_envs": 96, "horizon": 5, "observation": "17", "actions": 3, "minibatches": 6},
    {"library": "sb3", "release": "2.7.0", "num_envs": 32, "horizon": 64, "observation": "3x84x84", "actions": 2, "minibatches": 8},
    {"library": "rl_games", "num_envs": 64, "horizon": 16, "observation": "1x40x60", "actions": 4, "minibatches": 2, "hidden": "32"},
)  # fmt: skip
FIELDS = (
    "preset",
    "library",
    "release",
    "num_envs",
    "horizon",
    "observation",
    "actions",
    "hidden",
    "minibatches",
)
# The page's policy forbids `wait_for_function`, which evaluates text.
FOLLOW = """link => new Promise((resolve) => {
    if (location.hash === link) return resolve();
    addEventListener("hashchange", () => setTimeout(resolve), { once: true });
    location.hash = link;
  })"""
ANSWER = """() => ({
    total: document.querySelector(".memory-total").textContent,
    items: [...document.querySelectorAll(".memory-items tbody tr")].map((row) => [
      row.querySelector("th").firstChild.nextSibling.textContent, row.querySelector(".below").textContent,
      row.cells[2].title, row.cells[4].textContent, row.cells[5].textContent]),
    widths: [...document.querySelectorAll(".memory-bar")].map((bar) =>
      [...bar.children].map((part) => part.getBoundingClientRect().width)),
    lines: [...document.querySelectorAll(".memory-answer dl")].map((list) => list.innerText)[0],
    commands: [...document.querySelectorAll(".calculator-command code")].map((code) => code.textContent),
    batches: document.querySelector(".memory-batches .calculator-verdict").textContent,
})"""


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that keeps what it has loaded."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light") as context:
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture(scope="module")
def window(context: BrowserContext, address: str) -> Page:
    """One page for all tests, in which Python is loaded once."""
    page = context.new_page()
    page.goto(f"{address}/{PAGE}")
    return page


@pytest.fixture
def tool(window: Page) -> Page:
    """The page, with the sizes that it has at first."""
    _follow(window, {"library": "rsl_rl", "num_envs": 4096, "horizon": 24, "observation": "48", "actions": 12, "minibatches": 4})  # fmt: skip
    return window


def _link(settings: dict[str, Any]) -> str:
    return "&".join(f"{name}={settings[name]}" for name in (*FIELDS[1:], "dtype") if settings.get(name))


def _settle(page: Page) -> None:
    """Wait until the page shows the answer for what its fields hold."""
    page.wait_for_selector(".memory-tool:not([data-busy])")


def _follow(page: Page, settings: dict[str, Any]) -> None:
    """Follow a link to other sizes, on the page itself."""
    page.evaluate(FOLLOW, f"#{_link(settings)}")
    _settle(page)


def _run(command: str, *options: str) -> str:
    """Return what a command of the page prints."""
    arguments = [sys.executable, "-m", *shlex.split(command), *options]
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "settings",
    [*PRESETS, *OTHERS],
    ids=lambda settings: f"{settings.get('task', 'other')}, {settings['library']}",
)
def test_the_page_shows_what_the_commands_print(tool: Page, settings: dict[str, Any]) -> None:
    """Every item with its bytes, formula, meaning and source; the sums; and the setting of the minibatches."""
    _follow(tool, settings)
    shown = tool.evaluate(ANSWER)
    memory, text = json.loads(_run(shown["commands"][0], "--json", "-")), _run(shown["commands"][0])
    for name in ("num_envs", "horizon", "actions", "minibatches"):
        assert memory["training"][name] == settings[name]
    assert "x".join(map(str, memory["training"]["observation"])) == settings["observation"]
    assert memory["training"]["library"] == settings["library"]
    for names in ("release", "dtype"):
        assert settings.get(names, memory["training"][names]) == memory["training"][names]
    hidden = settings.get("hidden") or ("" if "x" in settings["observation"] else "64,64")
    assert ",".join(map(str, memory["training"]["hidden"])) == hidden
    items = [
        [item["name"], item["meaning"], f"{item['bytes']:,} bytes", item["formula"], item["source"]]
        for item in memory["items"]
    ]
    assert shown["items"] == items
    share = shown["total"].split(" of PyTorch")[0]
    assert f"PyTorch's share   {share} at its peak, which is {memory['moment']}" in text
    assert shown["total"].startswith(f"{share} of PyTorch's memory, at its peak {memory['moment']}")
    for line in text.split("PyTorch's share", 1)[1].split():
        assert line in f"PyTorch's share {shown['lines']}"
    parts = [
        sum(item["bytes"] for item in memory["items"] if item["place"] == place)
        for place in ("torch", "host")
    ]
    assert parts == [memory["torch_bytes"], memory["host_bytes"]]
    for widths, place in zip(shown["widths"], ("torch", "host"), strict=False):
        sizes = [item["bytes"] for item in memory["items"] if item["place"] == place]
        largest = sizes.index(max(sizes))
        expected = sizes[largest] / sum(sizes) * sum(widths)
        assert widths[largest] == pytest.approx(expected, rel=0.1)
    batches = json.loads(_run(shown["commands"][1], "--json", "-"))
    [setting] = batches["settings"]
    words = (
        f"{batches['names']['setting']} {setting['value']:,} is accepted: {setting['updates']:,} updates per"
    )
    assert shown["batches"].startswith(words)
    assert sum(group["number"] for group in setting["minibatches"]) == settings["minibatches"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_envs", ""),
        ("num_envs", "many"),
        ("horizon", "0"),
        ("observation", "3x84"),
        ("observation", "3x8x8"),
        ("actions", "<b>12</b>"),
        ("hidden", "64;64"),
        ("minibatches", "7"),
        ("release", "0.1"),
    ],
)
def test_a_bad_value_has_a_sentence_at_its_field(tool: Page, field: str, value: str) -> None:
    """It is the command's, it belongs to the field for a screen reader, too, and it goes with the error."""
    tool.fill(f"#{field}", value)
    _settle(tool)
    sentence = tool.inner_text(f"#{field}-error")
    assert tool.get_attribute(f"#{field}", "aria-invalid") == "true"
    assert f"{field}-error" in str(tool.get_attribute(f"#{field}", "aria-describedby"))
    assert tool.locator("[aria-invalid]").count() == 1
    options = {"num_envs": "4096", "horizon": "24", "observation": "48", "actions": "12", "minibatches": "4"}
    release = f"=={value}" if field == "release" else ""
    given = [
        f"--{name.replace('_', '-')}={text}"
        for name, text in {**options, field: value}.items()
        if name != "release"
    ]
    command = [sys.executable, "-m", "stepscope", "memory", f"rsl_rl{release}", *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert sentence
    assert sentence.rstrip(".") in done.stderr
    tool.fill(f"#{field}", options.get(field, ""))
    _settle(tool)
    assert tool.inner_text(f"#{field}-error") == ""
    assert tool.locator("[aria-invalid]").count() == 0


def test_a_refusal_is_the_library_s(tool: Page) -> None:
    """Where the library accepts no such minibatch, its own error is shown, with the nearest that works."""
    _follow(
        tool,
        {"library": "sb3", "num_envs": 64, "horizon": 1, "observation": "4", "actions": 1, "minibatches": 64},
    )
    text = tool.inner_text(".memory-batches .calculator-verdict")
    command = "stepscope batches sb3 --num-envs 64 --horizon 1 --setting 1"
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.strip() == f"stepscope: {text}"


def test_every_control_works_by_keyboard(tool: Page) -> None:
    """Tab reaches each field in order; keys choose, type and copy."""
    tool.focus("#preset")
    for name in FIELDS:
        assert tool.evaluate("document.activeElement.id") == name
        tool.keyboard.press("Tab")
    tool.focus("#preset")
    tool.keyboard.press("ArrowDown")
    _settle(tool)
    assert tool.input_value("#horizon") == str(PRESETS[0]["horizon"])
    tool.focus("#num_envs")
    tool.keyboard.press("End")
    tool.keyboard.type("0")
    _settle(tool)
    assert tool.input_value("#preset") == "-1"
    assert "num_envs=40960&" in tool.url
    tool.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tool.locator(".memory-answer .calculator-command button").focus()
    tool.keyboard.press("Enter")
    tool.get_by_text("Copied.").wait_for()
    copied = tool.evaluate("navigator.clipboard.readText()")
    assert copied == tool.inner_text(".memory-answer .calculator-command code")
    assert "--num-envs 40960" in copied


def test_a_link_reproduces_the_view(tool: Page, context: BrowserContext) -> None:
    """Another reader sees the same answer, without a touch; a task in the table is such a link."""
    tool.locator("a.memory-preset").nth(4).click()
    tool.fill("#horizon", "48")
    _settle(tool)
    view = tool.evaluate(ANSWER)
    assert f"{PRESETS[4]['num_envs']:,} environments {TIMES} num_steps_per_env 48" in tool.inner_text(
        ".memory-batches"
    )
    other = context.new_page()
    other.goto(tool.url)
    other.wait_for_selector(".memory-total")
    _settle(other)
    assert other.evaluate(ANSWER) == view
    assert other.input_value("#preset") == "-1"
    other.close()


def test_the_type_is_asked_for_images_alone(tool: Page) -> None:
    """A vector has floats, in every library."""
    assert tool.is_hidden("#dtype")
    tool.fill("#observation", "3x84x84")
    _settle(tool)
    assert tool.is_visible("#dtype")
    tool.select_option("#dtype", "uint8")
    _settle(tool)
    assert "uint8 is for images in rl_games and sb3" in tool.inner_text("#dtype-error")


def test_nothing_is_loaded_before_a_touch_and_nothing_from_elsewhere(browser: Browser, address: str) -> None:
    """Python comes with the first hover, from the site; no error is logged, and no request leaves for another host."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        requests: list[str] = []
        errors: list[str] = []
        context.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/{PAGE}")
        page.wait_for_selector("#num_envs")
        assert not any("pyodide" in url for url in requests)
        page.hover("#num_envs")
        page.wait_for_selector(".memory-total")
        assert any("pyodide" in url for url in requests)
        assert [url for url in requests if not url.startswith((address, f"blob:{address}"))] == []
        # The theme itself reports that no mode is stored yet.
        assert [text for text in errors if "theme mode" not in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_full_page_is_accessible_and_fits(
    browser: Browser, address: str, scheme: Literal["light", "dark"], width: int
) -> None:
    """With an answer, axe-core finds nothing, and nothing is wider than the window."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(f"{address}/{PAGE}#{_link(PRESETS[1])}")
        page.wait_for_selector(".memory-total")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
        violations = page.evaluate(
            """() => axe.run({include: [["#main-content"]]}, {resultTypes: ["violations"]})
              .then(({violations}) => violations.map(({id, nodes}) => `${id}: ${nodes[0].html}`))"""
        )
        assert violations == []


def test_without_javascript_the_command_is_there(browser: Browser, address: str) -> None:
    """The fields are not shown where they would do nothing; the published tasks are."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{address}/{PAGE}")
        assert page.is_hidden("#num_envs")
        assert "stepscope memory rsl_rl" in page.inner_text("noscript p")
        assert page.locator("table.memory-presets").is_visible()
