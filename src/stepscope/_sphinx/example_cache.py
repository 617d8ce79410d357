"""Fingerprints that decide which examples must run again.

sphinx-gallery looks at the text of a script alone.
An example also depends on the modules of stepscope that it uses, on the versions, the device and the compiler:
a fingerprint of all is kept with the evidence of the example. When it differs, when a run did not finish, or when
a claim was left undecided, sphinx-gallery's note that the example is up to date is deleted.
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
from stepscope._sphinx.report import must_rerun
from stepscope.evidence import evidence_file, evidence_folder, read_script, script_name

__all__ = ["drop_stale_pages", "fingerprint", "is_fresh"]

_PACKAGE = Path(stepscope.__file__).parent
_MODULE_NAME = re.compile(r"(stepscope(?:\.\w+)+)(?::\w+)?")


def fingerprint(script: Path, *, constraints: Path) -> str:
    """Return a hash of everything that the output of a script depends on."""
    torch = importlib.import_module("torch")
    torch.cuda.is_available()  # so that the name of the device is the one that the script will see
    digest = hashlib.sha256()
    recorded = sorted(constraints.parent.glob(f"results/*/{script_name(script)}.json"))
    for path in [
        script,
        *_modules_used_by(script),
        _PACKAGE / "_sphinx" / "scraper.py",
        constraints,
        *recorded,
    ]:
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
    packages: set[str] = set()
    pending = list(_packages_named_in(script))
    while pending:
        package = pending.pop()
        if package not in packages:
            packages.add(package)
            for path in _files_of(package):
                pending += _packages_named_in(path)
    return sorted(path for package in packages for path in _files_of(package))


def _files_of(package: str) -> list[Path]:
    folder = _PACKAGE / package
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [_PACKAGE / f"{package}.py"]


@cache
def _packages_named_in(path: Path) -> frozenset[str]:
    """Return the packages of stepscope that a file imports, or names in a string such as ``"stepscope.envs:CartPole"``."""
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
    packages = {name.split(".")[1] for name in names if name.startswith("stepscope.")}
    return frozenset(
        package
        for package in packages
        if (_PACKAGE / package).is_dir() or (_PACKAGE / f"{package}.py").is_file()
    )


def is_fresh(evidence: Path, script: str, current: str) -> bool:
    """Whether the evidence of an example is current: the same fingerprint, and every claim decided."""
    path = evidence_file(evidence, script)
    if not path.is_file():
        return False
    entry = read_script(path)
    return entry.run.get("fingerprint") == current and not must_rerun(entry)


def drop_stale_pages(root: Path, *, pages: Path) -> list[Path]:
    """Delete sphinx-gallery's checksums of stale examples, and what deleted examples left; return the stale scripts."""
    scripts = {script_name(path): path for path in sorted(root.glob("gallery/*/plot_*.py"))}
    for page in pages.glob("*/plot_*"):
        if f"{page.parent.name}/{page.name.split('.')[0].removesuffix('_codeobj')}" not in scripts:
            page.unlink()
    evidence = evidence_folder()
    for path in evidence.glob("*/*.jsonl"):
        if script_name(path) not in scripts:
            path.unlink()
    stale = []
    for script, path in scripts.items():
        checksum = pages / f"{script}.py.md5"
        current = fingerprint(path, constraints=root / "constraints.txt")
        if checksum.is_file() and is_fresh(evidence, script, current):
            continue
        stale.append(path)
        checksum.unlink(missing_ok=True)
        # A preview leaves a placeholder where the figure's thumbnail belongs, and sphinx-gallery would keep it.
        for image in pages.glob(f"{path.parent.name}/images/**/sphx_glr_{path.stem}_*"):
            image.unlink()
    return stale
