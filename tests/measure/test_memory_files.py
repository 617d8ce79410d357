"""Memory that is in no process: it counts like any other, whoever still has it open."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope.measure import Outcome, footprint_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 2**20
KINDS = ("memfd", "mapped", "named", "renamed", "many", "shared_memory", "system_v", "of_a_child")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make a folder in memory, and let the fresh processes find the targets that stand beside this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    mounts = (
        line.split()[1:3] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    )
    if ["/dev/shm", "tmpfs"] not in mounts:  # noqa: S108 - no temporary file
        pytest.skip("there is no file system in memory")
    path = tempfile.mkdtemp(dir="/dev/shm")
    yield path
    shutil.rmtree(path)


def hold(kind: str, mebibytes: int, folder: str, **limits: int) -> Outcome:
    """Measure a target that puts so much into files in memory."""
    target = f"file_targets_under_test:{kind}"
    return footprint_of(target, mebibytes=mebibytes, folder=folder, limit_seconds=500, **limits)


@pytest.mark.parametrize("kind", KINDS)
def test_files_in_memory_count(kind: str, folder: str) -> None:
    """64 MiB in memory that no resident set counts, or that one counts, too, are 64 MiB."""
    few, many = hold(kind, 0, folder), hold(kind, 64, folder)
    assert ("ok", "ok") == (few.status, many.status), many
    assert few.footprint is not None
    assert many.footprint is not None
    assert pytest.approx(64 * MIB, rel=0.05) == many.footprint.host_bytes - few.footprint.host_bytes


@pytest.mark.parametrize("kind", ["memfd", "named", "many"])
def test_the_limit_holds_for_files_in_memory(kind: str, folder: str) -> None:
    """What is put into files beyond the limit is too much, and is ended before it is all there."""
    outcome = hold(kind, 2000, folder, limit_bytes=200 * MIB)
    assert ("out of memory", "took more than its limit of 200 MiB") == (outcome.status, outcome.reason)
    assert outcome.footprint is not None
    assert outcome.footprint.host_bytes < 1000 * MIB


def test_files_of_others_do_not_count(folder: str) -> None:
    """A file that was there before, and one that another process makes meanwhile, are not the target's."""
    (Path(folder) / "before").write_bytes(bytes(64 * MIB))
    base = hold("nothing", 0, folder)
    code = f"import time\nwhile True: open({folder + '/meanwhile'!r}, 'wb').write(bytes({64 * MIB})); time.sleep(0.01)"
    with subprocess.Popen([sys.executable, "-c", code]) as other:
        try:
            beside = hold("nothing", 0, folder)
        finally:
            other.kill()
    assert (base.status, beside.status) == ("ok", "ok")
    assert base.footprint is not None
    assert beside.footprint is not None
    assert beside.footprint.host_bytes < base.footprint.host_bytes + 16 * MIB
