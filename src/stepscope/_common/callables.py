"""Callables that a person names as ``module:name``."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["accepts", "make_env", "resolve_callable"]


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


def make_env(factory: str, *, num_envs: int, device: object, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any environment
    """Call ``"module:factory"``, with the device if it takes one, and return the environment.

    Raises
    ------
    BadInputError
        There is no such factory, or it does not take ``num_envs`` and these options.
    """
    make = resolve_callable(factory)
    arguments = dict(options)
    try:
        parameters = inspect.signature(make).parameters
    except (TypeError, ValueError):  # some of those written in C have none
        return make(num_envs=num_envs, **arguments)
    if "device" in parameters:
        arguments.setdefault("device", str(device))
    try:
        inspect.signature(make).bind(num_envs=num_envs, **arguments)
    except TypeError as error:
        raise BadInputError(
            f"{factory} cannot be called with num_envs and these options: {error}."
        ) from error
    return make(num_envs=num_envs, **arguments)


def accepts(function: Callable[..., Any], **options: object) -> bool:
    """Return whether a function can be called with these options alone.

    Examples
    --------
    >>> accepts(lambda *, seed=None: seed, seed=0), accepts(lambda: None, seed=0)
    (True, False)
    """
    try:
        inspect.signature(function).bind(**options)
    except TypeError:
        return False
    except ValueError:  # some of those written in C do not say
        return True
    return True
