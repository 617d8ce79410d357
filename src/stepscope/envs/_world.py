"""N worlds of one MuJoCo model, stepped together by MuJoCo Warp."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from stepscope._common.devices import usable_device
from stepscope.envs._names import action_names, state_names
from stepscope.envs._spaces import AutoresetMode, Box, VectorEnv, batch_space
from stepscope.envs._step import next_streams, reset_mask, validate_integer
from stepscope.envs._warp import load, owned_bytes
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Physics", "Task", "World"]

_NOISE = 0.02  # start velocities lie within this, in m/s or rad/s


def _zero(qpos: Tensor, qvel: Tensor) -> Tensor:  # noqa: ARG001 - a reward sees both
    return torch.zeros(len(qvel), device=qvel.device)


def _never(qpos: Tensor) -> Tensor:
    return torch.zeros(len(qpos), dtype=torch.bool, device=qpos.device)


@dataclass(frozen=True, kw_only=True)
class Task:
    """Reward and end of an episode.

    Attributes
    ----------
    reward
        From positions (N, nq) and velocities (N, nv) to (N,) float32.
    failed
        From positions (N, nq) to (N,) bool.
    episode_length
        Steps after which an episode is truncated.
    """

    reward: Callable[[Tensor, Tensor], Tensor] = _zero
    failed: Callable[[Tensor], Tensor] = _never
    episode_length: int = 1000


@dataclass(frozen=True, kw_only=True)
class Physics:
    """Settings of the simulator.

    Attributes
    ----------
    timestep
        Simulated time of one step of the simulator, in s.
    substeps
        Steps of the simulator in one step of the environment.
    solver
        Of the constraints: ``"newton"`` or ``"cg"``.
    integrator
        ``"euler"``, ``"implicitfast"`` or ``"discrete"``, which flexible bodies need.
    iterations, ls_iterations
        Maximum iterations of the solver, and of its line search.
    njmax, nconmax
        Buffer sizes for constraints and contacts of a world; None is MuJoCo Warp's guess from the model.
    """

    timestep: float
    substeps: int
    solver: str = "newton"
    integrator: str = "euler"
    iterations: int = 100
    ls_iterations: int = 50
    njmax: int | None = None
    nconmax: int | None = None

    def check(self) -> None:
        """Raise BadInputError for the first setting that no simulation can have."""
        if not isinstance(self.timestep, int | float) or not 0 < self.timestep < math.inf:
            raise BadInputError(f"timestep is {self.timestep!r}; it must be a positive, finite number.")
        for name in ("substeps", "iterations", "ls_iterations"):
            validate_integer(name, getattr(self, name))
        for name in ("njmax", "nconmax"):
            if getattr(self, name) is not None:
                validate_integer(name, getattr(self, name), also=" or None")
        for name, known in (
            ("solver", ("newton", "cg")),
            ("integrator", ("euler", "implicitfast", "discrete")),
        ):
            if getattr(self, name) not in known:
                raise BadInputError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(known)}.")


class World(VectorEnv):  # gymnasium's types are not read
    """N worlds of one MuJoCo model on one device, stepped together by MuJoCo Warp.

    The functions of :mod:`stepscope.envs.scenes` make one.

    Parameters
    ----------
    mjcf
        The model, in MuJoCo's XML; episodes start at its first keyframe.
    num_envs
        Number of worlds.
    physics
        Settings of the simulator.
    task
        Reward and end of an episode.
    device
        ``"cpu"``, where Warp uses one thread, or ``"cuda"``; None is CUDA where there is one.
    seed
        Seed of the start velocities. The same seed, device and actions give the same numbers.
    images
        Width and height of the images of the model's camera, in pixels; None renders nothing.

    Attributes
    ----------
    qpos, qvel : Tensor
        (N, nq) and (N, nv) float32: positions (m, rad, quaternions) and velocities (m/s, rad/s) in the simulator's own
        memory. Values written here take effect in the next step.
    ctrl : Tensor
        (N, nu) float32, the same for the actuators' inputs, which every step writes.
    overflow : Tensor
        (N,) int32, the same for the flags of buffers that overflowed since an episode began.
    observation_names, action_names : tuple of str
        Names of the columns of observations and actions.
    rendering : bool
        Whether each step renders; may be switched off and on.
    step_dt : float
        Time between two actions, in s.
    start_up_seconds : float
        Time from the constructor to the end of the first step, most of it for kernels that had to be compiled.
    num_envs, device, episode_length, single_observation_space, single_action_space, observation_space, action_space
        As those of :class:`stepscope.envs.CartPole`.

    Raises
    ------
    BadInputError
        If an argument is out of range, MuJoCo Warp is not installed, or the device is not usable.

    Notes
    -----
    An action has shape (N, nu), is clamped to [-1, 1] and spread over the range of each actuator. An observation has
    shape (N, nq + nv): positions, then velocities. Episodes start again within the same step, as those of the
    cart-pole do, with ``info["final_obs"]`` and ``info["_final_obs"]``.

    The simulator's messages about overflows, a line for every world and step, are switched off; read the flags instead.

    Images show the world as it was when the last step's forces were computed, one step of the simulator ago.
    """

    metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}

    def __init__(
        self,
        mjcf: str,
        num_envs: int,
        *,
        physics: Physics,
        task: Task,
        device: str | torch.device | None = None,
        seed: int | None = None,
        images: tuple[int, int] | None = None,
    ) -> None:
        physics.check()
        began = time.perf_counter()
        self.num_envs = validate_integer("num_envs", num_envs)
        self.episode_length = validate_integer("episode_length", task.episode_length)
        self.device = usable_device(device)
        self.rendering = images is not None
        self.step_dt = physics.timestep * physics.substeps
        self._physics, self._task = physics, task
        self._engine = load()
        with self._on_device():
            self._build(mjcf, images)
        self._view(seed)
        self._make_spaces()
        self.step(torch.zeros(self.num_envs, self.ctrl.shape[1], device=self.device))
        if self.device.type == "cuda":
            self._record_graph()
        self.reset(seed=seed)
        self.start_up_seconds = time.perf_counter() - began

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Tensor, dict[str, Any]]:
        """Start every episode anew, or some of them.

        Parameters
        ----------
        seed
            Begins the sequence of start velocities again; None continues with it.
        options
            ``{"reset_mask": mask}`` starts only the episodes where the mask, (N,) bool, is true.

        Returns
        -------
        tuple
            Observations (N, nq + nv) float32, and an empty dict.

        Raises
        ------
        BadInputError
            If there is no such option, the mask has another shape or type, or the seed is not an integer.
        """
        mask = reset_mask(options, self.num_envs)
        if seed is not None:
            seed = validate_integer("seed", seed, least=0, end=2**64, also=", below 2**64, or None")
            self._streams.copy_(self._random_streams(seed))
        with torch.inference_mode(mode=False), torch.no_grad():
            self._done.copy_(torch.ones_like(self._done) if mask is None else mask)
            self._start_again()
            self._steps.masked_fill_(self._done, 0)
            return self._observations(), {}

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Advance every world by one step.

        Parameters
        ----------
        actions
            (N, nu) float, on the environment's device.

        Returns
        -------
        tuple of Tensor and dict
            Observations (N, nq + nv) float32, rewards (N,) float32, terminated (N,) bool, truncated (N,) bool, and
            ``final_obs`` with its mask ``_final_obs`` (N,). All are new tensors.

        Raises
        ------
        BadInputError
            If the actions have another shape or device.
        """
        if tuple(actions.shape) != tuple(self.ctrl.shape) or actions.device != self.device:
            raise BadInputError(
                f"actions have shape {tuple(actions.shape)} on {actions.device}; they must have"
                f" {tuple(self.ctrl.shape)} on {self.device}."
            )
        with torch.inference_mode(mode=False), torch.no_grad():
            self.ctrl.copy_(self._middle + self._half * actions.detach().clamp(-1.0, 1.0))
            self._advance()
            self._steps += 1
            rewards = self._task.reward(self.qpos, self.qvel)
            terminated = self._task.failed(self.qpos)
            truncated = (self._steps >= self.episode_length) & ~terminated
            final = self._observations()
            self._done.copy_(terminated | truncated)
            info = {"final_obs": final, "_final_obs": self._done.clone()}
            # On a CPU this check is free, and starting again is not; on a GPU it would wait for the device.
            if self.device.type == "cuda" or bool(self._done.any()):
                self._start_again()
                self._steps.masked_fill_(self._done, 0)
            return self._observations(), rewards, terminated, truncated, info

    def snapshot(self) -> dict[str, Tensor]:
        """Return a copy of the state of all worlds, a row for each, for `restore`."""
        with torch.inference_mode(mode=False), torch.no_grad():
            return {name: value.clone() for name, value in self._persistent_state().items()}

    def restore(self, snapshot: Mapping[str, Tensor]) -> None:
        """Go on from a snapshot of as many worlds of the same model.

        Raises
        ------
        BadInputError
            If it is of another number of worlds, or of another model.
        """
        state = self._persistent_state()
        if {name: value.shape for name, value in snapshot.items()} != {
            name: value.shape for name, value in state.items()
        }:
            raise BadInputError(f"the snapshot is not of {self.num_envs} worlds of this model.")
        with torch.inference_mode(mode=False), torch.no_grad():
            for name, value in state.items():
                value.copy_(snapshot[name])

    def _persistent_state(self) -> dict[str, Tensor]:
        """Return all that the next step depends on; the solver begins where it ended."""
        data = {"act": self._data.act, "warmstart": self._data.qacc_warmstart}
        return {
            "qpos": self.qpos,
            "qvel": self.qvel,
            "steps": self._steps,
            "streams": self._streams,
            **{name: self._engine.warp.to_torch(array) for name, array in data.items()},
        }

    @property
    def images(self) -> Tensor:
        """The latest images, (N, height, width, 3) uint8, in blue, green and red; a view of the renderer's memory.

        Raises
        ------
        BadInputError
            If there is no camera.
        """
        width, height = self._resolution()
        packed = self._engine.warp.to_torch(self._context.rgb_data)
        return packed.view(torch.uint8).view(self.num_envs, height, width, 4)[..., :3]

    @property
    def depths(self) -> Tensor:
        """Distances of the latest images, (N, height, width) float32, in m; a view, like `images`.

        Raises
        ------
        BadInputError
            If there is no camera.
        """
        width, height = self._resolution()
        return self._engine.warp.to_torch(self._context.depth_data).view(self.num_envs, height, width)

    @property
    def num_contacts(self) -> int:
        """Number of contacts in all worlds at the last step; reading it waits for the device."""
        return int(self._data.nacon.numpy()[0])

    @property
    def num_pairs(self) -> int:
        """Number of near pairs, or of contacts if they are more; the measure for ``nconmax``."""
        return max(self.num_contacts, int(self._data.ncollision.numpy()[0]))

    @property
    def most_constraints(self) -> int:
        """Largest number of constraints in a world at the last step; the measure for ``njmax``."""
        return int(self._data.nefc.numpy().max())

    @property
    def overflows(self) -> dict[str, int]:
        """Number of worlds with each kind of overflow since an episode began; reading it waits for the device."""
        kinds = self._engine.mujoco_warp.OverflowType
        counts = {kind.name: int((self.overflow & int(kind) != 0).sum()) for kind in kinds}
        return {name: count for name, count in counts.items() if count}

    @property
    def model_bytes(self) -> int:
        """Bytes of the model, which all worlds share."""
        return owned_bytes(self._engine.warp, self._model)

    @property
    def data_bytes(self) -> int:
        """Bytes of the state, contacts, constraints and solver memory of all worlds."""
        return owned_bytes(self._engine.warp, self._data)

    @property
    def render_bytes(self) -> int:
        """Bytes of images and of the renderer; 0 without a camera."""
        return 0 if self._context is None else owned_bytes(self._engine.warp, self._context)

    def _on_device(self) -> Any:  # noqa: ANN401 - a context manager of Warp's
        return self._engine.warp.ScopedDevice(str(self.device))

    def _build(self, mjcf: str, images: tuple[int, int] | None) -> None:
        mujoco, engine, physics = self._engine.mujoco, self._engine.mujoco_warp, self._physics
        model = mujoco.MjModel.from_xml_string(mjcf)
        model.opt.timestep = physics.timestep
        model.opt.iterations = physics.iterations
        model.opt.ls_iterations = physics.ls_iterations
        model.opt.solver = getattr(mujoco.mjtSolver, f"mjSOL_{physics.solver.upper()}")
        model.opt.integrator = getattr(mujoco.mjtIntegrator, f"mjINT_{physics.integrator.upper()}")
        self.mujoco_model = model
        self.observation_names, self.action_names = state_names(model), action_names(model)
        self._model = engine.put_model(model)
        self._model.opt.warn_overflow = 0
        self._data = engine.make_data(
            model, nworld=self.num_envs, nconmax=physics.nconmax, njmax=physics.njmax
        )
        self._context: Any = (
            None
            if images is None
            else engine.create_render_context(
                model, self.num_envs, cam_res=images, render_rgb=True, render_depth=True
            )
        )
        self._images = images

    def _view(self, seed: int | None) -> None:
        """Make torch's views of the simulator's memory."""
        warp, model, device = self._engine.warp, self.mujoco_model, self.device
        self.qpos, self.qvel, self.ctrl, self.overflow = (
            warp.to_torch(array)
            for array in (self._data.qpos, self._data.qvel, self._data.ctrl, self._data.overflow)
        )
        low, high = torch.tensor(model.actuator_ctrlrange, dtype=torch.float32, device=device).unbind(1)
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        start = model.key_qpos[0] if model.nkey else model.qpos0
        self._start = torch.tensor(start, dtype=torch.float32, device=device)
        self._steps = torch.zeros(self.num_envs, dtype=torch.int32, device=device)
        self._done = torch.ones(self.num_envs, dtype=torch.bool, device=device)
        self._mask = warp.from_torch(self._done)
        self._streams = self._random_streams(torch.Generator().seed() if seed is None else seed)
        self._graph: Any = None

    def _random_streams(self, seed: int) -> Tensor:
        streams = torch.empty(self.qvel.shape, dtype=torch.int32, device=self.device)
        return streams.random_(-(2**31), 2**31, generator=torch.Generator(self.device).manual_seed(seed))

    def _make_spaces(self) -> None:
        def box(size: int, bound: float) -> Box:
            return Box(-bound, bound, (size,), np.float32)

        self.single_observation_space = box(self.qpos.shape[1] + self.qvel.shape[1], np.inf)
        self.single_action_space = box(self.ctrl.shape[1], 1.0)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _advance(self) -> None:
        warp = self._engine.warp
        if self._graph is None:
            with self._on_device():
                self._simulate()
        else:
            # Warp's work goes onto torch's stream, so neither has to wait for the other.
            with warp.ScopedStream(warp.stream_from_torch(torch.cuda.current_stream(self.device))):
                warp.capture_launch(self._graph)
        if self._context is not None and self.rendering:
            self._render()

    def _simulate(self) -> None:
        for _ in range(self._physics.substeps):
            self._engine.mujoco_warp.step(self._model, self._data)

    def _render(self) -> None:
        with self._on_device():
            self._engine.mujoco_warp.refit_bvh(self._model, self._data, self._context)
            self._engine.mujoco_warp.render(self._model, self._data, self._context)

    def _record_graph(self) -> None:
        """Record the launches of a step once; a GPU then repeats them without Python."""
        with self._on_device(), self._engine.warp.ScopedCapture() as capture:
            self._simulate()
        self._graph = capture.graph

    def _start_again(self) -> None:
        """Start the episodes of the worlds that are done."""
        with self._on_device():
            self._engine.mujoco_warp.reset_data(self._model, self._data, self._mask)
        done = self._done[:, None]
        # Each world has streams of its own, so that its random numbers depend on no other.
        self._streams.copy_(torch.where(done, next_streams(self._streams), self._streams))
        self.qpos.copy_(torch.where(done, self._start, self.qpos))
        self.qvel.copy_(torch.where(done, self._streams * (_NOISE / 2**31), self.qvel))

    def _observations(self) -> Tensor:
        return torch.cat([self.qpos, self.qvel], dim=1)

    def _resolution(self) -> tuple[int, int]:
        if self._images is None:
            raise BadInputError("this scene has no camera; make one with images=(width, height).")
        return self._images
