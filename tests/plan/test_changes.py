"""Link to the table of what each change does."""

from __future__ import annotations

from pathlib import Path

from stepscope.plan._changes import CHANGES_PAGE

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


def test_the_linked_table_is_on_the_page() -> None:
    """The address is that of a heading of the guide, as Sphinx makes it."""
    page, _, anchor = CHANGES_PAGE.rpartition("/")[2].partition("#")
    text = (GUIDE / page.replace(".html", ".md")).read_text(encoding="utf-8")
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("## ")]
    assert anchor in [heading.lower().replace(" ", "-").replace("?", "") for heading in headings]
