"""What is printed where an optional package is missing."""

from __future__ import annotations

import re
from pathlib import Path

from stepscope._common.optional import install_command

ROOT = Path(__file__).parents[2]


def test_the_command_to_install_is_that_of_the_pages() -> None:
    """The package index has no stepscope, so that the address of the wheel belongs to it."""
    page = (ROOT / "docs" / "start" / "index.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (pip install \"stepscope.*)$", page, re.MULTILINE)
    assert install_command("watch") in commands
