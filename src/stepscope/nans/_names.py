"""Names of tensors and of their columns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stepscope.nans._errors import warn
from stepscope.nans._foreign import describe_error, label, safe_getattr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "REWARD_TERMS",
    "TensorName",
    "column_name",
    "find_column_names",
    "parse_tensor_name",
    "reward_terms",
]

REWARD_TERMS = "rewards/terms"
"""Name of the tensor of `reward_terms`."""

_FORMER = re.compile(r"@(\d+(?:x\d+)* \w+)$")
_MAX_NAMES = 2**16  # columns of a tensor


class TensorName(NamedTuple):
    """Parts of a tensor's name, ``observations/policy@16x4 float32``.

    Attributes
    ----------
    kind
        ``actions``, ``state``, ``observations`` or ``rewards``.
    group
        Group or agent; empty where there is only one.
    former
        Shape and type of an earlier tensor of this name, until one of another shape or type took it; else empty.
    """

    kind: str
    group: str
    former: str

    @property
    def current(self) -> str:
        """Name without its former shape and type."""
        return f"{self.kind}/{self.group}" if self.group else self.kind


def parse_tensor_name(name: str) -> TensorName:
    """Parse the name of a tensor.

    Examples
    --------
    >>> parse_tensor_name("observations/policy"), parse_tensor_name("actions@16x1 float64")
    (TensorName(kind='observations', group='policy', former=''), TensorName(kind='actions', group='', former='16x1 float64'))
    """
    match = _FORMER.search(name)
    current = name[: match.start()] if match else name
    kind, _, group = current.partition("/")
    return TensorName(kind, group, match[1] if match else "")


def column_name(names: tuple[str, ...] | None, column: int) -> str:
    """Return the name of a column, or its number in brackets.

    Examples
    --------
    >>> column_name(("cart_position", "pole_angle"), 1), column_name(None, 1)
    ('pole_angle', '[1]')
    """
    name = names[column] if names is not None and column < len(names) else ""
    return name or f"[{column}]"


def find_column_names(
    env: Any,  # noqa: ANN401 - any environment
    names: Any = None,  # noqa: ANN401 - whatever the user passes
    *,
    on_warning: Callable[[str], None] = warn,
) -> dict[str, tuple[str, ...]]:
    """Return the names of columns, by tensor, as far as the environment has them.

    Those are its attributes ``observation_names`` and ``action_names``, or the terms of the managers that environments
    of Isaac Lab and mjlab are made of: a term of one column gives its name, a wider one is numbered. `names` take
    precedence. Names are converted to text without control characters.

    Parameters
    ----------
    env
        The environment.
    names
        Other names, by tensor.
    on_warning
        Called with a sentence about names that cannot be used.

    Examples
    --------
    >>> from stepscope.envs import CartPole
    >>> find_column_names(CartPole(2))["actions"]
    ('force',)
    """
    by_tensor: dict[str, tuple[str, ...]] = {}
    for source, find in (
        ("the terms of the environment's managers", _manager_terms),
        ("the environment's names", _attributes),
        ("the names that were passed", lambda _: names or {}),
    ):
        try:
            by_tensor |= {label(tensor): _labels(columns) for tensor, columns in find(env).items()}
        except Exception as error:  # noqa: BLE001 - an environment's own attributes may raise anything
            on_warning(f"columns go without {source}: {describe_error(error)}")
    return by_tensor


def reward_terms(env: Any) -> Any:  # noqa: ANN401 - as above
    """Return the tensor into which Isaac Lab's or mjlab's manager writes the terms of a reward, (N, terms), or None.

    It is the same tensor in each step.
    """
    rewards = safe_getattr(safe_getattr(env, "unwrapped", env), "reward_manager")
    terms, names = safe_getattr(rewards, "_step_reward"), safe_getattr(rewards, "active_terms")
    shape = safe_getattr(terms, "shape", ())
    matrix = len(shape) == 2 and isinstance(names, (list, tuple)) and shape[1] == len(names)  # noqa: PLR2004
    return terms if matrix else None


def _labels(columns: Any) -> tuple[str, ...]:  # noqa: ANN401 - as above
    if isinstance(columns, (str, bytes, Mapping)):
        raise TypeError(f"a {type(columns).__name__} where a tuple of names should be")
    return tuple(map(label, islice(columns, _MAX_NAMES)))


def _manager_terms(env: Any) -> dict[str, Sequence[str]]:  # noqa: ANN401 - as above
    names: dict[str, Sequence[str]] = {}
    managed = safe_getattr(env, "unwrapped", env)
    actions = safe_getattr(managed, "action_manager")
    if actions is not None:
        names["actions"] = tuple(_columns(actions.active_terms, actions.action_term_dim))
    rewards = safe_getattr(managed, "reward_manager")
    if reward_terms(env) is not None:
        names[REWARD_TERMS] = tuple(rewards.active_terms)
    observations = safe_getattr(managed, "observation_manager")
    if observations is not None:
        groups = {
            group: tuple(_columns(terms, observations.group_obs_term_dim[group]))
            for group, terms in observations.active_terms.items()
        }
        names |= {f"observations/{group}": columns for group, columns in groups.items()}
        if len(groups) == 1:  # a library may leave out which
            names |= dict.fromkeys(("observations", "observations/obs"), *groups.values())
    return names


def _columns(terms: Sequence[str], sizes: Sequence[int | Sequence[int]]) -> Iterator[str]:
    for term, size in zip(terms, sizes, strict=True):
        width = size if isinstance(size, int) else math.prod(size)
        yield from [term] if width == 1 else (f"{term}[{number}]" for number in range(width))


def _attributes(env: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Return names that are attributes of the environment, unless those are methods or texts."""
    attributes = {
        tensor: safe_getattr(env, name)
        for tensor, name in (("observations", "observation_names"), ("actions", "action_names"))
    }
    return {
        tensor: names
        for tensor, names in attributes.items()
        if isinstance(names, (Sequence, np.ndarray)) and not isinstance(names, (str, bytes))
    }
