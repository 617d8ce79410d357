"""The built site, as files."""

import os
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]


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
