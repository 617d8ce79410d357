"""The role ``{source}``: a line of an installed library, cited and checked.

``{source}`rsl_rl/utils/logger.py:214 fps = int``` shows the file and the line, and links to that line of the installed
release in the project's repository. The build warns, and so fails, when that line of the installed release does
not contain the words after the number.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from importlib import metadata
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxRole

__all__ = ["SourceRole", "check_citation", "source_url"]

# Where a project keeps its sources, and how it names the tag of a release. A package that is not listed has no link.
_REPOSITORIES = {
    "rl_games": ("https://github.com/Denys88/rl_games", "v{}"),
    "rsl_rl": ("https://github.com/leggedrobotics/rsl_rl", "v{}"),
    "skrl": ("https://github.com/Toni-SM/skrl", "{}"),
    "stable_baselines3": ("https://github.com/DLR-RM/stable-baselines3", "v{}"),
    "tqdm": ("https://github.com/tqdm/tqdm", "v{}"),
}

_CITATION = re.compile(
    r"(?P<file>(?P<package>\w+)/[\w/.]+\.(?:py|yaml)):(?P<line>\d+) (?P<words>.+)", re.DOTALL
)


def check_citation(text: str) -> str | None:
    """Return the problem with a citation as a sentence, or None where the line contains the words.

    Examples
    --------
    >>> check_citation("json/decoder.py:1 JSONDecoder")
    >>> check_citation("json/decoder.py:1 no such words")
    "line 1 of json/decoder.py does not contain 'no such words' but reads: Implementation of JSONDecoder"
    """
    match = _CITATION.fullmatch(text)
    if not match:
        return f"{text!r} is not of the form package/file.py:LINE words of that line"
    lines = _lines(match["package"], match["file"])
    if lines is None:
        return f"{match['file']} is not installed, so the citation cannot be checked"
    number = int(match["line"])
    line = lines[number - 1].strip().strip('"') if number <= len(lines) else "(the file is shorter)"
    if match["words"] in line:
        return None
    return f"line {number} of {match['file']} does not contain {match['words']!r} but reads: {line}"


@cache
def _lines(package: str, file: str) -> list[str] | None:
    # find_spec of a top-level package does not import it.
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder).parent / file
        if path.is_file():
            return path.read_text(encoding="utf-8").splitlines()
    return None


@cache
def _release(package: str) -> tuple[str, str]:
    """Return the name and the version of the distribution that installs a package."""
    names = metadata.packages_distributions().get(package)
    return (names[0], metadata.version(names[0])) if names else (package, "")


def source_url(where: str) -> str | None:
    """Return the address of a cited line at the tag of the installed release; None if the repository is not known.

    Examples
    --------
    >>> source_url("json/decoder.py:1") is None
    True
    """
    file, _, line = where.partition(":")
    package = file.partition("/")[0]
    _, version = _release(package)
    if package not in _REPOSITORIES or not version:
        return None
    repository, tag = _REPOSITORIES[package]
    return f"{repository}/blob/{tag.format(version)}/{file}#L{line}"


class SourceRole(SphinxRole):
    """Shows file and line as a link; the cited words appear when the pointer rests on them."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        self.env.note_reread()  # the cited library may be another release by the next build
        problem = check_citation(self.text)
        if problem:
            return [], [self.inliner.reporter.warning(f"source: {problem}", line=self.lineno)]
        where, _, words = self.text.partition(" ")
        node = nodes.literal(where, where, classes=["source-citation"])
        title = f"{' '.join(_release(where.partition('/')[0]))}: {words}"
        if (url := source_url(where)) is None:
            node["title"] = title
            return [node], []
        return [nodes.reference("", "", node, refuri=url, internal=False, reftitle=title)], []
