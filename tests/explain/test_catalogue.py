"""The catalogue of symptoms: its entries are complete, apart from one another, and true of what is installed."""

from __future__ import annotations

import importlib.metadata
import mmap
import re
from pathlib import Path

import pytest

from stepscope.explain import KINDS, ROLES, SYSTEMS, Symptom, catalogue

ROOT = Path(__file__).parents[2]
SLUGS = sorted(catalogue())
TEXTS = {slug: symptom for slug, symptom in catalogue().items() if symptom.pattern is not None}


@pytest.mark.parametrize("slug", SLUGS)
def test_an_entry_is_complete(slug: str) -> None:
    """Its words are those of the catalogue, what it refers to exists, and it says what a reader needs."""
    symptom = catalogue()[slug]
    assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", slug)
    assert symptom.role in ROLES
    assert symptom.kind in KINDS
    assert symptom.systems
    assert set() == set(symptom.systems) - SYSTEMS.keys()
    assert symptom.standing in {"reproduced", "source", "reported"}
    assert all((symptom.text, symptom.meaning, symptom.do_now, symptom.find_out))
    assert set() == set(symptom.sets_off) - catalogue().keys()
    assert all((ROOT / script).is_file() for script in symptom.scripts)
    assert (symptom.pattern is None) == (symptom.rule is not None)
    assert (symptom.emitted is not None) == (symptom.pattern is not None)
    assert symptom.sources or symptom.standing != "reported" or symptom.emitted


@pytest.mark.parametrize("slug", TEXTS)
def test_a_pattern_matches_its_own_text_alone(slug: str) -> None:
    """It finds the text of its entry, none of another, and not what only resembles it."""
    symptom = TEXTS[slug]
    pattern = re.compile(symptom.pattern or "", re.MULTILINE)
    assert pattern.search(symptom.text)
    assert symptom.not_when
    assert not pattern.search(symptom.not_when)
    assert [] == [other for other in TEXTS if other != slug and pattern.search(TEXTS[other].text)]


@pytest.mark.parametrize("slug", TEXTS)
def test_facts_are_named_by_the_pattern(slug: str) -> None:
    """Advice speaks of facts that the text tells."""
    symptom = TEXTS[slug]
    names = re.compile(symptom.pattern or "").groupindex.keys()
    advice = [symptom.do_now, *(cause.do for cause in symptom.causes)]
    assert set() == {name for text in advice for name in re.findall(r"\{([a-z_]+)\}", text)} - names


@pytest.mark.parametrize("slug", TEXTS)
def test_the_text_stands_in_the_source(slug: str) -> None:
    """What the entry quotes is still there in the release that is installed."""
    emitted = TEXTS[slug].emitted
    assert emitted is not None
    if emitted.unchecked:
        assert not emitted.distribution
        return
    try:
        distribution = importlib.metadata.distribution(emitted.distribution)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{emitted.distribution} is not installed")
    paths = list(Path(str(distribution.locate_file(""))).glob(emitted.file)) if emitted.file else []
    if not emitted.file:
        paths = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
        paths = [path for path in paths if {".py", ".so", ".yaml", ".h", ".cu"} & set(path.suffixes)]
    assert any(_contains(path, emitted.text.encode()) for path in paths), emitted


def _contains(path: Path, text: bytes) -> bool:
    """Say whether a file, which may be a compiled library of half a gigabyte, contains `text`."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(text) >= 0


def test_the_catalogue_is_large_enough() -> None:
    """A hundred entries, of which at least 25 are reproduced by a test."""
    symptoms = list(catalogue().values())
    assert len(symptoms) >= 100
    assert sum(symptom.standing == "reproduced" for symptom in symptoms) >= 25


def test_no_two_entries_have_one_text() -> None:
    """Otherwise a reader would find two pages for one message."""
    texts: dict[str, Symptom] = {}
    for symptom in catalogue().values():
        assert symptom.title not in texts
        texts[symptom.title] = symptom


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if catalogue()[slug].standing == "reproduced"])
def test_what_is_called_reproduced_is(slug: str) -> None:
    """A test names the symptom and makes the real program print it."""
    folder = Path(__file__).parent
    tests = [*folder.glob("test_reproduced_*.py"), folder / "test_rules.py", folder / "broken.py"]
    names = re.compile(rf"\b(?:{slug}|{slug.replace('-', '_')})\b")
    assert any(names.search(path.read_text(encoding="utf-8")) for path in tests)
