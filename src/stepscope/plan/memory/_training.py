"""Sizes of a training whose memory is estimated."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from stepscope._common.images import convolved_shapes, is_image
from stepscope.errors import BadInputError
from stepscope.plan.memory._releases import NEWEST, check_release, era_of

__all__ = ["LIBRARIES", "Training"]

LIBRARIES = ("rl_games", "rsl_rl", "skrl", "sb3")
_SUPPORT_UINT8 = ("rl_games", "sb3")
_DIMENSIONS = (1, 3)


@dataclass(frozen=True, kw_only=True)
class Training:
    """PPO by one of four libraries, with fully connected layers and, for images, convolutions before them.

    Attributes
    ----------
    library
        ``"rl_games"``, ``"rsl_rl"``, ``"skrl"`` or ``"sb3"``.
    num_envs
        Environments.
    horizon
        Vector steps per rollout.
    observation
        Shape of an observation: one number, or channels, height and width of an image.
    actions
        How many numbers an action has.
    hidden
        Widths of the hidden layers, which actor and critic share in RL-Games only. For images there are
        three convolutions and a layer of 512 before them, which in RL-Games and Stable-Baselines3 actor and critic share.
    minibatches
        Equal parts that a rollout is cut into for the update.
    dtype
        Type of the numbers of an observation: ``"float32"``, or ``"uint8"`` for images, which RSL-RL and skrl do not
        support. None is uint8 for images where the library supports it.
    release
        Release of the library, such as ``"2.7.0"``, whose storage of a rollout is counted; None is the one that this
        project's pages describe. Networks and update are always counted as in that one.

    Raises
    ------
    BadInputError
        The library is unknown, its release is none or too old, a number is not positive, the rollout cannot be cut into the minibatches, or an image
        is too small for the convolutions.
    """

    library: str
    num_envs: int
    horizon: int
    observation: tuple[int, ...]
    actions: int
    hidden: tuple[int, ...] = (64, 64)
    minibatches: int = 4
    dtype: str | None = None
    release: str | None = None

    def __post_init__(self) -> None:
        if self.library not in LIBRARIES:
            raise BadInputError(f"{self.library!r} is not one of {', '.join(LIBRARIES)}.")
        if self.release is not None:
            check_release(self.library, self.release)
        numbers = (
            self.num_envs,
            self.horizon,
            *self.observation,
            self.actions,
            *self.hidden,
            self.minibatches,
        )
        if min(numbers) < 1 or len(self.observation) not in _DIMENSIONS:
            raise BadInputError("sizes must be positive integers; an observation has one, an image three.")
        if self.steps % self.minibatches:
            raise BadInputError(
                f"{self.num_envs} environments x {self.horizon} steps = {self.steps} environment steps cannot be cut"
                f" into {self.minibatches} equal minibatches."
            )
        if self.is_image:
            convolved_shapes(self.observation)  # raises an error if it is too small
        if self.dtype not in (None, "float32", "uint8"):
            raise BadInputError(f"{self.dtype!r} is not a supported dtype; use float32 or uint8.")
        if self.dtype == "uint8" and not (self.is_image and self.library in _SUPPORT_UINT8):
            raise BadInputError(
                f"uint8 is for images in {' and '.join(_SUPPORT_UINT8)}; use float32 for {self.library}."
            )

    @property
    def settings(self) -> dict[str, Any]:
        """All but the library and its release, as keyword arguments of `stepscope.train.experiments.peak_memory.measure_peak_memory`."""
        settings = {**asdict(self), "dtype": self.number_type}
        del settings["library"], settings["release"]
        return settings

    @property
    def steps(self) -> int:
        """Environment steps in a rollout."""
        return self.num_envs * self.horizon

    @property
    def batch(self) -> int:
        """Environment steps in a minibatch."""
        return self.steps // self.minibatches

    @property
    def is_image(self) -> bool:
        """Whether an observation is an image."""
        return is_image(self.observation)

    @property
    def numbers(self) -> int:
        """Numbers in an observation."""
        return math.prod(self.observation)

    @property
    def observation_bytes(self) -> int:
        """Bytes of an observation as the environment returns it."""
        return self.numbers * (1 if self.number_type == "uint8" else 4)

    @property
    def stored_bytes(self) -> int:
        """Bytes of an observation as the library stores it."""
        if self.library == "sb3" and self.era != "2.7.1":
            return self.numbers * 4
        return self.observation_bytes

    @property
    def era(self) -> str:
        """First of the releases that store a rollout as this one does."""
        return era_of(self.library, self.release or NEWEST[self.library])

    @property
    def number_type(self) -> str:
        """Type of a number of an observation, ``uint8`` or ``float32``."""
        is_uint8 = self.is_image and self.library in _SUPPORT_UINT8
        return self.dtype or ("uint8" if is_uint8 else "float32")
