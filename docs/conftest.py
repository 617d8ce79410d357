"""Run the Python snippets of the guide, one test for each, on the very text that the page shows above it."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import TYPE_CHECKING

from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser
from sybil.parsers.myst.lexers import DirectiveLexer

from stepscope._sphinx.excerpts import RECORDINGS, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sybil import Document, Example, Region

ROOT = Path(__file__).parents[1]

_run_statements = PythonEvaluator()


class Snippets:
    """Finds each block of Python on a page and the ``{recording}`` above it, whose text the block knows as ``log``."""

    def __init__(self) -> None:
        self.blocks = CodeBlockParser("python", self.run)
        self.recordings = DirectiveLexer("recording", r"\S+")

    def __call__(self, document: Document) -> Iterator[Region]:
        """Hand each block to pytest, with the recording nearest above it."""
        shown = list(self.recordings(document))
        for block in self.blocks(document):
            above = [region for region in shown if region.end <= block.start]
            block.lexemes["recording"] = above[-1].lexemes if above else None
            yield block

    def run(self, example: Example) -> str | None:
        """Run one block; what is returned says which lines did not print what the page says."""
        shown = example.region.lexemes["recording"]
        if shown:
            path = ROOT / RECORDINGS / shown["arguments"]
            example.namespace["log"] = excerpt(path, shown["options"].get("show", "all"))
        if example.parsed.startswith(">>>"):
            return _compare(example)
        return _run_statements(example)


def _compare(example: Example) -> str:
    """Run a block written as at Python's prompt, whole, so that a page counts one test for each block."""
    names = {"__name__": "__main__", **example.namespace}
    test = doctest.DocTestParser().get_doctest(
        example.parsed, names, example.path, example.path, example.line
    )
    wrong: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(
        test, out=wrong.append, clear_globs=False
    )
    example.namespace.update(test.globs)
    return "".join(wrong)


pytest_collect_file = Sybil(
    parsers=[Snippets()],
    patterns=["*.md"],
    excludes=["auto_gallery/*", "auto_gallery/*/*", "troubleshooting/[!i]*", "troubleshooting/i[!n]*"],
).pytest()
