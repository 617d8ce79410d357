"""Fast lane of blocks of RSL-RL and of Stable-Baselines3, whose layouts are learnt from the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepscope.logs._lane import REST, with_derived
from stepscope.logs._records import undecoded

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from stepscope.logs._derived import Mark
    from stepscope.logs._layouts import Layout
    from stepscope.logs._records import Record
    from stepscope.logs._runs import Key, Runs

__all__ = ["Blocks"]

# Layouts that are kept, and how many are learnt from one log: a hostile one may print another each time.
_KEPT = 6
_LEARNT = 96
# A table's layout has two groups before its numbers: the dashes above it and its first row, which are as wide.
_WITH_WIDTH = 2


class Blocks:
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
    fields = {**REST, **module.layout_fields(layout.metrics(groups), groups[: layout.first])}
    return with_derived(module.LIBRARY, fields, own, before)
