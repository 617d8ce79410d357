"""A minute of what ``nox -s fuzz`` does for as long as one likes, and whether it would notice."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from fuzz.__main__ import case, laws_of, main, problem
from fuzz._patterns import check_pattern, hostile, patterns
from fuzz._shrink import shrunk
from fuzz._time import check_linear
from fuzz._tools import BrokenLawError, Pieces, hold
from stepscope.explain import catalogue
from stepscope.logs import read

if TYPE_CHECKING:
    import random
    from pathlib import Path


@pytest.mark.parametrize("first", range(0, 40, 5))
def test_nothing_is_lost_of_damaged_logs(first: int) -> None:
    """Every law holds of five logs that something happened to."""
    for seed in range(first, first + 5):
        assert [] == [said for law in laws_of(seed) if (said := problem(law, case(seed), seed)) is not None]


@pytest.mark.parametrize("part", range(8))
def test_no_expression_takes_long(part: int) -> None:
    """Strings made of the reader's own expressions take linear time, long lines and many lines alike.

    Of the catalogue's, which are many and alike, these are some; a whole run of ``nox -s fuzz`` does all.
    """
    own, listed = [], []
    for name, pattern in patterns().items():
        (listed if name in catalogue() else own).append((name, pattern))
    some = [*own[part::8], *listed[part::64]]
    assert len(some) > 2
    found = (check_pattern(name, pattern, long=False, samples=1) for name, pattern in some)
    assert [] == [said for each in found for said in each]


@pytest.mark.timing
@pytest.mark.parametrize("bad", [rb"(?:a+)+!", rb"x(?:\d|\d\d)*;", rb"(?:\s*\w*)*$"])
def test_the_hunt_finds_a_catastrophe(bad: bytes) -> None:
    """What is known to take exponential time takes it on one of the strings."""
    pattern = re.compile(bad)

    def seconds(size: int) -> float:
        found = []
        for _ in range(3):  # what disturbs one of them hardly disturbs all
            started = time.process_time()
            for one in hostile("bad", pattern):
                pattern.fullmatch(one.line(size)[:-1])
            found.append(time.process_time() - started)
            if found[-1] > 0.5:  # nor does it disturb what takes long
                break
        return min(found)

    assert seconds(23) > 4 * seconds(16)


def test_a_square_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading whose time is the square of the length is reported."""
    monkeypatch.setattr("fuzz._time.seconds", lambda data, *, repeats: repeats and (len(data) / 1e5) ** 2)
    with pytest.raises(BrokenLawError, match=r"but 400,000 bytes of the same kind 16\.000 s"):
        check_linear(b"a" * 100_000, b"a" * 400_000)


def test_a_failing_log_becomes_short() -> None:
    """All that is left of a log is what it takes to fail."""
    data = b"".join(b"line %d of a log\n" % number for number in range(300))
    assert b"7f" == shrunk(data.replace(b"17 of", b"17f"), lambda log: b"7f" in log)


def test_a_seed_is_a_log() -> None:
    """A case can be made again from its number."""
    assert case(7) == case(7)
    assert case(7) != case(8)


def test_a_failure_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever finds something gets a file, the seed and a sentence."""

    def law(data: bytes, _: random.Random) -> None:
        hold(b"e" not in data, "there is an e")

    monkeypatch.setattr("fuzz.__main__.FOLDER", tmp_path)
    monkeypatch.setattr("fuzz.__main__.CHECKS", (law,))
    assert 1 == main(["--seed", "1", "--cases", "1"])
    assert b"e" == (tmp_path / "1-law.txt").read_bytes()
    assert "seed 1 (1 bytes" in (out := capsys.readouterr().out)
    assert "law: BrokenLawError: there is an e" in out


def test_pieces_are_the_whole() -> None:
    """A file that gives single bytes reads as any other."""
    text = b"Using cpu device\nLogging to runs/PPO_1\n"
    assert list(read(Pieces(text, lambda: 1))) == list(read(Pieces(text, lambda: 99)))  # type: ignore[arg-type]
