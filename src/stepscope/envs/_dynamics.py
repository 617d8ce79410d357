"""Dynamics of a cart with a pole, as pure functions of tensors.

Coordinates: the cart is at ``x``, positive to the right; the pole leans by ``theta`` from the vertical,
positive to the right; ``l`` is half of the pole's length, ``m`` its mass, ``M`` the mass of cart and pole.
Three balances hold at any instant, with ``F`` the force on the cart and ``N`` the track's normal force
(a dot is a time derivative, ``mu_c`` and ``mu_p`` are the frictions of the cart and of the pole's hinge):

    horizontal momentum     M x'' + m l (theta'' cos theta - theta'^2 sin theta) = F - mu_c N s
    vertical momentum       N = M g - m l (theta'' sin theta + theta'^2 cos theta)
    the pole at its hinge   4/3 l theta'' + x'' cos theta = g sin theta - mu_p theta' / (m l)

where ``s = sgn(N x')``. Eliminating ``x''`` and ``N`` gives ``theta''``, which :func:`accelerations` evaluates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = ["CartPoleConstants", "Rows", "accelerations", "energy", "integrate"]

# Position, velocity, angle and spin of all cart-poles: a structure of arrays, which vector units like best.
Rows: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]

# A uniform pole's moment of inertia about its end is 4/3 m l^2, with l half of its length.
_INERTIA = 4.0 / 3.0


@dataclass(frozen=True, kw_only=True)
class CartPoleConstants:
    """Physical constants of a cart-pole.

    Attributes
    ----------
    gravity
        In m/s².
    cart_mass, pole_mass
        In kg.
    pole_half_length
        From the hinge to the pole's centre of mass, in m.
    cart_friction
        Coulomb coefficient between cart and track, without unit.
    pole_friction
        Viscous coefficient of the hinge, in N·m·s.
    """

    gravity: float = 9.8
    cart_mass: float = 1.0
    pole_mass: float = 0.1
    pole_half_length: float = 0.5
    cart_friction: float = 0.0
    pole_friction: float = 0.0

    @property
    def mass(self) -> float:
        """Mass of cart and pole together, in kg."""
        return self.cart_mass + self.pole_mass

    @property
    def mass_length(self) -> float:
        """Mass of the pole times its half length, over the whole mass: ``m l / M``, in m."""
        return self.pole_mass * self.pole_half_length / self.mass

    @property
    def equivalent_length(self) -> float:
        """Length of the simple pendulum that swings as the pole does about its hinge, in m."""
        return _INERTIA * self.pole_half_length


def accelerations(
    push: Tensor, velocity: Tensor, angle: Tensor, spin: Tensor, *, constants: CartPoleConstants
) -> tuple[Tensor, Tensor]:
    """Return the accelerations of the cart and of the pole.

    Parameters
    ----------
    push
        Force on the cart over the whole mass, ``F / M``, in m/s²; any shape, as all the others.
    velocity
        Of the cart, in m/s.
    angle, spin
        Of the pole from the vertical, in rad, and its rate, in rad/s.
    constants
        Physical constants.

    Returns
    -------
    tuple of Tensor
        Acceleration of the cart in m/s², and of the pole in rad/s².
    """
    sin, cos = torch.sin(angle), torch.cos(angle)
    if not constants.cart_friction:
        return _frictionless_cart(push, spin, sin, cos, constants)
    # The direction of friction needs the normal force, which needs the accelerations, which need the direction:
    # assume a cart that presses on the track, and solve again for those that turn out to be pulled off it.
    # A cart at rest feels no friction, since sgn(0) = 0.
    pressed = torch.sign(velocity) * constants.cart_friction
    _, pole = _solve(push, spin, sin, cos, pressed, constants)
    normal = constants.gravity - constants.mass_length * (pole * sin + spin * spin * cos)
    return _solve(push, spin, sin, cos, torch.where(normal < 0, -pressed, pressed), constants)


def _frictionless_cart(
    push: Tensor, spin: Tensor, sin: Tensor, cos: Tensor, constants: CartPoleConstants
) -> tuple[Tensor, Tensor]:
    """Solve with ``mu_c = 0``: the same as :func:`_solve`, in as few passes over memory as it takes."""
    ratio = constants.mass_length
    shared = torch.addcmul(push, spin * spin, sin, value=ratio)
    torque = torch.addcmul(constants.gravity * sin, shared, cos, value=-1.0)
    torque = _hinge(torque, spin, constants)
    pole = torque / torch.rsub(cos * cos, constants.equivalent_length, alpha=ratio)
    return torch.addcmul(shared, pole, cos, value=-ratio), pole


def _solve(  # noqa: PLR0917 - terms of one formula
    push: Tensor, spin: Tensor, sin: Tensor, cos: Tensor, grip: Tensor, constants: CartPoleConstants
) -> tuple[Tensor, Tensor]:
    """Solve the three balances for a known direction of friction: ``grip = mu_c s``."""
    ratio, gravity = constants.mass_length, constants.gravity
    shared = push + ratio * spin * spin * (sin + grip * cos) - gravity * grip
    lever = ratio * (cos - grip * sin)
    pole = _hinge(gravity * sin - cos * shared, spin, constants) / (constants.equivalent_length - cos * lever)
    return shared - lever * pole, pole


def _hinge(torque: Tensor, spin: Tensor, constants: CartPoleConstants) -> Tensor:
    """Subtract the hinge's friction, where there is any."""
    if not constants.pole_friction:
        return torque
    return torque - constants.pole_friction / (constants.pole_mass * constants.pole_half_length) * spin


def integrate(
    state: Rows,
    push: Tensor,
    *,
    timestep: float,
    substeps: int,
    semi_implicit: bool,
    constants: CartPoleConstants,
) -> Rows:
    """Advance every cart-pole by one timestep under a constant force.

    Parameters
    ----------
    state
        Position, velocity, angle and spin, each (N,), in m, m/s, rad and rad/s.
    push
        (N,): force on the cart over the whole mass, in m/s².
    timestep
        In s, cut into ``substeps`` equal pieces.
    substeps
        Number of pieces.
    semi_implicit
        Move with the velocities after the piece (symplectic Euler) instead of those before it (explicit Euler).
    constants
        Physical constants.

    Returns
    -------
    tuple of Tensor
        The four rows after the timestep, new tensors.
    """
    position, velocity, angle, spin = state
    piece = timestep / substeps
    for _ in range(substeps):
        cart, pole = accelerations(push, velocity, angle, spin, constants=constants)
        faster, swifter = torch.add(velocity, cart, alpha=piece), torch.add(spin, pole, alpha=piece)
        position = torch.add(position, faster if semi_implicit else velocity, alpha=piece)
        angle = torch.add(angle, swifter if semi_implicit else spin, alpha=piece)
        velocity, spin = faster, swifter
    return position, velocity, angle, spin


def energy(state: Rows, *, constants: CartPoleConstants) -> Tensor:
    """Return kinetic plus potential energy of every cart-pole, in J, for the four rows of a state.

    Notes
    -----
    ``M x'^2 / 2 + m l x' theta' cos theta + 2/3 m l^2 theta'^2 + m g l cos theta``: the motion of the centre of
    mass, the rotation about it (a uniform pole), and the height of the centre of mass above the hinge.
    """
    _, velocity, angle, spin = state
    moment = constants.pole_mass * constants.pole_half_length
    kinetic = 0.5 * constants.mass * velocity**2 + moment * velocity * spin * torch.cos(angle)
    rotation = 0.5 * _INERTIA * moment * constants.pole_half_length * spin**2
    return kinetic + rotation + moment * constants.gravity * torch.cos(angle)
