"""Rates that were measured elsewhere, each under its scope, and which of them may be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.runs import SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PublishedRates", "ratios", "read_published"]


@dataclass(frozen=True, kw_only=True)
class PublishedRates:
    """Rates of a run on one machine.

    Attributes
    ----------
    task, software, device
        Task, simulator and library, and device.
    num_envs
        Environments that were stepped together, on all devices.
    rates
        Scope to environment steps per second.
    source, url
        Source in words, and its address outside the site or None.
    name
        Name that other rows refer to, or None.
    against
        Name of the row to compare with, or None.
    """

    task: str
    software: str
    device: str
    num_envs: int
    rates: Mapping[str, float]
    source: str
    url: str | None = None
    name: str | None = None
    against: str | None = None


def ratios(rates: PublishedRates, other: PublishedRates) -> dict[str, float]:
    """Return how many times the rates of another run these are, scope by scope.

    Scopes that only one of them has are left out: a rate of one scope says nothing about one of another.

    Examples
    --------
    >>> where = {"task": "cart-pole", "software": "", "num_envs": 4096, "source": ""}
    >>> one = PublishedRates(device="L40", rates={"step": 620e3, "total": 260e3}, **where)
    >>> four = PublishedRates(device="4 x L40", rates={"total": 950e3}, **where)
    >>> {scope: round(ratio, 2) for scope, ratio in ratios(four, one).items()}
    {'total': 3.65}
    """
    return {
        scope: rates.rates[scope] / other.rates[scope]
        for scope in SCOPES
        if scope in rates.rates and scope in other.rates
    }


def read_published(path: Path) -> dict[str, tuple[PublishedRates, ...]]:
    """Read a file of published rates: tables of TOML, and a table of their sources.

    Returns
    -------
    dict
        The name of each table, to its rows.

    Raises
    ------
    BadInputError
        A row has no rate under a known scope, names no source that is there, or one to compare with that is not.
    """
    import tomllib  # noqa: PLC0415 - Python 3.10 has none, and needs no published rates

    content = tomllib.loads(path.read_text(encoding="utf-8"))
    sources = content.pop("sources", {})
    return {table: _table(table, rows, sources) for table, rows in content.items()}


def _table(
    table: str, rows: list[dict[str, Any]], sources: Mapping[str, Mapping[str, str]]
) -> tuple[PublishedRates, ...]:
    names = {row.get("name") for row in rows} - {None}
    rows_read = []
    for number, row in enumerate(rows, start=1):
        where = f"row {number} of [[{table}]]"
        rates: dict[str, float] = {scope: float(row.pop(scope)) for scope in SCOPES if scope in row}
        if not rates or min(rates.values()) <= 0:
            raise BadInputError(f"{where} has no rate above 0 under one of {', '.join(SCOPES)}.")
        if row.get("source") not in sources:
            raise BadInputError(f"{where} names no source of the table [sources].")
        if row.get("against") not in {None, *names}:
            raise BadInputError(f"{where} compares with {row['against']!r}, but no row has that name.")
        source = sources[row.pop("source")]
        try:
            rows_read.append(PublishedRates(rates=rates, source=source["words"], url=source["url"], **row))
        except TypeError as error:
            raise BadInputError(f"{where} is not a valid row: {error}.") from error
    return tuple(rows_read)
