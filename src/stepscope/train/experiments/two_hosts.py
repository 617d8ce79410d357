"""Two hosts on one machine: two network namespaces of Linux, joined by a cable that can be cut, and by slow ones.

Each namespace has its own network interfaces, addresses and routes, so that programs in it see another host. Making
them needs root and iproute2.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import select
import shutil
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["TwoHosts"]

_PREFIX = "stepscope-"
_CABLE = "cable"
_PORT = 29400


class TwoHosts:
    """Two network namespaces with an Ethernet cable (veth) between them; they are removed in the end.

    Parameters
    ----------
    delays
        For each a further connection, whose packets take so many seconds in each direction: ``slow0``, ``slow1``, ... A
        thread of this process holds them back, because not every kernel has ``tc netem``.

    Attributes
    ----------
    interfaces
        Names of the network interfaces, the same on both hosts: ``cable``, then the slow ones.

    Raises
    ------
    BadInputError
        On entering it, where there can be none; `problem` tells beforehand.

    Examples
    --------
    >>> TwoHosts(delays=[0.001]).interfaces
    ('cable', 'slow0')
    """

    def __init__(self, *, delays: Sequence[float] = ()) -> None:
        self.delays = tuple(delays)
        self.interfaces = (_CABLE, *(f"slow{number}" for number in range(len(self.delays))))
        self._names = tuple(f"{_PREFIX}{os.getpid()}-{id(self):x}-{node}" for node in range(2))
        self._stack = contextlib.ExitStack()

    @staticmethod
    def problem() -> str | None:
        """Return why this machine cannot have two hosts, in one sentence; None where it can."""
        if not sys.platform.startswith("linux"):
            return "Network namespaces are Linux's."
        if shutil.which("ip") is None:
            return "The command ip (iproute2) is missing."
        if os.geteuid() != 0:
            return "Network namespaces need root."
        name = f"{_PREFIX}{os.getpid()}-test"
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        if made.returncode:
            return f"This system refuses network namespaces: {made.stderr.strip()}."
        return None

    def __enter__(self) -> TwoHosts:  # noqa: PYI034 - Self is new in Python 3.11
        """Make the namespaces and the connections."""
        if problem := self.problem():
            raise BadInputError(problem)
        _remove_abandoned()
        try:
            self._make()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove them."""
        self._stack.close()

    def address(self, node: int, interface: int = 0) -> str:
        """Return the IPv4 address of a host, 0 or 1, at an interface."""
        return f"10.213.{interface}.{node + 1}"

    def enter(self, node: int) -> list[str]:
        """Return the start of a command that runs on a host."""
        return ["ip", "netns", "exec", self._names[node], "env", f"GLOO_SOCKET_IFNAME={_CABLE}"]

    def torchrun(self, node: int) -> list[str]:
        """Return torchrun's options on a host, for one process on each."""
        return [
            "--nnodes=2",
            "--nproc-per-node=1",
            f"--node-rank={node}",
            f"--master-addr={self.address(0)}",
            f"--master-port={_PORT}",
        ]

    def cut(self) -> None:
        """Cut the cable: from now on no packet arrives, and neither host gets a message."""
        # The interfaces stay up, as they do behind a switch: the loss of the carrier would be noticed at once.
        for node in range(2):
            _ip("-n", self._names[node], "route", "replace", "blackhole", f"{self.address(1 - node)}/32")

    def _make(self) -> None:
        for name in self._names:
            _ip("netns", "add", name)
            self._stack.callback(_try_ip, "netns", "delete", name)
            _ip("-n", name, "link", "set", "lo", "up")
        first, second = self._names
        _ip("link", "add", _CABLE, "netns", first, "type", "veth", "peer", "name", _CABLE, "netns", second)
        if self.delays:
            relay = _Relay()
            self._stack.callback(relay.stop)
            for interface, delay in zip(self.interfaces[1:], self.delays, strict=True):
                relay.join(self._names, interface, delay)
            relay.start()
        for number, interface in enumerate(self.interfaces):
            for node, name in enumerate(self._names):
                _ip("-n", name, "address", "add", f"{self.address(node, number)}/24", "dev", interface)
                _ip("-n", name, "link", "set", interface, "up")


class _Relay:
    """A thread that carries packets between pairs of TUN devices, and holds each back for some time."""

    def __init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._peers: dict[int, tuple[int, float]] = {}
        self._wake, self._woken = os.pipe()

    def join(self, namespaces: Sequence[str], interface: str, delay: float) -> None:
        """Make a device in each of two namespaces, with packets taking `delay` seconds between them."""
        first, second = (_open_tun(name, interface) for name in namespaces)
        self._peers[first], self._peers[second] = (second, delay), (first, delay)

    def start(self) -> None:
        """Relay until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the devices, which removes them."""
        os.close(self._wake)
        if self._thread.is_alive():
            self._thread.join()
        for descriptor in (self._woken, *self._peers):
            os.close(descriptor)

    def _run(self) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        number = 0
        while True:
            pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            ready, _, _ = select.select([self._woken, *self._peers], [], [], pause)
            if self._woken in ready:
                return
            now = time.monotonic()
            for descriptor in ready:
                peer, delay = self._peers[descriptor]
                number += 1
                with contextlib.suppress(OSError):
                    heapq.heappush(waiting, (now + delay, number, peer, os.read(descriptor, 65536)))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, peer, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):  # as a network does, it loses what nobody can take
                    os.write(peer, packet)


def _open_tun(namespace: str, interface: str) -> int:
    """Return the descriptor of a new TUN device, which is an interface of a namespace."""
    import fcntl  # noqa: PLC0415 - not on Windows

    tun_set_interface, tun, no_information = 0x400454CA, 0x0001, 0x1000
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # Made here under a name that is free, then moved: the descriptor goes on reading its packets.
        request = struct.pack("16sH22x", b"stepscope%d", tun | no_information)
        name = fcntl.ioctl(descriptor, tun_set_interface, request)[:16].rstrip(b"\0").decode()
        _ip("link", "set", name, "name", interface, "netns", namespace)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _remove_abandoned() -> None:
    """Remove namespaces of processes that were killed."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        name = line.split()[0]
        owner = name.removeprefix(_PREFIX).partition("-")[0]
        if name.startswith(_PREFIX) and owner.isdigit() and not Path(f"/proc/{owner}").exists():
            _try_ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        raise BadInputError(f"ip {' '.join(arguments)} failed: {error.stderr.strip()}") from error


def _try_ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, check=False)
