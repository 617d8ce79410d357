"""Pages of the catalogue of symptoms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope._sphinx.symptoms import (
    format_page,
    format_systems,
    search_entries,
    to_javascript,
    write_pages,
)
from stepscope.explain import KINDS, SYSTEMS, Cause, Rule, Source, Symptom, catalogue

if TYPE_CHECKING:
    from tests._sphinx.conftest import Build

ROOT = Path(__file__).parents[2]
SHAPE = [
    "What it means",
    "Which of these is it?",
    "Do now",
    "Find out more",
    "What may have set it off",
    "What it sets off",
    "Seen in",
    "What was measured",
    "Sources",
]

OVERFLOW = Symptom(
    slug="too-many-things",
    text="engine: 12 things overflow a buffer of 8, so raise `max_things` and begin again, or use fewer worlds than that",
    pattern=r"(?P<needed>\d{1,9}) things overflow",
    role="root_cause",
    kind="capacity",
    systems=("mujoco", "mjlab"),
    meaning="More than the buffer holds. The rest is dropped.",
    do_now="Set `max_things` above {needed}.",
    find_out="Count them.",
    causes=(Cause(cause="Many worlds", tell="There are many.", do="Use fewer."),),
    standing="reported",
    sources=(Source(title="issue [1]", url="https://example.org/1"),),
)


def _headings(page: str) -> list[str]:
    return re.findall(r"^## (.+)$", page, re.MULTILINE)


@pytest.mark.parametrize("symptom", catalogue().values(), ids=catalogue())
def test_pages_have_one_shape(symptom: Symptom) -> None:
    """Every page has the same headings in the same order, and leaves no name of a fact unfilled."""
    page = format_page(symptom)
    headings = _headings(page)
    assert [heading for heading in SHAPE if heading in headings] == headings
    assert {"What it means", "Do now", "Find out more", "Seen in"} <= set(headings)
    assert bool(symptom.causes) == ("Which of these is it?" in headings)
    names = re.compile(symptom.pattern).groupindex if symptom.pattern else {}
    assert [] == [name for name in names if f"{{{name}}}" in page]


def test_a_long_message_is_shown_whole_below_a_short_title() -> None:
    """The title ends between two words, and the message follows as it is printed."""
    page = format_page(OVERFLOW)
    [title] = re.findall("^# (.+)$", page, re.MULTILINE)
    assert title.strip("` ").endswith("…")
    assert OVERFLOW.text.startswith(title.strip("` …"))
    assert len(title) < 95
    assert f"\n{OVERFLOW.text}\n```" in page


def test_advice_shows_the_values_of_the_message() -> None:
    """A fact is filled in, and the reader is told where it is from."""
    page = format_page(OVERFLOW)
    assert "Set `max_things` above 12." in page
    assert "`12` is from the message above" in page


def test_a_rule_shows_its_threshold() -> None:
    """A symptom of numbers says from where on it holds, and its title is no code."""
    rule = Rule(name="growing_loss", threshold=1000.0, unit="times the median before")
    symptom = Symptom(
        slug="growing-loss",
        text="A loss grows",
        rule=rule,
        role="root_cause",
        kind="nan",
        systems=("sb3",),
        meaning="It grows.",
        do_now="Stop.",
        find_out="Look.",
        standing="reproduced",
    )
    page = format_page(symptom)
    assert "\n# A loss grows\n" in page
    assert "1,000 times the median before (rule `growing_loss`)" in page


def test_recordings_that_hold_the_message_are_named(tmp_path: Path) -> None:
    """Runs that were recorded here and diverged are named on the page of what they printed."""
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    symptom = next(symptom for symptom in catalogue().values() if symptom.pattern)
    (recordings / "run.txt").write_text(f"before\n\x1b[31m{symptom.text}\x1b[0m\nafter\n")
    (recordings / "other.txt").write_text("nothing\n")
    (tmp_path / "pages").mkdir()
    write_pages(tmp_path / "pages", recordings)
    page = (tmp_path / "pages" / f"{symptom.slug}.md").read_text()
    assert "`recordings/run.txt`." in page
    assert "other.txt" not in page


def test_pages_of_entries_that_are_gone_are_deleted(tmp_path: Path) -> None:
    """What people wrote stays, and so does a page that would not change."""
    for name in ("recordings", "pages"):
        (tmp_path / name).mkdir()
    folder = tmp_path / "pages"
    write_pages(folder, tmp_path / "recordings")
    written = {path.stem: path.stat().st_mtime_ns for path in folder.glob("*.md")}
    assert written.keys() == {*catalogue(), "systems"}
    (folder / "gone.md").write_text((folder / "systems.md").read_text())
    (folder / "index.md").write_text("# Why did it stop?\n")
    write_pages(folder, tmp_path / "recordings")
    assert {
        path.stem: path.stat().st_mtime_ns for path in folder.glob("*.md") if path.stem in written
    } == written
    assert not (folder / "gone.md").exists()
    assert (folder / "index.md").exists()


def test_every_kind_and_system_is_listed() -> None:
    """The entry page has a list for each kind, and the page of systems one for each that prints something."""
    index = (ROOT / "docs" / "troubleshooting" / "index.md").read_text()
    assert re.findall(r"^:kind: (\w+)$", index, re.MULTILINE) == list(KINDS)
    assert re.findall(r"^\(kind-(\w+)\)=$", index, re.MULTILINE) == list(KINDS)
    assert ":notes:" in index
    printing = {system for symptom in catalogue().values() for system in symptom.systems}
    listed = re.findall(r"^:system: (\w+)$", format_systems(catalogue()), re.MULTILINE)
    assert listed == [system for system in SYSTEMS if system in printing]


def test_lists_lead_to_the_pages(build: Build) -> None:
    """Failures of a kind are listed with links; notes are apart."""
    links = build("```{symptoms}\n:kind: capacity\n```").select("ul.symptoms a")
    symptoms = {f"../troubleshooting/{slug}.html": symptom for slug, symptom in catalogue().items()}
    listed = [symptoms[link["href"]] for link in links]
    expected = [
        symptom
        for symptom in catalogue().values()
        if symptom.kind == "capacity" and symptom.role not in {"advice", "note"}
    ]
    assert sorted(symptom.slug for symptom in listed) == sorted(symptom.slug for symptom in expected)


def test_notes_are_apart(build: Build) -> None:
    """What healthy runs print is in a list of its own."""
    links = build("```{symptoms}\n:notes:\n```").select("ul.symptoms a")
    notes = {slug for slug, symptom in catalogue().items() if symptom.role in {"advice", "note"}}
    assert {Path(link["href"]).stem for link in links} == notes


@pytest.mark.parametrize("symptom", catalogue().values(), ids=catalogue())
def test_expressions_work_in_a_browser(symptom: Symptom) -> None:
    """Nothing in them is known to Python alone, so that a pasted message finds its page."""
    if symptom.pattern is None:
        return
    expression = to_javascript(symptom.pattern)
    assert expression is not None
    source, flags = expression
    assert set(flags) <= set("ims")
    assert not re.search(r"(?<!\\)\(\?(?!:|=|!|<)", source)


def test_the_search_knows_every_entry() -> None:
    """It gets the text of each with the name of its page."""
    entries = search_entries(catalogue())
    assert [entry["docname"].partition("/")[2] for entry in entries] == list(catalogue())
    assert all(entry["text"] for entry in entries)
