"""Fast lanes of what takes one line: RL-Games' epochs, Warp's warnings, skrl's bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from stepscope.logs import rl_games, sb3, skrl, warp
from stepscope.logs._bars import BAR, of_groups
from stepscope.logs._blocks import Context
from stepscope.logs._derived import Mark
from stepscope.logs._lane import REST, with_derived
from stepscope.logs._lines import TRACEBACK, Line
from stepscope.logs._records import undecoded

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from stepscope.logs._blocks import Block
    from stepscope.logs._records import Kind, Record
    from stepscope.logs._runs import Key, Runs

__all__ = ["Bars", "Epochs", "Floods"]


class Epochs:
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
                mark = runs.advance(key, _mark(own))
                before = None if mark is None else (mark.iteration, mark.env_steps)
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
    # A traceback in the middle of a line begins a line of its own, and a table may begin with the dashes at its end.
    return None if found is None or TRACEBACK in found[0] or found[0].rstrip().endswith(b"-----") else found


def _line(source: tuple[Any, bytes]) -> dict[str, Any]:
    """Read a line as it would be read by itself."""
    grammar, raw = source
    line = Line(raw.rstrip(b"\r\n"), 0, len(raw), whole=True)
    block = grammar.begin(line, Context(library=grammar.LIBRARY))
    record = cast("Block", block).record((0, 0))
    return {name: getattr(record, name) for name in REST}


def _mark(counts: tuple[int | None, int | None]) -> Mark:
    return Mark(*counts, None, None, strict=True)


def _epoch(source: tuple[tuple[bytes, ...], tuple[int, int | None], Any]) -> dict[str, Any]:
    groups, own, before = source
    values = [None if group is None else int(group) for group in groups]
    fields = {**REST, **rl_games.fields(values)}
    return with_derived(rl_games.LIBRARY, fields, _mark(own), None if before is None else _mark(before))


class Floods:
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


class Bars:
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
    return {**REST, **skrl.fields(of_groups(groups), num_envs)}
