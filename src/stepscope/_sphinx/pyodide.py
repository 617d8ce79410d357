"""Python for browsers (Pyodide), from the npm registry, pinned by its hash.

``python -m stepscope._sphinx.pyodide`` fetches it, so that a build without network fails at its start.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
import urllib.request
from http.client import HTTPException
from pathlib import Path

from sphinx.errors import ExtensionError

__all__ = ["fetch", "unpack"]

_VERSION = "314.0.7"
_ARCHIVE = f"pyodide-{_VERSION}.tgz"
_SHA512 = (
    "d18bd7c4485f11da4b7dbfd790cd8114078c44eab488c517d9bcf31fda4eb6dc"
    "8c716930abe1db139bb2b860fcd8b37bcb6abe48dbe2ffa579244b0e943d91d4"
)
_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_NOTICE = f"""\
The files in this folder are those of Pyodide {_VERSION}, unchanged but for pyodide-lock.json, which lists no packages.
Pyodide is licensed under the Mozilla Public License 2.0: https://www.mozilla.org/en-US/MPL/2.0/
Its source: https://github.com/pyodide/pyodide/tree/{_VERSION}
It contains CPython, under the PSF license: https://docs.python.org/3/license.html
"""


def fetch(folder: Path) -> Path:
    """Return the archive of Pyodide in `folder`, after fetching it if it is not there.

    ``npm_config_registry`` names another registry than npm's own, as it does for npm.

    Raises
    ------
    ExtensionError
        If the archive cannot be fetched, or is not the one that is pinned.
    """
    path = folder / _ARCHIVE
    if path.is_file():
        if not _is_pinned(path.read_bytes()):
            raise ExtensionError(f"{path} is not Pyodide {_VERSION} as released; remove it and build again.")
        return path
    registry = os.environ.get("npm_config_registry") or "https://registry.npmjs.org"  # noqa: SIM112 - npm's own name
    address = f"{registry.rstrip('/')}/pyodide/-/{_ARCHIVE}"
    try:
        with urllib.request.urlopen(address, timeout=120) as answer:  # noqa: S310 - the hash decides
            data = answer.read()
    except (OSError, HTTPException, ValueError) as error:
        raise ExtensionError(
            f"Python for browsers cannot be fetched from {address} ({error}); name another registry in"
            f" npm_config_registry, or put the file into {folder}."
        ) from None
    if not _is_pinned(data):
        raise ExtensionError(
            f"What {address} sends is not Pyodide {_VERSION} as released; name another registry in npm_config_registry."
        )
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
    return path


def _is_pinned(data: bytes) -> bool:
    return hashlib.sha512(data).hexdigest() == _SHA512


def unpack(archive: Path, folder: Path) -> None:
    """Write the files that a page loads, and a notice of their licence, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as tar:
        for name in _FILES:
            folder.joinpath(name).write_bytes(_member(tar, name))
        info = json.loads(_member(tar, "pyodide-lock.json"))["info"]
    folder.joinpath("pyodide-lock.json").write_text(
        json.dumps({"info": info, "packages": {}}), encoding="utf-8"
    )
    folder.joinpath("NOTICE.txt").write_text(_NOTICE, encoding="utf-8")


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(f"package/{name}")
    if file is None:
        raise ExtensionError(f"{_ARCHIVE} has no file {name}.")
    return file.read()


if __name__ == "__main__":
    try:
        fetch(Path(__file__).parents[3] / "_build")
    except ExtensionError as error:
        sys.exit(str(error))
