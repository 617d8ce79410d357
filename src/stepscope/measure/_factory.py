"""Find what a person named as module:name, and call it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from stepscope._common.callables import resolve_callable
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["accepts", "make_env"]


def make_env(factory: str, *, num_envs: int, device: object, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any environment
    """Return what ``"module:factory"`` makes; it is told the device if it takes one.

    Raises
    ------
    BadInputError
        There is no such factory, or it does not take ``num_envs`` and these options.
    """
    make = resolve_callable(factory)
    given = dict(options)
    try:
        taken = inspect.signature(make).parameters
    except (TypeError, ValueError):  # some of those written in C have none
        return make(num_envs=num_envs, **given)
    if "device" in taken:
        given.setdefault("device", str(device))
    try:
        inspect.signature(make).bind(num_envs=num_envs, **given)
    except TypeError as error:
        raise BadInputError(
            f"{factory} cannot be called with num_envs and these options: {error}."
        ) from error
    return make(num_envs=num_envs, **given)


def accepts(function: Callable[..., Any], **options: object) -> bool:
    """Say whether a function can be called with these options alone.

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
