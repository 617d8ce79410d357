"""Where and with what something was measured."""

import platform
from datetime import datetime, timezone
from importlib import metadata

from stepscope.evidence import provenance


def test_versions_are_those_installed() -> None:
    """The stated versions are what Python's own metadata says."""
    stated = provenance().versions
    assert platform.python_version() == stated["python"]
    for package in ("stepscope", "torch", "rsl-rl-lib"):
        assert metadata.version(package) == stated[package]


def test_date_is_today() -> None:
    """The date is the day of the measurement, in UTC."""
    before = datetime.now(tz=timezone.utc).date().isoformat()
    stated = provenance().date
    assert before <= stated <= datetime.now(tz=timezone.utc).date().isoformat()


def test_memory_is_that_of_this_process() -> None:
    """The stated peak is at least what the system says that the process holds now, and not absurdly more."""
    with open("/proc/self/status", encoding="utf-8") as status:  # noqa: PTH123 - a file of the kernel
        lines = dict(line.split(":", 1) for line in status)
    peak_mib = int(lines["VmHWM"].split()[0]) / 1024
    assert abs(provenance().memory_mib / peak_mib - 1) < 0.1


def test_it_reads_as_three_short_lines() -> None:
    """A script prints it for its reader."""
    first, second, third = str(provenance()).splitlines()
    assert first.startswith("measured on ")
    assert "stepscope" in second
    assert "MiB" in third
