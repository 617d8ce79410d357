"""``python -m fuzz``: damage logs, read them, and report what does not hold."""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz._cases import damaged
from fuzz._checks import CHECKS
from fuzz._commands import commanded
from fuzz._memory import bounded, kept_lightly
from fuzz._patterns import check_pattern, patterns
from fuzz._shrink import shrunk
from fuzz._time import blown_up, check_linear
from stepscope._common.arguments import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

FOLDER = Path("_build/fuzz")
_ALIKE = 2  # that are shown of one kind


def linear(data: bytes, choose: random.Random) -> None:
    """Raise if the time grows faster than what is made of `data`."""
    check_linear(*blown_up(data, choose))


# What takes longer is done for one case in so many.
_SOMETIMES: dict[Callable[[bytes, random.Random], None], int] = {
    linear: 8,
    commanded: 5,
    bounded: 40,
    kept_lightly: 40,
}


def laws_of(seed: int) -> list[Callable[[bytes, random.Random], None]]:
    """Return what this case is checked for."""
    return [*CHECKS, *(law for law, turns in _SOMETIMES.items() if seed % turns == 0)]


def problem(law: Callable[[bytes, random.Random], None], data: bytes, seed: int) -> str | None:
    """Return what a law says of a log, or None if it holds; whatever is raised is a finding."""
    try:
        law(data, random.Random(seed))  # noqa: S311 - not a secret
    except Exception as error:  # noqa: BLE001 - this is what we are looking for
        return f"{law.__name__.strip('_')}: {type(error).__name__}: {error}"
    return None


def case(seed: int) -> bytes:
    """Return the log of a case: the same seed, the same log, as long as the recordings are the same."""
    return damaged(random.Random(seed))  # noqa: S311 - not a secret


def run(seeds: range, *, until: float) -> int:
    """Check case after case and return how many failures there were; the first of each kind are written to files."""
    count = 0
    kinds: Counter[str] = Counter()
    for seed in seeds:
        if time.monotonic() > until:
            break
        count += 1
        data = case(seed)
        for law in laws_of(seed):
            if (said := problem(law, data, seed)) is None:
                continue
            kinds[kind(said)] += 1
            if kinds[kind(said)] <= _ALIKE:
                _report(seed, data, said, law)
    _say(f"{count:,} cases, {kinds.total():,} failures of {len(kinds)} kinds")
    return kinds.total()


def hunt(*, until: float) -> int:
    """Make strings for one expression after another and return how many of these took too long."""
    every = list(patterns().items())
    random.shuffle(every)  # where the time ends first, another run comes to others
    count = failures = 0
    for name, pattern in every:
        if time.monotonic() > until:
            break
        count += 1
        for said in check_pattern(name, pattern):
            failures += 1
            _say(said)
    _say(f"{count} of {len(every)} expressions, {failures} strings that took too long")
    return failures


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def kind(said: str) -> str:
    """Return what two reports have in common that are of one fault."""
    return re.sub(r"\d+|\(.*", "#", said)[:90]


def _report(seed: int, data: bytes, said: str, law: Callable[[bytes, random.Random], None]) -> None:
    """Write down a log that fails, made as short as it goes."""

    def fails_alike(log: bytes) -> bool:
        found = problem(law, log, seed)
        return found is not None and kind(found) == kind(said)

    short = shrunk(data, fails_alike)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{seed}-{law.__name__.strip('_')}.txt"
    path.write_bytes(short)
    _say(f"seed {seed} ({len(short)} bytes, {path}): {problem(law, short, seed) or said}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m fuzz", description="Read damaged logs, and report what does not hold.")
    parser.add_argument(
        "--minutes",
        type=float,
        default=10.0,
        metavar="M",
        help="for logs, and again for expressions (default 10)",
    )
    parser.add_argument("--seed", type=int, metavar="S", help="of the first case (default: one that is new)")
    parser.add_argument("--cases", type=int, default=10**9, metavar="N", help="do no more than so many")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; 1 if anything failed."""
    options = _parser().parse_args(arguments)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    _say(f"seed {seed}")
    failures = run(range(seed, seed + options.cases), until=time.monotonic() + 60 * options.minutes)
    if options.seed is None:
        failures += hunt(until=time.monotonic() + 60 * options.minutes)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
