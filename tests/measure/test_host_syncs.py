"""Operations that read from the device, one by one, and the cost of waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stepscope.measure._host_syncs import busy_time, host_syncs, profile_syncs, sync_overhead

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICES = [torch.device("cpu")] + [torch.device("cuda")] * torch.cuda.is_available()
READS: dict[str, Callable[[torch.Tensor], object]] = {
    "item": lambda values: values[0].item(),
    "float": lambda values: float(values.sum()),
    "if": lambda values: 1 if values[0] > 0 else 0,
    "all": lambda values: bool((values > 0).all()),
    "tolist": lambda values: values.tolist(),
    "cpu": lambda values: values.cpu(),
    "to": lambda values: values.to("cpu"),
    "to by name": lambda values: values.to(device=torch.device("cpu")),
    "nonzero": lambda values: values.nonzero(),
    "mask": lambda values: values[values > 0],
    "where": lambda values: torch.where(values > 0),
    "unique": lambda values: values.unique(),
    "fill by a mask with a tensor": lambda values: values.masked_fill_(values > 0, values.new_zeros(())),
}
STAYS: dict[str, Callable[[torch.Tensor], object]] = {
    "sum": lambda values: values.sum(),
    "where": lambda values: torch.where(values > 0, values, -values),
    "fill by a mask": lambda values: values.masked_fill_(values > 0, 0.0),
    "assign by a mask": lambda values: values.__setitem__(values > 0, 0.0),
    "index": lambda values: values[torch.zeros(2, dtype=torch.int64, device=values.device)],
    "to a type": lambda values: values.to(torch.float64),
    "max": lambda values: values.max(0).values.clamp(max=1.0),
}


@pytest.mark.parametrize("device", DEVICES, ids=str)
@pytest.mark.parametrize("name", READS)
def test_what_reads_is_seen_with_its_line(name: str, device: torch.device) -> None:
    """Each of these needs a value on the host: it is counted, here, once."""
    values = torch.arange(1.0, 9.0, device=device)
    with host_syncs(device) as places:
        READS[name](values)
    (where,) = places
    assert where.rpartition(":")[0] == __file__
    assert (
        device.type == "cuda" or places[where] == 1
    )  # a device may be waited for more than once in one call


@pytest.mark.parametrize("device", DEVICES, ids=str)
@pytest.mark.parametrize("name", STAYS)
def test_what_stays_on_the_device_is_not_counted(name: str, device: torch.device) -> None:
    """None of these needs to know a value."""
    values = torch.arange(1.0, 9.0, device=device)
    with host_syncs(device) as places:
        STAYS[name](values)
    assert {} == places


spans = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)).map(lambda ends: (min(ends), max(ends))))


@given(device=spans, waiting=spans)
def test_what_is_lost_is_a_share(
    device: list[tuple[float, float]], waiting: list[tuple[float, float]]
) -> None:
    """It lies between nothing and everything, and without waiting nothing is lost."""
    assert 0.0 <= sync_overhead(device, waiting, begin=0.0, end=10.0) <= 1.0
    assert sync_overhead(device, [], begin=0.0, end=10.0) == 0.0


@given(spans)
def test_overlapping_spans_count_once(given_spans: list[tuple[float, float]]) -> None:
    """Busy time is that of a fine raster on which a tick is busy if any span holds it."""
    ticks = 2000
    expected = sum(
        any(begin <= 10 * (tick + 0.5) / ticks < end for begin, end in given_spans) for tick in range(ticks)
    )
    assert pytest.approx(10 * expected / ticks, abs=10 / ticks * (len(given_spans) + 1)) == busy_time(
        given_spans
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_wait_between_two_halves_is_lost_on_a_gpu() -> None:
    """The device idles while the host launches the small operations that follow what it waited for."""
    large, small = torch.rand(8192, 8192, device="cuda"), torch.rand(8, device="cuda")

    def waiting() -> None:
        values = large @ large
        values.sum().item()
        for _ in range(3000):
            small.mul_(0.999)

    waiting()
    lost, often = profile_syncs(waiting)
    assert lost > 0.1
    assert often >= 1
