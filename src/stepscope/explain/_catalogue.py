"""The catalogue of symptoms: one TOML file each."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = [
    "KINDS",
    "ROLES",
    "SYSTEMS",
    "Cause",
    "Emitted",
    "Kind",
    "Role",
    "Rule",
    "Source",
    "Symptom",
    "catalogue",
]

Role = Literal["root_cause", "consequence", "confirmation", "advice", "note"]
ROLES: Mapping[Role, str] = {
    "root_cause": "root cause",
    "consequence": "consequence",
    "confirmation": "confirmation",
    "advice": "advice",
    "note": "note",
}
"""What a symptom tells, in words. Only a root cause accuses."""

Kind = Literal[
    "memory", "capacity", "nan", "crash", "communication", "configuration", "speed", "learning", "log"
]
KINDS: Mapping[Kind, str] = {
    "memory": "Out of memory",
    "capacity": "A buffer of the simulator is too small",
    "nan": "NaN and infinity",
    "crash": "The process died",
    "communication": "Several processes or GPUs",
    "configuration": "Settings, versions and installation",
    "speed": "Slow",
    "learning": "It does not learn",
    "log": "What the log does not tell",
}
"""What one sees."""

SYSTEMS: Mapping[str, str] = {
    "rl_games": "RL-Games",
    "rsl_rl": "RSL-RL",
    "skrl": "skrl",
    "sb3": "Stable-Baselines3",
    "isaaclab": "Isaac Lab",
    "isaacgym": "Isaac Gym",
    "kit": "Omniverse Kit",
    "physx": "PhysX",
    "mjlab": "mjlab",
    "mujoco_warp": "MuJoCo Warp",
    "warp": "Warp",
    "newton": "Newton",
    "mujoco": "MuJoCo",
    "torch": "PyTorch",
    "cuda": "CUDA",
    "nccl": "NCCL",
    "gymnasium": "Gymnasium",
    "sapien": "SAPIEN",
    "genesis": "Genesis",
    "jax": "JAX",
    "os": "the operating system",
    "python": "Python",
    "slurm": "Slurm",
    "docker": "Docker",
    "torchrun": "torchrun",
    "stepscope": "Stepscope",
}
"""Who prints it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """One of several causes of a symptom, how to tell that it is this one, and what to do then."""

    cause: str
    tell: str = ""
    do: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """How a symptom is found in numbers.

    Attributes
    ----------
    name
        Which rule it is.
    threshold
        Where the rule begins to hold, in `unit`.
    unit
        What the threshold counts.
    """

    name: str
    threshold: float
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Emitted:
    """Where a text stands in the source of the newest release.

    Attributes
    ----------
    distribution
        Name in the package index.
    text
        Part of the source.
    file
        Path below ``site-packages``, in which ``*`` stands for anything; empty if any file of the distribution may hold it.
    unchecked
        Why that cannot be checked.
    """

    distribution: str = ""
    text: str = ""
    file: str = ""
    unchecked: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A public source."""

    title: str
    url: str
    date: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Symptom:
    """A text that is printed, or a course of numbers, and what it means.

    Attributes
    ----------
    slug
        Its address: the name of its file and of its page.
    text
        What is printed; of a course of numbers, what one sees.
    pattern
        Expression that finds the text in a line; None for a course of numbers. Its named groups are facts that a log
        tells.
    rule
        How a course of numbers is found; None for a text.
    role
        What it tells.
    kind
        What one sees.
    systems
        Who prints it.
    versions
        Which releases do; empty if that is not known or does not matter.
    not_when
        Text that resembles it and is not it.
    meaning
        What happened.
    do_now
        What to do now. ``{name}`` stands for the fact of that name.
    find_out
        How to find out more.
    causes
        Causes of one text, the most likely first.
    sets_off
        Slugs of what it leads to.
    claims, scripts
        What this project measured about it.
    standing
        ``reproduced``: a test makes the real program print it. ``source``: it was read in the source of a release.
        ``reported``: it was seen in public reports only.
    emitted
        Where the text stands in a source.
    sources
        Public sources.
    """

    slug: str
    text: str
    pattern: str | None = None
    rule: Rule | None = None
    role: Role
    kind: Kind
    systems: tuple[str, ...]
    versions: str = ""
    not_when: str = ""
    meaning: str
    do_now: str
    find_out: str
    causes: tuple[Cause, ...] = ()
    sets_off: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    standing: Literal["reproduced", "source", "reported"]
    emitted: Emitted | None = None
    sources: tuple[Source, ...] = ()

    @property
    def accuses(self) -> bool:
        """Whether something is wrong where it occurs."""
        return self.role in {"root_cause", "consequence"}

    @property
    def title(self) -> str:
        """Its text on one line."""
        return " ".join(self.text.split())


@cache
def catalogue() -> Mapping[str, Symptom]:
    """Return all symptoms by slug.

    Raises
    ------
    RuntimeError
        There are none, so the installation is broken.
    """
    folder = files("stepscope.explain") / "symptoms"
    entries = sorted(
        (path for path in folder.iterdir() if path.name.endswith(".toml")), key=lambda path: path.name
    )
    if not entries:
        raise RuntimeError("the catalogue of symptoms is empty; install stepscope again")
    return {symptom.slug: symptom for symptom in map(_load, entries)}


_TABLES = {"rule": Rule, "emitted": Emitted}
_ROWS = {"causes": Cause, "sources": Source}
_LISTS = {"systems", "sets_off", "claims", "scripts"}


def _load(path) -> Symptom:  # type: ignore[no-untyped-def] # noqa: ANN001 - Traversable has moved between releases of Python
    slug = path.name.removesuffix(".toml")
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = data.keys() - {field.name for field in fields(Symptom)}
    if unknown or "slug" in data:
        raise ValueError(f"{slug}.toml: no such field: {', '.join(sorted(unknown)) or 'slug'}")
    values = dict(data)
    for name in data.keys() & _TABLES.keys():
        values[name] = _TABLES[name](**data[name])
    for name in data.keys() & _ROWS.keys():
        values[name] = tuple(_ROWS[name](**row) for row in data[name])
    for name in data.keys() & _LISTS:
        values[name] = tuple(data[name])
    for name in ("meaning", "do_now", "find_out"):
        values[name] = re.sub(r"\s*\n\s*", " ", str(data[name])).strip()
    return Symptom(slug=slug, **values)
