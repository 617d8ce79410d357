"""Which versions print what a log holds, against the versions that printed the recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepscope.logs import LIBRARIES, read, reads
from stepscope.runs._summary import Summary
from stepscope.runs._versions import VersionDetector

RECORDINGS = Path(__file__).parents[2] / "recordings"
_LIBRARIES = ("rl_games", "rsl_rl", "sb3", "skrl")


def _versions(text: str | bytes, library: str) -> str:
    summary = Summary("a log")
    for record in reads(text):
        summary.add(record)
    return str(dict(summary.runs()[0].libraries)[library])


def _parts(version: str | None) -> tuple[int, ...]:
    return tuple(map(int, (version or "0").split(".")))


@pytest.mark.parametrize(
    "path",
    [path for library in _LIBRARIES for path in sorted(RECORDINGS.glob(f"{library}/*/*.txt"))],
    ids=lambda path: "-".join(path.parts[-3:]),
)
def test_the_version_of_a_recording_is_never_excluded(path: Path) -> None:
    """Whatever is said of a log, the version that printed it is among it."""
    summary = Summary(path.name)
    for record in read(path):
        summary.add(record)
    library, version = path.parts[-3:-1]
    for run in summary.runs():
        versions = dict(run.libraries).get(library)
        if versions is not None:
            assert _parts(versions.first) <= _parts(version)
            assert versions.last is None or _parts(version) <= _parts(versions.last)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rl_games/1.5.2/default", "1.5.2 or older"),
        ("rl_games/1.6.0/default", "1.6.0"),
        ("rl_games/1.6.1/default", "1.6.1"),
        ("rl_games/1.6.5/default", "1.6.5 or newer"),
        ("rl_games/1.6.5/sac", "1.6.5 or newer"),
        ("rl_games/1.6.1/sac", "1.6.0 to 1.6.1"),
        ("rsl_rl/2.1.2/default", "2.1.2 or older"),
        ("rsl_rl/2.2.4/default", "2.2.0 to 2.2.4"),
        ("rsl_rl/2.3.0/default", "2.3.0"),
        ("rsl_rl/2.3.0/late_episodes", "2.3.0"),
        ("rsl_rl/2.3.3/default", "2.3.1 to 2.3.3"),
        ("rsl_rl/3.1.3/default", "3.0.0 to 3.1.3"),
        ("rsl_rl/3.3.0/default", "3.2.0 to 3.3.0"),
        ("rsl_rl/4.0.1/default", "4.0.0 to 4.0.1"),
        ("rsl_rl/5.0.1/default", "5.0.0 or newer"),
        ("sb3/2.3.2/default", "2.3.2 or older"),
        ("sb3/2.9.2/default", "2.4.0 or newer"),
        ("sb3/2.9.2/sac", "None"),
        ("skrl/2.1.1/default", "None"),
    ],
)
def test_versions_are_narrowed_down(name: str, expected: str) -> None:
    """As far as what is printed tells, and no further."""
    assert expected == _versions((RECORDINGS / f"{name}.txt").read_bytes(), name.split("/", maxsplit=1)[0])


def test_what_is_missing_tells_only_where_it_would_stand() -> None:
    """A log that begins in the middle lacks the lines of the start, and is not said to be older for it."""
    text = (RECORDINGS / "rl_games" / "1.6.5" / "default.txt").read_text(encoding="utf-8")
    assert "1.6.0 or newer" == _versions(text[text.index("fps step") :], "rl_games")


def test_signs_that_contradict_say_nothing() -> None:
    """Logs of two versions that were put together are of no version."""
    clues = VersionDetector("rsl_rl")
    for version in ("4.0.1", "5.5.1"):
        for record in read(RECORDINGS / "rsl_rl" / version / "default.txt"):
            clues.update(record)
    assert clues.versions() is None


def test_every_recorded_library_is_known() -> None:
    """A folder of recordings of a library that trains has its signs, or none that tell."""
    assert set(_LIBRARIES) == {library.key for library in LIBRARIES if library.trains}
