"""Blocks of recordings, again and again, with other digits and with counters that go on counting."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

    # Prints the number of an iteration into a block.
    _Slot = Callable[[random.Random, int], bytes]

_STEPS = 98_304  # environment steps in an iteration: 4096 environments, 24 vector steps
_SECONDS = 1.3  # that it takes


def rsl_rl(path: Path, choose: random.Random, *, total: int) -> Iterator[bytes]:
    """Yield a recording of RSL-RL, then iterations like its own without an end."""
    opening, *blocks = re.split(rb"(?m)^(?=#{80}$)", path.read_bytes())
    yield opening
    slots = _rsl_rl_slots(total, wraps=b"Time elapsed: 00:" in opening + blocks[0])
    yield from _iterations(blocks[1:-1], _RSL_RL_NUMBER, slots, choose)


def rl_games(path: Path, choose: random.Random, *, total: int) -> Iterator[bytes]:
    """Yield the start of a recording of RL-Games, then epochs and checkpoints like its own."""
    opening, *blocks = re.split(rb"(?m)^(?=fps step: )", path.read_bytes())
    yield opening
    slots: dict[bytes, _Slot] = {
        b"epoch: ": lambda _, number: b"%d" % (number + 1),
        b"/": lambda *_: b"%d" % total,
        b"frames: ": lambda _, number: b"%d" % (number * _STEPS),
        b"_ep_": lambda _, number: b"%d" % (number + 1),
    }
    yield from _iterations(blocks[1:-1], _RL_GAMES_NUMBER, slots, choose)


def sb3(path: Path, choose: random.Random) -> Iterator[bytes]:
    """Yield the start of a recording of Stable-Baselines3, then tables like its own, as wide as they were."""
    opening, *blocks = re.split(rb"(?m)^(?=-+\n\| rollout/)", path.read_bytes())
    yield opening
    slots: dict[bytes, _Slot] = {
        b"iterations": lambda _, number: b"%d" % (number + 1),
        b"total_timesteps": lambda _, number: b"%d" % ((number + 1) * _STEPS),
        b"time_elapsed": lambda _, number: b"%d" % (number * _SECONDS),
    }
    full = [block for block in blocks if b"| train/" in block and re.fullmatch(rb"(?:[-|].*\n)+", block)]
    yield from _iterations(full, _SB3_NUMBER, slots, choose, fixed=True)


# Each names the label of a counter, and finds the number behind it.
_RSL_RL_NUMBER = re.compile(
    rb"(?P<label>Learning iteration |Total steps: |Total timesteps: |Time elapsed: |ETA: |(?<=\d)/(?=\d+ ))"
    rb"(?P<counter>[\d:]+s?)|(?P<number>(?<=: )-?\d[\d.]*|(?<=learning )\d[\d.]*)"
)
_RL_GAMES_NUMBER = re.compile(
    rb"(?P<label>epoch: |frames: |_ep_|(?<=\d)/(?=\d))(?P<counter>\d+)|(?P<number>(?<=: )\d+|(?<=[\[_])\d+\.\d+)"
)
_SB3_NUMBER = re.compile(
    rb"(?P<label>iterations|total_timesteps|time_elapsed)(?P<counter> +\| \d+ *)|(?P<number>(?<=\| )-?\d[\d.]*)"
)


def _rsl_rl_slots(total: int, *, wraps: bool) -> dict[bytes, _Slot]:
    def clock(seconds: float) -> bytes:
        if wraps:
            return time.strftime("%H:%M:%S", time.gmtime(seconds)).encode()
        return str(timedelta(seconds=int(seconds))).encode()

    return {
        b"Learning iteration ": lambda _, number: b"%d" % number,
        b"/": lambda *_: b"%d" % total,
        b"Total steps: ": lambda _, number: b"%d" % ((number + 1) * _STEPS),
        b"Total timesteps: ": lambda _, number: b"%d" % ((number + 1) * _STEPS),
        b"Time elapsed: ": lambda _, number: clock(number * _SECONDS),
        b"ETA: ": lambda _, number: clock((total - number) * _SECONDS),
    }


def _iterations(
    blocks: list[bytes],
    number: re.Pattern[bytes],
    slots: dict[bytes, _Slot],
    choose: random.Random,
    *,
    fixed: bool = False,
) -> Iterator[bytes]:
    """Yield the blocks in any order, each number of them drawn anew; `fixed` says that all keep their width."""
    templates = [_template(block, number, slots, fixed=fixed) for block in blocks]
    turn = 0
    while True:
        template = choose.choice(templates)
        yield b"".join([part if isinstance(part, bytes) else part(choose, turn) for part in template])
        turn += 1


def _template(
    block: bytes, number: re.Pattern[bytes], slots: dict[bytes, _Slot], *, fixed: bool
) -> list[bytes | _Slot]:
    """Return the parts of a block: text that stays, and what prints a number."""
    parts: list[bytes | _Slot] = []
    end = 0
    for found in number.finditer(block):
        if found["number"] is None:
            begin, slot = found.start("counter"), slots[found["label"]]
            if b"|" in found["counter"]:
                slot = _cell(found["counter"], slot)
        else:
            begin, slot = found.start("number"), _digits(found["number"], fixed=fixed)
        parts += [block[end:begin], slot]
        end = found.end()
    return [*parts, block[end:]]


def _cell(cell: bytes, slot: _Slot) -> _Slot:
    before, width = cell[: cell.index(b"|") + 2], len(cell) - cell.index(b"|") - 2
    return lambda choose, turn: before + slot(choose, turn).ljust(width)


def _digits(text: bytes, *, fixed: bool) -> _Slot:
    """Return what prints a number of the same shape: sign, a zero or digits, point, decimals."""
    shape = re.fullmatch(rb"(-?0?)(\d*)(\.?\d*)", text)
    if shape is None:
        return lambda *_: text
    start, whole, rest = shape.groups()
    decimals = len(rest[1:])
    least = 0 if not whole else 10 ** (len(whole) - 1) if fixed else 1
    range_, scale = 10 ** len(whole) - least, 10**decimals

    def draw(choose: random.Random, _: int) -> bytes:
        value = b"%d" % (least + int(range_ * choose.random())) if whole else b""
        return (
            b"%b%b.%0*d" % (start, value, decimals, int(scale * choose.random())) if rest else start + value
        )

    return draw
