"""Which examples must run again.

sphinx-gallery looks at the text of a script alone.
An example also depends on the modules of stepscope that it uses, on the versions, the device and the compiler:
a fingerprint of all is kept with what the example has shown. When it differs, when a run did not finish, or when
something was left undecided, sphinx-gallery's note that the example is up to date is deleted.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import os
import re
import shutil
from functools import cache
from pathlib import Path

import stepscope.evidence
from stepscope._sphinx.report import unfinished
from stepscope.evidence import FOLDER_VARIABLE, evidence_file, read_script, script_name

__all__ = ["fingerprint", "forget_stale", "is_fresh"]

_PACKAGE = Path(stepscope.__file__).parent
_MODULE_NAME = re.compile(r"(stepscope(?:\.\w+)+)(?::\w+)?")


def fingerprint(script: Path, *, constraints: Path) -> str:
    """Return a hash of everything that the output of a script depends on."""
    torch = importlib.import_module("torch")
    torch.cuda.is_available()  # so that the name of the device is the one that the script will see
    digest = hashlib.sha256()
    for path in [script, *_modules_used_by(script), _PACKAGE / "_sphinx" / "scraper.py", constraints]:
        digest.update(path.name.encode() + path.read_bytes())
    surroundings = (
        stepscope.evidence.device_name(),
        os.environ.get("OMP_NUM_THREADS"),
        sorted(stepscope.evidence.versions().items()),
        shutil.which(os.environ.get("CXX", "g++")) is not None,
    )
    digest.update(repr(surroundings).encode())
    return digest.hexdigest()[:16]


def _modules_used_by(script: Path) -> list[Path]:
    """Return every module of each package of stepscope that the script leads to.

    Using one module of a package counts as using all of it: some are imported by a name made at run time.
    """
    found: set[str] = set()
    waiting = list(_packages_named_in(script))
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            for path in _files_of(package):
                waiting += _packages_named_in(path)
    return sorted(path for package in found for path in _files_of(package))


def _files_of(package: str) -> list[Path]:
    folder = _PACKAGE / package
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [_PACKAGE / f"{package}.py"]


@cache
def _packages_named_in(path: Path) -> frozenset[str]:
    """Return the rooms of stepscope that a file imports, or names in a string such as ``"stepscope.envs:CartPole"``."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # The string is a name and nothing else: prose that mentions a module does not use it.
            match = _MODULE_NAME.fullmatch(node.value)
            names += [match[1]] if match else []
    rooms = {name.split(".")[1] for name in names if name.startswith("stepscope.")}
    return frozenset(
        room for room in rooms if (_PACKAGE / room).is_dir() or (_PACKAGE / f"{room}.py").is_file()
    )


def is_fresh(evidence: Path, script: str, mark: str) -> bool:
    """Whether what an example has shown is what it would show now: its fingerprint is the same, and all was decided."""
    path = evidence_file(evidence, script)
    if not path.is_file():
        return False
    shown = read_script(path)
    return shown.run.get("fingerprint") == mark and not unfinished(shown)


def forget_stale(root: Path, *, pages: Path) -> list[Path]:
    """Delete sphinx-gallery's word that an example is up to date where it is not; return the scripts that must run."""
    scripts = {script_name(path): path for path in sorted(root.glob("gallery/*/plot_*.py"))}
    for page in pages.glob("*/plot_*"):
        if f"{page.parent.name}/{page.name.split('.')[0].removesuffix('_codeobj')}" not in scripts:
            page.unlink()
    evidence = Path(os.environ[FOLDER_VARIABLE])
    for path in evidence.glob("*/*.jsonl"):
        if script_name(path) not in scripts:
            path.unlink()
    stale = []
    for script, path in scripts.items():
        word = pages / f"{script}.py.md5"
        mark = fingerprint(path, constraints=root / "constraints.txt")
        if word.is_file() and is_fresh(evidence, script, mark):
            continue
        stale.append(path)
        word.unlink(missing_ok=True)
        # A preview leaves a placeholder where the figure's thumbnail belongs, and sphinx-gallery would keep it.
        for image in pages.glob(f"{path.parent.name}/images/**/sphx_glr_{path.stem}_*"):
            image.unlink()
    return stale
