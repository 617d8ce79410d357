"""Losses, gradients and weights, watched beside the environment."""

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
from stepscope.nans._extrema import Arriving
from stepscope.nans._flatten import flat
from stepscope.nans._foreign import describe_error, label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

__all__ = ["BadUpdate", "BadUpdateError", "Updates"]

_What = Literal["loss", "gradient", "weights"]


@dataclass(frozen=True, kw_only=True)
class BadUpdate:
    """A loss, a gradient or weights that are not finite.

    Attributes
    ----------
    what
        Which of the three: weights are named before the gradients that they lead to.
    name
        Of a loss its own name; else the first parameter that is bad, or buffer, as ``named_parameters()`` and
        ``named_buffers()`` call it.
    network
        What the network was called when it was given to the recorder; empty for a loss.
    share
        Of the numbers of this parameter or loss, those that are not finite.
    update
        Steps that optimizers of the watched networks had begun by then: 1 is the first, 0 is before it.
    after
        The last vector step before it was seen.
    """

    what: _What
    name: str
    network: str
    share: float
    update: int
    after: int

    def __str__(self) -> str:
        """Say it in two lines."""
        whose = f" of {self.network}" if self.network else ""
        which = f"the {self.what} {self.name}" if self.what == "loss" else self.name
        if self.what == "gradient":
            which = f"the gradient of {self.name}"
        when = f"in update {self.update:,}, after step {self.after:,}"
        return (
            f"{which}{whose} is not finite ({100 * self.share:.0f} %), seen {when}\n"
            "what the environment gave and was given until then is all right: look at the update"
        )


class BadUpdateError(FloatingPointError):
    """A loss, gradient or weights are not finite, and the environment is not to blame; `bad` says which."""

    def __init__(self, bad: BadUpdate) -> None:
        super().__init__(str(bad))
        self.bad = bad

    def __reduce__(self) -> tuple[type[BadUpdateError], tuple[BadUpdate]]:
        """Reach another process whole: a copy is made from what is bad, and not from the message."""
        return BadUpdateError, (self.bad,)


class Updates:
    """Networks whose updates are watched.

    Each step of an optimizer that trains one of them is preceded by a look at gradients and weights: by their norm, of
    which one number says whether all are finite. On a CPU it is read at once, so that a bad gradient never reaches the
    weights; on CUDA it is read when it has arrived, at the next look or a later one.

    Parameters
    ----------
    before
        Is called before each step of any optimizer.
    found
        Is called when something may not be finite; `bad` says whether it is.
    """

    def __init__(self, *, before: Callable[[], None], found: Callable[[], None]) -> None:
        self._before, self._found = before, found
        self._networks: list[tuple[str, Module]] = []
        self._meant: dict[tuple[int, str], bool] = {}  # whether a network's buffer is infinite on purpose
        self._stopped = False
        self._losses: dict[str, Tensor] = {}
        self._pending: deque[Arriving] = deque()
        self._count = 0
        # Whether an optimizer is about to use the gradients; a scaler skips those that are not finite.
        self._stepping = False
        mine = weakref.ref(self)  # the hook is torch's, and must not keep this alive

        def before_step(optimizer: Optimizer, _: Any, __: Any) -> None:  # noqa: ANN401 - torch's arguments
            updates = mine()
            if updates is not None:
                updates.before_step(optimizer)

        weakref.finalize(self, register_optimizer_step_pre_hook(before_step).remove)

    def add(self, network: Module, name: str) -> None:
        """Watch a network, too."""
        self._networks.append((label(name), network))
        for buffer, values in network.named_buffers():
            self._is_meant(network, buffer, values)

    def stop(self) -> None:
        """Watch no networks and no losses any more."""
        self._stopped = True
        self._networks.clear()
        self._losses.clear()
        self._pending.clear()

    def note(self, losses: Mapping[str, Tensor]) -> None:
        """Look at losses."""
        if self._stopped:
            return
        self._losses = {
            full: part for name, loss in losses.items() for full, part in flat(loss, name, say=_say_unwatched)
        }
        self._ask([loss.double().sum() for loss in self._losses.values()])

    def before_step(self, optimizer: Optimizer) -> None:
        """Look at what an optimizer is about to use, as far as it is watched: the environment's, and gradients."""
        self._before()
        watched = {id(each) for _, network in self._networks for each in network.parameters()}
        if any(id(each) in watched for group in optimizer.param_groups for each in group["params"]):
            self._count += 1
            # A fused optimizer that has a scaler skips within its step what is not finite.
            self._stepping = getattr(optimizer, "found_inf", None) is None
            try:
                self.look()
            finally:
                self._stepping = False

    def look(self) -> None:
        """Look at weights, and at gradients where an optimizer is about to use them."""
        numbers = []
        for name, network, what in list(self._kinds()):
            try:
                tensors = [values for _, values in self._values(network, what)]
                if tensors:
                    numbers.append(_norm(tensors))  # infinite where the square of what is finite is
            except Exception as error:  # noqa: BLE001 - an update that worked goes on
                self._networks = [each for each in self._networks if each[1] is not network]
                _say_unwatched(name, describe_error(error))
        self._ask(numbers)

    def _ask(self, numbers: list[Tensor]) -> None:
        if numbers:
            self._pending.append(Arriving(numbers))
        self.read()

    def read(self, *, wait: bool = False) -> None:
        """Read what has arrived, or wait for all of it."""
        while self._pending and (wait or self._pending[0].is_there()):
            if not all(map(math.isfinite, self._pending.popleft().read())):
                self._pending.clear()
                self._found()
                return

    def bad(self, *, after: int) -> BadUpdate | None:
        """Name what is bad now, losses first; waits for the device."""
        for name, loss in self._losses.items():
            share = _share(loss)
            if share:
                return BadUpdate(
                    what="loss", name=label(name), network="", share=share, update=self._count, after=after
                )
        for network, module, what in self._kinds():
            for name, values in self._values(module, what):
                share = _share(values)
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

    def _kinds(self) -> Iterator[tuple[str, Module, _What]]:
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
                *(each for each in buffers if not self._is_meant(network, *each)),
            ]
        for name, values in named:
            if values is None or is_lazy(values):
                continue
            yield from flat(
                values.detach().coalesce().values() if values.is_sparse else values.detach(), name
            )

    def _is_meant(self, network: Module, name: str, values: Tensor) -> bool:
        """Whether a buffer was not finite when it was first seen, as masks of attention are not."""
        if is_lazy(values):
            return False
        key = id(network), name
        if key not in self._meant:
            self._meant[key] = not all(bool(each.isfinite().all()) for _, each in flat(values, name))
        return self._meant[key]


def _say_unwatched(name: str, why: str) -> None:
    warn(f"{name} is not watched: {why}")


def _norm(tensors: list[Tensor]) -> Tensor:
    """Return the norm of all numbers, as torch's get_total_norm does, which torch 2.4 lacks."""
    norms = torch._foreach_norm(tensors)  # noqa: SLF001 - in few kernels, as in clip_grad_norm_
    return torch.linalg.vector_norm(torch.stack([norm.to(tensors[0].device) for norm in norms]))


def _share(values: Tensor) -> float:
    return float((~values.isfinite()).double().mean()) if values.numel() else 0.0


BadUpdateError.__module__ = "stepscope.nans"
