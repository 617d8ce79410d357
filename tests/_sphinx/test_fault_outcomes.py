"""The table of what one bad value does to each version."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from matrix._run import RECORDINGS
from matrix._versions import read_versions
from stepscope._sphinx.fault_outcomes import read_groups
from stepscope.train.experiments.fault_injection import FAULTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests._sphinx.conftest import Build


def test_every_recording_is_in_one_group_that_ends_so() -> None:
    """Nothing is lost by putting releases together, and none is put to others that end in another way."""
    outcomes = {
        (group.library, group.variant, version): group.endings
        for group in read_groups(RECORDINGS)
        for version in group.versions
    }
    listed = {
        (version.library, name, version.version)
        for versions in read_versions().values()
        for version in versions
        for name in version.fault_variants
    }
    assert listed == set(outcomes)
    for (library, variant, version), endings in outcomes.items():
        recording = json.loads(
            (RECORDINGS / library / version / f"{variant}.json").read_text(encoding="utf-8")
        )
        assert list(FAULTS) == list(recording["endings"])
        assert recording["endings"] == endings
        assert {ending["status"] for ending in endings.values()} <= {0, 1}  # as the page says


def test_what_notices_nothing_stands_at_the_top() -> None:
    """Once a group notices something, no later one notices nothing."""
    noticed = [
        any(ending["status"] for ending in group.endings.values()) for group in read_groups(RECORDINGS)
    ]
    assert noticed == sorted(noticed)
    assert not noticed[0]


def test_the_page_says_how_each_ends(build: Build, project: Path) -> None:
    """In the project that a test builds there is one release, and one that notices nothing beside it."""
    shutil.copytree(RECORDINGS / "skrl" / "2.1.1", project / "recordings" / "skrl" / "2.1.1")
    page = build("```{fault-outcomes}\n```")
    silent, noticed = page.select("table.fault-outcomes tbody tr")
    assert len(FAULTS) == len(silent.select(".refused"))
    assert "exit status 0, weights 100 % NaN" in silent.text
    assert "RSL-RL5.5.1" in noticed.text
    assert "ends in the same step" in noticed.text


def test_a_release_that_compiles_by_default_has_two_labels(build: Build, project: Path) -> None:
    """One row is its default, and the other says that it was not compiled."""
    shutil.copytree(RECORDINGS / "rl_games" / "1.6.5", project / "recordings" / "rl_games" / "1.6.5")
    page = build("```{fault-outcomes}\n```")
    labels = [row.td.get_text() for row in page.select("table.fault-outcomes tbody tr")]
    assert "RL-Games1.6.5, compiled, its default" in labels
    assert "RL-Games1.6.5, 1.6.5 with torch_compile: False" in labels
