"""Rates on a page: under their scopes, and compared only within one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope._sphinx.rates import rates_from_libraries, rates_from_recording
from stepscope.evidence import FOLDER_VARIABLE

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

    from tests._sphinx.conftest import Build

DASH = "\N{EN DASH}"
ROOT = Path(__file__).parents[2]
PUBLISHED = """
[sources.a]
words = "the page of A"
url = "https://example.org/rates"
[[robots]]
name = "one"
task = "walking"
software = "S"
device = "D"
num_envs = 4096
rollout = 1000
source = "a"
[[robots]]
task = "standing"
software = "S"
device = "D"
num_envs = 8192
step = 5000
source = "a"
against = "one"
[[robots]]
task = "walking"
software = "S"
device = "E"
num_envs = 8192
step = 9000
rollout = 1500
source = "a"
against = "one"
"""


@pytest.fixture(autouse=True)
def results(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of results, with a file of published rates, and one of what the examples have shown."""
    (project / "results").mkdir()
    (project / "results" / "published.toml").write_text(PUBLISHED, encoding="utf-8")
    for library in ("isaaclab", "mjlab"):
        shutil.copytree(ROOT / "recordings" / library, project / "recordings" / library)
    monkeypatch.setenv(FOLDER_VARIABLE, str(project / "evidence"))
    return project / "results"


def _cells(page: BeautifulSoup) -> list[list[str]]:
    return [
        [cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])]
        for row in page.select("table.rates tr")
    ]


def test_rates_stand_under_their_scopes_and_are_compared_within_one(build: Build) -> None:
    """The second row has no scope in common with the first, and its cell says so in words."""
    heads, first, second, third = _cells(build("```{published-rates} robots\n```"))
    assert ["What ran", "step", "rollout"] == heads
    assert ["walking 4,096 environments, D S; the page of A", DASH, "1,000"] == first
    assert ["5,000 not compared with one: rollout is another scope", DASH] == second[1:]
    assert ["9,000", "1,500 1.5x one"] == third[1:]


def test_our_own_rates_are_those_measured_and_those_recorded(build: Build, project: Path) -> None:
    """A row for each library of the build, one for each recorded on a GPU, and those of recorded consoles."""
    measured = {"num_envs": 256, "our_clocks": {"skrl": {"step": 4e6, "rollout": 2e6, "total": 1e6}}}
    where = {"device": "a CPU", "date": "2026-11-01"}
    lines = [
        {"kind": "measurement", "name": "env_steps_per_second", "values": measured},
        {"kind": "provenance", **where},
    ]
    evidence = project / "evidence" / "5_outputs" / "plot_four_meanings_of_fps.jsonl"
    evidence.parent.mkdir(parents=True)
    evidence.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    recorded = project / "results" / "a-gpu" / "5_outputs" / "plot_four_meanings_of_fps.json"
    recorded.parent.mkdir(parents=True)
    result = {"measurements": {"env_steps_per_second": measured}, "device": "a GPU", "date": "2026-11-02"}
    recorded.write_text(json.dumps({**result, "commit": "abc"}), encoding="utf-8")
    heads, *rows = _cells(build("```{our-rates}\n```"))
    assert ["What ran", "step", "rollout", "total"] == heads
    ours = "the cart-pole of this guide 256 environments"
    assert [f"{ours}, a CPU skrl; this build, 2026-11-01", "4,000,000", "2,000,000", "1,000,000"] == rows[0]
    assert f"{ours}, a GPU skrl; recorded 2026-11-02, abc" == rows[1][0]
    assert 3 == sum("lab" in row[0].lower() for row in rows[2:])


def test_a_gpu_shows_each_library_at_each_size_with_its_memory() -> None:
    """A run that failed has no rates and no row."""
    run = {"env_steps_per_second": {"total": 5e5}, "device_bytes": 3 * 2**30}
    runs = {"rsl_rl": {"4096": run, "16384": {"env_steps_per_second": {}, "device_bytes": None}}}
    result = {"device": "Great GPU", "measurements": {"libraries": {"runs": runs}}}
    [row] = rates_from_libraries(result, source="recorded")
    assert ("RSL-RL, 3,072 MiB of GPU memory", "Great GPU") == (row.software, row.device)
    assert (4096, {"total": 5e5}) == (row.num_envs, row.rates)


def test_a_recording_gives_the_rates_that_it_prints() -> None:
    """The middle one of the warm iterations, which are in the text, under the scope that RSL-RL's rate has."""
    path = ROOT / "recordings" / "isaaclab" / "3.0.0" / "train.txt"
    printed = [int(line.split()[-1]) for line in path.read_text().splitlines() if "Steps per second" in line]
    warm = sorted(printed[1:])
    rates = rates_from_recording(path)
    assert {"total": warm[len(warm) // 2]} == rates.rates
    assert ("Isaac-Cartpole-Direct", 64, "AMD EPYC") == (rates.task, rates.num_envs, rates.device)


def test_a_table_that_is_not_there_is_an_error(build: Build) -> None:
    """The build names the table."""
    with pytest.raises(Exception, match=r"no table \[\[boats\]\]"):
        build("```{published-rates} boats\n```")
