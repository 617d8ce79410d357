"""Python for browsers comes from a registry, or the build says at its start why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("sphinx")

from sphinx.errors import ExtensionError

from stepscope._sphinx import pyodide

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("registry", ["http://127.0.0.1:9", "nowhere", "file:///nowhere/"])
def test_a_registry_out_of_reach_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: str
) -> None:
    """With what to do instead."""
    monkeypatch.setenv("npm_config_registry", registry)
    with pytest.raises(
        ExtensionError, match=r"cannot be fetched from .*npm_config_registry, or put the file into"
    ):
        pyodide.fetch(tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_what_is_not_the_archive_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of a proxy would fail every later build; what somebody put there stays where it is."""
    archive = tmp_path / "registry/pyodide/-" / pyodide._ARCHIVE
    archive.parent.mkdir(parents=True)
    archive.write_text("<html>Please log in", encoding="utf-8")
    monkeypatch.setenv("npm_config_registry", (tmp_path / "registry").as_uri())
    with pytest.raises(ExtensionError, match="is not Pyodide"):
        pyodide.fetch(tmp_path / "build")
    assert not (tmp_path / "build").exists()
    with pytest.raises(ExtensionError, match="remove it and build again"):
        pyodide.fetch(archive.parent)
