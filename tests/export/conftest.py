"""What the tests of the exports share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def recordings() -> Path:
    """Return the folder of the recordings."""
    return Path(__file__).parents[2] / "recordings"
