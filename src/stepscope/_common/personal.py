"""Text without names of people and machines."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any

__all__ = ["remove_personal"]

# With doubled backslashes, as in the `repr` of a path, and with a space in a name if the path goes on behind it.
_HOMES = re.compile(
    r"""(?:/home|/Users|[A-Za-z]:\\{1,2}Users)(?:/|\\{1,2})([^/\\\s:'"]+(?: [^/\\\s:'"]+){0,3}(?=\\)|[^/\\\s:'"]+)"""
)
_PROMPT = re.compile(r"(?<![\w.-])(?!git@)[\w.-]+@[\w.-]+(?=:)")  # of a shell, or of scp
_NAME_VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER")
_NOBODY = {"", "root", "localhost"}  # accounts and machines that everybody has


def remove_personal(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can say
    """Return text, or a structure of it as in JSON, without home directories, user names and the name of the machine.

    A home directory becomes ``~``, a user name ``USER`` and the name of the machine ``HOST``.
    Names are also learnt from the text: from home directories in it, and from prompts such as ``name@host:``.

    Examples
    --------
    >>> remove_personal({"error": "no such file: /home/someone/robots/train.py"})
    {'error': 'no such file: ~/robots/train.py'}
    """
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, dict):
        return {key: remove_personal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [remove_personal(item) for item in value]
    return value


def _clean(text: str) -> str:
    for home in _homes():
        text = re.sub(rf"{re.escape(home)}(?=$|[^\w.-])", "~", text)
    named = {match[1] for match in _HOMES.finditer(text)} - _NOBODY
    text = _PROMPT.sub("USER@HOST", _HOMES.sub("~", text))
    for name in named:  # their folders elsewhere, such as /scratch/someone
        text = re.sub(rf"(?<=[/\\]){re.escape(name)}(?![\w.-])", "USER", text)
    for names, word in ((_users(), "USER"), (_hosts(), "HOST")):
        for name in names - _NOBODY:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", word, text)
    return text


def _homes() -> list[str]:
    homes = {os.environ.get("HOME", ""), os.environ.get("USERPROFILE", "")}
    homes |= {os.path.realpath(home) for home in homes if home}
    homes = {home.rstrip("/\\") for home in homes}
    return sorted((home for home in homes if len(Path(home).parts) > 1), key=len, reverse=True)


def _users() -> set[str]:
    names = {os.environ.get(variable, "") for variable in _NAME_VARIABLES}
    try:
        import pwd  # noqa: PLC0415 - not on Windows

        names.add(pwd.getpwuid(os.getuid()).pw_name)
    except (ImportError, KeyError):  # a container's user may have no name
        pass
    return names


def _hosts() -> set[str]:
    host = socket.gethostname()
    return {host, host.partition(".")[0]}
