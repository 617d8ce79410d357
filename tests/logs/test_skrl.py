"""skrl's bar, drawn by tqdm, and its log lines, printed by skrl's logger."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.errors import BadInputError
from stepscope.logs import read, reads

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def meter(library: Callable[[str], Any]) -> Callable[..., str]:
    """Return tqdm's function that formats a bar."""
    return library("tqdm").tqdm.format_meter  # type: ignore[no-any-return]


@given(
    done=st.integers(0, 10**9),
    more=st.integers(1, 10**9),
    elapsed=st.just(0.0) | st.floats(1e-3, 1e6),
    rate=st.none() | st.floats(1e-3, 1e6),
    ncols=st.none() | st.integers(100, 200),
    ascii_=st.booleans(),
)
def test_a_bar_is_read_as_it_was_drawn(
    *,
    meter: Callable[..., str],
    done: int,
    more: int,
    elapsed: float,
    rate: float | None,
    ncols: int | None,
    ascii_: bool,
) -> None:
    """Counts come back exactly, times in seconds, and the rate under the unit that was printed."""
    text = meter(done, done + more, elapsed, rate=rate, ncols=ncols, ascii=ascii_)
    [record] = reads(text)
    assert ("skrl", "progress", done, done + more) == (
        record.library,
        record.kind,
        record.iteration,
        record.iterations,
    )
    assert int(elapsed) == record.seconds.elapsed
    shown = rate if rate is not None or not elapsed else done / elapsed
    if not shown:
        assert ({}, None) == (record.metrics, record.seconds.eta)
    elif shown < 1:
        assert {"s/it": float(f"{1 / shown:.2f}")} == record.metrics
    else:
        assert {"it/s": float(f"{shown:.2f}")} == record.metrics
    assert (None, None) == (record.fps.total, record.fps.cumulative)
    assert record.env_steps is None


@pytest.mark.parametrize("through_a_terminal", [False, True])
def test_a_whole_bar_is_one_record_an_update(
    library: Callable[[str], Any], *, through_a_terminal: bool
) -> None:
    """Carriage returns part the progress updates; the first and the last are there."""
    out = io.StringIO()
    for _ in library("tqdm").tqdm(
        range(160), file=out, mininterval=0, miniters=1, ncols=90 if through_a_terminal else None
    ):
        pass
    text = out.getvalue().replace("\n", "\r\n") if through_a_terminal else out.getvalue()
    records = list(reads(text))
    assert {"progress"} == {record.kind for record in records}
    assert (0, 160) == (records[0].iteration, records[-1].iteration)
    assert [record.iteration for record in records] == sorted(record.iteration or 0 for record in records)


def test_environment_steps_need_the_number_of_environments(meter: Callable[..., str]) -> None:
    """The bar counts vector steps: only with num_envs do they become environment steps."""
    text = meter(64, 160, 1.0)
    assert [None, 64 * 512] == [next(reads(text, num_envs=n)).env_steps for n in (None, 512)]


@pytest.mark.parametrize("num_envs", [0, -1])
def test_no_environments_are_refused(num_envs: int) -> None:
    """A number of environments that cannot be gets a sentence before anything is read."""
    with pytest.raises(BadInputError, match=rf"num_envs is {num_envs}; give .* at least 1"):
        read("never opened", num_envs=num_envs)


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_log_lines_lose_their_colour(
    library: Callable[[str], Any], level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its logger colours its lines even into files; the text is what a reader sees."""
    skrl = library("skrl")
    out = io.StringIO()
    monkeypatch.setattr(skrl._handler, "stream", out)
    getattr(skrl.logger, level)("Environment wrapper: Isaac Lab (single-agent)")
    [record] = reads(out.getvalue())
    assert ("skrl", "message", f"[skrl:{level.upper()}] Environment wrapper: Isaac Lab (single-agent)") == (
        record.library,
        record.kind,
        record.text,
    )


def test_a_bar_that_was_cut_off_gives_no_half_number(meter: Callable[..., str]) -> None:
    """The end of a log may cut a bar, and so does a narrow terminal: half a number is none, a whole one counts."""
    text = meter(64, 160, 1.0)
    for length in range(1, len(text.rstrip())):
        [record] = read(io.StringIO(text[:length]))
        counts = (64, 160) if "64/160 [" in text[:length] else (None, None)
        assert (*counts, {}) == (record.iteration, record.iterations, record.metrics)
    [record] = reads(meter(64, 160, 1.0, ncols=20))
    assert ("skrl", "progress", {}) == (record.library, record.kind, record.metrics)


def test_what_is_printed_behind_a_bar_is_its_own(meter: Callable[..., str]) -> None:
    """The bar leaves the cursor behind itself: a warning or a traceback starts on the bar's line."""
    bar = meter(64, 160, 1.0)
    warning = "\x1b[33;20m[skrl:WARNING] careful\x1b[0m\n"
    crash = "Traceback (most recent call last):\nKeyboardInterrupt\n"
    records = list(reads(f"\r{bar}{warning}\r{bar}odd {crash}"))
    assert [
        ("progress", None),
        ("message", "[skrl:WARNING] careful"),
        ("progress", None),
        ("unrecognised", "odd"),
        ("failure", crash.strip()),
    ] == [(record.kind, record.text) for record in records]
    assert [64, 64] == [record.iteration for record in records if record.kind == "progress"]


def test_a_warning_does_not_swallow_the_bar_below(meter: Callable[..., str]) -> None:
    """The line of source that Python prints below a warning is indented just as the bar is."""
    records = reads(f"a.py:7: UserWarning: odd\n  warnings.warn(\n\r{meter(0, 160, 0.0)}\r")
    assert ["message", "progress"] == [record.kind for record in records]
    records = reads(f"a.py:7: UserWarning: odd\n\r{meter(0, 160, 0.0)}\r")
    assert ["message", "progress"] == [record.kind for record in records]
