"""Every recording in the repository: real output, read whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope.logs import Record, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ROOT = Path(__file__).parents[2] / "recordings"
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
    """As many iterations as were asked for are there once each, and skrl's bar reaches its end."""
    made = _made(path)
    settings = made["settings"]
    assert isinstance(settings, dict)
    if made["exit_code"] != 0:
        pytest.skip("the run did not reach its end")
    records = list(read(path, num_envs=settings["num_envs"]))
    iterations = [record for record in records if record.kind == "iteration"]
    bars = [record for record in records if record.kind == "progress"]
    steps = settings["num_envs"] * settings["horizon"] * settings["iterations"]
    if bars:
        assert settings["iterations"] * settings["horizon"] == bars[-1].iteration == bars[-1].iterations
        assert steps == bars[-1].env_steps
    elif any(record.iteration is not None for record in iterations):
        first = 0 if made["library"] == "rsl_rl" else 1
        assert list(range(first, first + settings["iterations"])) == [
            record.iteration for record in iterations
        ]
    else:
        assert 0 < (iterations[-1].env_steps or 0) <= steps
