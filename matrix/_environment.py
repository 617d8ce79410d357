"""A virtual environment for each version: the version and its pins, and all other packages borrowed.

A ``.pth`` file adds the packages of the environment that runs this, after its own: torch alone would otherwise take most
of a gigabyte each time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matrix._versions import Version

__all__ = ["Environment", "InstallError", "make_environment"]

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "_build" / "matrix"


class InstallError(RuntimeError):
    """Pip could not install a version; the message is its error."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Paths of the environment of a version.

    Attributes
    ----------
    home
        Its folder.
    python
        Its interpreter.
    packages
        Its own packages.
    path
        Value of ``PYTHONPATH``: the project, for the scripts, and the shims.
    """

    home: Path
    python: Path
    packages: Path
    path: str


def make_environment(version: Version) -> Environment:
    """Return the environment of a version, made again unless it exists and is as listed.

    Raises
    ------
    InstallError
        Pip could not install something.
    """
    home = BUILD / f"{version.library}-{version.version}"
    scheme = {"base": str(home), "platbase": str(home)}
    scripts = Path(sysconfig.get_path("scripts", "venv", scheme))
    shims = [str(ROOT / "matrix" / "shims" / shim) for shim in version.shims]
    environment = Environment(
        home=home,
        python=scripts / Path(sys.executable).name,
        packages=Path(sysconfig.get_path("purelib", "venv", scheme)),
        path=os.pathsep.join([*shims, str(ROOT)]),
    )
    stamp, listed = home / "listed.json", _list_contents(version)
    if not stamp.is_file() or json.loads(stamp.read_text(encoding="utf-8")) != listed:
        _make(version, environment)
        stamp.write_text(json.dumps(listed), encoding="utf-8")  # last: an interrupted one is made again
    return environment


def _list_contents(version: Version) -> dict[str, object]:
    return {"pins": version.pins, "python": sys.version, "base": _borrowed()}


def _borrowed() -> list[str]:
    return sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


def _make(version: Version, environment: Environment) -> None:
    shutil.rmtree(environment.home, ignore_errors=True)
    venv.EnvBuilder(symlinks=os.name != "nt").create(environment.home)
    _install(version, environment.python)
    # A folder that is only named in a .pth file has its own .pth files ignored, and stepscope may be one of those.
    lines = [f"import site; site.addsitedir({folder!r})" for folder in _borrowed()]
    (environment.packages / "borrowed.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _install(version: Version, python: Path) -> None:
    options = ["--no-deps", "--quiet", "--disable-pip-version-check"]
    if version.ignore_requires_python:
        options.append("--ignore-requires-python")
    process = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", *options, *version.pins],
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        errors = [line for line in process.stderr.splitlines() if line.startswith("ERROR")]
        raise InstallError((errors or [f"pip ended with exit status {process.returncode}"])[-1])
