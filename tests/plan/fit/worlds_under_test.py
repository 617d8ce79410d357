"""Environments whose memory is known: so many bytes at first, and so many for each environment."""

from __future__ import annotations

import time

from stepscope.errors import BadInputError

_MEBIBYTE = 2**20


class _Space:
    """Actions that nobody looks at."""

    def sample(self) -> float:
        """Return one."""
        return 0.0


class Known:
    """Takes `fixed_mib` and, for each environment, `per_env` bytes; with `curve`, also bytes for each pair.

    With `jitter_mib` some sizes take so much more, as runs do that differ for other reasons.
    """

    action_space = _Space()

    def __init__(
        self,
        num_envs: int,
        *,
        fixed_mib: int = 0,
        per_env: int = 1000,
        curve: float = 0.0,
        jitter_mib: int = 0,
    ) -> None:
        self.fixed = bytearray(fixed_mib * _MEBIBYTE)
        self.more = bytearray(jitter_mib * _MEBIBYTE * (num_envs % 3 == 1))
        self.state = bytearray(int(num_envs * per_env + curve * num_envs**2))

    def reset(self) -> tuple[bytearray, dict[str, object]]:
        """Return observations of one byte an environment."""
        return bytearray(8), {}

    def step(self, _: float) -> tuple[bytearray, float, bool, bool, dict[str, object]]:
        """Return five things, as Gymnasium does."""
        return bytearray(8), 0.0, False, False, {}


class Slow(Known):
    """Takes a tenth of a second an environment to make."""

    def __init__(self, num_envs: int) -> None:
        super().__init__(num_envs)
        time.sleep(0.1 * num_envs)


class Without:
    """Has no actions to draw."""

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs

    def reset(self) -> float:
        """Return nothing of use."""
        return 0.0


def policy(env: Known) -> object:
    """Return a policy that is larger than any environment: 100 MiB."""
    network = bytearray(100 * _MEBIBYTE)
    return lambda _: float(len(network) + len(env.state))


def broken(num_envs: int) -> None:
    """Fail."""
    raise KeyError(f"no asset for {num_envs}")


def wordy(num_envs: int) -> None:
    """Fail with more words than anybody reads, which clear the screen."""
    raise ValueError(f"none of {'x' * 5_000_000}\n{num_envs}\x1b[2J")


def refusing(num_envs: int) -> None:
    """Refuse in many lines."""
    raise BadInputError("none of\n" + f"\x9b2J{num_envs}\n" * 1_000_000)


def leaving(num_envs: int) -> None:
    """End the process."""
    raise SystemExit(f"why\n{num_envs}")
