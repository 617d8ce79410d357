"""The claims that settle a question, on a page of the guide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stepscope.evidence import FOLDER_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from tests._sphinx.conftest import Build


@pytest.fixture(autouse=True)
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what the examples have shown; two have run."""
    folder = tmp_path / "evidence"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    (folder / "1_tests").mkdir(parents=True)
    for script, *claims in (
        ("plot_one", ("more is faster", "holds", "4.2x", "C01"), ("and larger", "holds", "3 GiB", "C04")),
        ("plot_two", ("a GPU is faster still", "not checked here", "none here", "C01")),
        ("plot_three", ("doubling adds little", "undecided", "30%", "C02")),
    ):
        lines = [
            {
                "kind": "claim",
                "statement": what,
                "verdict": verdict,
                "why": "the machine was too busy" if verdict == "undecided" else None,
                "value": value,
                "question": question,
                "device": "cpu",
            }
            for what, verdict, value, question in claims
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "1_tests" / f"{script}.jsonl").write_text(text)
    return folder


def test_the_claims_about_it_are_shown_with_what_was_measured(build: Build) -> None:
    """Those that settle another are not; each says whether it holds and leads to its script."""
    page = build("```{claims} C01\n```")
    first, second = page.select("ul.claims > li")
    assert ("holds", "4.2x") == (first.select_one(".verdict").text, first.strong.text)
    assert "More is faster. Measured: 4.2x" in first.text
    assert "../auto_gallery/1_tests/plot_one.html" == first.a["href"]
    assert "not checked here" == second.select_one(".verdict").text


def test_the_machines_are_named_once_each(build: Build, evidence: Path) -> None:
    """A list of claims ends with where and when they were checked."""
    for script, device in (("plot_one", "Some CPU"), ("plot_two", "Some GPU"), ("plot_three", "Another")):
        about = {
            "kind": "provenance",
            "device": device,
            "threads": "2",
            "driver": "1.2" if device == "Some GPU" else None,
            "date": "2026-11-26",
        }
        with (evidence / "1_tests" / f"{script}.jsonl").open("a") as file:
            file.write(json.dumps(about) + "\n")
    page = build("```{claims} C01\n```")
    assert "Checked on Some CPU, 2 threads (2026-11-26) and Some GPU (2026-11-26)." in page.get_text()
    assert "Another" not in page.get_text()


def test_those_of_one_script_can_be_shown_alone(build: Build) -> None:
    """Where a page argues with one example, it shows what that one found."""
    (claim,) = build("```{claims} C01 1_tests/plot_one\n```").select("ul.claims > li")
    assert "More is faster" in claim.text


def test_an_undecided_one_says_why_and_what_was_decided_before(build: Build, project: Path) -> None:
    """Noise takes no verdict from the page: the newest recorded one stands beside it, with its provenance."""
    page = build("```{claims} C02\n```")
    (claim,) = page.select("ul.claims > li")
    assert "undecided in this build" == claim.select_one(".verdict").text
    assert claim.text.strip().endswith("The machine was too busy. No decided verdict is recorded yet.")
    recorded = {"question": "C02", "statement": "doubling adds little", "verdict": "holds", "value": "12%"}
    result = {"script": "1_tests/plot_three", "device": "A CPU", "date": "2026-02-03", "commit": "abc"}
    path = project / "results" / "a-cpu" / "1_tests" / "plot_three.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**result, "claims": [recorded]}))
    page = build("```{claims} C02\n```")
    assert "Recorded: holds (12%) on A CPU, 2026-02-03, commit abc." in page.text


def test_a_preview_says_how_to_check_them(build: Build) -> None:
    """Where no example ran there is a box with a sentence instead."""
    page = build("```{claims} C05\n```")
    assert "nox -s docs" in page.select_one(".empty-state").text
    assert [] == page.select("ul.claims")


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("meshes", "meshes is not the number of a question"),
        ("C01 1_tests/plot_three", "there is no gallery/"),
    ],
)
def test_what_is_written_wrongly_fails_the_build(build: Build, argument: str, sentence: str) -> None:
    """A name that is mistyped is no preview."""
    with pytest.raises(Exception, match=sentence):
        build(f"```{{claims}} {argument}\n```")


def record(project: Path, device: str, driver: str | None, script: str, *statements: str) -> None:
    """Save a result of another machine, as it comes from there."""
    path = project / "results" / device.lower().replace(" ", "-") / f"{script}.json"
    path.parent.mkdir(parents=True)
    claims = [
        {"statement": what, "verdict": "holds", "value": "31x", "question": "C01", "why": None}
        for what in statements
    ]
    path.write_text(
        json.dumps(
            {
                "script": script,
                "device": device,
                "driver": driver,
                "date": "2026-11-27",
                "commit": "abc1234",
                "script_sha256": "",
                "claims": claims,
            }
        )
    )


def test_a_gpu_that_has_recorded_has_a_column_of_its_own(build: Build, project: Path) -> None:
    """Its folder is enough: no page is edited; sizes, and so statements, may differ from this build's."""
    assert not build("```{claims} C01\n```").select(".device-columns")
    record(project, "Great GPU 80GB", "580.1", "1_tests/plot_one", "a million is more")
    record(project, "Small GPU 8GB", "580.1", "bench/nans", "and so is a thousand")
    record(project, "Some CPU", None, "1_tests/plot_one", "not a GPU")
    page = build("```{claims} C01\n```")
    here, great, small = page.select(".device-columns > div")
    assert "More is faster" in here.text
    assert "A million is more. Measured: 31x" in great.text
    assert "Recorded on Great GPU 80GB (2026-11-27)." in great.text
    assert "Recorded on Small GPU 8GB" in small.text
    assert "bench/nans.py" == small.code.text
    assert not small.a
    assert "not a GPU" not in page.text
    assert 2 == len(build("```{claims} C01 1_tests/plot_one\n```").select(".device-columns > div"))


def test_the_page_of_an_example_ends_with_what_gpus_have_recorded(build: Build, project: Path) -> None:
    """Those of other scripts are on their own pages."""
    example = project / "docs" / "auto_gallery" / "1_tests" / "plot_one.md"
    example.parent.mkdir(parents=True)
    example.write_text("---\norphan: true\n---\n# One\n\nIt measures.\n")
    html = project / "html" / "auto_gallery" / "1_tests" / "plot_one.html"
    build("Nothing.")
    assert "On a GPU" not in html.read_text()
    record(project, "Great GPU 80GB", "580.1", "1_tests/plot_one", "a million is more")
    record(project, "Other GPU", "580.1", "1_tests/plot_two", "of another script")
    build("Nothing.")
    page = html.read_text()
    assert page.index("It measures.") < page.index("A million is more") < page.index("Great GPU 80GB")
    assert "Other GPU" not in page
