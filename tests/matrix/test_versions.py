"""The list of versions and the folder of recordings say the same."""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from matrix._environment import ROOT
from matrix._run import RECORDINGS
from matrix._versions import LIST, Variant, Version, read_versions
from stepscope.errors import BadInputError
from stepscope.logs import BY_KEY
from stepscope.recordings import VARIANTS

if TYPE_CHECKING:
    from pathlib import Path

LISTED = [version for versions in read_versions().values() for version in versions]
RUNS = [(version, variant) for version in LISTED for variant in version.variants]


def named(value: object) -> str:
    """Return the name of a test's case."""
    return value.name if isinstance(value, Variant) else f"{value.library}-{value.version}"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("version", "variant"), RUNS, ids=named)
def test_a_listed_variant_is_recorded(version: Version, variant: Variant) -> None:
    """There is a text, and beside it a JSON of that library in that version, run with the listed settings."""
    path = RECORDINGS / version.library / version.version / f"{variant.name}.txt"
    recording = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    assert path.stat().st_size > 0
    assert (
        version.version == recording["version"] == recording["versions"][BY_KEY[version.library].distribution]
    )
    assert (version.library, variant.name) == (recording["library"], recording["variant"])
    assert variant.settings == recording["settings"]
    assert variant.may_fail or recording["exit_code"] == 0
    for name, _, pinned in (pin.partition("==") for pin in version.requires):
        assert pinned == recording["versions"][name]


def test_what_is_recorded_is_listed() -> None:
    """No recording is left of a version or variant that nothing makes any more."""
    listed = {(version.library, version.version, variant.name) for version, variant in RUNS}
    installed = {
        (library, metadata.version(BY_KEY[library].distribution), variant)
        for library, variants in VARIANTS.items()
        for variant in variants
    }
    libraries = {version.library for version in LISTED} | set(VARIANTS)
    recorded = {
        (path.parts[-3], path.parts[-2], path.stem)
        for path in RECORDINGS.glob("*/*/*.txt")
        if path.parts[-3] in libraries
    }

    assert set() == recorded - listed - installed
    assert set() == listed & installed  # each has one command that makes it


def test_every_shim_is_used_and_says_why() -> None:
    """Each folder of shims is named by a version, and each module in it has a docstring."""
    shims = ROOT / "matrix" / "shims"
    there = {path.name for path in shims.iterdir() if path.is_dir()} if shims.is_dir() else set()

    assert there == {shim for version in LISTED for shim in version.shims}
    for module in shims.rglob("*.py"):
        assert module.read_text(encoding="utf-8").startswith('"""'), module


def test_every_entry_has_a_note_and_the_newest_release_is_listed() -> None:
    """A person reads what it takes to install a version, and what the project installs is run, too."""
    for version in LISTED:
        assert version.note.endswith("."), version
    for library in {version.library for version in LISTED}:
        installed = metadata.version(BY_KEY[library].distribution)
        assert installed in [version.version for version in LISTED if version.library == library]


@pytest.mark.parametrize(
    ("entry", "message"),
    [('version = "1"\nvariants = []\nnote = ""\nshim = ["ray"]', "shim"), ('version = "1"', "variants")],
)
def test_an_entry_with_a_wrong_key_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    """A key that means nothing, or one that is missing, is named together with the entry."""
    path = tmp_path / LIST.name
    path.write_text(f"[settings]\n[[skrl.versions]]\n{entry}\n", encoding="utf-8")

    with pytest.raises(BadInputError, match=rf"skrl 1: .*{message}"):
        read_versions(path)
