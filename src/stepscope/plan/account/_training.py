"""The training that is accounted for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stepscope.errors import BadInputError

__all__ = ["LIBRARIES", "Training"]

LIBRARIES = ("rl_games", "rsl_rl", "skrl", "sb3")
_IMAGE = 3  # dimensions: channels, height, width
_SMALLEST_IMAGE = 36  # pixels along an edge, for the convolutions of Stable-Baselines3


@dataclass(frozen=True, kw_only=True)
class Training:
    """PPO by one of four libraries, with a network of fully connected layers.

    Attributes
    ----------
    library
        ``"rl_games"``, ``"rsl_rl"``, ``"skrl"`` or ``"sb3"``.
    num_envs
        Environments.
    horizon
        Vector steps per rollout.
    observation
        Shape of an observation: one number, which is stored as float32, or channels, height and width of an image,
        which is stored as uint8 where the library keeps the type.
    actions
        How many numbers an action has.
    hidden
        Widths of the hidden layers. Actor and critic have their own, which in RL-Games they share.
    minibatches
        Equal parts that a rollout is cut into for the update.

    Raises
    ------
    BadInputError
        There is no such library, a number is not positive, the rollout cannot be cut into the minibatches, or an image
        is too small for the convolutions.
    """

    library: str
    num_envs: int
    horizon: int
    observation: tuple[int, ...]
    actions: int
    hidden: tuple[int, ...] = (64, 64)
    minibatches: int = 4

    def __post_init__(self) -> None:
        if self.library not in LIBRARIES:
            raise BadInputError(f"{self.library!r} is not one of {', '.join(LIBRARIES)}.")
        numbers = (
            self.num_envs,
            self.horizon,
            *self.observation,
            self.actions,
            *self.hidden,
            self.minibatches,
        )
        if min(numbers) < 1 or len(self.observation) not in (1, _IMAGE):
            raise BadInputError(
                "sizes are whole numbers above 0; an observation has one of them, or an image three."
            )
        if self.steps % self.minibatches:
            raise BadInputError(
                f"{self.num_envs} environments x {self.horizon} steps = {self.steps} environment steps cannot be cut"
                f" into {self.minibatches} equal minibatches."
            )
        if self.is_image and min(self.observation[1:]) < _SMALLEST_IMAGE:
            raise BadInputError(
                f"an image of {self.observation[1]} x {self.observation[2]} is too small for the convolutions,"
                f" which need {_SMALLEST_IMAGE} pixels along each edge."
            )

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
        return len(self.observation) == _IMAGE

    @property
    def numbers(self) -> int:
        """Numbers in an observation."""
        return math.prod(self.observation)

    @property
    def observation_bytes(self) -> int:
        """Bytes of an observation as the environment gives it: a byte for a number of an image, else four."""
        return self.numbers * (1 if self.is_image else 4)
