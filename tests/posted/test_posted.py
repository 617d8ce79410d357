"""Logs as people post them: what `stepscope read` must say of each, as `expected.json` has it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepscope.cli import main
from stepscope.logs import read

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
EXPECTED: dict[str, dict[str, Any]] = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_posted_log_is_read_rightly(name: str) -> None:
    """Its library, outcome, first failure and numbers, what is shown of it, and the exit status."""
    path, expected = HERE / name, EXPECTED[name]
    command = [sys.executable, "-m", "stepscope", "read", "--check", str(path)]
    environment = {**os.environ, "COLUMNS": "200"}  # so that no line is folded
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    shown = done.stdout + done.stderr
    records = [record.to_dict() for record in read(path)]
    objections = [
        *_of_records(records, path, expected),
        *_of_failure(shown, expected),
        *_of_output(shown, expected),
    ]
    assert not objections, "\n".join(objections)
    assert done.returncode == expected.get("check_exit", done.returncode), shown


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_posted_log_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What failed is the first cause or follows from it, and the exit status tells."""
    expected = EXPECTED[name]
    status = main(["explain", "--json", "--check", str(HERE / name)])
    lines = capsys.readouterr().out.splitlines()
    if expected.get("check_exit") == 2:
        assert (status, lines) == (2, [])
        return
    explanations = [json.loads(line) for line in lines]
    wrong = [
        explanation
        for explanation in explanations
        if explanation["failure"] is not None or explanation["first_cause"] is not None
    ]
    assert status == (1 if wrong else 0)
    if expected.get("outcome") == "failed":
        named = [
            " ".join(str(part["text"]).split())
            for explanation in wrong
            for part in (explanation["first_cause"], explanation["failure"])
            if part is not None
        ]
        assert [text for text in named if re.search(expected.get("cause", ""), text, re.IGNORECASE)], named
    elif "cause" in expected and expected["cause"] is None:
        assert [] == [explanation["failure"] for explanation in wrong if explanation["failure"] is not None]


def _of_records(records: list[dict[str, Any]], path: Path, expected: dict[str, Any]) -> Iterator[str]:
    spans = [record["span"] for record in records]
    if [0, *(end for _, end in spans)] != [*(start for start, _ in spans), path.stat().st_size]:
        yield "the spans do not cover the file"
    libraries = {record["library"] for record in records if record["library"] is not None} or {None}
    wanted = expected.get("library", next(iter(libraries)))
    if libraries.isdisjoint(wanted if isinstance(wanted, list) else [wanted]):
        yield f"library is {libraries}, not {wanted}"
    rows = [record for record in records if record["kind"] in ("iteration", "progress")]
    for name, value in expected.get("numbers", {}).items():
        group, _, part = name.partition(".")
        number = None if not rows else rows[-1][group][part] if part else rows[-1][group]
        if number != pytest.approx(value):
            yield f"{name} is {number}, not {value}"


def _of_failure(shown: str, expected: dict[str, Any]) -> Iterator[str]:
    block = re.search(r"(?m)^first failure .*\n +(.*(?:\n {10,}.*)*)", shown)
    failure = "" if block is None else " ".join(block[1].split())
    cause = expected.get("cause", "")
    if failure and cause is None:
        yield f"accuses {failure!r}"
    if cause and not re.search(cause, failure, re.IGNORECASE):
        yield f"the first failure is {failure!r}, not {cause!r}"
    for pattern in expected.get("not_cause", ()):
        if re.search(pattern, failure, re.IGNORECASE):
            yield f"names {pattern!r} as the first failure"
    outcome = "failed" if failure else "finished" if ", finished" in shown else "running"
    if outcome != expected.get("outcome", outcome):
        yield f"is called {outcome}"


def _of_output(shown: str, expected: dict[str, Any]) -> Iterator[str]:
    for pattern in expected.get("must_show", ()):
        if not re.search(pattern, shown, re.IGNORECASE | re.MULTILINE):
            yield f"does not show {pattern!r}"
    for pattern in expected.get("must_not_show", ()):
        if re.search(pattern, shown, re.IGNORECASE | re.MULTILINE):
            yield f"shows {pattern!r}"
