"""An all-reduce in real processes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from stepscope.doctor import check_ranks
from stepscope.doctor._ranks import judge
from tests.processes import Started

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("torch")
LIMIT = 300.0


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Return the processes that a test starts."""
    processes = Started()
    for name, value in {**processes.environment, "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    return processes


@pytest.mark.live
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_on_gloo_agree(started: Started, ranks: int) -> None:
    """Each has the sum of all, and none is left behind."""
    result = check_ranks(ranks, backend="gloo", limit=LIMIT)
    assert (ranks, "gloo", None) == (result.ranks, result.backend, result.problem)
    assert result.seconds is not None
    assert [] == started.left()


@pytest.mark.live
def test_a_network_interface_that_does_not_exist_is_one_sentence(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gloo's own error, of the first rank that failed."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "nothing0")
    result = check_ranks(2, backend="gloo", limit=LIMIT)
    assert result.seconds is None
    assert re.match(r"Rank \d ended with exit status 1: .*nothing0", result.problem or "")
    assert [] == started.left()


@pytest.mark.live
def test_ranks_that_are_late_are_named_and_killed(started: Started) -> None:
    """Python has not even started by then."""
    result = check_ranks(2, backend="gloo", limit=0.001)
    assert "Ranks 0 and 1 did not finish within 0.001 s." == result.problem
    assert [] == started.left()


def test_a_torch_that_cannot_be_imported_is_one_sentence(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last line of its traceback."""
    (tmp_path / "torch.py").write_text(
        'raise ImportError("libcudart.so.12: cannot open")\n', encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)  # where `python -m` looks first
    result = check_ranks(2, backend="gloo", limit=LIMIT)
    assert re.fullmatch(
        r"Rank \d ended with exit status 1: ImportError: libcudart.so.12: cannot open", result.problem or ""
    )
    assert [] == started.left()


def test_sums_that_differ_are_told_from_sums_that_are_wrong_everywhere() -> None:
    """The ranks whose sum is wrong are named."""
    right, wrong = {"sum": 6.0, "right": True}, {"sum": 5.0, "right": False}
    assert judge([{"rank": 0, **right}, {"rank": 1, **right}]) is None
    disagree = judge([{"rank": 0, **right}, {"rank": 1, **wrong}, {"rank": 2, **wrong}])
    assert "The ranks disagree: ranks 1 and 2 have a wrong sum." == disagree
    agree = judge([{"rank": 0, **wrong}, {"rank": 1, **wrong}])
    assert "The ranks agree on a wrong sum: ranks 0 and 1 have a wrong sum." == agree
