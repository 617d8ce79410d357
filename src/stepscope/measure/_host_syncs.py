"""Synchronisations of the host with the device: where they are, and what they cost."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import FrameType

__all__ = ["busy_time", "host_syncs", "profile_syncs", "sync_overhead"]

_OURS = (str(Path(__file__).parent), str(Path(torch.__file__).parent))
# Operations whose result's size or value the host must know: it waits until the device has come so far.
_READS = {
    "_local_scalar_dense",  # .item(), bool(), int(), float(), an if
    "nonzero",
    "masked_select",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "equal",
    "is_nonzero",
}
# Filling by a mask with a tensor's value, and not with a number: on CUDA PyTorch reads that value with .item().
_FILLS = {"masked_fill.Tensor", "masked_fill_.Tensor"}
_TO_HOST = {Tensor.cpu, Tensor.numpy, Tensor.tolist, Tensor.__array__}
_WAITING = ("StreamSynchronize", "DeviceSynchronize", "EventSynchronize", "cudaMemcpy", "CtxSynchronize")


@contextmanager
def host_syncs(device: torch.device) -> Iterator[Counter[str]]:
    """Count, by ``file:line``, the operations inside of the block in which the host waits for the device.

    On CUDA they are those that PyTorch warns of in its synchronisation debug mode. On the CPU, where nothing waits,
    they are those that would on a GPU: values read on the host (``.item()``, ``if tensor:``, ``.tolist()``,
    ``.numpy()``), copies to it (``.cpu()``), and results whose size depends on values (``nonzero``, boolean masks).
    What other libraries do without PyTorch is not seen.
    """
    places: Counter[str] = Counter()
    if device.type == "cuda":
        with _count_warnings(places):
            yield places
    else:
        with _CopyCounter(places), _ReadCounter(places):
            yield places


@contextmanager
def _count_warnings(places: Counter[str]) -> Iterator[None]:
    def note(message: Warning | str, *_: object, **__: object) -> None:
        if "synchronizing CUDA operation" in str(message) and (where := _caller()):
            places[where] += 1

    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)


class _ReadCounter(TorchDispatchMode):
    """Counts operations that read from the device."""

    def __init__(self, places: Counter[str]) -> None:
        super().__init__()
        self._places = places

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401 - torch's signature
        name = func.__name__.partition(".")[0]
        reads = name in _READS or func.__name__ in _FILLS or _indexes_by_mask(name, args)
        if reads and (where := _caller()):
            self._places[where] += 1
        return func(*args, **(kwargs or {}))


class _CopyCounter(TorchFunctionMode):
    """Counts copies to the host, which run no operation where the tensor is on the host already."""

    def __init__(self, places: Counter[str]) -> None:
        super().__init__()
        self._places = places

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401 - torch's signature
        options = kwargs or {}
        moves = func in _TO_HOST or (func is Tensor.to and _on_host([*args[1:], *options.values()]))
        if moves and (where := _caller()):
            self._places[where] += 1
        return func(*args, **options)


def _on_host(destinations: Iterable[Any]) -> bool:
    return any(
        (isinstance(place, str) and place == "cpu")
        or (isinstance(place, torch.device) and place.type == "cpu")
        for place in destinations
    )


def _indexes_by_mask(name: str, args: Sequence[Any]) -> bool:
    """Return whether a tensor is indexed by a mask, which asks where the mask is true; filling by a mask does not."""
    if name not in ("index", "index_put_", "index_put", "_index_put_impl_"):
        return False
    if name != "index" and args[2].numel() == 1 and len(args[1]) == 1:
        return False
    return any(isinstance(item, Tensor) and item.dtype in (torch.bool, torch.uint8) for item in args[1])


def _caller() -> str | None:
    """Return where the innermost call stands that is neither torch's nor this measurement's; None if it is this one's."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to see the caller
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((*_OURS, "<")) and Path(path).name not in ("warnings.py", "contextlib.py"):
            return f"{path}:{frame.f_lineno}"
        if path.startswith(_OURS[0]) and not path.endswith("_host_syncs.py"):
            return None
        frame = frame.f_back
    return None


def profile_syncs(call: Callable[[], object]) -> tuple[float, int]:
    """Return the share of the time of `call` that waiting costs on CUDA, and how often the host waited.

    This also sees what other libraries than PyTorch wait for.
    """
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=activities) as profile, torch.profiler.record_function("all"):
        call()
    device, waiting, ends = [], [], [0.0, 0.0]
    for event in profile.events():
        span = (event.time_range.start, event.time_range.end)
        if event.name == "all" and event.device_type == torch.autograd.DeviceType.CPU:
            ends = list(span)
        elif event.device_type == torch.autograd.DeviceType.CUDA and event.name != "all":
            device.append(span)
        elif any(word in event.name for word in _WAITING) and "Async" not in event.name:
            waiting.append(span)
    begin, end = ends[0], max([ends[1], *(last for _, last in device)])
    waiting = [span for span in waiting if span[1] <= ends[1]]  # later ones are the profiler's own
    return sync_overhead(device, waiting, begin=begin, end=end), len(waiting)


def sync_overhead(
    device: Sequence[tuple[float, float]],
    waiting: Sequence[tuple[float, float]],
    *,
    begin: float,
    end: float,
) -> float:
    """Return the share of a time that would be saved if host and device never waited for one another.

    Without waiting the time would be that of the slower of the two: the host's own time, or the device's.

    Parameters
    ----------
    device, waiting
        Beginnings and ends of the device's work, and of the host's waiting.
    begin, end
        Of the whole, in the same unit.

    Examples
    --------
    The host works for 3, waits for 2 while the device works, and so on again.

    >>> sync_overhead([(3, 5), (8, 10)], [(3, 5), (8, 10)], begin=0, end=10)
    0.4
    """
    whole = end - begin
    if whole <= 0:
        return 0.0
    return max(0.0, 1.0 - max(busy_time(device), whole - busy_time(waiting)) / whole)


def busy_time(spans: Sequence[tuple[float, float]]) -> float:
    """Return how long at least one of some spans lasts.

    Examples
    --------
    >>> busy_time([(0, 2), (1, 3), (5, 6)])
    4.0
    """
    total, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
