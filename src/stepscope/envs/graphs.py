"""Cart-poles that are stepped by a CUDA graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from stepscope.envs.cartpole import CartPole

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GraphedCartPole"]

_WARM_UP = 3  # steps before the capture, in which libraries set themselves up and the compiler compiles
_STATE = ("_state", "_steps", "_streams")


class GraphedCartPole(CartPole):
    """`CartPole` whose step is captured once as a CUDA graph, and replayed: one launch for all of its operations.

    The parameters are those of `CartPole`. On a CPU, which has no graphs, the same operations run one by one.

    Notes
    -----
    What `step` returns lies in the same memory at every step: the next step overwrites it, so clone what is kept.
    """

    def __init__(self, num_envs: int, **options: Any) -> None:  # noqa: ANN401 - those of the base
        self._graph: torch.cuda.CUDAGraph | None = None
        super().__init__(num_envs, **options)
        self._held = tuple(getattr(self, name) for name in _STATE)
        self._actions = torch.zeros(self.num_envs, 1, device=self.device)
        before = self.snapshot()
        self._results = self._advance()
        if self.device.type == "cuda":
            self._capture()
        self.restore(before)

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Advance every environment by one timestep; see `CartPole.step`."""
        if not hasattr(self, "_held"):  # the base compiles its step while it is made
            return super().step(actions)
        self._check(actions)
        self._hold()
        self._actions.copy_(actions.detach())
        if self._graph is None:
            self._results = self._advance()
        else:
            self._graph.replay()
        return self._results

    def restore(self, snapshot: Mapping[str, Tensor]) -> None:
        """Go on from a snapshot; see `CartPole.restore`."""
        super().restore(snapshot)
        self._hold()

    def _advance(self) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Step, and put the new state where the old one was."""
        results = super().step(self._actions)
        self._hold()
        return results

    def _hold(self) -> None:
        """Copy the state to the memory that the graph reads, wherever it was set from outside."""
        for name, held in zip(_STATE, self._held, strict=True):
            present = getattr(self, name)
            if present is not held:
                held.copy_(present)
                setattr(self, name, held)

    def _capture(self) -> None:
        """Capture a step, after warm-up steps on a side stream, as CUDA graphs require."""
        # Neither block changes the mode of gradients, for which the compiler would compile once more.
        with torch.cuda.device(self.device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(_WARM_UP):
                    self._advance()
            torch.cuda.current_stream().wait_stream(side)
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._results = self._advance()
        self._graph = graph
