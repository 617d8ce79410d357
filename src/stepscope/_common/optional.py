"""Ask for packages that only some of the exports need."""

from __future__ import annotations

from importlib.util import find_spec

from stepscope.errors import BadInputError

__all__ = ["needed"]


def needed(package: str, *, extra: str, what: str) -> None:
    """Raise a sentence if `package` is not installed.

    Raises
    ------
    BadInputError
        If it is not; the sentence says what to install.
    """
    try:
        there = find_spec(package) is not None
    except ValueError:  # what Python says of a module that was taken away
        there = False
    if not there:
        raise BadInputError(
            f"{what} needs {package}, which is not installed; install it with pip install 'stepscope[{extra}]'."
        )
