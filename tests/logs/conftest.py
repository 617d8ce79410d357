"""What the tests of the reader share: importing a library that warns, and adding up spans."""

from __future__ import annotations

import io
import itertools
import json
import warnings
from typing import IO, TYPE_CHECKING, cast

import pytest

from fuzz._tools import Pieces
from stepscope.logs import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

    from stepscope.logs import Record


@pytest.fixture(scope="session")
def library() -> Callable[[str], ModuleType]:
    """Import a module of a training library, whatever it warns of; skip the test where it is not installed."""

    def load(name: str) -> ModuleType:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pytest.importorskip(name)

    return load


@pytest.fixture(scope="session")
def accounted() -> Callable[[Iterable[Record], int], list[Record]]:
    """Return the records after checking that they cover so many bytes once, in order, and are strict JSON."""

    def check(records: Iterable[Record], size: int) -> list[Record]:
        kept = list(records)
        position = 0
        for record in kept:
            assert position == record.span[0]
            assert record.span[1] > position
            position = record.span[1]
            json.loads(record.to_json(), parse_constant=pytest.fail)
        assert size == position
        return kept

    return check


@pytest.fixture(scope="session")
def read_back() -> Callable[[str, Sequence[int]], list[Record]]:
    """Return the records of a log after checking that in pieces of these sizes, again and again, it reads the same."""

    def check(text: str, sizes: Sequence[int]) -> list[Record]:
        data = text.encode()
        at_once = list(read(io.BytesIO(data)))
        turns = itertools.cycle(sizes)
        pieces = cast("IO[bytes]", Pieces(data, lambda: next(turns)))
        assert [record.to_json() for record in at_once] == [record.to_json() for record in read(pieces)]
        return at_once

    return check
