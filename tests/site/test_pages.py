"""The pages as a browser and a search engine get them."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET

from bs4 import BeautifulSoup

Pages = dict[str, BeautifulSoup]

# What a browser fetches by itself; a plain link to another host is fetched by the reader.
FETCHED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
}
FETCHED_RELATIONS = {
    "stylesheet",
    "icon",
    "preload",
    "modulepreload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "manifest",
}


def test_nothing_is_requested_from_another_host(pages: Pages) -> None:
    """No page makes the browser load a script, style, font or image from elsewhere."""
    requested = [
        (name, value)
        for name, page in pages.items()
        for value in _fetched_by(page)
        if urlsplit(value).netloc or value.startswith("//")
    ]
    assert requested == []


def _fetched_by(page: BeautifulSoup) -> list[str]:
    values = [
        tag[attribute]
        for name, attribute in FETCHED.items()
        for tag in page.find_all(name)
        if tag.get(attribute)
    ]
    values += [
        tag["href"]
        for tag in page.find_all("link")
        if FETCHED_RELATIONS & set(tag.get("rel", ())) and tag.get("href")
    ]
    styles = [tag.get_text() for tag in page.find_all("style")] + [
        tag["style"] for tag in page.find_all(style=True)
    ]
    return values + [url for style in styles for url in re.findall(r"url\([\"']?([^)\"']+)", style)]


def test_no_style_sheet_reaches_for_another_host(site: Path) -> None:
    """Style sheets import and draw from this site alone."""
    reached = [
        (path.name, url)
        for path in site.rglob("*.css")
        for url in re.findall(
            r"(?:url\(|@import )[\"']?((?:https?:)?//[^)\"']+)", path.read_text(encoding="utf-8")
        )
    ]
    assert reached == []


def test_no_script_of_ours_reaches_for_another_host(site: Path) -> None:
    """Scripts of the site fetch nothing from a host named in them."""
    fetch = re.compile(r"(?:fetch|importScripts|import)\(\s*[\"'](?:https?:)?//")
    assert [] == [path.name for path in site.rglob("*.js") if fetch.search(path.read_text(encoding="utf-8"))]


def test_every_figure_has_alternative_text(pages: Pages) -> None:
    """A reader who does not see a figure is told what it shows, in words and not by a file name."""
    poor = [
        (name, image.get("src"), image.get("alt"))
        for name, page in pages.items()
        for image in page.find_all("img")
        if len(image.get("alt", "").split()) < (1 if "logo" in " ".join(image.get("class", ())) else 2)
        or re.search(r"\.(svg|png)$|sphx", image["alt"])
    ]
    assert poor == []


def test_no_link_within_the_site_is_broken(site: Path, pages: Pages) -> None:
    """Every link to a page, a file or a place within a page leads there."""
    broken = []
    places = {name: {tag["id"] for tag in page.find_all(id=True)} for name, page in pages.items()}
    for name, page in pages.items():
        for link in page.find_all("a", href=True):
            parts = urlsplit(link["href"])
            if parts.scheme or parts.netloc or name == "404.html":
                continue
            if not _leads_somewhere(site, places, name, unquote(parts.path), unquote(parts.fragment)):
                broken.append((name, link["href"]))
    assert broken == []


def _leads_somewhere(site: Path, places: dict[str, set[str]], name: str, path: str, fragment: str) -> bool:
    target = (site / name).parent / path if path else site / name
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return False
    there = places.get(target.resolve().relative_to(site.resolve()).as_posix())
    if there is not None and "=" in fragment:  # the view of a tool: values of fields
        return set(dict(parse_qsl(fragment))) <= there
    # The theme's own "#" links act through its script.
    return not fragment or there is None or fragment in there


def test_links_of_the_404_page_work_at_any_depth(pages: Pages) -> None:
    """The 404 page is shown under any address, so nothing on it is relative to where it lies."""
    page = pages["404.html"]
    links = [tag.get("href") or tag.get("src") for tag in page.find_all(["a", "link", "script", "img"])]
    relative = [
        link for link in links if link and not link.startswith(("/", "#", "http", "data:", "mailto:"))
    ]
    assert relative == []


def test_the_sitemap_names_the_pages(site: Path, pages: Pages) -> None:
    """The sitemap leads to pages that exist, and to every page of the guide."""
    tree = ET.parse(site / "sitemap.xml")  # noqa: S314 - our own file
    base = next(
        page.find("link", rel="canonical")["href"] for name, page in pages.items() if name == "index.html"
    )
    base = base.removesuffix("index.html")
    named = {element.text.removeprefix(base) for element in tree.iter() if element.tag.endswith("loc")}
    expected = {
        name for name in pages if name.startswith(("outputs/", "results/", "reference/", "auto_gallery/"))
    }
    assert expected - named == set()
    assert named - set(pages) == set()


def test_every_page_describes_itself(pages: Pages) -> None:
    """A link to any page shows a title, a description and an image when it is shared."""
    special = {"404.html", "search.html", "genindex.html", "py-modindex.html"}
    poor = [
        name
        for name, page in pages.items()
        if name not in special
        and not all(
            page.find("meta", property=f"og:{what}") for what in ("title", "description", "image", "url")
        )
    ]
    assert poor == []


def test_the_picture_for_shared_links_is_there(site: Path, pages: Pages) -> None:
    """The image that the OpenGraph tags name is a file of this site."""
    address = pages["index.html"].find("meta", property="og:image")["content"]
    assert (site / "_static" / address.rpartition("/")[2]).is_file()


def test_search_works_without_another_host(site: Path) -> None:
    """The search page and its index are part of the site."""
    assert (site / "search.html").is_file()
    assert (site / "searchindex.js").stat().st_size > 1000


def test_a_favicon_of_our_own_is_there(site: Path, pages: Pages) -> None:
    """The tab shows our own mark."""
    icon = pages["index.html"].find("link", rel="icon")["href"]
    assert (site / icon).is_file()
