"""Outputs of the installed libraries against recordings of the same release."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import pytest

from stepscope.logs import BY_KEY
from stepscope.recordings import VARIANTS, Recording, diff_templates, make_recording

RECORDINGS = Path(__file__).parents[2] / "recordings"
RUNS = [(library, variant) for library, variants in VARIANTS.items() for variant in variants]


@pytest.mark.live
@pytest.mark.parametrize(("library", "variant"), RUNS)
def test_the_installed_library_prints_what_was_recorded(library: str, variant: str) -> None:
    """A run of the installed release ends as it did and prints the lines, labels, units and formats recorded."""
    version = metadata.version(BY_KEY[library].distribution)
    path = RECORDINGS / library / version / f"{variant}.txt"
    if not path.is_file():
        fail(f"{library} {version} is installed but was never recorded: run nox -s record.")

    printed, recording = make_recording(library, variant)
    text = printed.decode(errors="replace")
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["exit_code"]
    if recording.exit_code != expected:
        reason = f"{recording.command} ended with exit status {recording.exit_code} instead of {expected}"
        fail(f"{library} {version}: {reason}:\n{text[-2000:]}")

    differences = diff_templates(path.read_text(encoding="utf-8"), text)
    if differences:
        where = f"{library} {version}, {path.relative_to(RECORDINGS)}"
        report = "\n".join(f"{where}, {difference}" for difference in differences)
        fail(f"{report}\nIf this is meant to be, run nox -s record and read the library's page again.")


def fail(sentence: str) -> NoReturn:
    """Fail with a sentence alone: where in this file it happened helps nobody."""
    pytest.fail(sentence, pytrace=False)


def test_every_variant_is_recorded_of_the_installed_release() -> None:
    """The folder of the release that is installed has each variant in it and the JSON beside it; it may have more."""
    for library, variants in VARIANTS.items():
        folder = RECORDINGS / library / metadata.version(BY_KEY[library].distribution)
        expected = {f"{variant}.{end}" for variant in variants for end in ("txt", "json")}
        assert expected <= {path.name for path in folder.iterdir()}


def test_a_difference_is_reported_with_library_version_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure names the library, its version, both lines, and the place in the recording."""
    version = metadata.version(BY_KEY["rsl_rl"].distribution)
    path = RECORDINGS / "rsl_rl" / version / "default.txt"
    recording = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    text = path.read_bytes().replace(b"Mean reward:", b"Mean return:")
    monkeypatch.setitem(globals(), "make_recording", lambda *_: (text, Recording(**recording)))

    with pytest.raises(pytest.fail.Exception) as failure:
        test_the_installed_library_prints_what_was_recorded("rsl_rl", "default")

    message = str(failure.value)
    assert f"rsl_rl {version}, rsl_rl/{version}/default.txt, line " in message
    assert "recorded 'Mean reward: …', printed now 'Mean return: …'" in message
