"""Callables that a person names as ``module:name``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["resolve_callable"]


def resolve_callable(name: str) -> Callable[..., Any]:
    """Return the callable ``"module:name"``; the name may have dots.

    Raises
    ------
    BadInputError
        If there is no such module or nothing of that name in it, or if it cannot be called.

    Examples
    --------
    >>> resolve_callable("math:sqrt")(9)
    3.0
    """
    module, _, path = name.partition(":")
    if not module or not path:
        raise BadInputError(f"{name!r} names no factory; write module:factory.")
    try:
        value: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise BadInputError(f"there is no module {error.name!r} to import for {name}.") from error
    for part in path.split("."):
        if not hasattr(value, part):
            raise BadInputError(f"{module} has no {path!r}; check the name after the colon.")
        value = getattr(value, part)
    if not callable(value):
        raise BadInputError(f"{name} is a {type(value).__name__} and cannot be called; name a factory.")
    return value
