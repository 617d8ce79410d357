"""Attributes of somebody else's objects, which may raise, or mean something else by a name."""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import Any

import torch

from stepscope._common import printable

__all__ = ["describe_error", "device_of", "label", "num_envs_of"]

_LONGEST_LABEL = 100  # characters
_LONGEST_ERROR = 300


def safe_getattr(thing: Any, name: str, default: Any = None) -> Any:  # noqa: ANN401 - any object
    """Return an attribute, or the default where there is none or it raises."""
    try:
        return getattr(thing, name, default)
    except Exception:  # noqa: BLE001 - a property may raise anything
        return default


def device_of(env: Any) -> torch.device:  # noqa: ANN401 - any environment
    """Return the device of an environment, or the CPU where it names none that torch has.

    Examples
    --------
    >>> class Robot:
    ...     device = "gripper"
    >>> device_of(Robot())
    device(type='cpu')
    """
    device = safe_getattr(env, "device", "cpu")
    try:
        return torch.device(device if isinstance(device, int) else str(device))
    except Exception:  # noqa: BLE001 - its text may raise, too
        return torch.device("cpu")


def num_envs_of(env: Any) -> int | None:  # noqa: ANN401 - any environment
    """Return the number of environments, or None where ``num_envs`` is not a number."""
    num_envs = safe_getattr(env, "num_envs")
    try:
        count = operator.index(num_envs)
    except Exception:  # noqa: BLE001 - as above
        return None
    return count if count > 0 and not isinstance(num_envs, bool) else None


def label(key: object) -> str:
    r"""Return a key or the name of a column as one short printable line.

    Examples
    --------
    >>> label("pole\nangle"), label(3), label(b"force")
    ('pole angle', '3', 'force')
    """
    if isinstance(key, bytes):
        key = key.decode(errors="replace")
    return _label(key if type(key) is str else f"{key}")


@lru_cache(maxsize=256)  # the keys of observations repeat in each step
def _label(text: str) -> str:
    return printable(text, limit=_LONGEST_LABEL)


def describe_error(error: BaseException) -> str:
    """Return the type and message of an error in one line."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - it is somebody else's
        text = ""
    return printable(f"{kind}: {text}" if text else kind, limit=_LONGEST_ERROR)
