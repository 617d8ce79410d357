"""What stands in front of every line is taken off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope.logs import reads
from stepscope.logs._read import stream

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDINGS = Path(__file__).parents[2] / "recordings"
TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 149, in <module>
    runner.learn(num_learning_iterations=100)
  File "/opt/site-packages/rsl_rl/runners/on_policy_runner.py", line 51, in learn
    actions = self.alg.act(obs)
RuntimeError: normal expects all elements of std >= 0.0
"""
NAMES = ["rl_games/1.6.5/default", "rsl_rl/5.5.1/default", "rsl_rl/3.1.3/default", "sb3/2.9.2/default"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "prefix",
    [
        "trainer_1  | ",
        "[worker-{number}] ",
        "2026-01-02 03:04:{number:02d},678 - train - INFO - ",
        "[2026-01-02T03:04:{number:02d}Z] ",
        "INFO:root:{number} > ",
        "> ",
        ">> ",
        "      ",
        "(pid={number}) ",
        "2026-01-02T03:04:{number:02d}.123456789Z ",
        "INFO:root:",
        "[1,{number}]<stdout>:",
    ],
)
def test_a_prefix_changes_no_number(name: str, prefix: str) -> None:
    """Whatever a launcher, a logger, a mail or an editor puts there."""
    text = (RECORDINGS / f"{name}.txt").read_text(encoding="utf-8")
    lines = text.splitlines()
    prefixed = "".join(
        f"{prefix.format(number=10 + number % 40)}{line}\n" for number, line in enumerate(lines)
    )
    plain = [record for record in reads(text) if record.kind == "iteration"]
    records = list(reads(prefixed))
    assert [dict(record.metrics) for record in plain] == [
        dict(record.metrics) for record in records if record.kind == "iteration"
    ]
    assert [0, *(record.span[1] for record in records)] == [
        *(record.span[0] for record in records),
        len(prefixed.encode()),
    ]


@pytest.mark.parametrize("above", ["", "Loading\n" * 4])
@pytest.mark.parametrize(
    "prefix",
    ["> ", "trainer_1 | ", "2026-01-02T03:04:05.678Z ", "    ", "0: ", "[1,0]<stdout>:", "INFO:root:"],
)
@pytest.mark.parametrize("rank", [None, 1])
def test_a_traceback_alone_tells_its_prefix(prefix: str, above: str, rank: int | None) -> None:
    """Nothing but a traceback is posted, quoted or copied from a container: its lines count as known, no others do."""
    name = "" if rank is None else f"[rank{rank}]: "
    text = "".join(f"{prefix}{name}{line}" for line in (above + TRACEBACK).splitlines(keepends=True))
    *_, record = reads(text)
    assert ("failure", "rsl_rl", rank) == (record.kind, record.library, record.rank)
    first = TRACEBACK.splitlines()[-1]
    assert first == (record.text or "").splitlines()[-1].removeprefix(name)
    assert text.index(f"{prefix}{name}Traceback") == record.span[0]


def test_a_rank_is_no_prefix() -> None:
    """Where a container runs several processes, the name of the container goes and the ranks stay."""
    lines = [
        f"trainer_1  | [rank{number % 2}]: => saving checkpoint '{number}.pth'\n" for number in range(30)
    ]
    assert {0, 1} == {record.rank for record in reads("".join(lines))}


def test_pauses_do_not_end_the_search() -> None:
    """A container that says little while it starts is read as any other once it trains, and nothing waits for it."""
    lines = [f"trainer_1  | loading {number}\n".encode() for number in range(9)]
    recording = (RECORDINGS / "rl_games/1.6.5/default.txt").read_bytes().splitlines(keepends=True)
    chunks = [part for line in lines for part in (line, b"")]
    seen = 0

    def live() -> Iterator[bytes]:
        yield from chunks
        assert len(lines) - 1 <= seen  # the last may go on
        for line in recording:
            yield b"trainer_1  | " + line

    kinds = []
    for record in stream(live()):
        seen += 1
        kinds.append(record.kind)
    assert kinds.count("iteration") == sum(
        record.kind == "iteration" for record in reads(b"".join(recording))
    )
