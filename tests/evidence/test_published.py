"""Rates of others: what the file holds, what may be compared, and what the page says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepscope.errors import BadInputError
from stepscope.evidence.published import PublishedRates, ratios, read_published
from stepscope.runs import SCOPES

PUBLISHED = Path(__file__).parents[2] / "results" / "published.toml"
SOURCES = '[sources.a]\nwords = "A"\nurl = "https://example.org"\n'
ROW = '[[one]]\ntask = "t"\nsoftware = "s"\ndevice = "d"\nnum_envs = 8\n'


def _rates(**rates: float) -> PublishedRates:
    return PublishedRates(task="t", software="s", device="d", num_envs=8, rates=rates, source="A")


def test_rates_are_compared_scope_by_scope() -> None:
    """Only what both have, and never one scope with another."""
    assert ratios(_rates(step=8.0, total=3.0), _rates(step=4.0, rollout=3.0, total=2.0)) == {
        "step": 2.0,
        "total": 1.5,
    }
    assert ratios(_rates(step=8.0), _rates(rollout=4.0)) == {}


def test_every_published_row_names_its_source_and_its_device() -> None:
    """A rate without scope, device or source is never shown."""
    rows = [row for table in read_published(PUBLISHED).values() for row in table]
    assert len(rows) > 20
    for row in rows:
        assert set(row.rates) <= set(SCOPES)
        assert row.url.startswith("https://")
        assert row.device
        assert row.num_envs > 0


def test_a_narrower_scope_is_never_slower() -> None:
    """Stepping alone is faster than stepping with inference, and that than training: else two were mixed up."""
    for table in read_published(PUBLISHED).values():
        for row in table:
            rates = [row.rates[scope] for scope in SCOPES if scope in row.rates]
            assert rates == sorted(rates, reverse=True), row


def test_the_page_says_what_follows_from_the_rows() -> None:
    """Each number in the sentences below the tables is computed from the figures that the sources give."""
    tables = read_published(PUBLISHED)
    cards = {row.device: row.rates for row in tables["cartpole"] if row.source.endswith("benchmarks")}
    page = (PUBLISHED.parents[1] / "docs" / "results" / "normal.md").read_text(encoding="utf-8")
    four, one = cards["4 x L40"], cards["L40"]
    assert 4 * 4096 == sum(row.num_envs for row in tables["cartpole"] if row.device == "4 x L40")
    assert f"Four GPUs have {four['total'] / one['total']:.1f} times the `total`" in page
    assert f"`step` rate is {four['step'] / one['step']:.1f} times" in page
    ada = cards["RTX 4090"]
    assert f"loses {1 - ada['total'] / ada['step']:.0%}".replace("%", " %") in page
    newton = {row.num_envs: row.rates["step"] for row in tables["cartpole"] if "6607" in row.source}
    assert f"4,096 environments have {newton[4096] / newton[256]:.1f} times the rate of 256" in page
    times = [f"{1000 * count / newton[count]:.1f} ms with {count:,}" for count in (256, 4096)]
    assert f"{times[0]} environments and {times[1]}" in page
    humanoids = {
        row.num_envs: row.rates["rollout"]
        for row in tables["robots"]
        if "2.3.2, RL-Games" in row.software and row.task == "Humanoid-Direct"
    }
    gains = [humanoids[count] / humanoids[4096] for count in (16384, 8192)]
    assert (
        f"raises the rate by {gains[0] - 1:.0%}, and the first doubling alone by {gains[1] - 1:.0%}".replace(
            "%", " %"
        )
        in page
    )
    # The rate of N environments is in proportion to N / (1 + N / N½): solved for 4,096 / N½ from either ratio.
    shares = sorted((4 - gains[0], 2 - gains[1])[i] / (((4, 2)[i]) * (gains[i] - 1)) for i in (0, 1))
    assert f"{shares[0]:.1f} to {shares[1]:.1f} times [N½]" in page
    for row in tables["camera"]:
        if "total" in row.rates:
            assert 0.295 <= 1 - row.rates["total"] / row.rates["step"] <= 0.365


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ('source = "a"\n', "has no rate above 0 under one of step"),
        ('step = 0\nsource = "a"\n', "has no rate above 0"),
        ('step = 1\nsource = "b"\n', "names no source"),
        ('step = 1\nsource = "a"\nagainst = "two"\n', "compares with 'two'"),
        ('step = 1\nsource = "a"\nfps = 9\n', "is not a valid row"),
    ],
)
def test_a_row_that_makes_no_sense_gets_a_sentence(tmp_path: Path, row: str, sentence: str) -> None:
    """It says which row of which table."""
    path = tmp_path / "published.toml"
    path.write_text(SOURCES + ROW + row, encoding="utf-8")
    with pytest.raises(BadInputError, match=rf"row 1 of \[\[one\]\].*{sentence}"):
        read_published(path)
