"""Report on a machine: a table of versions, lines of text, and the same as JSON, all without anything personal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stepscope._common.format import format_bytes, format_count, format_list
from stepscope._common.personal import remove_personal
from stepscope._common.report import ReportLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.doctor._checks import Finding
    from stepscope.doctor._facts import Facts
    from stepscope.doctor._ranks import RankCheck

__all__ = ["format_rows", "report", "to_json"]

_LABELS = {"bad": "PROBLEM", "warn": "warning", "": "note"}


def format_rows(facts: Facts) -> list[tuple[str, ...]]:
    """Return the versions of the installed packages as rows of text, under a header."""
    rows: list[tuple[str, ...]] = [("package", "installed", "pages describe"), ("python", facts.python, "")]
    rows += [
        (package.name, remove_personal(", ".join(package.installed)), package.described or "")
        for package in facts.packages
        if package.installed
    ]
    return rows


def report(facts: Facts, findings: Sequence[Finding], ranks: RankCheck | None = None) -> Iterator[ReportLine]:
    """Yield the lines below the table: machine, problems, and what to do."""
    for label, text, *severity in _lines(facts, findings, ranks):
        yield ReportLine(label, remove_personal(text), *severity)


def _lines(facts: Facts, findings: Sequence[Finding], ranks: RankCheck | None) -> Iterator[Any]:
    missing = [package.name for package in facts.packages if not package.installed]
    if missing:
        yield "not installed", format_list(missing)
    yield "system", facts.system
    yield "processor", facts.cpus.name
    yield "CPUs", _describe_cpus(facts)
    yield "memory", _describe_memory(facts)
    yield "GPU", _describe_gpus(facts)
    yield "PyTorch", _describe_torch(facts)
    variables = [f"{name}={value}" for name, value in facts.variables.items()]
    yield "environment", ", ".join(variables) or "no variable that matters is set"
    if ranks is not None:
        yield "ranks", *_describe_ranks(ranks)
    yield "", ""
    for finding in findings:
        yield _LABELS[finding.severity], finding.text, finding.severity
        yield "", finding.reason
        yield "", f"{finding.advice} ({finding.source})"
    failures = [finding for finding in findings if finding.severity == "bad"]
    if not findings and (ranks is None or not ranks.problem):
        yield "checks", "No known bad combination was found.", "good"
    elif not failures and (ranks is None or not ranks.problem):
        yield "checks", "No check failed.", "good"


def _describe_cpus(facts: Facts) -> str:
    cpus = facts.cpus
    parts = [f"{cpus.count}, all of them usable"]
    if cpus.usable < cpus.count:
        parts = [f"{cpus.count}, of which this process may use {cpus.usable:g}"]
    if cpus.load is not None:
        parts.append(f"load {cpus.load:g}")
    if "threads" in facts.torch:
        parts.append(f"PyTorch uses {format_count(facts.torch['threads'], 'thread')}")
    return "; ".join(parts)


def _describe_memory(facts: Facts) -> str:
    memory = facts.memory
    parts = [
        f"{format_bytes(size)} {words}"
        for size, words in (
            (memory.total, "in all"),
            (memory.available, "available"),
            (memory.shared, "in /dev/shm"),
        )
        if size is not None
    ]
    return ", ".join(parts) or "unknown"


def _describe_gpus(facts: Facts) -> str:
    gpus = facts.gpus
    driver = f"driver {gpus.driver}" if gpus.driver else "driver unknown"
    devices = [
        f"{device.get('name', 'unknown')} ({device.get('capability', '?')},"
        f" {format_bytes(device.get('memory_bytes', 0))})"
        for device in facts.torch.get("devices") or []
    ]
    if devices or gpus.names:
        return f"{format_list(devices or list(gpus.names))}; {driver}"
    return f"present, not listed; {driver}" if gpus.present else "no NVIDIA GPU"


def _describe_torch(facts: Facts) -> str:
    torch = facts.torch
    if "version" not in torch:
        return "not usable" if facts.version("torch") else "not installed"
    cuda = f"built for CUDA {torch['cuda']}" if torch["cuda"] else "built without CUDA"
    architectures = f" ({', '.join(torch['architectures'])})" if torch["architectures"] else ""
    return f"{torch['version']}, {cuda}{architectures}; {format_list(torch['backends']) or 'no backend'} for ranks"


def _describe_ranks(ranks: RankCheck) -> tuple[str, str]:
    who = f"{ranks.ranks} on {ranks.backend}"
    if ranks.problem:
        return f"{who}: {ranks.problem}", "bad"
    milliseconds = 1e3 * (ranks.seconds or 0.0)
    return f"{who} agree; an all-reduce took {milliseconds:.2g} ms", "good"


def to_json(facts: Facts, findings: Sequence[Finding], ranks: RankCheck | None = None) -> dict[str, Any]:
    """Return the same as JSON, without anything personal."""
    machine = asdict(facts)
    del machine["requires"]
    value = {
        **machine,
        "ranks": None if ranks is None else asdict(ranks),
        "findings": [asdict(finding) for finding in findings],
    }
    return dict(remove_personal(value))
