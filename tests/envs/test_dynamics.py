"""The equations of motion, against derivations and integrators that share no code with them."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope.envs._dynamics import CartPoleConstants, accelerations, energy, integrate

State: TypeAlias = tuple[float, float, float, float]
CONSTANTS = CartPoleConstants()
ROUGH = CartPoleConstants(cart_friction=0.3, pole_friction=0.05)


def ours(state: State, force: float, constants: CartPoleConstants) -> np.ndarray:
    """Accelerations for one state, in float64."""
    _, velocity, angle, spin = (torch.tensor([number], dtype=torch.float64) for number in state)
    push = torch.tensor([force / constants.mass], dtype=torch.float64)
    cart, pole = accelerations(push, velocity, angle, spin, constants=constants)
    return np.array([cart.item(), pole.item()])


def lagrangian(state: State, force: float, c: CartPoleConstants) -> np.ndarray:
    """Solve the mass matrix of L = T - V for the accelerations; no friction."""
    _, _, angle, spin = state
    inertia = c.pole_mass * c.pole_half_length**2 * 4 / 3
    coupling = c.pole_mass * c.pole_half_length * math.cos(angle)
    mass = np.array([[c.cart_mass + c.pole_mass, coupling], [coupling, inertia]])
    moment = c.pole_mass * c.pole_half_length * math.sin(angle)
    return np.linalg.solve(mass, [force + moment * spin**2, moment * c.gravity])


def newton(state: State, force: float, c: CartPoleConstants) -> np.ndarray:
    """Iterate Newton's laws of cart and pole, coupled by the hinge's forces, until friction agrees with them."""
    _, velocity, angle, spin = state
    sin, cos, m, half = math.sin(angle), math.cos(angle), c.pole_mass, c.pole_half_length
    normal = (c.cart_mass + m) * c.gravity
    for _ in range(200):
        friction = c.cart_friction * normal * np.sign(normal * velocity)
        # Unknowns: cart, pole, and the hinge's push on the pole, along the track and up.
        cart, pole, _, up = np.linalg.solve(
            [
                [c.cart_mass, 0.0, 1.0, 0.0],  # the cart, along the track
                [m, m * half * cos, -1.0, 0.0],  # the pole's centre, along the track
                [0.0, -m * half * sin, 0.0, -1.0],  # the pole's centre, upwards
                [0.0, m * half**2 / 3, half * cos, -half * sin],  # the pole about its centre
            ],
            [
                force - friction,
                m * half * spin**2 * sin,
                -m * c.gravity + m * half * spin**2 * cos,
                -c.pole_friction * spin,
            ],
        )
        normal = c.cart_mass * c.gravity + up
    return np.array([cart, pole])


states = st.tuples(st.just(0.0), st.floats(-3, 3), st.floats(-3, 3), st.floats(-4, 4))


@given(state=states, force=st.floats(-20, 20))
@settings(deadline=None, max_examples=200)
def test_frictionless_accelerations_solve_the_lagrangian(state: State, force: float) -> None:
    """Without friction the accelerations are those of the Lagrangian's mass matrix."""
    np.testing.assert_allclose(
        ours(state, force, CONSTANTS), lagrangian(state, force, CONSTANTS), rtol=1e-10, atol=1e-10
    )


@given(state=states, force=st.floats(-20, 20))
@settings(deadline=None, max_examples=200)
def test_accelerations_with_friction_obey_newton(state: State, force: float) -> None:
    """With friction the accelerations balance the forces on cart and pole, normal force included."""
    np.testing.assert_allclose(ours(state, force, ROUGH), newton(state, force, ROUGH), rtol=1e-8, atol=1e-8)


def test_friction_turns_with_the_normal_force() -> None:
    """A pole that swings fast enough to lift the cart turns the normal force round, and friction still brakes."""
    light = CartPoleConstants(cart_mass=0.1, pole_mass=1.0, cart_friction=0.2)
    state = (0.0, 1.0, 0.1, 8.0)
    free = CartPoleConstants(cart_mass=0.1, pole_mass=1.0)
    cart, pole = lagrangian(state, 0.0, free)
    normal = 1.1 * 9.8 - 0.5 * (pole * math.sin(0.1) + 64 * math.cos(0.1))
    assert normal < 0
    np.testing.assert_allclose(ours(state, 0.0, light), newton(state, 0.0, light), rtol=1e-8)
    assert ours(state, 0.0, light)[0] < cart


def test_friction_brakes_a_moving_cart_only() -> None:
    """Friction opposes motion in both directions and leaves a cart at rest alone."""
    free = ours((0.0, 0.0, 0.0, 0.0), 0.0, ROUGH)[0]
    right, left = ours((0.0, 1.0, 0.0, 0.0), 0.0, ROUGH)[0], ours((0.0, -1.0, 0.0, 0.0), 0.0, ROUGH)[0]
    assert (0.0, True, True) == (free, right < 0, left > 0)


def drift(pieces: int, *, semi_implicit: bool) -> float:
    """Largest relative change of energy over a second of free swinging."""
    state = tuple(torch.tensor([number], dtype=torch.float64) for number in (0.0, 0.3, 0.5, -1.0))
    push = torch.zeros(1, dtype=torch.float64)
    before, worst = energy(state, constants=CONSTANTS).item(), 0.0
    for _ in range(pieces):
        state = integrate(
            state, push, timestep=1 / pieces, substeps=1, semi_implicit=semi_implicit, constants=CONSTANTS
        )
        worst = max(worst, abs(energy(state, constants=CONSTANTS).item() / before - 1))
    return worst


@pytest.mark.parametrize("semi_implicit", [False, True])
def test_energy_is_conserved_as_the_timestep_shrinks(semi_implicit: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Both integrators are of first order: half the timestep leaves half of the drift in energy."""
    drifts = [drift(pieces, semi_implicit=semi_implicit) for pieces in (250, 500, 1000, 2000)]
    orders = np.log2(np.array(drifts[:-1]) / drifts[1:])
    np.testing.assert_allclose(orders, 1.0, atol=0.1)
    assert drifts[-1] < 0.01


@pytest.mark.parametrize("semi_implicit", [False, True])
@pytest.mark.parametrize("constants", [CONSTANTS, ROUGH])
def test_substeps_converge_to_the_exact_motion(semi_implicit: bool, constants: CartPoleConstants) -> None:  # noqa: FBT001 - the same
    """More substeps approach a fourth-order Runge-Kutta solution, at first order."""
    start, force = np.array([0.0, 0.5, 0.2, 0.4]), 6.0

    def slope(state: State) -> np.ndarray:
        cart, pole = newton(state, force, constants)
        return np.array([state[1], cart, state[3], pole])

    exact, piece = start, 0.02
    for _ in range(10):
        k1 = slope(exact)
        k2 = slope(exact + piece / 2 * k1)
        k3 = slope(exact + piece / 2 * k2)
        k4 = slope(exact + piece * k3)
        exact = exact + piece / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    errors = []
    for substeps in (64, 128, 256):
        rows = integrate(
            tuple(torch.tensor([number], dtype=torch.float64) for number in start),
            torch.tensor([force / constants.mass], dtype=torch.float64),
            timestep=0.2,
            substeps=substeps,
            semi_implicit=semi_implicit,
            constants=constants,
        )
        errors.append(np.abs(np.array([row.item() for row in rows]) - exact).max())
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 1.0, atol=0.1)
    assert errors[-1] < 1e-2
