"""Pages of known messages, the search that finds them, and the Markdown twins, as built."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from sphinx.search.en import SearchEnglish

from stepscope.explain import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from bs4 import BeautifulSoup

    Pages = dict[str, BeautifulSoup]

WITHOUT_TWIN = {"404.html", "search.html"}

# What people paste, and the text of the page that it belongs to.
PASTED = {
    "RuntimeError: normal expects all elements of std >= 0.0": "normal expects all elements of std",
    "Patch buffer overflow": "Patch buffer overflow",
}


def test_each_symptom_has_a_page(pages: Pages, site: Path) -> None:
    """It lies at an address made of its slug, is titled with its text, and is in the sitemap."""
    sitemap = ET.parse(site / "sitemap.xml")  # noqa: S314 - our own file
    mapped = {element.text for element in sitemap.iter() if element.tag.endswith("loc")}
    for slug, symptom in catalogue().items():
        name = f"troubleshooting/{slug}.html"
        title = pages[name].select_one("h1").get_text().removesuffix("#").strip().removesuffix("…")
        assert symptom.title.startswith(title)
        assert any(address.endswith(f"/{name}") for address in mapped)
        assert symptom.title in " ".join(pages[name].select_one("article").get_text().split())


def test_the_entry_leads_to_every_symptom(pages: Pages) -> None:
    """Each is reached from the page that a reader with a crash opens, and from that of the systems."""
    card = next(
        card for card in pages["index.html"].select(".sd-card") if "I have a crash" in card.get_text()
    )
    crash = card.select_one("a[href]")["href"]
    assert crash == "troubleshooting/index.html"
    for name in ("troubleshooting/index.html", "troubleshooting/systems.html"):
        listed = {link["href"] for link in pages[name].select("ul.symptoms a")}
        assert listed == {f"../troubleshooting/{slug}.html" for slug in catalogue()}


def test_a_message_can_be_pasted_where_a_reader_with_a_crash_is(pages: Pages, site: Path) -> None:
    """The field on the entry page asks the site's own search."""
    [form] = pages["troubleshooting/index.html"].select("article form")
    assert (site / "troubleshooting" / form["action"]).resolve() == (site / "search.html").resolve()
    assert form.select_one("input")["name"] == "q"


def test_navigation_stays_short(pages: Pages) -> None:
    """The many pages of messages are in no bar of any page."""
    for page in pages.values():
        for link in page.select("header a, .bd-sidebar-primary a"):
            assert link.get("href", "").rpartition("/")[2].removesuffix(".html") not in catalogue()


def test_the_index_of_the_search_finds_a_message(site: Path) -> None:
    """Without any script of ours, the words of a message lead to its page before any other."""
    index = json.loads(
        (site / "searchindex.js")
        .read_text(encoding="utf-8")
        .removeprefix("Search.setIndex(")
        .removesuffix(")")
    )
    for query, title in PASTED.items():
        scores = _search(index, query)
        best = max(scores.values())
        first = [index["titles"][number] for number, score in scores.items() if score == best]
        assert len(first) >= 1
        assert any(title in name for name in first), query


def _search(index: dict[str, Any], query: str) -> dict[int, int]:
    """Return the scores of the pages that hold all words, as Sphinx's script counts them."""
    language = SearchEnglish({})
    words = {
        language.stem(word)
        for word in re.findall(r"\w+", query.lower())
        if word not in language.stopwords and not word.isdigit()
    }
    scores: dict[int, list[int]] = {}
    for word in words:
        number_scores: dict[int, int] = {}
        for name, score in (("terms", 5), ("titleterms", 15)):
            numbers = index[name].get(word, [])
            for number in numbers if isinstance(numbers, list) else [numbers]:
                number_scores[number] = score
        for number, score in number_scores.items():
            scores.setdefault(number, []).append(score)
    return {number: max(found) for number, found in scores.items() if len(found) == len(words)}


def test_every_page_has_a_markdown_twin(pages: Pages, site: Path) -> None:
    """``page.md`` lies beside ``page.html``, which names it, and is titled alike."""
    for name, page in pages.items():
        if name in WITHOUT_TWIN:
            continue
        link = page.find("link", rel="alternate", type="text/markdown")
        assert link is not None, name
        twin = (site / name).parent / link["href"]
        assert twin == (site / name).with_suffix(".md")
        title = page.select_one("article h1").get_text().removesuffix("#").strip()
        heading = re.search(r"^# (.+)$", twin.read_text(encoding="utf-8"), re.MULTILINE)
        assert heading
        assert re.sub(r"[`\\ ]", "", heading[1]) == re.sub(r"[`\\ ]", "", title)


def test_links_of_the_twins_lead_somewhere(site: Path) -> None:
    """A link from one twin to another leads to a file of the site."""
    broken = [
        (path.relative_to(site).as_posix(), target)
        for path in site.rglob("*.md")
        for target in re.findall(r"\]\(((?!https?:|mailto:|#)[^)#\s]+)", _without_code(path))
        if not (path.parent / target).exists()
    ]
    assert broken == []


def _without_code(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return re.sub(r"(?ms)^[ >*]*(`{3,}).*?^[ >]*\1$|(`+)[^`\n].*?\2", "", text)


def test_twins_hold_no_tags(site: Path) -> None:
    """Nothing but text, links and code is in a twin."""
    tagged = [
        path.name
        for path in site.rglob("*.md")
        if re.search(r"<(div|span|p|svg|script|!--)\b", _without_code(path))
    ]
    assert tagged == []


def test_the_list_for_assistants_names_every_twin(site: Path, pages: Pages) -> None:
    """``llms.txt`` begins with a title and a summary, and leads to the twin of every page, with a sentence each."""
    text = (site / "llms.txt").read_text(encoding="utf-8")
    assert re.match(r"# \w+\n\n> \w.+\n", text)
    base = pages["index.html"].find("link", rel="canonical")["href"].removesuffix("index.html")
    rows = dict(re.findall(r"^- \[.+\]\((\S+\.md)\)(.*)$", text, re.MULTILINE))
    expected = {f"{base}{name.removesuffix('.html')}.md" for name in pages if name not in WITHOUT_TWIN}
    assert expected - rows.keys() == {f"{base}index.md"}
    assert rows.keys() <= expected
    assert [address for address, sentence in rows.items() if len(sentence) < 10] == []
