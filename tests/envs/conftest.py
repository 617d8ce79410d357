"""Fixtures of the tests of environments."""

from __future__ import annotations

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def compiler() -> str:
    """Skip where torch.compile has no C++ compiler to call."""
    path = shutil.which(os.environ.get("CXX", "g++"))
    if path is None:
        pytest.skip("no C++ compiler here (g++, or what CXX names)")
    return path
