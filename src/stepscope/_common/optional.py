"""Optional packages."""

from __future__ import annotations

from importlib.util import find_spec

from stepscope.errors import BadInputError

__all__ = ["require"]


def require(package: str, *, extra: str, what: str) -> None:
    """Raise an error if `package` is not installed.

    Raises
    ------
    BadInputError
        If it is not; the message states what to install.
    """
    try:
        installed = find_spec(package) is not None
    except ValueError:  # raised for a module that was removed
        installed = False
    if not installed:
        raise BadInputError(
            f"{what} needs {package}, which is not installed; install it with pip install 'stepscope[{extra}]'."
        )
