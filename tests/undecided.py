"""Conditions on measured times: they hold, they fail beyond noise, or nothing can be said just now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stepscope.evidence import Decision


def decided(decision: Decision) -> None:
    """Fail where a condition is false beyond noise, and skip where noise leaves it open."""
    assert decision.holds is not False, f"{decision.measured}, and expected {decision.expected}"
    if decision.holds is None:
        pytest.skip(f"undecided: {decision.measured}, and expected {decision.expected}: {decision.why}")
