"""Releases of the libraries that store a rollout differently."""

from __future__ import annotations

import re

from stepscope.errors import BadInputError
from stepscope.logs import BY_KEY

__all__ = ["ERAS", "NEWEST", "check_release", "era_of", "is_before", "split_release"]

NEWEST = {"rl_games": "1.6.5", "rsl_rl": "5.5.1", "skrl": "2.1.1", "sb3": "2.9.2"}
"""The releases that everything is counted for: those that this project's pages describe."""

ERAS = {
    "rl_games": ("1.1.4",),
    "rsl_rl": ("2.1.1",),
    "skrl": ("1.0.0", "1.4.0", "2.0.0", "2.1.0"),
    "sb3": ("1.0", "2.7.1"),
}
"""First releases of the periods in which a library stored a rollout in the same way, from the oldest that was read."""

_RELEASE = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,4}")


def split_release(text: str) -> tuple[str, str | None]:
    """Split a library as pip names it, such as ``sb3==2.7.0``, into its key and its release, which may be missing.

    >>> split_release("stable-baselines3==2.7.0"), split_release("skrl")
    (('sb3', '2.7.0'), ('skrl', None))
    """
    name, equals, release = text.partition("==")
    keys = {library.distribution: key for key, library in BY_KEY.items()}
    return keys.get(name, name), release if equals else None


def check_release(library: str, release: str) -> None:
    """Check that the storage of a release is known.

    Raises
    ------
    BadInputError
        It is not a release, or it is older than those that were read.
    """
    if not _RELEASE.fullmatch(release):
        raise BadInputError(f"{release!r} is not a release; give numbers, such as {NEWEST[library]}.")
    if is_before(release, ERAS[library][0]):
        name = BY_KEY[library].name
        raise BadInputError(
            f"{name} {release} is too old: only releases from {ERAS[library][0]} on can be counted."
        )


def is_before(release: str, other: str) -> bool:
    """Return whether a release is older than another.

    >>> is_before("2.7", "2.7.1"), is_before("2.10.0", "2.9.2"), is_before("1.0", "1.0.0")
    (True, False, False)
    """
    return _numbers(release) < _numbers(other)


def era_of(library: str, release: str) -> str:
    """Return the first release of the period that a release belongs to.

    >>> era_of("sb3", "2.8.0"), era_of("skrl", "1.3.0")
    ('2.7.1', '1.0.0')
    """
    return next(first for first in reversed(ERAS[library]) if not is_before(release, first))


def _numbers(release: str) -> tuple[int, ...]:
    numbers = [int(part) for part in release.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
