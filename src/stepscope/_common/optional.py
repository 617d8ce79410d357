"""Optional packages."""

from __future__ import annotations

from importlib.util import find_spec

import stepscope
from stepscope.errors import BadInputError

__all__ = ["install_command", "require"]

_WHEEL = "https://stepscope.github.io/stepscope/wheels/stepscope-{}-py3-none-any.whl"


def install_command(extra: str) -> str:
    """Return the command that installs this version with an extra; no package index has it.

    Examples
    --------
    >>> install_command("watch").partition(" @ ")[0]
    'pip install "stepscope[watch]'
    """
    return f'pip install "stepscope[{extra}] @ {_WHEEL.format(stepscope.__version__)}"'


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
            f"{what} needs {package}, which is not installed; install it with {install_command(extra)}."
        )
