"""What Warp and MuJoCo Warp print: recorded lines, and every format that an installed MuJoCo Warp has."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepscope.logs import read, reads

if TYPE_CHECKING:
    from collections.abc import Callable

_RECORDINGS = Path(__file__).parents[3] / "recordings"
_OVERFLOW = _RECORDINGS / "isaaclab" / "3.0.0" / "overflow_unbuffered.txt"
_COLD = _RECORDINGS / "mjlab" / "1.6.0" / "cold.txt"


def test_each_overflow_says_how_much_is_needed() -> None:
    """There is a message for each line, with the size under the name of the buffer."""
    lines = re.findall(
        r"^nefc overflow - please increase njmax to (\d+)$", _OVERFLOW.read_text(), re.MULTILINE
    )
    found = [record.metrics["njmax"] for record in read(_OVERFLOW) if "njmax" in record.metrics]

    assert len(lines) > 100
    assert list(map(int, lines)) == found


def test_two_buffers_may_be_too_small() -> None:
    """The broad phase names two, either of which would do."""
    [record] = reads("broadphase overflow - please increase nconmax to 4 or naconmax to 64\n")
    assert ("warp", {"nconmax": 4, "naconmax": 64}) == (record.library, record.metrics)


def test_later_versions_say_beyond_and_how_to_be_silent() -> None:
    """From MuJoCo Warp 3.13 on the number is what did not suffice."""
    first, second = reads(
        "nefc overflow - please increase njmax beyond 4\n"
        "To disable the print warning: m.opt.warn_overflow &= ~mjw.OverflowType.NEFC (or = 0 for all)\n"
    )
    assert ("warp", {"njmax": 4}) == (first.library, first.metrics)
    assert ("warp", "message", {}) == (second.library, second.kind, second.metrics)


def test_a_line_that_only_resembles_a_warning_is_nobodys() -> None:
    """One letter that Warp does not print, and the line is another's."""
    told, other, _ = reads(
        "To disable the print warning: m.opt.warn_overflow = 0\n"
        "To disable the print warning: m|opt_warn_overflow = 0\n"
        "done\n"
    )
    assert ("warp", "message") == (told.library, told.kind)
    assert "unrecognised" == other.kind


def test_warnings_that_come_again_share_no_numbers() -> None:
    """Whoever changes the numbers of one record leaves the others as they were printed."""
    first, second = reads("nefc overflow - please increase njmax to 13\n" * 2)
    assert isinstance(first.metrics, dict)
    first.metrics.clear()
    assert {"njmax": 13} == second.metrics


def test_a_size_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """The last line of a log has no end, so its number may lack digits."""
    path = tmp_path / "train.log"
    path.write_bytes(b"broadphase overflow - please increase nconmax to 4 or naconmax to 6")
    [record] = read(path)
    assert ("message", {"nconmax": 4}) == (record.kind, record.metrics)


def test_advice_of_others_is_theirs() -> None:
    """Words alone do not make it a warning of Warp's."""
    [record] = reads("please increase the number of workers\n")
    assert ("unrecognised", None) == (record.kind, record.library)


def test_each_module_says_how_long_it_took() -> None:
    """As many modules are read as are named, in milliseconds."""
    lines = re.findall(r"^Module .* took ([\d.]+) ms  \(compiled\)$", _COLD.read_text(), re.MULTILINE)
    found = [record.metrics["ms"] for record in read(_COLD) if (record.text or "").startswith("Module ")]

    assert len(lines) > 10
    assert list(map(float, lines)) == found


def test_the_banner_is_one_message() -> None:
    """It lists the devices and ends with the place of the kernels."""
    [banner] = [record for record in read(_COLD) if " initialized:" in (record.text or "")]
    assert ("warp", "message") == (banner.library, banner.kind)
    assert (banner.text or "").endswith("Kernel cache:\n     <here>/kernels/1.19.0")


@pytest.mark.parametrize(
    "line",
    [
        "Warp CUDA warning: Could not find or load the NVIDIA CUDA driver. GPU execution will not be available.",
        "Warp UserWarning: Loading a mesh",
        "Warp DeprecationWarning: warp.HashGridQueryH is deprecated and will be removed in a future release.",
        "Warp Error: no such kernel",
        "Warp error: NULL array handle",
        "Warp NVRTC compilation error 6: x (warp.cu:1)",
    ],
)
def test_its_warnings_are_known(line: str) -> None:
    """Its own logger and its C++ code put their name in front, each in its own way."""
    [record] = reads(line)
    assert ("warp", "message", line) == (record.library, record.kind, record.text)


def test_an_error_of_cuda_is_a_failure() -> None:
    """What the device did not do leaves the simulation behind, whatever is printed below."""
    line = (
        "Warp CUDA error 700: an illegal memory access was encountered (in function wp_memcpy_d2h, warp.cu:1)"
    )
    [record] = reads(line)
    assert ("warp", "failure", line) == (record.library, record.kind, record.text)


@cache
def _printed(package: Any) -> set[str]:  # noqa: ANN401 - a module that may not be installed
    """Return what each `wp.printf` of a package prints, with 7 for every number."""
    found = set()
    sources = (path.read_text(encoding="utf-8") for path in Path(package.__file__).parent.rglob("*.py"))
    for source in sources:
        if "wp.printf" not in source:  # to take all of them apart takes seconds
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "wp.printf":
                form = node.args[0]
                assert isinstance(form, ast.Constant), ast.unparse(form)
                found.add(re.sub("%[du]", "7", str(form.value)))
    return found


def test_every_format_of_mujoco_warp_is_read(library: Callable[[str], Any]) -> None:
    """Each `printf` in the source of the installed version prints a message of Warp's."""
    printed = _printed(library("mujoco_warp"))

    assert len(printed) > 10
    for text in printed:
        warning, *how_to_silence = reads(text)
        assert ("warp", "message") == (warning.library, warning.kind), text
        if "please increase" in text:
            assert {7} == set(warning.metrics.values()), text
        assert ["To disable the print"] * ("To disable" in text) == [
            (record.text or "")[:20] for record in how_to_silence if record.library == "warp"
        ], text


def test_a_flood_of_warnings_is_read_alike(library: Callable[[str], Any]) -> None:
    """What MuJoCo Warp prints by the thousand reads as it reads once."""
    [text] = {text for text in _printed(library("mujoco_warp")) if text.startswith("nefc overflow")}
    one = [{"njmax": 7}, {}][: text.count("\n")]  # from 4.0 on a second line tells how to silence it
    records = list(reads(text * 1000))

    assert one * 1000 == [record.metrics for record in records]
