"""Monitoring of losses, gradients and weights."""

from __future__ import annotations

import math
import weakref
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.nn.parameter import is_lazy
from torch.optim.optimizer import register_optimizer_step_pre_hook

from stepscope.nans._errors import warn
from stepscope.nans._extrema import PendingScalars
from stepscope.nans._flatten import flatten_tensors
from stepscope.nans._foreign import describe_error, label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

__all__ = ["BadUpdate", "BadUpdateError", "UpdateMonitor"]

_What = Literal["loss", "gradient", "weights"]


@dataclass(frozen=True, kw_only=True)
class BadUpdate:
    """A loss, a gradient or weights that are not finite.

    Attributes
    ----------
    what
        Which of the three; weights are named before the gradients that they lead to.
    name
        Name of the loss; else of the first bad parameter or buffer, as in ``named_parameters()`` and
        ``named_buffers()``.
    network
        Name under which the network was passed to the recorder; empty for a loss.
    share
        Share of the values of this parameter or loss that are not finite.
    update
        Number of steps that optimizers of the watched networks had begun: 1 is the first, 0 is before it.
    after
        Last vector step before it was noticed.
    """

    what: _What
    name: str
    network: str
    share: float
    update: int
    after: int

    def __str__(self) -> str:
        """Return a description in two lines."""
        whose = f" of {self.network}" if self.network else ""
        which = f"the {self.what} {self.name}" if self.what == "loss" else self.name
        if self.what == "gradient":
            which = f"the gradient of {self.name}"
        when = f"in update {self.update:,}, after step {self.after:,}"
        return (
            f"{which}{whose} is not finite ({100 * self.share:.0f} %), seen {when}\n"
            "all that the environment returned and received until then is finite: look at the update"
        )


class BadUpdateError(FloatingPointError):
    """A loss, gradient or weights are not finite, and the environment is not the cause; `bad` shows which."""

    def __init__(self, bad: BadUpdate) -> None:
        super().__init__(str(bad))
        self.bad = bad

    def __reduce__(self) -> tuple[type[BadUpdateError], tuple[BadUpdate]]:
        """Pickle with what is bad, and not with the message."""
        return BadUpdateError, (self.bad,)


