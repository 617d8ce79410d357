"""What ``versions.toml`` says, as records."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepscope.errors import BadInputError
from stepscope.logs import BY_KEY

__all__ = ["LIST", "Variant", "Version", "read_versions"]

LIST = Path(__file__).with_name("versions.toml")
"""The list of versions."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way of running a library.

    Attributes
    ----------
    name
        As the library's script knows it.
    settings
        Options of the script.
    may_fail
        The run may end with another exit status than 0; what it prints then is what is wanted.
    ends_early
        The run may end before the iterations asked for, because something else ends it.
    runs
        How many trainings it is: each may begin the numbers of its iterations anew.
    every
        Once in how many iterations it prints.
    processes
        How many processes print at the same time, so that the order of lines is another each time.
    """

    name: str
    settings: dict[str, object]
    may_fail: bool = False
    ends_early: bool = False
    runs: int = 1
    every: int = 1
    processes: int = 1


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a library, and what it takes to install and to run it.

    Attributes
    ----------
    library
        As the folders of recordings name it.
    version
        As the package index names it.
    variants
        What is run with it.
    struck
        The variants that are struck by one bad value.
    requires
        Exact pins of packages that it needs in another version than the session's environment has, or that are
        missing there.
    ignore_requires_python
        Whether pip has to be told to install it on a Python that it was not declared for.
    shims
        Folders below ``matrix/shims`` whose modules stand in for packages that it imports and never uses here.
    note
        What it took to install, for a person.
    """

    library: str
    version: str
    variants: tuple[Variant, ...]
    struck: tuple[str, ...] = ("struck",)
    requires: tuple[str, ...] = ()
    ignore_requires_python: bool = False
    shims: tuple[str, ...] = ()
    note: str = ""

    @property
    def pins(self) -> list[str]:
        """What pip installs, without the dependencies that it names."""
        return [f"{BY_KEY[self.library].distribution}=={self.version}", *self.requires]


@dataclass(frozen=True, kw_only=True)
class _Listed:
    """An entry of the list, as it is written; an unknown key is refused."""

    version: str
    variants: list[str]
    note: str
    struck: list[str] = field(default_factory=lambda: ["struck"])
    requires: list[str] = field(default_factory=list)
    ignore_requires_python: bool = False
    shims: list[str] = field(default_factory=list)


def read_versions(path: Path = LIST) -> dict[str, list[Version]]:
    """Return the listed versions of each library, in the order of the list.

    Raises
    ------
    BadInputError
        An entry lacks a key or has one that means nothing.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    common = content.pop("settings")
    return {
        library: [
            _version(library, entry, listed.get("variants", {}), common) for entry in listed["versions"]
        ]
        for library, listed in content.items()
    }


def _version(
    library: str, entry: dict[str, Any], variants: dict[str, Any], common: dict[str, Any]
) -> Version:
    try:
        listed = _Listed(**entry)
    except TypeError as error:
        raise BadInputError(f"{LIST.name}, {library} {entry.get('version')}: {error}.") from error
    return Version(
        library=library,
        version=listed.version,
        variants=tuple(_variant(name, dict(variants.get(name, {})), common) for name in listed.variants),
        struck=tuple(listed.struck),
        requires=tuple(listed.requires),
        ignore_requires_python=listed.ignore_requires_python,
        shims=tuple(listed.shims),
        note=listed.note,
    )


def _variant(name: str, own: dict[str, Any], common: dict[str, Any]) -> Variant:
    expected = {
        key: own.pop(key) for key in ("may_fail", "ends_early", "runs", "every", "processes") if key in own
    }
    return Variant(name=name, settings={**common, **own}, **expected)
