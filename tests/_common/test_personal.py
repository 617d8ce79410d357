"""Names of people and machines in text that is posted."""

from __future__ import annotations

import socket

import pytest

from stepscope._common.personal import remove_personal


def test_home_directories_become_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the user, wherever it is, and those of others; what only begins alike stays."""
    monkeypatch.setenv("HOME", "/srv/homes/adalovelace")
    text = (
        "/srv/homes/adalovelace/venv:/srv/homes/adalovelace2/x /home/someone/a.py C:\\Users\\Ada\\b /usr/lib"
    )
    assert "~/venv:/srv/homes/adalovelace2/x ~/a.py ~\\b /usr/lib" == remove_personal(text)


@pytest.mark.parametrize("variable", ["USER", "LOGNAME", "USERNAME", "SUDO_USER"])
def test_user_names_are_replaced_as_words(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """In any value of a structure; keys stay, since programs look for them."""
    monkeypatch.setenv(variable, "adalovelace")
    value = {"error": ["adalovelace@box: adalovelaces", 3, None]}
    assert {"error": ["USER@HOST: adalovelaces", 3, None]} == remove_personal(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"'C:\\Users\\Ada\\b'", r"'~\\b'"),
        ("C:\\Users\\Ada Lovelace\\b", "~\\b"),
        ("/home/ada/a.py and /scratch/ada/run, /scratch/adam", "~/a.py and /scratch/USER/run, /scratch/adam"),
        ("[ada@node042: step", "[USER@HOST: step"),
        ("scp ada@cluster.example:log .", "scp USER@HOST:log ."),
        ("git@github.com:isaac-sim/IsaacLab", "git@github.com:isaac-sim/IsaacLab"),
        ("a @ b: pkg@1.2", "a @ b: pkg@1.2"),
    ],
)
def test_names_are_learnt_from_the_text(text: str, expected: str) -> None:
    """Of homes in any spelling, of the same person's other folders, of prompts; an address of a repository stays."""
    assert remove_personal(text) == expected


def test_the_name_of_the_machine_is_replaced() -> None:
    """With its domain and without."""
    host = socket.gethostname()
    short = host.partition(".")[0]
    if short == "localhost":
        pytest.skip("this machine has no name of its own")
    assert "on HOST:29500 failed" == remove_personal(f"on {host}:29500 failed")
    assert "HOST failed" == remove_personal(f"{short} failed")


def test_root_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has that account."""
    monkeypatch.setenv("USER", "root")
    assert "the root of it" == remove_personal("the root of it")
