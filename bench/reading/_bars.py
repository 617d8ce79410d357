"""skrl's bar, drawn by tqdm as skrl has it drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator


def skrl(choose: random.Random, *, columns: int | None, total: int) -> Iterator[bytes]:
    """Yield updates of one bar; `columns` is the width of the terminal, None for a file."""
    from tqdm import tqdm  # noqa: PLC0415 - the process that reads a log has no need of it

    done, elapsed = 0, 0.0
    yield b"\x1b[38;20m[skrl:INFO] Seed: 1\x1b[0m\n"
    while done < total:
        rate = choose.uniform(80.0, 900.0)
        bar = tqdm.format_meter(done, total, elapsed, ncols=columns, rate=rate)
        yield f"\r{bar}".encode()
        done += choose.randrange(1, 10)
        elapsed += 0.1
