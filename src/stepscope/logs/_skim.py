"""The fast lane: whole records at once, where a log goes on as it has gone on so far.

What is read here would be read line by line with the same result; the tests compare the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from stepscope.logs import rl_games, rsl_rl, sb3, skrl, warp
from stepscope.logs._bars import BAR, of_groups
from stepscope.logs._blocks import Context
from stepscope.logs._derived import Mark, derive
from stepscope.logs._layouts import SIZE_LIMIT, Layout
from stepscope.logs._lines import TRACEBACK, Line
from stepscope.logs._records import NO_FPS, NO_SECONDS, SCHEMA, Record, undecoded

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from stepscope.logs._blocks import Block
    from stepscope.logs._records import Kind
    from stepscope.logs._runs import Key, Runs

__all__ = ["Lanes"]

# Layouts that are kept, and how many are learnt from one log: a hostile one may print another each time.
_KEPT = 6
_LEARNT = 96
# A table's layout has two groups before its numbers: the dashes above it and its first row, which are as wide.
_WITH_WIDTH = 2

_REST: dict[str, Any] = {
    "schema": SCHEMA,
    "rank": None,
    "iteration": None,
    "iterations": None,
    "env_steps": None,
    "fps": NO_FPS,
    "seconds": NO_SECONDS,
    "reward": None,
    "episode_length": None,
    "metrics": {},
    "derived": {},
    "text": None,
}


class _Lane(Protocol):
    """One kind of record of one library.

    Attributes
    ----------
    at
        Where the last `skim` ended.
    library
        Whose records they are.
    """

    at: int
    library: str

    def fits(self, data: bytes, at: int) -> bool:
        """Say whether a record of this kind stands at `at`."""

    def skim(self, data: bytes, at: int, base: int) -> Iterator[Record]:
        """Yield the records that stand in `data` from `at` on, one right after the other."""


class Lanes:
    """The fast lanes of one log."""

    def __init__(self, context: Context, runs: Runs) -> None:
        self._context = context
        bars, epochs = _Bars(runs, context), _Epochs(runs)
        self._blocks: dict[str, _Blocks] = {module.LIBRARY: _Blocks(module, runs) for module in (rsl_rl, sb3)}
        self._by_first: dict[int, _Lane] = {
            **dict.fromkeys(b"fs=", epochs),
            ord("#"): self._blocks[rsl_rl.LIBRARY],
            ord("-"): self._blocks[sb3.LIBRARY],
            **dict.fromkeys(b" 1", bars),
            **dict.fromkeys(b"bn", _Floods(runs)),
        }

    def at(self, data: bytes, at: int) -> _Lane | None:
        """Return the lane for what begins at `at`, if there could be one."""
        return self._by_first.get(data[at]) if at < len(data) else None

    def learn(self, record: Record, data: bytes, base: int) -> None:
        """Learn from a record that was read line by line, if all of it is at hand."""
        start, end = record.span
        blocks = self._blocks.get(record.library or "")
        if blocks is None or record.kind != "iteration" or record.rank is not None:
            return
        if start >= base and end - base <= len(data) and end - start <= SIZE_LIMIT:
            blocks.learn(record, data[start - base : end - base])


class _Epochs:
    """Lines of RL-Games: epochs, and what is saved after them."""

    library = rl_games.LIBRARY

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.at = 0

    def fits(self, data: bytes, at: int) -> bool:
        """Say whether one of these lines stands there."""
        return rl_games.FAST_EPOCH.match(data, at) is not None or _saved(data, at) is not None

    def skim(self, data: bytes, at: int, base: int) -> Iterator[Record]:
        """Yield the lines."""
        match = rl_games.FAST_EPOCH.match
        runs = self._runs
        key: Key = (None, self.library, "iteration")
        mark = runs.before(key)
        before = None if mark is None else (mark.iteration, mark.env_steps)
        run = runs.run
        while True:
            found = match(data, at)
            if found is None:
                found = _saved(data, at)
                if found is None:
                    break
                end = found.end()
                kind: Kind = "checkpoint" if found[1] is None else "best_reward"
                yield undecoded(_line, (rl_games, found[0]), kind, "rl_games", run, (base + at, base + end))
                at = end
                continue
            end = found.end()
            groups = found.groups()
            frames = groups[5]
            own = (int(groups[3]), None if frames is None else int(frames))
            if before is None or before[0] is None or own[0] <= before[0]:
                if before is not None:
                    runs.note(key, _mark(before))
                before = None
                runs.advance(key, _mark(own))
                run = runs.run
            yield undecoded(
                _epoch, (groups, own, before), "iteration", "rl_games", run, (base + at, base + end)
            )
            before, at = own, end
        if before is not None:
            runs.note(key, _mark(before))
        self.at = at


def _saved(data: bytes, at: int) -> re.Match[bytes] | None:
    found = rl_games.FAST_SAVED.match(data, at)
    # A traceback in the middle of a line begins a line of its own.
    return None if found is None or TRACEBACK in found[0] else found


def _line(source: tuple[Any, bytes]) -> dict[str, Any]:
    """Read a line as it would be read by itself."""
    grammar, raw = source
    line = Line(raw.rstrip(b"\r\n"), 0, len(raw), whole=True)
    block = grammar.begin(line, Context(library=grammar.LIBRARY))
    record = cast("Block", block).record((0, 0))
    return {name: getattr(record, name) for name in _REST}


def _mark(counts: tuple[int | None, int | None]) -> Mark:
    return Mark(*counts, None, None, strict=True)


def _epoch(source: tuple[tuple[bytes, ...], tuple[int, int | None], Any]) -> dict[str, Any]:
    groups, own, before = source
    values = [None if group is None else int(group) for group in groups]
    fields = {**_REST, **rl_games.fields(values)}
    return _with_derived(rl_games.LIBRARY, fields, _mark(own), None if before is None else _mark(before))


def _with_derived(library: str, fields: dict[str, Any], own: Mark, before: Mark | None) -> dict[str, Any]:
    fields["derived"] = derive(
        library,
        own,
        before,
        metrics=fields["metrics"],
        iterations=fields["iterations"],
        eta=fields["seconds"].eta,
    )
    return fields


class _Floods:
    """Warnings of Warp, of which some logs have more than of anything else."""

    library = warp.LIBRARY

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.at = 0

    def fits(self, data: bytes, at: int) -> bool:
        """Say whether such a warning stands there."""
        return warp.FAST_ADVICE.match(data, at) is not None

    def skim(self, data: bytes, at: int, base: int) -> Iterator[Record]:
        """Yield the warnings."""
        match, run = warp.FAST_ADVICE.match, self._runs.run
        while (found := match(data, at)) is not None:
            end = found.end()
            yield undecoded(_line, (warp, found[0]), "message", "warp", run, (base + at, base + end))
            at = end
        self.at = at


class _Bars:
    """Bars of skrl."""

    library = skrl.LIBRARY

    def __init__(self, runs: Runs, context: Context) -> None:
        self._runs = runs
        self._context = context
        self.at = 0

    def fits(self, data: bytes, at: int) -> bool:
        """Say whether a bar stands there, and no bar of another library's user."""
        return self._context.library != sb3.LIBRARY and BAR.match(data, at) is not None

    def skim(self, data: bytes, at: int, base: int) -> Iterator[Record]:
        """Yield the updates."""
        self.at = at
        if self._context.library == sb3.LIBRARY:
            return
        match = BAR.match
        runs = self._runs
        num_envs = self._context.num_envs
        key: Key = (None, self.library, "progress")
        mark = runs.before(key)
        before = None if mark is None else mark.iteration
        run = runs.run
        while (found := match(data, at)) is not None:
            end = found.end()
            groups = found.groups()
            done = int(groups[0])
            if before is None or done < before:
                if before is not None:
                    runs.note(key, _bar_mark(before, num_envs))
                runs.advance(key, _bar_mark(done, num_envs))
                run = runs.run
            yield undecoded(_bar, (groups, num_envs), "progress", "skrl", run, (base + at, base + end))
            before, at = done, end
        if before is not None:
            runs.note(key, _bar_mark(before, num_envs))
        self.at = at


