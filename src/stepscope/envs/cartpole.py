"""N cart-poles as tensors on one device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from stepscope._common.devices import usable_device
from stepscope.envs._compile import compile_step
from stepscope.envs._dynamics import CartPoleConstants
from stepscope.envs._eager import EagerStep
from stepscope.envs._spaces import AutoresetMode, Box, VectorEnv, batch_space
from stepscope.envs._step import (
    Settings,
    fresh_states,
    next_streams,
    reset_mask,
    validate_integer,
)
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CartPole"]

_INTEGRATORS = ("euler", "semi-implicit")
_BYTES = 140  # of one environment in the constructor: its share of the spaces and its state


class CartPole(VectorEnv):  # gymnasium's types are not read
    r"""N cart-poles as tensors on one device, stepped together.

    A cart on a track is pushed left or right so that the pole on it stays upright. With the defaults it is
    gymnasium's ``CartPole-v1`` except that the force is continuous: actions of -1 and 1 are its two actions.

    Parameters
    ----------
    num_envs
        Number of environments.
    device
        Device of all tensors: ``"cpu"`` or ``"cuda"``, which is ``"cuda:0"``; None is CUDA where there is one.
    seed
        Seed of the start states; None draws one. The same seed, device and actions give the same numbers.
    timestep
        Simulated time of one step, in s.
    substeps
        Equal pieces that the integrator cuts a step into.
    force_limit
        Force at an action of 1, in N.
    track_half_length
        A cart further than this from the middle has failed, in m.
    angle_limit
        A pole leaning further than this has failed, in rad.
    episode_length
        Steps after which an episode is truncated.
    integrator
        ``"euler"`` (explicit) or ``"semi-implicit"`` (positions move with the new velocities).
    gravity
        In m/s².
    cart_mass
        In kg.
    pole_mass
        In kg.
    pole_half_length
        From the hinge to the centre of mass, in m.
    cart_friction
        Friction of the cart on the track over the normal force, without unit.
    pole_friction
        Torque of the hinge's friction over the pole's angular velocity, in N·m·s.
    compile
        Fuse the step with ``torch.compile``, which needs a compiler and takes some seconds here, once. The first
        number of environments is compiled for exactly; the second compiles once more, for all others.

    Attributes
    ----------
    steps : Tensor
        (N,) int32, steps taken in the running episodes; may be set, for instance to spread the truncations.
    state : Tensor
        (N, 4) float32, a copy of the present state; set it with :meth:`set_state`.
    single_observation_space, single_action_space, observation_space, action_space : gymnasium.spaces.Box
        Of one environment and of all; the numbers are tensors of the same shape and dtype.
    device : torch.device
        As tensors name it: ``cpu``, or ``cuda`` with an index.
    episode_length : int
        As given, in steps.
    step_dt : float
        Time between two actions, in s.
    observation_names, action_names : tuple of str
        Names of the columns of observations and actions.

    Raises
    ------
    BadInputError
        If an argument is out of range, the device is not usable, there is not enough memory for so many environments,
        or ``compile=True`` finds no compiler.

    Notes
    -----
    The training libraries' adapters in ``stepscope.train`` rely on three things beyond ``VectorEnv``, which another
    environment needs as well: `device`, `episode_length`, and the last observations of finished episodes in
    ``info["final_obs"]``, one row for every environment.

    An action has shape (N, 1), is clamped to [-1, 1] and multiplied by `force_limit`.
    An observation has shape (N, 4): cart position (m) and velocity (m/s), pole angle (rad) and velocity (rad/s).
    It is stored by columns, as the physics is; ``.contiguous()`` makes a copy stored by rows.
    The reward is 1 for each step. States start uniformly within ±0.05 in each coordinate.

    An episode that fails is terminated; one that has not failed when time is up is truncated; never both.
    It starts again within the same step: the observation returned is the new episode's first, and the old one's
    last is in ``info["final_obs"]``, shape (N, 4), where ``info["_final_obs"]``, shape (N,), is true (elsewhere
    it is the observation returned). Nothing in a step waits for the device. ``timestep`` is the time between two
    actions however many substeps there are. A state that is not a number neither fails nor recovers: it stays until
    its episode is truncated.

    With :math:`s = \operatorname{sgn}(N\dot x)`, :math:`M = m_c + m_p`, hinge friction :math:`\mu_p`, cart
    friction :math:`\mu_c` and half length :math:`l`, the accelerations are

    .. math::

        \ddot\theta &= \frac{g\sin\theta - \cos\theta\left[\frac{F + m_p l\dot\theta^2
        (\sin\theta + \mu_c s\cos\theta)}{M} - \mu_c g s\right] - \frac{\mu_p\dot\theta}{m_p l}}
        {l\left[\frac43 - \frac{m_p\cos\theta}{M}(\cos\theta - \mu_c s\sin\theta)\right]}

        \ddot x &= \frac{F + m_p l(\dot\theta^2\sin\theta - \ddot\theta\cos\theta) - \mu_c N s}{M}

        N &= M g - m_p l(\ddot\theta\sin\theta + \dot\theta^2\cos\theta)

    Barto, Sutton and Anderson (1983) let friction be :math:`\mu_c\operatorname{sgn}\dot x`, a force that does not
    depend on how hard the cart presses on the track. Florian (2007) corrected it: friction is proportional to the
    normal force :math:`N`, which the swinging pole changes and, in the extreme, turns round, hence its sign in
    :math:`s`. Without friction both agree.

    References
    ----------
    A. G. Barto, R. S. Sutton, C. W. Anderson. Neuronlike adaptive elements that can solve difficult learning
    control problems. IEEE Transactions on Systems, Man, and Cybernetics 13(5), 1983.

    R. V. Florian. Correct equations for the dynamics of the cart-pole system. Coneural, Romania, 2007.

    Examples
    --------
    >>> env = CartPole(3, seed=0)
    >>> observations, _ = env.reset()
    >>> observations.shape
    torch.Size([3, 4])
    >>> observations, rewards, terminated, truncated, info = env.step(torch.zeros(3, 1))
    >>> rewards
    tensor([1., 1., 1.])
    """

    metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}
    _state: Tensor  # (4, N), the columns of an observation as rows
    _steps: Tensor
    _streams: Tensor
    _step: Callable[..., tuple[Tensor, ...]]
    observation_names = ("cart_position", "cart_velocity", "pole_angle", "pole_velocity")
    action_names = ("force",)

    def __init__(
        self,
        num_envs: int,
        *,
        device: str | torch.device | None = "cpu",
        seed: int | None = None,
        timestep: float = 0.02,
        substeps: int = 1,
        force_limit: float = 10.0,
        track_half_length: float = 2.4,
        angle_limit: float = math.radians(12.0),
        episode_length: int = 500,
        integrator: str = "euler",
        gravity: float = 9.8,
        cart_mass: float = 1.0,
        pole_mass: float = 0.1,
        pole_half_length: float = 0.5,
        cart_friction: float = 0.0,
        pole_friction: float = 0.0,
        compile: bool = False,  # noqa: A002 - torch's word for it
    ) -> None:
        if integrator not in _INTEGRATORS:
            raise BadInputError(f"integrator is {integrator!r}; choose one of {', '.join(_INTEGRATORS)}.")
        self.settings = Settings(
            timestep=timestep,
            substeps=validate_integer("substeps", substeps),
            force_limit=force_limit,
            track_half_length=track_half_length,
            angle_limit=angle_limit,
            episode_length=validate_integer("episode_length", episode_length),
            semi_implicit=integrator == "semi-implicit",
            constants=CartPoleConstants(
                gravity=gravity,
                cart_mass=cart_mass,
                pole_mass=pole_mass,
                pole_half_length=pole_half_length,
                cart_friction=cart_friction,
                pole_friction=pole_friction,
            ),
        )
        self.settings.check()
        self.num_envs = validate_integer("num_envs", num_envs)
        self.device = usable_device(device)
        self.episode_length = self.settings.episode_length
        self.step_dt = self.settings.timestep
        seed = torch.Generator().seed() if seed is None else seed
        self._allocate(seed, eager=not compile)
        if compile:
            self._step = compile_step(self.settings, self.device)
            self.step(
                torch.zeros(self.num_envs, 1, device=self.device)
            )  # now, so that a missing compiler shows here
            self.reset(seed=seed)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Tensor, dict[str, Any]]:
        """Start every episode anew, or some of them.

        Parameters
        ----------
        seed
            Begins the sequence of start states again; None continues with it.
        options
            ``{"reset_mask": mask}`` starts only the episodes where the mask, (N,) bool, is true.

        Returns
        -------
        tuple
            Observations (N, 4) float32, and an empty dict.

        Raises
        ------
        BadInputError
            If there is no such option, the mask has another shape or type, or the seed is not an integer.
        """
        mask = reset_mask(options, self.num_envs)
        if seed is not None:
            seed = validate_integer("seed", seed, least=0, end=2**64, also=", below 2**64, or None")
        with torch.inference_mode(mode=False):
            self._streams = next_streams(self._streams) if seed is None else self._random_streams(seed)
            state = fresh_states(self._streams)
            steps = torch.zeros(self.num_envs, dtype=torch.int32, device=self.device)
            if mask is not None:
                state, steps = torch.where(mask, state, self._state), torch.where(mask, steps, self._steps)
            self._state, self._steps = state, steps
        return self.state, {}

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Advance every environment by one timestep.

        Parameters
        ----------
        actions
            (N, 1) float, on the environment's device.

        Returns
        -------
        tuple of Tensor and dict
            Observations (N, 4) float32, rewards (N,) float32, terminated (N,) bool, truncated (N,) bool,
            and ``final_obs`` (N, 4) with its mask ``_final_obs`` (N,). All are new tensors.

        Raises
        ------
        BadInputError
            If the actions have another shape or device.
        """
        self._check(actions)
        if torch.is_inference_mode_enabled():
            # Tensors born in inference mode could never be changed outside of it, so ours are born outside of it.
            with torch.inference_mode(mode=False):
                return self.step(actions)
        if actions.requires_grad:
            actions = actions.detach()
        self._state, self._steps, self._streams, observations, final, terminated, truncated, done = (
            self._step(self._state, self._steps, actions, self._streams)
        )
        rewards = self._rewards.clone()  # in less time than torch.ones takes
        return observations, rewards, terminated, truncated, {"final_obs": final, "_final_obs": done}

    @property
    def state(self) -> Tensor:
        """A copy of the state, shape (N, 4)."""
        with torch.inference_mode(mode=False):
            return self._state.clone().t()

    def set_state(self, state: Tensor) -> None:
        """Put every environment in a state, shape (N, 4); the episodes go on counting.

        Raises
        ------
        BadInputError
            If the state has another shape.
        """
        if tuple(state.shape) != (self.num_envs, 4):
            raise BadInputError(f"state has shape {tuple(state.shape)}; it must be ({self.num_envs}, 4).")
        with torch.inference_mode(mode=False), torch.no_grad():
            self._state = torch.empty(4, self.num_envs, device=self.device).copy_(state.t())

    def snapshot(self) -> dict[str, Tensor]:
        """Return a copy of the state of all environments, a row for each, for `restore`."""
        if torch.is_inference_mode_enabled():
            with torch.inference_mode(mode=False):
                return self.snapshot()
        return {
            "state": self._state.clone().t(),
            "steps": self._steps.clone(),
            "streams": self._streams.clone().t(),
        }

    def restore(self, snapshot: Mapping[str, Tensor]) -> None:
        """Go on from a snapshot of as many environments, of this object or of another with the same settings.

        Raises
        ------
        BadInputError
            If it is of another number of environments, or of another kind of environment.
        """
        rows = {"state": (self.num_envs, 4), "steps": (self.num_envs,), "streams": (self.num_envs, 4)}
        if {name: tuple(value.shape) for name, value in snapshot.items()} != rows:
            raise BadInputError(f"the snapshot is not of {self.num_envs} cart-poles.")
        with torch.inference_mode(mode=False):
            self.set_state(snapshot["state"])
            self.steps = snapshot["steps"]
            streams = torch.empty(4, self.num_envs, dtype=torch.int32, device=self.device)
            self._streams = streams.copy_(snapshot["streams"].t())

    @property
    def steps(self) -> Tensor:
        """Steps taken in the running episodes, shape (N,), int32."""
        return self._steps

    @steps.setter
    def steps(self, steps: Tensor) -> None:
        if tuple(steps.shape) != (self.num_envs,):
            raise BadInputError(f"steps has shape {tuple(steps.shape)}; it must be ({self.num_envs},).")
        with torch.inference_mode(mode=False):
            self._steps = torch.empty(self.num_envs, dtype=torch.int32, device=self.device).copy_(steps)

    def _allocate(self, seed: int, *, eager: bool) -> None:
        """Allocate the spaces and the state, and turn each of numpy's and torch's errors about memory into ours."""
        try:
            # Untouched pages cost nothing, but a size that the machine can never have is refused at once.
            np.empty((self.num_envs, _BYTES), np.uint8)
        except (MemoryError, OverflowError, ValueError) as error:
            raise self._too_many() from error
        try:
            self._make_spaces()
            self.reset(seed=seed)
            if eager:
                self._step = EagerStep(self.settings, self.num_envs, self.device)
            self._rewards = torch.ones(self.num_envs, device=self.device)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error):
                raise self._too_many() from error
            raise

    def _too_many(self) -> BadInputError:
        return BadInputError(
            f"There is not enough memory for {self.num_envs} environments on {self.device}; choose a smaller num_envs."
        )

    def _make_spaces(self) -> None:
        settings = self.settings
        # Terminal observations lie beyond the limits, by at most what one step can add; gymnasium doubles them.
        high = np.array(
            [2 * settings.track_half_length, np.inf, 2 * settings.angle_limit, np.inf], np.float32
        )
        # Bounds of the spaces' own type: from others gymnasium may warn of lost precision.
        one = np.array([1.0], np.float32)
        self.single_observation_space = Box(-high, high, dtype=np.float32)
        self.single_action_space = Box(-one, one, dtype=np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _random_streams(self, seed: int) -> Tensor:
        streams = torch.empty(4, self.num_envs, dtype=torch.int32, device=self.device)
        return streams.random_(-(2**31), 2**31, generator=torch.Generator(self.device).manual_seed(seed))

    def _check(self, actions: Tensor) -> None:
        if not isinstance(actions, Tensor):
            raise BadInputError(f"actions are a {type(actions).__name__}; they must be a torch tensor.")
        if actions.shape != (self.num_envs, 1):
            raise BadInputError(
                f"actions have shape {tuple(actions.shape)}; they must have ({self.num_envs}, 1)."
            )
        if actions.device != self.device:
            raise BadInputError(f"actions are on {actions.device}; the environment is on {self.device}.")
