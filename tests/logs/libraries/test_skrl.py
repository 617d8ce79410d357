"""skrl's bar, drawn by tqdm, and its log lines, printed by skrl's logger."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from stepscope.errors import BadInputError
from stepscope.logs import read, reads

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def meter(library: Callable[[str], Any]) -> Callable[..., str]:
    """Return tqdm's function that formats a bar."""
    return library("tqdm").tqdm.format_meter  # type: ignore[no-any-return]


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
