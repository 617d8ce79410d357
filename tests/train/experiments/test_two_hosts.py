"""Two hosts for real: a training across two network namespaces, and a cable that is cut while it runs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from stepscope.errors import BadInputError
from stepscope.train.experiments.two_hosts import TwoHosts
from tests.processes import Started

if TYPE_CHECKING:
    from pathlib import Path

PROBLEM = TwoHosts.problem()
needs_hosts = pytest.mark.skipif(PROBLEM is not None, reason=str(PROBLEM))


def _namespaces() -> str:
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


def _reaches(hosts: TwoHosts, interface: int) -> float | None:
    """Return the seconds until the second host refuses a connection of the first; None if nothing arrives."""
    script = (
        "import socket, sys, time\n"
        "began = time.monotonic()\n"
        "try:\n"
        "    socket.create_connection((sys.argv[1], 9), timeout=1)\n"
        "except ConnectionRefusedError:\n"
        "    print(time.monotonic() - began)\n"
        "except OSError:\n"
        "    pass\n"
    )
    command = [*hosts.enter(0), sys.executable, "-c", script, hosts.address(1, interface)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(printed) if printed else None


@needs_hosts
def test_the_hosts_reach_each_other_until_the_cable_is_cut() -> None:
    """A slow connection takes its delay twice: there and back."""
    with TwoHosts(delays=[0.05]) as hosts:
        assert _reaches(hosts, 0) is not None
        slow = _reaches(hosts, 1)
        assert slow is not None
        assert slow >= 0.1

        hosts.cut()

        assert _reaches(hosts, 0) is None
        assert _reaches(hosts, 1) is not None


@needs_hosts
def test_nothing_is_left_of_them() -> None:
    """Namespaces are removed after an error, too, and so are those of a process that was killed."""
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    abandoned = f"stepscope-{ended.stdout.strip()}-0"
    subprocess.run(["ip", "netns", "add", abandoned], check=True)

    names: list[str] = []
    with pytest.raises(ZeroDivisionError):
        _fail_among_hosts(names)

    present, *names = names
    assert abandoned not in present
    assert all(name in present for name in names)
    assert not any(name in _namespaces() for name in names)


def _fail_among_hosts(names: list[str]) -> None:
    with TwoHosts(delays=[0.001]) as hosts:
        names.append(_namespaces())
        names += [word for node in range(2) for word in hosts.enter(node) if word.startswith("stepscope-")]
        raise ZeroDivisionError


def test_it_says_why_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without iproute2 there is one sentence."""
    monkeypatch.setenv("PATH", "")

    with pytest.raises(
        BadInputError, match=r"^(The command ip \(iproute2\) is missing|Network namespaces are Linux's)\.$"
    ):
        TwoHosts().__enter__()


@needs_hosts
@pytest.mark.live
def test_a_cut_cable_ends_the_training_on_both_hosts(tmp_path: Path) -> None:
    """Each rank waits for the other until its time is up, and explain names that as the first cause."""
    started = Started()
    logs = [tmp_path / f"host-{node}.log" for node in range(2)]
    settings = [
        "rsl_rl",
        "--device",
        "cpu",
        "--num-envs",
        "16",
        "--horizon",
        "8",
        "--iterations",
        "1000000",
        "--timeout",
        "5",
    ]
    with TwoHosts() as hosts:
        processes = []
        for node, log in enumerate(logs):
            command = [
                *hosts.enter(node),
                *(f"{name}={value}" for name, value in started.environment.items()),
            ]
            command += [
                "OMP_NUM_THREADS=1",
                sys.executable,
                "-m",
                "torch.distributed.run",
                *hosts.torchrun(node),
            ]
            with log.open("wb") as output:
                processes.append(
                    subprocess.Popen(
                        [
                            *command,
                            "-m",
                            "stepscope.train",
                            *settings,
                            "--log-dir",
                            str(tmp_path / f"runs-{node}"),
                        ],
                        stdout=output,
                        stderr=subprocess.STDOUT,
                    )
                )
        try:
            while "Learning iteration 2/" not in logs[0].read_text(encoding="utf-8"):
                assert all(process.poll() is None for process in processes), logs[0].read_text(
                    encoding="utf-8"
                )
                time.sleep(0.1)
            hosts.cut()
            statuses = [process.wait() for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.wait()

    assert statuses == [1, 1]
    assert not started.left()
    for log in logs:
        assert re.search(
            r"Timed out waiting 5000ms for (?:recv|send) operation to complete",
            log.read_text(encoding="utf-8"),
        )
        explained = subprocess.run(
            [sys.executable, "-m", "stepscope", "explain", "--json", str(log)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert '"gloo-timeout"' in explained
        told = subprocess.run(
            [sys.executable, "-m", "stepscope", "explain", str(log)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        first = told.partition("first cause")[2].partition("do now")[0]
        assert "A rank waited for another" in " ".join(first.split())
