"""Markdown twins of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests._sphinx.conftest import Build


def _twin(build: Build, project: Path, text: str) -> str:
    build(text)
    return (project / "html" / "outputs" / "page.md").read_text(encoding="utf-8")


def test_a_page_leads_to_its_twin(build: Build, project: Path) -> None:
    """The head of the page names it, and it lies beside the page."""
    link = build("Words.").select_one('link[rel="alternate"][type="text/markdown"]')
    assert (project / "html" / "outputs" / link["href"]).read_text() == "# Page\n\nWords.\n"


def test_the_output_of_directives_is_in_it(build: Build, project: Path) -> None:
    """It holds what a recording and a command printed, and not the names of the directives."""
    twin = _twin(
        build,
        project,
        "```{recording} rsl_rl/5.5.1/diverged.txt\n:show: failure\n```\n\n"
        "```{command} stepscope read recordings/rsl_rl/5.5.1/diverged.txt\n```",
    )
    assert "RuntimeError: normal expects all elements of std >= 0.0\n```" in twin
    assert "```console\n$ stepscope read recordings/rsl_rl/5.5.1/diverged.txt\n" in twin
    assert "{command}" not in twin


def test_links_lead_to_twins(build: Build, project: Path) -> None:
    """A link to a page of the site becomes one to its twin; other links stay."""
    twin = _twin(build, project, "{doc}`The index <../index>` and [a host](https://example.org/page.html).")
    assert "[The index](../index.md) and [a host](https://example.org/page.html)." in twin


def test_code_is_quoted_whatever_it_holds(build: Build, project: Path) -> None:
    """Fences are longer than any run of backticks within."""
    twin = _twin(build, project, "Say `` a `b` `` here.\n\n````text\n```\ninner\n```\n````")
    assert "Say `` a `b` `` here." in twin
    assert "````text\n```\ninner\n```\n````" in twin


def test_comments_and_tags_are_left_out(build: Build, project: Path) -> None:
    """Words of raw HTML stay; its tags, drawings and comments do not."""
    twin = _twin(
        build,
        project,
        "<!-- a comment -->\n\n```{raw} html\n<div><p class='lead'>Words &amp; more</p><svg><rect/></svg></div>\n```",
    )
    assert twin == "# Page\n\nWords & more\n"


def test_tables_stay_tables(build: Build, project: Path) -> None:
    """A column is a column, and code in a cell is code."""
    twin = _twin(build, project, "| name | value |\n|---|---|\n| `a` | 1 |\n")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in twin.splitlines() if "|" in line
    ]
    assert rows[0] == ["name", "value"]
    assert rows[2] == ["`a`", "1"]


def test_the_list_names_every_page(build: Build, project: Path) -> None:
    """``llms.txt`` has a title, a summary, and a sentence for each page below the landing page."""
    build("**What is it?**\nA page of a test. More of it.")
    lines = (project / "html" / "llms.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert lines[2].startswith("> ")
    assert "- [Page](outputs/page.md): What is it? A page of a test. More of it." in lines
