"""Target of a measurement: a factory of environments, or a command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope._common import printable
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PLACE", "Target"]

PLACE = "{num_envs}"
"""Stands for the number of environments in a command."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A factory or a command; exactly one of the two.

    Attributes
    ----------
    factory
        ``"module:name"`` of a callable that takes ``num_envs`` and returns an object with ``reset()`` and ``step(action)`` in
        Gymnasium's vector convention.
    command
        A program and its arguments, with ``{num_envs}`` in at least one of them.
    """

    factory: str | None = None
    command: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, factory: str | None, command: Sequence[str] | None) -> Target:
        """Parse the arguments before and after ``--``.

        Raises
        ------
        BadInputError
            There is neither or both, or it is not a valid target.

        Examples
        --------
        >>> Target.parse(None, ["python", "train.py", "--num_envs={num_envs}"]).command_for(64)
        ['python', 'train.py', '--num_envs=64']
        >>> str(Target.parse("stepscope.envs:CartPole", None))
        'stepscope.envs:CartPole'
        """
        if factory is None and not command:
            raise BadInputError(
                "TARGET is missing; give module:factory, or a command with {num_envs} in it after --."
            )
        if factory is not None and command is not None:
            raise BadInputError(
                f"{_shown(factory)} and a command after -- are two TARGETs; give one of them."
            )
        if command and not any(PLACE in word for word in command):
            raise BadInputError(
                f"the command {_shown(shlex.join(command))!r} has no {PLACE} in it; put that where the number goes."
            )
        if factory is not None and not _is_factory(factory):
            raise BadInputError(
                f"{_shown(factory)!r} is not a valid TARGET; give module:factory, or a command after --."
            )
        return cls(factory=factory, command=tuple(command) if command else None)

    def command_for(self, num_envs: int) -> list[str]:
        """Return the command for a number of environments; empty for a factory."""
        return [word.replace(PLACE, str(num_envs)) for word in self.command or ()]

    def __str__(self) -> str:
        """Return the target as written on a command line."""
        return self.factory or shlex.join(self.command or ())


def _shown(text: str) -> str:
    return printable(text, limit=200)


def _is_factory(text: str) -> bool:
    module, colon, name = text.partition(":")
    words = [*module.split("."), *name.split(".")]
    return bool(colon) and all(word.isidentifier() for word in words)
