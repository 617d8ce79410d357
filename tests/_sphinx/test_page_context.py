"""What stands around the text of a page."""

import os
import runpy
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jinja2
import pytest
from bs4 import BeautifulSoup

from stepscope._sphinx.page_context import format_report_link, name_summaries

ROOT = Path(__file__).parents[2]


def test_a_report_carries_the_page_and_the_version_alone() -> None:
    """The form is filled in with nothing that a reader did not type, but for these."""
    sent = parse_qs(urlsplit(format_report_link("https://example.org/a.html", "1.2")).query)
    assert sent.keys() == {"body"}
    assert sent["body"][0].startswith("Page: https://example.org/a.html\nStepscope: 1.2\n")


def test_only_controls_without_words_get_a_name() -> None:
    """The control after a link is named after it; markup in a title is left out, and what has words stays."""
    page = BeautifulSoup(
        name_summaries(
            "<li><a href='b'>Before</a></li><li><a href='a'><code>nan</code> &amp; more</a><details open><summary><i></i></summary></details></li>"
            "<details><summary>Words</summary></details>"
        ),
        "html.parser",
    )
    assert [tag.get("aria-label") for tag in page.find_all("summary")] == ["Pages below nan & more", None]


@pytest.mark.parametrize(
    ("value", "links"),
    [("", {}), ("stable=/en/stable/ dev=/en/latest/", {"stable": "/en/stable/", "dev": "/en/latest/"})],
)
def test_the_foot_leads_to_other_versions(
    monkeypatch: pytest.MonkeyPatch, value: str, links: dict[str, str]
) -> None:
    """Those that the host of the site names; none where it has only this one."""
    monkeypatch.setenv("STEPSCOPE_VERSIONS", value)
    for name in ("STEPSCOPE_EVIDENCE", "OMP_NUM_THREADS"):  # which the settings would set
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    context = runpy.run_path(str(ROOT / "conf.py"))["html_context"]
    template = (ROOT / "docs" / "_templates" / "site-version.html").read_text(encoding="utf-8")
    shown = jinja2.Template(template).render(project="Stepscope", release="1.2", **context)
    page = BeautifulSoup(shown, "html.parser")
    assert page.get_text().startswith("Stepscope 1.2")
    assert {link.get_text(): link["href"] for link in page.find_all("a")} == links
