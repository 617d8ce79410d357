"""The command ``stepscope doctor``: what it prints of this machine, and of one that is broken."""

from __future__ import annotations

import json
import os
import re
import socket
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.commands.conftest import Run

SOURCE = str(Path(__file__).parents[2] / "src")


def _findings(data: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {finding["name"]: finding for finding in data["findings"]}


def _path(*folders: Path) -> str:
    """Return a PYTHONPATH that begins with these folders."""
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join([*map(str, folders), SOURCE, *([inherited] if inherited else [])])


@pytest.mark.live
def test_versions_and_ranks_are_printed(run: Run) -> None:
    """A row for each installed package, and what the ranks said."""
    done = run("doctor", "--ranks", "2", OMP_NUM_THREADS="1", COLUMNS="80")
    assert b"" == done.stderr
    text = done.stdout.decode()
    assert (0, True) == (done.returncode, "2 on gloo agree" in text)
    for name in ("torch", "rl-games", "rsl-rl-lib", "skrl", "stable-baselines3", "numpy"):
        assert re.search(rf"^{name} +{re.escape(metadata.version(name))}\b", text, re.MULTILINE)
    assert "OMP_NUM_THREADS=1" in text
    assert "PyTorch uses 1 thread" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.live
def test_programs_get_the_same(run: Run) -> None:
    """Threads are as the environment sets them: one is never too many, and a word is no number."""
    one = json.loads(run("doctor", "--json", OMP_NUM_THREADS="1").stdout)
    assert (1, "1") == (one["torch"]["threads"], one["variables"]["OMP_NUM_THREADS"])
    assert not [name for name in _findings(one) if name.startswith("threads")]
    word = json.loads(run("doctor", "--json", OMP_NUM_THREADS="all").stdout)
    assert "OMP_NUM_THREADS=all is not a number." == _findings(word)["threads-invalid"]["text"]


def test_a_broken_torch_is_a_finding_and_nothing_personal_is_shown(run: Run, tmp_path: Path) -> None:
    """An error names the user's home directory, the user and the machine; the report does not."""
    home = tmp_path / "adalovelace"
    home.mkdir()
    host = socket.gethostname()
    message = f"{home}/lib/libtorch.so of adalovelace on {host}: undefined symbol; see /home/grace/notes"
    (home / "torch.py").write_text(f"raise ImportError({message!r})\n", encoding="utf-8")
    environment = {
        "PYTHONPATH": _path(home),
        "HOME": str(home),
        "USER": "adalovelace",
        "LOGNAME": "adalovelace",
    }
    for arguments in ((), ("--ranks", "2"), ("--json",)):
        done = run("doctor", *arguments, COLUMNS="400", **environment)
        assert (1, b"") == (done.returncode, done.stderr)
        text = done.stdout.decode()
        assert "PyTorch cannot be imported: ImportError: ~/lib/libtorch.so of USER on" in text
        assert "Traceback" not in text
        assert not re.search(
            rf"adalovelace|grace|(?<!\w){re.escape(host)}(?!\w)|{re.escape(str(tmp_path))}", text
        )


@pytest.mark.live
def test_a_package_that_excludes_another_is_named(run: Run, tmp_path: Path) -> None:
    """Its metadata say so, here those of a release that is older than the installed one."""
    folder = tmp_path / "stable_baselines3-2.3.2.dist-info"
    folder.mkdir()
    requires = "Requires-Dist: numpy <2.0,>=1.20\nRequires-Dist: pytest ; extra == 'tests'\n"
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: stable_baselines3\nVersion: 2.3.2\n{requires}", encoding="utf-8"
    )
    (tmp_path / "torch.py").write_text("raise ImportError('not needed here')\n", encoding="utf-8")
    done = run("doctor", "--json", PYTHONPATH=_path(tmp_path))
    findings = _findings(json.loads(done.stdout))
    unmet = findings["requirement-unmet"]
    assert unmet["text"].startswith("stable-baselines3 2.3.2 requires numpy<2.0,>=1.20, and 2.")
    assert "warn" == unmet["severity"]
    twice = findings["package-twice"]["text"]
    assert f"2.3.2, {metadata.version('stable-baselines3')}" in twice


def test_a_package_without_metadata_is_left_out(run: Run, tmp_path: Path) -> None:
    """An installation that was interrupted leaves such folders."""
    (tmp_path / "mjlab-1.6.0.dist-info").mkdir()
    (tmp_path / "torch.py").write_text("raise ImportError('not needed here')\n", encoding="utf-8")
    done = run("doctor", "--json", PYTHONPATH=_path(tmp_path))
    assert (1, b"") == (done.returncode, done.stderr)
    packages = {package["name"]: package for package in json.loads(done.stdout)["packages"]}
    assert [] == packages["mjlab"]["installed"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--ranks", "1"), "--ranks 1 is not between 2 and 64."),
        (("--ranks", "65"), "--ranks 65 is not between 2 and 64."),
        (("--ranks", "two"), "not a positive integer"),
        (("--limit", "0"), "--limit"),
        (("train.log",), "unrecognized arguments"),
    ],
)
def test_nonsense_gets_one_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """One line on standard error, nothing on standard output, and the exit status 2."""
    done = run("doctor", *arguments)
    assert (2, b"") == (done.returncode, done.stdout)
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("stepscope: ")
    assert sentence in line