class UpdateMonitor:
    """Monitor of networks and losses.

    Gradients and weights are checked before each step of an optimizer that trains one of the networks, by their norm: one
    number that is finite if all of them are. On a CPU it is read at once, so that a bad gradient never reaches the
    weights; on CUDA it is read once it is ready, at the next check or later.

    Parameters
    ----------
    before_step
        Method to call before each step of any optimizer.
    on_suspicion
        Method to call when something may not be finite; `find_bad` tells whether it is.
    """

    def __init__(self, *, before_step: Callable[[], None], on_suspicion: Callable[[], None]) -> None:
        # Weak, since the recorder that they belong to holds this.
        self._before_step, self._on_suspicion = _weak(before_step), _weak(on_suspicion)
        self._networks: list[tuple[str, Module]] = []
        self._infinite_on_purpose: dict[tuple[int, str], bool] = {}  # by network and buffer
        self._stopped = False
        self._losses: dict[str, Tensor] = {}
        self._pending: deque[PendingScalars] = deque()
        self._count = 0
        # Whether an optimizer is about to use the gradients; a scaler skips those that are not finite.
        self._stepping = False
        weak_self = weakref.ref(self)  # the hook is torch's, and must not keep this alive

        def hook(optimizer: Optimizer, _: Any, __: Any) -> None:  # noqa: ANN401 - torch's arguments
            monitor = weak_self()
            if monitor is not None:
                monitor.before_step(optimizer)

        weakref.finalize(self, register_optimizer_step_pre_hook(hook).remove)

    def add(self, network: Module, name: str) -> None:
        """Monitor a network."""
        self._networks.append((label(name), network))
        for buffer, values in network.named_buffers():
            self._is_infinite_on_purpose(network, buffer, values)

    def stop(self) -> None:
        """Stop monitoring."""
        self._stopped = True
        self._networks.clear()
        self._losses.clear()
        self._pending.clear()

    def check_losses(self, losses: Mapping[str, Tensor]) -> None:
        """Check losses."""
        if self._stopped:
            return
        self._losses = {
            full: part
            for name, loss in losses.items()
            for full, part in flatten_tensors(loss, name, on_skip=_warn_unwatched)
        }
        self._queue([loss.double().sum() for loss in self._losses.values()])

    def before_step(self, optimizer: Optimizer) -> None:
        """Check what an optimizer is about to use: rows of the environment, weights and gradients."""
        self._before_step()
        watched = {id(parameter) for _, network in self._networks for parameter in network.parameters()}
        if any(id(parameter) in watched for group in optimizer.param_groups for parameter in group["params"]):
            self._count += 1
            # A fused optimizer that has a scaler skips within its step what is not finite.
            self._stepping = getattr(optimizer, "found_inf", None) is None
            try:
                self.check()
            finally:
                self._stepping = False

    def check(self) -> None:
        """Check weights, and gradients where an optimizer is about to use them."""
        if not (self._networks or self._pending):
            return
        numbers = []
        for name, network, what in list(self._checks()):
            try:
                tensors = [values for _, values in self._values(network, what)]
                if tensors:
                    numbers.append(_norm(tensors))  # infinite where the square of what is finite is
            except Exception as error:  # noqa: BLE001 - an update that worked goes on
                self._networks = [pair for pair in self._networks if pair[1] is not network]
                _warn_unwatched(name, describe_error(error))
        self._queue(numbers)

    def _queue(self, numbers: list[Tensor]) -> None:
        if numbers:
            self._pending.append(PendingScalars(numbers))
        self.read()

    def read(self, *, wait: bool = False) -> None:
        """Read what is ready, or wait for all of it."""
        while self._pending and (wait or self._pending[0].ready()):
            if not all(map(math.isfinite, self._pending.popleft().read())):
                self._pending.clear()
                self._on_suspicion()
                return

    def find_bad(self, *, after: int) -> BadUpdate | None:
        """Return what is not finite now, losses first; waits for the device."""
        for what, network, name, values in self._monitored():
            share = float((~values.isfinite()).double().mean()) if values.numel() else 0.0
            if share:
                return BadUpdate(
                    what=what,
                    name=label(name),
                    network=network,
                    share=share,
                    update=self._count,
                    after=after,
                )
        return None

    def _monitored(self) -> Iterator[tuple[_What, str, str, Tensor]]:
        for name, loss in self._losses.items():
            yield "loss", "", name, loss
        for network, module, what in self._checks():
            for name, values in self._values(module, what):
                yield what, network, name, values

    def _checks(self) -> Iterator[tuple[str, Module, _What]]:
        kinds: tuple[_What, ...] = ("weights", "gradient")
        for name, network in self._networks:
            for what in kinds if self._stepping else kinds[:1]:
                yield name, network, what

    def _values(self, network: Module, what: _What) -> Iterator[tuple[str, Tensor]]:
        """Yield gradients, or weights and buffers: a normalisation keeps its mean in one."""
        if what == "gradient":
            named = [(name, parameter.grad) for name, parameter in network.named_parameters()]
        else:
            buffers = network.named_buffers()
            named = [
                *network.named_parameters(),
                *(pair for pair in buffers if not self._is_infinite_on_purpose(network, *pair)),
            ]
        for name, values in named:
            if values is None or is_lazy(values):
                continue
            yield from flatten_tensors(
                values.detach().coalesce().values() if values.is_sparse else values.detach(), name
            )

    def _is_infinite_on_purpose(self, network: Module, name: str, values: Tensor) -> bool:
        """Whether a buffer was not finite when it was first seen, as masks of attention are not."""
        if is_lazy(values):
            return False
        key = id(network), name
        if key not in self._infinite_on_purpose:
            self._infinite_on_purpose[key] = not all(
                bool(tensor.isfinite().all()) for _, tensor in flatten_tensors(values, name)
            )
        return self._infinite_on_purpose[key]


def _weak(method: Callable[[], None]) -> Callable[[], None]:
    """Return a method that does not keep its object alive."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        living = reference()
        if living is not None:
            living()

    return call


def _warn_unwatched(name: str, reason: str) -> None:
    warn(f"{name} is not watched: {reason}")


def _norm(tensors: list[Tensor]) -> Tensor:
    """Return the norm of all values, as torch's get_total_norm does, which torch 2.4 lacks."""
    norms = torch._foreach_norm(tensors)  # noqa: SLF001 - in few kernels, as in clip_grad_norm_
    return torch.linalg.vector_norm(torch.stack([norm.to(tensors[0].device) for norm in norms]))


BadUpdateError.__module__ = "stepscope.nans"
