"""What stands in front of every line is taken off."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepscope.logs import reads

RECORDINGS = Path(__file__).parents[2] / "recordings"
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
