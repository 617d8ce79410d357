"""What an environment calls the columns of its observations and actions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["names_of"]


def names_of(env: Any) -> dict[str, tuple[str, ...]]:  # noqa: ANN401 - any environment
    """Return the names of columns by tensor, as far as the environment has some.

    Those are its attributes ``observation_names`` and ``action_names``, or the terms of the managers that environments
    of Isaac Lab and mjlab are made of: a term of one column gives its name, a wider one is numbered.

    Examples
    --------
    >>> from stepscope.envs import CartPole
    >>> names_of(CartPole(2))["actions"]
    ('force',)
    """
    found: dict[str, tuple[str, ...]] = {}
    managed = getattr(env, "unwrapped", env)
    actions = getattr(managed, "action_manager", None)
    if actions is not None:
        found["actions"] = tuple(_columns(actions.active_terms, actions.action_term_dim))
    observations = getattr(managed, "observation_manager", None)
    if observations is not None:
        groups = {
            group: tuple(_columns(terms, observations.group_obs_term_dim[group]))
            for group, terms in observations.active_terms.items()
        }
        found |= {f"observations/{group}": names for group, names in groups.items()}
        if len(groups) == 1:  # a library may leave out which
            found |= dict.fromkeys(("observations", "observations/obs"), *groups.values())
    for tensor, attribute in (("observations", "observation_names"), ("actions", "action_names")):
        if hasattr(env, attribute):
            found[tensor] = tuple(map(str, getattr(env, attribute)))
    return found


def _columns(terms: Sequence[str], sizes: Sequence[int | Sequence[int]]) -> Iterator[str]:
    for term, size in zip(terms, sizes, strict=True):
        width = size if isinstance(size, int) else math.prod(size)
        yield from [term] if width == 1 else (f"{term}[{number}]" for number in range(width))
