"""What is read does not depend on how the bytes arrive."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz._cases import damaged
from stepscope.logs._read import stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs import Record

_RECORDINGS = sorted(Path(__file__).parents[2].glob("recordings/*/*/*.txt"))
_PIECES = st.sampled_from(
    [
        b"fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/2 frames: 0\n",
        b"fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 2/2 frames: 64\n",
        b"fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 2\n\n",
        b"saving next best rewards:  [7.5]\n",
        b"=> saving checkpoint 'runs/a/nn/last_a_ep_8_rew_7.5.pth'\n",
        b"=> saving checkpoint 'Traceback (most recent call last):\n",
        b"#" * 80 + b"\n   Learning iteration 5/9 \n\n  Mean reward: 7.5\n  ETA: 2 days, 0:00:01\n\n",
        b"nefc overflow - please increase njmax to 8\n",
        b"broadphase overflow - please increase nconmax to 4 or naconmax to 64\n",
        b"\r 40%|####      | 64/160 [00:00<00:00, 570.95it/s]",
        b"\r 50%|#####     | 80/160 [00:00<?, ?it/s]  ",
        b"Using cpu device\n",
        b"#" * 80 + b"\n   Learning iteration 3/4 \n\n  Mean reward: 1.5\n  ETA: 0:00:01\n\n",
        b"#" * 80 + b"\n   Learning iteration 3/4 \n\n  Mean reward: nan\n  ETA: 1 day, 0:00:01\n\n",
        b"#" * 80 + b"\n   Learning iteration 4/4 \n\n  Mean reward: 7\n  ETA: 0:00:01\n",
        b"-" * 18 + b"\n| time/   |      |\n|    fps  | 1    |\n" + b"-" * 18 + b"\n",
        b"-" * 18 + b"\n| time/   |      |\n|    fps  | 1e-7 |\n" + b"-" * 18 + b"\n",
        b"-" * 19 + b"\n| time/   |      |\n|    fps  | 2    |\n" + b"-" * 18 + b"\n",
        b"\n",
        b"\r",
        b" \n",
        b"---\n",
        b"\x1b[0m\n",
        b"\xef\xbb\xbf\n",
        b"[rank1]:\n",
        b"[rank1]: x\n",
    ]
)


def _printed(records: list[Record]) -> list[str]:
    return [record.to_json() for record in records]


def _chunks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@settings(max_examples=400, deadline=None)
@given(st.lists(_PIECES, max_size=12).map(b"".join), st.integers(1, 300))
def test_chunks_of_any_size_read_the_same(data: bytes, size: int) -> None:
    """However records of all kinds are mixed."""
    whole = _printed(list(stream([data], num_envs=3)))
    assert whole == _printed(list(stream(_chunks(data, size), num_envs=3)))


# What else happens to all numbers, blocks or spaces of a log at once.
_CHANGES = (
    (b"", b""),
    (b"\xe2\x96\x88", b"?"),
    (b"Learning iteration ", b"Learning iteration -"),
    (b": ", b": -"),
    (b": ", b": +"),
    (b"0.", b"."),
    (b" ", b"\xc2\xa0"),
    (b"/", b"/-"),
)


@settings(max_examples=60)
@given(st.integers(0, 1 << 32), st.sampled_from(_CHANGES), st.sampled_from([0.02, 1.0]), st.integers(1, 900))
def test_damaged_logs_read_the_same(
    seed: int, change: tuple[bytes, bytes], share: float, largest: int
) -> None:
    """In chunks of any sizes down to single bytes."""
    choose = random.Random(seed)  # noqa: S311 - not a secret
    before, after = change
    log = damaged(choose)[:20_000]
    parts = log.split(before) if before else [log]
    data = b"".join(part + (after if choose.random() < share else before) for part in parts)
    whole = _printed(list(stream([data], num_envs=3)))
    assert whole == _printed(list(stream(_pieces(data, choose, largest), num_envs=3)))


def _pieces(data: bytes, choose: random.Random, largest: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = at + choose.randint(1, largest)
        yield data[at:end]
        at = end


_BLOCK = b"#" * 80 + b"\n   Learning iteration %d/9 \n\n  Mean reward: 7.5\n  ETA: 2 days, 0:00:01\n\n"
_EPOCH = b"fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: %b/9 frames: 0\n"
_TABLE = b"-" * 18 + b"\n| time/   |      |\n|    fps  | %b |\n" + b"-" * 18 + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"".join(b"\r %d%%|%b| %d/160 [00:00<00:00, 5.9it/s]" % (at, b"?" * 10, at) for at in range(1, 9)),
        b"".join(b"\r %d%%|%b| %d/160 [00:00<00:00, 5.9it/s]" % (at, b"ab" * 10, at) for at in range(1, 9)),
        b"".join(_BLOCK % number for number in (3, 4, -5, 6, -7, 8)),
        b"".join(_TABLE % value for value in (b"1   ", b"2   ", b"3" + b" " * 2000, b"4   ")),
        b"".join(_EPOCH % epoch for epoch in (b"1", b"2", b"9" * 30, b"3", b"4")),
        b"saving next best rewards: [7.5]\nsaving next best rewards: [8" + _TABLE % b"1   ",
    ],
    ids=[
        "question marks for blocks",
        "letters for blocks",
        "negative iterations",
        "a row without end",
        "an epoch beyond all numbers",
        "a table behind a checkpoint",
    ],
)
def test_what_is_nearly_a_record_reads_the_same(data: bytes) -> None:
    """A byte at a time."""
    whole = _printed(list(stream([data])))
    assert whole == _printed(list(stream(_chunks(data, 1))))


@pytest.mark.parametrize("path", _RECORDINGS, ids=lambda path: "/".join(path.parts[-3:]))
def test_recordings_read_the_same(path: Path) -> None:
    """Real logs one after the other."""
    data = path.read_bytes() * 2
    whole = _printed(list(stream([data])))
    assert whole == _printed(list(stream(_chunks(data, 777))))
