"""Every recording in the repository: real output, read whole."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix._verdict import check_iterations
from stepscope.logs import Record, read

if sys.version_info >= (3, 11):
    import tomllib
else:  # what pytest reads its own settings with
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ROOT = Path(__file__).parents[2] / "recordings"
_LISTED = tomllib.loads((_ROOT.parent / "matrix" / "versions.toml").read_text(encoding="utf-8"))
_RECORDINGS = sorted(_ROOT.glob("*/*/*.txt"))
# These print around the library that trains, and what they run on prints too.
_AROUND = {"isaaclab": {"isaaclab", "rsl_rl", "warp"}, "mjlab": {"mjlab", "rsl_rl", "warp"}}
# Isaac Lab's launcher prints the traceback of what it lets pass, and Python prints it again.
_TRACEBACKS = {"isaaclab": 2}
# Lines that Python's print and C's printf wrote into one another.
_MANGLED = {"isaaclab/3.0.0/overflow": 2}
pytestmark = pytest.mark.parametrize(
    "path", _RECORDINGS, ids=lambda path: str(path.relative_to(_ROOT).with_suffix(""))
)


def _made(path: Path) -> dict[str, object]:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _listed(made: dict[str, object]) -> dict[str, int]:
    variants = _LISTED.get(str(made["library"]), {}).get("variants", {})
    return variants.get(made["variant"], {})  # type: ignore[no-any-return]


def test_it_is_accounted_for_and_recognised(
    path: Path, accounted: Callable[[Iterable[Record], int], list[Record]]
) -> None:
    """Spans cover the recording, each record counts to its library, and nothing is unrecognised."""
    library = path.parts[-3]
    records = accounted(read(path), path.stat().st_size)
    found = {record.library for record in records}
    assert {library} <= found <= _AROUND.get(library, {library})
    unrecognised = [record.text for record in records if record.kind == "unrecognised"]
    mangled = _MANGLED.get(path.relative_to(_ROOT).with_suffix("").as_posix(), 0)
    assert [] == unrecognised[mangled:]


def test_it_failed_where_the_process_did(path: Path) -> None:
    """A run that ended with an error shows as many failures as were printed, most often one, any other none."""
    made = _made(path)
    failures = [record for record in read(path) if record.kind == "failure"]
    processes = _listed(made).get("processes", 1)
    if made["exit_code"] == 0:
        assert [] == failures
    elif processes > 1:  # whichever of them failed before it was ended, and what started them
        assert 1 <= len(failures) <= processes + 1
    else:
        assert _TRACEBACKS.get(path.parts[-3], 1) == len(failures)


def test_it_has_all_iterations(path: Path) -> None:
    """As many iterations as were asked for are there, numbered one after the other; skrl's bar reaches its end."""
    made = _made(path)
    settings = made["settings"]
    assert isinstance(settings, dict)
    if made["exit_code"] != 0:
        pytest.skip("the run did not reach its end")
    if "iterations" not in settings:
        pytest.skip("it trained nothing")
    listed = _listed(made)
    allowed = {key: listed[key] for key in ("ends_early", "runs", "every") if key in listed}

    assert [] == check_iterations(list(read(path, num_envs=settings["num_envs"])), settings, **allowed)
