"""What an environment calls the columns of its observations and actions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from stepscope.nans._errors import warn
from stepscope.nans._foreign import attribute, describe_error, label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["names_of"]

_MOST = 2**16  # columns of a tensor that have names


def names_of(
    env: Any,  # noqa: ANN401 - any environment
    given: Any = None,  # noqa: ANN401 - whatever somebody gives for it
    *,
    say: Callable[[str], None] = warn,
) -> dict[str, tuple[str, ...]]:
    """Return the names of columns by tensor, as far as the environment has some.

    Those are its attributes ``observation_names`` and ``action_names``, or the terms of the managers that environments
    of Isaac Lab and mjlab are made of: a term of one column gives its name, a wider one is numbered. Those that are given
    come before them. What is not a text becomes one, and what a name has that does not print is left out.

    Parameters
    ----------
    env
        The environment.
    given
        Other names, by tensor.
    say
        Is called with a sentence about what cannot be used.

    Examples
    --------
    >>> from stepscope.envs import CartPole
    >>> names_of(CartPole(2))["actions"]
    ('force',)
    """
    found: dict[str, tuple[str, ...]] = {}
    for what, names in (
        ("the terms of its managers", _terms),
        ("its names of columns", _own),
        ("the names that were given", lambda _: given or {}),
    ):
        try:
            found |= {label(tensor): _labels(columns) for tensor, columns in names(env).items()}
        except Exception as error:  # noqa: BLE001 - an environment's own attributes may raise anything
            say(f"columns go without {what}: {describe_error(error)}")
    return found


def _labels(columns: Any) -> tuple[str, ...]:  # noqa: ANN401 - as above
    if isinstance(columns, (str, bytes, Mapping)):
        raise TypeError(f"a {type(columns).__name__} where a tuple of names should be")
    return tuple(map(label, islice(columns, _MOST)))


def _terms(env: Any) -> dict[str, Sequence[str]]:  # noqa: ANN401 - as above
    found: dict[str, Sequence[str]] = {}
    managed = attribute(env, "unwrapped", env)
    actions = attribute(managed, "action_manager")
    if actions is not None:
        found["actions"] = tuple(_columns(actions.active_terms, actions.action_term_dim))
    observations = attribute(managed, "observation_manager")
    if observations is not None:
        groups = {
            group: tuple(_columns(terms, observations.group_obs_term_dim[group]))
            for group, terms in observations.active_terms.items()
        }
        found |= {f"observations/{group}": names for group, names in groups.items()}
        if len(groups) == 1:  # a library may leave out which
            found |= dict.fromkeys(("observations", "observations/obs"), *groups.values())
    return found


def _columns(terms: Sequence[str], sizes: Sequence[int | Sequence[int]]) -> Iterator[str]:
    for term, size in zip(terms, sizes, strict=True):
        width = size if isinstance(size, int) else math.prod(size)
        yield from [term] if width == 1 else (f"{term}[{number}]" for number in range(width))


def _own(env: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Return names that the environment has as attributes; others may mean a method or a text by them."""
    found = {
        tensor: attribute(env, name)
        for tensor, name in (("observations", "observation_names"), ("actions", "action_names"))
    }
    return {
        tensor: names
        for tensor, names in found.items()
        if isinstance(names, (Sequence, np.ndarray)) and not isinstance(names, (str, bytes))
    }
