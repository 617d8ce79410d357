"""Citations of installed sources are checked against the installed file."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from stepscope._sphinx.citations import check_citation, source_url

DOCS = Path(__file__).parents[2] / "docs"


def test_a_right_one_passes() -> None:
    """Words that stand on the cited line are accepted."""
    assert check_citation("json/decoder.py:1 JSONDecoder") is None


def test_a_table_of_torch_can_be_cited() -> None:
    """PyTorch keeps its derivatives in YAML, and a citation of it is checked as one of Python is."""
    table = "torchgen/packaged/autograd/derivatives.yaml"
    assert check_citation(f"{table}:2132 elu_backward") is None
    assert "does not contain" in check_citation(f"{table}:1 elu_backward")


def test_a_line_that_moved_is_noticed() -> None:
    """The sentence shows what the line reads now, so that the author can find the new place."""
    assert "does not contain" in check_citation("json/decoder.py:2 JSONDecoder")


@pytest.mark.parametrize(
    ("citation", "why"),
    [
        ("no_such_package/file.py:1 words", "not installed"),
        ("json/no_such_file.py:1 words", "not installed"),
        ("json/decoder.py:999999 words", "shorter"),
        ("json/decoder.py words", "not of the form"),
    ],
)
def test_a_wrong_one_is_explained(citation: str, why: str) -> None:
    """Whatever is wrong is said in one sentence."""
    assert why in check_citation(citation)


def test_the_guide_cites_only_lines_that_are_there() -> None:
    """Every citation on every page names the line that says so, at the pinned version."""
    pages = [path for path in DOCS.rglob("*.md") if "auto_gallery" not in path.parts]
    citations = [
        text
        for path in pages
        for text in re.findall(r"\{source\}`([^`]+)`", path.read_text(encoding="utf-8"))
    ]
    assert len(citations) > 20
    assert [] == [wrong for text in citations if (wrong := check_citation(text))]


@pytest.mark.parametrize(
    ("where", "tag"),
    [
        ("rsl_rl/utils/logger.py:215", "leggedrobotics/rsl_rl/blob/v"),
        ("rl_games/torch_runner.py:206", "Denys88/rl_games/blob/v"),
        ("skrl/trainers/torch/base.py:201", "Toni-SM/skrl/blob/"),
        ("stable_baselines3/ppo/ppo.py:292", "DLR-RM/stable-baselines3/blob/v"),
        ("tqdm/std.py:961", "tqdm/tqdm/blob/v"),
    ],
)
def test_a_citation_links_to_its_line(where: str, tag: str) -> None:
    """The link is to the tag of the release that is installed, at that line."""
    file, line = where.split(":")
    distribution = {"rsl_rl": "rsl-rl-lib"}.get(file.partition("/")[0], file.partition("/")[0])
    release = version(distribution)
    assert f"https://github.com/{tag}{release}/{file}#L{line}" == source_url(where)


def test_every_cited_package_has_a_link() -> None:
    """A new package is either added to the list of repositories, or the page says why it has no link."""
    text = "".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md"))
    cited = set(re.findall(r"\{source\}`([\w/.]+:\d+) ", text))
    assert [] == sorted(where for where in cited if source_url(where) is None)
