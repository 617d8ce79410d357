"""Every recording in the repository: real output, read whole."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from outputs._verdict import iteration_faults
from stepscope.logs import Record, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ROOT = Path(__file__).parents[2] / "recordings"
_LISTED = tomllib.loads((_ROOT.parent / "outputs" / "versions.toml").read_text(encoding="utf-8"))
_RECORDINGS = sorted(_ROOT.glob("*/*/*.txt"))
pytestmark = pytest.mark.parametrize(
    "path", _RECORDINGS, ids=lambda path: str(path.relative_to(_ROOT).with_suffix(""))
)


def _made(path: Path) -> dict[str, object]:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_it_is_accounted_for_and_recognised(
    path: Path, accounted: Callable[[Iterable[Record], int], list[Record]]
) -> None:
    """Spans cover the recording, each record counts to its library, and nothing is unrecognised."""
    records = accounted(read(path), path.stat().st_size)
    assert {path.parts[-3]} == {record.library for record in records}
    assert [] == [record.text for record in records if record.kind == "unrecognised"]


def test_it_failed_where_the_process_did(path: Path) -> None:
    """A run that ended with an error shows exactly one failure, any other none."""
    failures = [record for record in read(path) if record.kind == "failure"]
    assert (_made(path)["exit_code"] != 0) == len(failures)


def test_it_has_all_iterations(path: Path) -> None:
    """As many iterations as were asked for are there, numbered one after the other; skrl's bar reaches its end."""
    made = _made(path)
    settings = made["settings"]
    assert isinstance(settings, dict)
    if made["exit_code"] != 0:
        pytest.skip("the run did not reach its end")
    listed = _LISTED.get(str(made["library"]), {}).get("variants", {}).get(made["variant"], {})
    allowed = {key: listed[key] for key in ("ends_early", "runs") if key in listed}

    assert [] == iteration_faults(list(read(path, num_envs=settings["num_envs"])), settings, **allowed)
