"""What all tests share: none of them hurries, and those that share an expensive fixture share a process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# A process of pytest-xdist has the size of a terminal in its environment, as a person may have: commands would obey.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)

# A shell makes what it starts in the background ignore an interruption, and that is inherited: tests interrupt commands.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the tests of the built site do without
    pass
else:
    # A busy machine takes its time to find examples and to try them, and nothing is wrong with that.
    settings.register_profile(
        "unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("unhurried")


@pytest.fixture
def recordings() -> Path:
    """Return the folder of the recordings."""
    return Path(__file__).parents[1] / "recordings"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests together that share a fixture of their module, such as a training: it is then made once.

    Side by side (``--dist loadgroup``) all others go to whichever process is free, the slow ones first: one that
    began last would run alone at the end.
    """
    if items and hasattr(items[0].config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for item in items:
        if (name := _shared(item)) is not None:
            item.add_marker(pytest.mark.xdist_group(name))


def _shared(item: pytest.Item) -> str | None:
    """Return the name of what a test shares with others; None if that is nothing that takes long to make."""
    if not isinstance(item, pytest.Function):
        return None
    definitions = item._fixtureinfo.name2fixturedefs  # nothing public tells
    if "pages" in definitions:  # parsing the built site takes seconds in each process
        return "pages"
    # Importing the training libraries takes seconds in each process. A parameter of that name shares nothing.
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if "library" in definitions and "library" not in parameters:
        return "libraries"
    if any(fixtures[-1].scope == "module" for fixtures in definitions.values()):
        return item.nodeid.partition("::")[0]
    return None