def _bar_mark(done: int, num_envs: int | None) -> Mark:
    return Mark(done, None if num_envs is None else done * num_envs, None, None, strict=False)


def _bar(source: tuple[tuple[bytes, ...], int | None]) -> dict[str, Any]:
    groups, num_envs = source
    return {**_REST, **skrl.fields(of_groups(groups), num_envs)}


class _Blocks:
    """Blocks of RSL-RL or of Stable-Baselines3, whose layouts are learnt."""

    def __init__(self, module: Any, runs: Runs) -> None:  # noqa: ANN401 - a module
        self.library: str = module.LIBRARY
        self._module = module
        self._runs = runs
        self._layouts: list[Layout] = []
        self._left = _LEARNT
        self.at = 0

    def learn(self, record: Record, raw: bytes) -> None:
        """Learn the layout of a block."""
        if self._left and not self.fits(raw + b"x", 0):
            self._left -= 1
            layout: Layout | None = self._module.layout(raw, record)
            if layout is not None:
                self._layouts = [layout, *self._layouts[: _KEPT - 1]]

    def fits(self, data: bytes, at: int) -> bool:
        """Say whether a block of a known layout stands there."""
        return any(layout.pattern.match(data, at) for layout in self._layouts)

    def skim(self, data: bytes, at: int, base: int) -> Iterator[Record]:
        """Yield the iterations."""
        module = self._module
        runs = self._runs
        key: Key = (None, self.library, "iteration")
        self.at = at
        while (matched := self._match(data, at)) is not None:
            layout, found = matched
            groups = found.groups()
            if layout.first == _WITH_WIDTH and len(groups[0]) != len(groups[1].decode(errors="replace")):
                return
            own = layout.mark(groups)
            before = runs.advance(key, own)
            own = own.after(before)
            runs.note(key, own)
            end = found.end()
            yield undecoded(
                _block, (module, layout, groups, own, before), "iteration", self.library, runs.run,
                (base + at, base + end),
            )  # fmt: skip
            at = self.at = end

    def _match(self, data: bytes, at: int) -> tuple[Layout, re.Match[bytes]] | None:
        """Return the layout of what stands there; it is tried first the next time."""
        for number, layout in enumerate(self._layouts):
            found = layout.pattern.match(data, at)
            if found is not None:
                if number:
                    self._layouts.insert(0, self._layouts.pop(number))
                return layout, found
        return None


def _block(source: tuple[Any, Layout, tuple[bytes, ...], Mark, Mark | None]) -> dict[str, Any]:
    module, layout, groups, own, before = source
    fields = {**_REST, **module.layout_fields(layout.metrics(groups), groups[: layout.first])}
    return _with_derived(module.LIBRARY, fields, own, before)
