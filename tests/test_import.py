"""What importing stepscope brings along."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "numpy",
    "matplotlib",
    "gymnasium",
    "rl_games",
    "rsl_rl",
    "skrl",
    "stable_baselines3",
    "sphinx",
    "rich",
    "pandas",
    "tensorboard",
)


@pytest.mark.parametrize(
    "module",
    [
        "stepscope",
        "stepscope.logs",
        "stepscope.runs",
        "stepscope.export",
        "stepscope.watch",
        "stepscope.commands",
        "stepscope.cli",
        "stepscope.evidence",
        "stepscope.train",
        "stepscope.doctor",
        "stepscope.recordings",
        "stepscope.browser",
    ],
)
def test_light_modules_import_nothing_heavy(module: str) -> None:
    """Reading a log needs Python's standard library alone."""
    code = f"import sys, {module}; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def test_logs_import_only_the_standard_library() -> None:
    """The reader also runs in a browser, where there is nothing else."""
    code = (
        "import sys; before = set(sys.modules); import stepscope.logs, stepscope.runs;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names) - {'stepscope'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


SOURCE = Path(__file__).parents[1] / "src" / "stepscope"
# Each room may import the rooms of the rows above its own. What lies beside the rooms belongs to all of them.
ROWS = (
    ("_common",),
    ("logs",),
    ("runs",),
    ("explain",),
    ("evidence", "export", "watch"),
    ("envs", "measure"),
    ("doctor", "nans", "plan", "train"),
    ("recordings",),
    ("commands",),
    ("browser",),
    ("cli", "_sphinx"),
)


def test_packages_import_one_another_through_public_names() -> None:
    """What another package uses stands in the `__all__` of a package or of a public module."""
    pytest.importorskip("torch")  # which some packages need to say what is in them
    private = []
    for path in sorted(SOURCE.rglob("*.py")):
        own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("stepscope."):
                continue
            module = str(node.module)
            package, *inner = module.split(".")[1:]
            if package == own:
                continue
            if any(part.startswith("_") for part in inner):
                private.append((path.name, module))
                continue
            public = importlib.import_module(module)
            names = {alias.name for alias in node.names}
            modules = {name for name in names if inspect.ismodule(getattr(public, name, None))}
            private += [(path.name, f"{module}.{name}") for name in names - modules - set(public.__all__)]
            private += [(path.name, f"{module}.{name}") for name in modules if name.startswith("_")]
    assert [] == private


@pytest.mark.parametrize("room", [room for row in ROWS for room in row])
def test_imports_point_one_way(room: str) -> None:
    """A room never imports one that is built on it, so that each can be read, tested and used without those above."""
    row = next(number for number, rooms in enumerate(ROWS) if room in rooms)
    allowed = {room, *(other for rooms in ROWS[:row] for other in rooms)}
    everything = {other for rooms in ROWS for other in rooms}
    files = sorted((SOURCE / room).rglob("*.py")) or [SOURCE / f"{room}.py"]
    wrong = {
        (path.relative_to(SOURCE).as_posix(), name)
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stepscope.")
        for name in [node.module.split(".")[1]]
        if name in everything - allowed
    }
    assert set() == wrong
