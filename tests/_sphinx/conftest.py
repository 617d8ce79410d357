"""A small project that a test builds with the directives of the guide."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

if TYPE_CHECKING:
    from collections.abc import Callable

    Build = Callable[[str], BeautifulSoup]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Folders as in the repository: pages, recordings and a gallery."""
    (tmp_path / "docs" / "outputs").mkdir(parents=True)
    shutil.copytree(ROOT / "recordings" / "rsl_rl" / "5.5.1", tmp_path / "recordings" / "rsl_rl" / "5.5.1")
    (tmp_path / "gallery" / "1_tests").mkdir(parents=True)
    (tmp_path / "gallery" / "1_tests" / "plot_one.py").write_text("")
    return tmp_path


@pytest.fixture
def build(project: Path) -> Build:
    """Build one page, ``docs/outputs/page.md``, and return it; a warning of Sphinx is an error."""

    def built(text: str) -> BeautifulSoup:
        (project / "docs" / "index.md").write_text("# Index\n\n```{toctree}\noutputs/page\n```\n")
        (project / "docs" / "outputs" / "page.md").write_text(f"# Page\n\n{text}\n")
        (project / "conf.py").write_text("extensions = ['myst_parser', 'stepscope._sphinx']\n")
        with docutils_namespace(), patch_docutils(project):
            app = Sphinx(
                srcdir=project / "docs",
                confdir=project,
                outdir=project / "html",
                doctreedir=project / "doctrees",
                buildername="html",
                status=None,
                warning=None,
                freshenv=True,
                warningiserror=True,
                exception_on_warning=True,
            )
            app.build()
        return BeautifulSoup((project / "html" / "outputs" / "page.html").read_text(), "html.parser")

    return built
