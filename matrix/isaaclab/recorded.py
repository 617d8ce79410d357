"""Isaac Lab's training scripts with the two lines that put a recorder around the environment."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

__all__ = ["LIBRARIES", "copy_with_recorder"]

LIBRARIES = ("rl_games", "rsl_rl", "sb3", "skrl")
_WRAPPING = re.compile(r"^( +)env = \w+VecEnvWrapper\b", re.MULTILINE)
_IMPORTS = "\nimport isaaclab_tasks "


def copy_with_recorder(folder: Path) -> None:
    """Copy the installed ``isaaclab_rl`` into a folder and edit its training scripts as a person would.

    Raises
    ------
    ValueError
        A script is not as the page about it says: one line wraps the environment.
    """
    spec = importlib.util.find_spec("isaaclab_rl")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("isaaclab_rl is not installed")
    package = folder / "isaaclab_rl"
    shutil.rmtree(package, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(spec.submodule_search_locations[0]), package, ignore=ignored)
    for library in LIBRARIES:
        path = package / "entrypoints" / "backends" / f"train_{library}.py"
        text = path.read_text(encoding="utf-8")
        text, wrappings = _WRAPPING.subn(r"\1env = stepscope.nans.record(env)\n\g<0>", text)
        text, imports = re.subn(f"(?m){re.escape(_IMPORTS)}", f"\nimport stepscope.nans{_IMPORTS}", text)
        if (wrappings, imports) != (1, 1):
            raise ValueError(f"{path.name} wraps the environment {wrappings} times")
        path.write_text(text, encoding="utf-8")
