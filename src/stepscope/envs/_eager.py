"""The step without a compiler: the same numbers as :func:`stepscope.envs._step.make_step`, in as few operations.

For a few environments a step takes as long as it takes to start its operations. So nothing is allocated or sliced that
can be kept: the state is updated where it lies, the views of its rows are made once, and numbers are tensors without
dimensions, which an operation takes in half the time of Python's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stepscope.envs._dynamics import accelerations
from stepscope.envs._step import INCREMENT, MULTIPLIER, START_PER_STREAM

if TYPE_CHECKING:
    from stepscope.envs._step import Settings

__all__ = ["EagerStep"]


class EagerStep:
    """Step of a number of environments on a device, which keeps their state.

    Parameters
    ----------
    settings
        Parameters of the step.
    num_envs, device
        Number of environments, and where they are.
    """

    def __init__(self, settings: Settings, num_envs: int, device: torch.device) -> None:
        def number(value: float) -> Tensor:
            return torch.tensor(value, dtype=torch.float32, device=device)

        def integer(value: int) -> Tensor:
            return torch.tensor(value, dtype=torch.int32, device=device)

        constants = settings.constants
        self._settings, self._constants = settings, constants
        # An inference tensor could not be written to outside inference mode.
        with torch.inference_mode(mode=False):
            self._state, self._rates = (
                torch.zeros(4, num_envs, dtype=torch.float32, device=device) for _ in range(2)
            )
            self._scratch = torch.zeros(num_envs, dtype=torch.float32, device=device)
            self._actions = torch.zeros(num_envs, 1, dtype=torch.float32, device=device)
            self._scale = number(settings.force_limit / constants.mass)
            self._gravity, self._length = number(constants.gravity), number(constants.equivalent_length)
            self._track, self._lean = number(settings.track_half_length), number(settings.angle_limit)
            self._begin = number(START_PER_STREAM)
            self._one, self._limit = integer(1), integer(settings.episode_length)
            self._increment = integer(INCREMENT)
        self._push = self._actions.view(-1)
        self._state_rows, self._rate_rows = self._state.unbind(0), self._rates.unbind(0)
        # Positions change at the rates that are velocities.
        self._velocities, self._accelerations = self._state[1::2], self._rates[1::2]
        self._moving = self._rates[::2]

    def __call__(self, state: Tensor, steps: Tensor, actions: Tensor, streams: Tensor) -> tuple[Tensor, ...]:
        """Take and return what a step of `make_step` does; the state returned is changed by the next call."""
        if state is not self._state:
            self._state.copy_(state)
        torch.clamp(actions.float(), -1.0, 1.0, out=self._actions)
        torch.mul(self._push, self._scale, out=self._push)
        self._integrate()
        position, _, angle, _ = self._state_rows
        terminated = torch.abs(position, out=self._scratch) > self._track
        terminated |= torch.abs(angle, out=self._scratch) > self._lean
        steps = steps + self._one
        done = steps >= self._limit
        truncated = done > terminated  # on booleans: and not
        done |= terminated
        final = self._state.clone()
        streams = torch.add(self._increment, streams, alpha=MULTIPLIER)
        torch.where(done, streams * self._begin, final, out=self._state)
        steps.masked_fill_(done, 0)  # a number: on CUDA the host would wait for a tensor's value
        return self._state, steps, streams, self._state.clone().t(), final.t(), terminated, truncated, done

    def _integrate(self) -> None:
        """Advance the state by one timestep, as `integrate` does."""
        piece = self._settings.timestep / self._settings.substeps
        frictionless = not (self._constants.cart_friction or self._constants.pole_friction)
        for _ in range(self._settings.substeps):
            if frictionless:
                self._accelerate()
            else:
                _, velocity, angle, spin = self._state_rows
                rates = accelerations(self._push, velocity, angle, spin, constants=self._constants)
                torch.stack(rates, out=self._accelerations)
            if self._settings.semi_implicit:
                torch.add(self._velocities, self._accelerations, alpha=piece, out=self._moving)
            else:
                self._moving.copy_(self._velocities)
            torch.add(self._state, self._rates, alpha=piece, out=self._state)

    def _accelerate(self) -> None:
        """Compute the accelerations without friction, as `accelerations` does."""
        _, _, angle, spin = self._state_rows
        sin, cart, cos, pole = self._rate_rows  # two of them are free until the accelerations are known
        ratio, scratch = self._constants.mass_length, self._scratch
        torch.sin(angle, out=sin)
        torch.cos(angle, out=cos)
        torch.mul(spin, spin, out=scratch)
        shared = torch.addcmul(self._push, scratch, sin, value=ratio, out=cart)
        torch.mul(sin, self._gravity, out=scratch)
        torque = torch.addcmul(scratch, shared, cos, value=-1.0, out=pole)
        torch.mul(cos, cos, out=scratch)
        torch.sub(self._length, scratch, alpha=ratio, out=scratch)
        torch.div(torque, scratch, out=pole)
        torch.addcmul(shared, pole, cos, value=-ratio, out=cart)
