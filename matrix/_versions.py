"""Versions and variants listed in ``versions.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
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
        The exit status may be other than 0; the output of the failure is wanted.
    ends_early
        The run may end before the iterations asked for.
    runs
        Number of trainings; each may restart the numbers of its iterations.
    every
        Number of iterations for each one that is printed.
    processes
        Number of processes that print at the same time, so that the order of lines varies.
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
    """One version of a library, and how to install and run it.

    Attributes
    ----------
    library
        As the folders of recordings name it.
    version
        As the package index names it.
    variants
        Variants to run.
    fault_variants
        Variants that run with an injected fault.
    requires
        Exact pins of packages that the session's environment lacks or has in another version.
    ignore_requires_python
        Whether pip must ignore the Python versions that it declares.
    shims
        Folders below ``matrix/shims`` whose modules replace packages that it imports and never uses here.
    note
        Notes on the installation, for a person.
    """

    library: str
    version: str
    variants: tuple[Variant, ...]
    note: str
    fault_variants: tuple[str, ...] = ("struck",)
    requires: tuple[str, ...] = ()
    ignore_requires_python: bool = False
    shims: tuple[str, ...] = ()

    @property
    def pins(self) -> list[str]:
        """Requirements for pip, without their dependencies."""
        return [f"{BY_KEY[self.library].distribution}=={self.version}", *self.requires]


def read_versions(path: Path = LIST) -> dict[str, list[Version]]:
    """Read the listed versions of each library, in the order of the list.

    Raises
    ------
    BadInputError
        An entry lacks a key or has an unknown one.
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
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    names = values.get("variants", ())
    try:
        version = Version(library=library, **values)
    except TypeError as error:
        raise BadInputError(f"{LIST.name}, {library} {entry.get('version')}: {error}.") from error
    return replace(
        version, variants=tuple(_variant(name, dict(variants.get(name, {})), common) for name in names)
    )


def _variant(name: str, own: dict[str, Any], common: dict[str, Any]) -> Variant:
    expected = {
        key: own.pop(key) for key in ("may_fail", "ends_early", "runs", "every", "processes") if key in own
    }
    return Variant(name=name, settings={**common, **own}, **expected)
