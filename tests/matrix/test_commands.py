"""Programs that are run by a command of their own: what is recorded is listed, and what is wrong is reported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from matrix._commands import RECORDINGS, Command, Program, Transcript, main
from matrix.isaaclab.__main__ import ISAACLAB
from matrix.isaaclab.assets import with_default_prim
from matrix.mjlab.__main__ import MJLAB


def _program(code: str, *, exit_code: int = 0, mangled: int = 0) -> Program:
    """Return Python itself as the program, with one command."""
    command = Command(
        variant="one", arguments=("-c", code), settings={}, exit_code=exit_code, mangled=mangled
    )
    return Program(
        library="isaaclab", distribution="pytest", program="python", packages=(), commands=(command,)
    )


@pytest.mark.parametrize("program", [ISAACLAB, MJLAB], ids=lambda program: program.library)
def test_what_is_recorded_is_what_is_run(program: Program) -> None:
    """Each command has its recording, made by just that command, and no recording is left of another."""
    [folder] = (RECORDINGS / program.library).iterdir()
    commands = {command.variant: command for command in program.commands}

    assert set(commands) == {path.stem for path in folder.glob("*.txt")}
    for variant, command in commands.items():
        recording = json.loads(folder.joinpath(f"{variant}.json").read_text(encoding="utf-8"))
        assert " ".join([program.program, *command.arguments]) == recording["command"]
        assert (folder.name, command.exit_code) == (recording["version"], recording["exit_code"])
        assert command.settings == recording["settings"]


@pytest.mark.parametrize("program", [ISAACLAB, MJLAB], ids=lambda program: program.library)
def test_what_is_typed_is_recorded_and_shows_what_the_pages_say(program: Program) -> None:
    """Each transcript has its recording, of just those lines."""
    [folder] = (RECORDINGS / program.library).iterdir()
    for transcript in program.transcripts:
        path = folder / f"{transcript.variant}.console"
        recording = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        assert "\n".join(transcript.lines) == recording["command"]
        assert (folder.name, transcript.exit_code) == (recording["version"], recording["exit_code"])
        assert not list(transcript.missing(path.read_text(encoding="utf-8")))


def test_a_transcript_is_judged_by_what_it_shows(capfd: pytest.CaptureFixture[str]) -> None:
    """Lines run one after another in a folder with the files, and a missing text is a sentence."""
    typed = Transcript(
        variant="typed",
        lines=("cat test_commands.py > copy", "wc -l \\\n    copy"),
        shows=(r"^\$ cat", r"\d+ copy$", "never printed"),
        files=(Path(__file__),),
    )
    program = _program("")
    assert 1 == main(replace(program, commands=(), transcripts=(typed,)), ["--check"])
    printed = capfd.readouterr().out
    assert "nothing in it matches 'never printed'" in printed
    assert "$ wc -l \\\n    copy\n" in printed


@pytest.mark.parametrize(
    ("program", "status", "message"),
    [
        (_program("print('[1/3] Launching simulation')"), 0, "as expected"),
        (_program("print('words of nobody')"), 1, "1 record unrecognised, the first 'words of nobody'"),
        (_program("print('words of nobody')", mangled=1), 0, "as expected"),
        (_program("raise SystemExit(3)"), 1, "it ended with exit status 3 instead of 0"),
        (
            _program("print('[1/3] Launching simulation'); raise SystemExit(3)", exit_code=3),
            0,
            "as expected",
        ),
    ],
)
def test_it_is_judged_by_how_it_ends_and_how_it_is_read(
    program: Program, status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status tells whether all is well, and a sentence what is not."""
    assert status == main(program, ["--check"])
    assert message in capsys.readouterr().out


def test_an_unknown_variant_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence names those that there are."""
    assert 2 == main(MJLAB, ["warm"])
    assert "'warm' is not one of train, cold, nan" in capsys.readouterr().err


def test_the_cart_pole_opens_on_the_prim_that_it_has() -> None:
    """Nothing but the default prim of a layer changes."""
    layer = '#usda 1.0\n(\n    defaultPrim = "cartPole"\n    upAxis = "Z"\n)\ndef Xform "cartpole"\n{\n}\n'
    expected = layer.replace('defaultPrim = "cartPole"', 'defaultPrim = "cartpole"')
    assert expected == with_default_prim(layer, was="cartPole", now="cartpole")
