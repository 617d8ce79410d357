"""Random numbers in bars that tqdm draws, and lines of skrl's logger, are read back as they were printed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepscope.logs import Record


@dataclass(frozen=True, kw_only=True)
class _Bar:
    """What tqdm is given to draw."""

    done: int
    more: int
    elapsed: float
    rate: float | None
    columns: int | None
    plain: bool


@dataclass(frozen=True, kw_only=True)
class _Said:
    """A line of skrl's logger."""

    level: str
    text: str


_LONGEST = 1e12  # seconds left: more than thirty thousand years, and more than a reader has to understand
_bars = st.builds(
    _Bar,
    done=st.integers(0, 10**15),  # what a float holds to the last digit: tqdm shows no bar of more
    more=st.integers(1, 10**15) | st.integers(1, 10**5),
    elapsed=st.just(0.0) | st.floats(1e-9, 1e8),
    rate=st.none() | st.floats(1e-6, 1e12) | st.floats(0.1, 1e4),
    columns=st.none() | st.integers(150, 300),
    plain=st.booleans(),
).filter(lambda bar: bar.more / (bar.rate or bar.done / max(bar.elapsed, 1e-9) or 1) < _LONGEST)
# One line that a terminal can show: spaces, bars and what else a bar is made of included.
_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" |%[]<:0"), max_size=60
)
_lines = st.builds(_Said, level=st.sampled_from(["info", "warning", "error"]), text=_texts.map(str.strip))


@pytest.fixture
def printed(library: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that prints bars and lines into one file, as a run of skrl does."""
    tqdm, skrl = library("tqdm").tqdm, library("skrl")

    def log(events: Sequence[_Bar | _Said]) -> str:
        out = io.StringIO()
        monkeypatch.setattr(skrl._handler, "stream", out)
        draw = tqdm.status_printer(out)
        for event in events:
            if isinstance(event, _Said):
                getattr(skrl.logger, event.level)(event.text)
            else:
                meter = tqdm.format_meter(
                    event.done,
                    event.done + event.more,
                    event.elapsed,
                    rate=event.rate,
                    ncols=event.columns,
                    ascii=event.plain,
                )
                draw(meter)
        return out.getvalue() + "\n"

    return log


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(_bars | _lines, min_size=1, max_size=8),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5),
)
def test_bars_and_lines_come_back(
    printed: Callable[[Sequence[_Bar | _Said]], str],
    read_back: Callable[[str, Sequence[int]], list[Record]],
    events: list[_Bar | _Said],
    sizes: list[int],
) -> None:
    """Bars of any width, one drawn over the other, and lines that start behind a bar, are records of their own."""
    records = read_back(printed(events), sizes)
    assert len(events) == len(records)
    for event, record in zip(events, records, strict=True):
        assert "skrl" == record.library
        if isinstance(event, _Said):
            expected = f"[skrl:{event.level.upper()}] {event.text}".rstrip()
            assert ("message", expected) == (record.kind, record.text)
        else:
            _assert_bar(event, record)


def _assert_bar(bar: _Bar, record: Record) -> None:
    assert ("progress", None) == (record.kind, record.text)
    assert (bar.done, bar.done + bar.more) == (record.iteration, record.iterations)
    assert int(bar.elapsed) == record.seconds.elapsed
    # As tqdm/std.py does it: without a rate, the average; without time, nothing.
    rate = bar.rate if bar.rate is not None or not bar.elapsed else bar.done / bar.elapsed
    if not rate:
        assert ({}, None) == (dict(record.metrics), record.seconds.eta)
        return
    assert int(bar.more / rate) == record.seconds.eta
    slow = 1 / rate > 1
    shown = float(f"{1 / rate if slow else rate:5.2f}")
    assert {"s/it" if slow else "it/s": shown} == dict(record.metrics)


@pytest.mark.parametrize("through_a_terminal", [False, True])
@pytest.mark.parametrize("total", [1, 7, 1600])
def test_the_bar_of_a_trainer_comes_back(
    library: Callable[[str], Any],
    read_back: Callable[[str, Sequence[int]], list[Record]],
    *,
    total: int,
    through_a_terminal: bool,
) -> None:
    """The bar that skrl's trainers make around their steps is read from its first drawing to its last."""
    out = io.StringIO()
    # The statement of skrl/trainers/torch/base.py, sequential.py and parallel.py.
    for _ in library("tqdm").tqdm(range(total), disable=False, file=out):
        sum(range(20_000))
    text = out.getvalue()
    records = read_back(text.replace("\n", "\r\n") if through_a_terminal else text, [1, 17])
    assert {("skrl", "progress", total)} == {
        (record.library, record.kind, record.iterations) for record in records
    }
    assert (0, total) == (records[0].iteration, records[-1].iteration)
    assert sorted(record.iteration or 0 for record in records) == [record.iteration for record in records]
