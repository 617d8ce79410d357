"""The compiled step, with a compiler and without one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

from stepscope.envs import CartPole

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    # Torch warns of its own code when it loads its compiler.
    pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"),
]


def run(env: CartPole, actions: torch.Tensor) -> list[list[torch.Tensor]]:
    """Step through the actions and keep everything that came back."""
    return [
        [tensor.clone() for tensor in (*result[:4], *result[4].values())] for result in map(env.step, actions)
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "integrator": "semi-implicit",
            "substeps": 2,
            "cart_friction": 0.1,
            "pole_friction": 0.01,
            "timestep": 0.01,
        },
    ],
)
def test_compiled_equals_eager(compiler: str, options: dict[str, Any]) -> None:  # noqa: ARG001 - skips without one
    """The compiled step returns what the other one does: flags and counters alike, numbers within rounding."""
    for num_envs in (1, 5, 64, 1000):
        actions = torch.rand(30, num_envs, 1, generator=torch.Generator().manual_seed(0)) * 2 - 1
        eager, compiled = (
            CartPole(num_envs, seed=2, **options),
            CartPole(num_envs, seed=2, compile=True, **options),
        )
        assert torch.equal(eager.state, compiled.state)
        for expected, actual in zip(run(eager, actions), run(compiled, actions), strict=True):
            torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)
        assert torch.equal(eager.steps, compiled.steps)


def test_compiled_results_do_not_alias(compiler: str) -> None:  # noqa: ARG001 - skips without one
    """Writing into what a compiled step returned does not reach the environment."""
    env, untouched = (CartPole(64, seed=0, compile=True) for _ in range(2))
    actions = torch.zeros(64, 1)
    result = env.step(actions)
    for tensor in (*result[:4], *result[4].values()):
        tensor.fill_(1)
    untouched.step(actions)
    assert torch.equal(untouched.step(actions)[0], env.step(actions)[0])


def test_without_a_compiler_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    """Where there is no compiler, compile=True is refused in one line, and an environment without it works."""
    script = """
import torch
from stepscope.envs import CartPole
from stepscope.errors import BadInputError
CartPole(2).step(torch.zeros(2, 1))
try:
    CartPole(2, compile=True)
except BadInputError as error:
    print(error)
"""
    hidden = {"CXX", "CC", "PATH"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={name: value for name, value in os.environ.items() if name not in hidden}
        | {"PATH": str(tmp_path), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = (
        "compile=True needs a C++ compiler, and torch found none: install one (such as g++) on the PATH or name it "
        "in CXX, or leave compile=False.\n"
    )
    assert expected == done.stdout


BEFORE_2_13 = """
import sys, torch
from stepscope.envs import CartPole
compile = torch.compile
def before(model, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False):
    return compile(model, fullgraph=fullgraph, backend="eager")
torch.compile = before
for gravity in (5.0, 9.8):
    env = CartPole(3, seed=0, compile=True, gravity=gravity)
    plain = CartPole(3, seed=0, gravity=gravity)
    actions = torch.ones(3, 1)
    for _ in range(3):
        assert torch.equal(env.step(actions)[0], plain.step(actions)[0])
print("both")
"""


def test_it_compiles_with_the_arguments_that_pytorch_had_before_2_13() -> None:
    """The step needs none of the newer ones; GPU machines often have an older PyTorch."""
    done = subprocess.run([sys.executable, "-c", BEFORE_2_13], capture_output=True, text=True, check=False)
    assert ("both\n", 0) == (done.stdout, done.returncode), done.stderr
