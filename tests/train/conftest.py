"""Observation of a library while it trains: when its calls begin and end, and when it writes what.

Where times matter, they pass on a virtual clock alone, which the library reads as well: each call that is watched takes
the seconds that a test gives it, everything else takes none. A rate is then right or wrong, and no machine is too busy.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

import pytest
import torch
import tqdm

from stepscope.envs import CartPole
from stepscope.logs import reads
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import ModuleType

    from stepscope.logs import Record

    Watching = Callable[..., AbstractContextManager["Watch"]]


class Call(NamedTuple):
    """One call of something: when it began and ended, in seconds of the virtual clock, and what it returned."""

    start: float
    end: float
    returned: object

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


class Console(StringIO):
    """Standard output that knows when each piece of text was written."""

    def __init__(self, clock: VirtualTime) -> None:
        super().__init__()
        self.clock = clock
        self.written: list[tuple[float, str]] = []

    def write(self, text: str) -> int:
        """Keep the text and the time."""
        self.written.append((self.clock(), text))
        return super().write(text)


@dataclass
class Watch:
    """What was seen of one training."""

    patch: pytest.MonkeyPatch
    folder: Path
    env: CartPole
    clock: VirtualTime
    console: Console
    calls: dict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))
    owners: dict[str, object] = field(default_factory=dict)

    def around(self, owner: object, name: str, *, takes: float | Callable[[int], float] = 0.0) -> None:
        """Take the time around each call of a method, which is so many seconds of the virtual clock.

        They make the parts of an iteration so unequal that no two sums of them look alike.
        """
        original = getattr(owner, name)
        inside = False

        @functools.wraps(original)
        def timed(*args: object, **options: object) -> object:
            nonlocal inside
            if inside:  # our environment calls itself when it finds itself in inference mode
                return original(*args, **options)
            inside = True
            start = self.clock()
            self.clock.advance(takes(len(self.calls[name])) if callable(takes) else takes)
            try:
                returned = original(*args, **options)
            finally:
                inside = False
            self.calls[name].append(Call(start, self.clock(), returned))
            self.owners.setdefault(name, args[0] if args else None)
            return returned

        self.patch.setattr(owner, name, timed)

    def train(self, module: ModuleType, **settings: object) -> None:
        """Train, with standard output going to `console`."""
        # Absolute, because TensorBoard's thread opens its file whenever it comes to it.
        self.listen(module.train, self.env, **{"log_dir": str(self.folder / "runs"), **settings})

    def listen(self, function: Callable[..., object], *args: object, **options: object) -> None:
        """Call something that prints."""
        with redirect_stdout(self.console):
            function(*args, **options)

    @property
    def text(self) -> str:
        """All that was printed."""
        return self.console.getvalue()

    def records(self, kind: str = "iteration") -> list[Record]:
        """Return what the reader of logs makes of it."""
        return [record for record in reads(self.text) if record.kind == kind]

    def between(self, name: str, start: float, end: float) -> list[Call]:
        """Return the calls that began in this span of time."""
        return [call for call in self.calls[name] if start <= call.start < end]

    def finished_lengths(self, until: float = float("inf")) -> list[list[int]]:
        """Lengths of the episodes that ended, a list for each vector step begun before `until`, by environment.

        With a reward of 1 for each step these are the returns, too.
        """
        running = torch.zeros(self.env.num_envs, dtype=torch.int64)
        finished = []
        for call in self.calls["step"]:
            if call.start >= until:
                break
            _, _, terminated, truncated, _ = call.returned
            running += 1
            done = terminated | truncated
            finished.append(running[done].tolist())
            running[done] = 0
        return finished


@contextmanager
def _watching(folder: Path, *, num_envs: int, virtual: bool) -> Iterator[Watch]:
    clock = VirtualTime()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        if virtual:
            clock.install(patch.setattr)
            patch.setattr(tqdm.std, "time", clock)
            patch.setattr(tqdm.tqdm, "monitor_interval", 0)  # a thread that looks at the real clock
        yield Watch(patch=patch, folder=folder, env=CartPole(num_envs), clock=clock, console=Console(clock))


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Watching:
    """Watch a training in a folder of its own, until the ``with`` block ends; its clock may be `virtual`."""

    def start(*, num_envs: int = 64, virtual: bool = False) -> AbstractContextManager[Watch]:
        return _watching(tmp_path_factory.mktemp("training"), num_envs=num_envs, virtual=virtual)

    return start


@pytest.fixture(scope="package", autouse=True)
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: two on a busy machine can be many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
