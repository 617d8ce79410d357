"""What importing stepscope brings along."""

import subprocess
import sys

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
)


@pytest.mark.parametrize(
    "module", ["stepscope", "stepscope.logs", "stepscope.cli", "stepscope.evidence", "stepscope.train"]
)
def test_light_modules_import_nothing_heavy(module: str) -> None:
    """Reading a log needs Python's standard library alone."""
    code = f"import sys, {module}; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def test_logs_import_only_the_standard_library() -> None:
    """The reader also runs in a browser, where there is nothing else."""
    code = (
        "import sys; before = set(sys.modules); import stepscope.logs;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names) - {'stepscope'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
