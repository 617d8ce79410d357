"""The examples as the build ran them and as a reader downloads them."""

import ast
import json
import os
import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from stepscope.evidence import read_ledger

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ledger() -> dict:
    """What each script has shown in the build that made the site."""
    folder = Path(os.environ.get("STEPSCOPE_EVIDENCE", ROOT / "_build" / "evidence"))
    return {shown.script: shown for shown in read_ledger(folder)}


@pytest.mark.usefixtures("site")
def test_every_script_ran(scripts: dict[str, Path], ledger: dict) -> None:
    """There is evidence of a finished run for each script, and none took no time."""
    assert set(ledger) == set(scripts)
    assert [name for name, shown in ledger.items() if not shown.run.get("seconds", 0) > 0] == []


def test_no_two_scripts_have_the_same_name(scripts: dict[str, Path]) -> None:
    """``nox -s example -- NAME`` and sphinx-gallery know a script by its name alone."""
    assert len(scripts) == len({path.name for path in scripts.values()})


@pytest.mark.usefixtures("site")
def test_no_claim_is_false(ledger: dict) -> None:
    """A site with a claim that does not hold is not published."""
    assert [] == [
        claim["statement"] for shown in ledger.values() for claim in shown.claims_with("does not hold")
    ]


def test_no_page_of_the_gallery_shows_a_crash(
    scripts: dict[str, Path], pages: dict[str, BeautifulSoup]
) -> None:
    """An example that failed is not published; one may print how a process of its own failed."""
    crashed = ".highlight-pytb"  # what sphinx-gallery writes an example's own exception in
    assert [] == [name for name in scripts if pages[f"auto_gallery/{name}.html"].select(crashed)]


@pytest.mark.usefixtures("site")
def test_every_script_states_claims_and_provenance(ledger: dict) -> None:
    """Each script checks something, and says where and with what."""
    assert [name for name, shown in ledger.items() if not shown.claims or not shown.provenance] == []


def test_every_page_shows_what_its_script_printed(
    scripts: dict[str, Path], pages: dict[str, BeautifulSoup]
) -> None:
    """A page of the gallery has output and a figure: it was not built without running."""
    for name in scripts:
        page = pages[f"auto_gallery/{name}.html"]
        assert page.find(class_="sphx-glr-script-out"), name
        assert page.find("img", class_="figure"), name


def test_each_download_is_the_script(
    site: Path, scripts: dict[str, Path], pages: dict[str, BeautifulSoup]
) -> None:
    """What the page gives to download is the file in the repository, byte for byte."""
    for name, path in scripts.items():
        page = pages[f"auto_gallery/{name}.html"]
        (link,) = {a["href"] for a in page.find_all("a", class_="download") if a["href"].endswith(".py")}
        download = (site / "auto_gallery" / name).parent / link
        assert path.read_bytes() == download.resolve().read_bytes()


def test_each_script_is_a_notebook_too(
    site: Path, scripts: dict[str, Path], pages: dict[str, BeautifulSoup]
) -> None:
    """It first installs the wheel of this site, and then runs the same statements; a zip file holds both."""
    (wheel,) = (site / "wheels").glob("*.whl")
    for name, path in scripts.items():
        folder = (site / "auto_gallery" / name).parent
        links = {
            Path(link["href"]).suffix: folder / link["href"]
            for link in pages[f"auto_gallery/{name}.html"].find_all("a", class_="download")
        }
        cells = json.loads(links[".ipynb"].read_text(encoding="utf-8"))["cells"]
        install, *code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        assert install.startswith("%pip install")
        assert install.endswith(f'/wheels/{wheel.name}"')
        docstring, *statements = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(docstring, ast.Expr)
        assert ast.dump(ast.parse("\n".join(code))) == ast.dump(ast.Module(statements, []))
        with zipfile.ZipFile(links[".zip"]) as archive:
            assert {path.name, f"{path.stem}.ipynb"} == set(archive.namelist())


def test_each_header_names_the_wheel_of_this_site(site: Path, scripts: dict[str, Path]) -> None:
    """The PEP 723 header of a script asks for the very file that the site serves."""
    (wheel,) = (site / "wheels").glob("*.whl")
    for path in scripts.values():
        header = re.search(
            r"^# /// script\n(.*?)^# ///$", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        metadata = tomllib.loads(re.sub(r"^# ?", "", header[1], flags=re.MULTILINE))
        (requirement,) = metadata["dependencies"]
        assert requirement.startswith(("stepscope[examples] @ ", "stepscope[examples,tune] @ "))
        assert requirement.rpartition("/")[2] == wheel.name


def test_the_ledger_page_lists_every_claim(pages: dict[str, BeautifulSoup], ledger: dict) -> None:
    """Each claim of each script stands on the page of claims, with its value."""
    rows = [row.get_text(" ") for row in pages["results/claims.html"].select("table.claims-ledger tbody tr")]
    claims = [claim for shown in ledger.values() for claim in shown.claims]
    assert len(rows) == len(claims) > 0
    for claim in claims:
        statement = claim["statement"][1:]  # a sentence begins with a capital letter
        assert any(statement in row and claim["value"] in row for row in rows), statement


def test_the_ledger_page_lists_every_question(pages: dict[str, BeautifulSoup], ledger: dict) -> None:
    """Each number in the ledger is explained below it, with a verdict in words."""
    questions = {claim["question"] for shown in ledger.values() for claim in shown.claims} - {None}
    rows = [
        [cell.get_text(" ", strip=True) for cell in row.select("td")]
        for table in pages["results/claims.html"].select("table:not(.claims-ledger)")
        for row in table.select("tbody tr")
    ]
    assert questions == {number for number, words, verdict in rows if words and verdict}


def test_a_page_of_the_guide_shows_what_was_checked(pages: dict[str, BeautifulSoup]) -> None:
    """Where it argues with claims, or with a figure, the build has them."""
    guide = [name for name in pages if name.startswith("guide/") and not name.endswith("index.html")]
    assert guide
    for name in guide:
        assert pages[name].select("ul.claims"), name
        assert [] == pages[name].select(".empty-state"), name
