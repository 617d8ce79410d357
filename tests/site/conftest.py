"""The built site, as files and in a browser."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bs4 import BeautifulSoup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def site() -> Path:
    """Folder of the built pages: the one being built, else the one last published."""
    folder = Path(os.environ.get("STEPSCOPE_SITE", ROOT / "_build" / "html"))
    if not (folder / "index.html").is_file():
        pytest.skip("there is no built site; run nox -s docs first")
    return folder


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Every page of the site, parsed, under its path below the site's folder."""
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts
    }


@pytest.fixture(scope="session")
def scripts() -> dict[str, Path]:
    """Every gallery script under its folder and name, such as ``1_environments/plot_step_cost``."""
    return {
        f"{path.parent.name}/{path.stem}": path for path in sorted((ROOT / "gallery").glob("*/plot_*.py"))
    }


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Address of the site, served on this machine while the tests run."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def translate_path(self, path: str) -> str:
            """Return the file of an address; the 404 page asks for all below the site's own folder."""
            return super().translate_path(path.removeprefix("/stepscope"))

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, the one of this machine: nothing is downloaded."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser is installed: {', '.join(BROWSERS)}; on Debian, apt-get install chromium")
    with api.sync_playwright() as playwright:
        # Root, as in a container, has no sandbox.
        options: dict[str, Any] = {"executable_path": program, "args": ["--no-sandbox"]}
        with playwright.chromium.launch(**options) as browser:
            yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new window, 1280 pixels wide, that asks for light pages."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light") as context:
        yield context.new_page()


@pytest.fixture(scope="session")
def engine() -> str:
    """The script of axe-core."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    return Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")
