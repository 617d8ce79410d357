"""Search space: the placeholders of a command, and the values that each may have."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope._common.format import format_list
from stepscope.errors import BadInputError
from stepscope.logs import BY_KEY
from stepscope.plan.batches import check_setting, find_batches

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence

    from stepscope.logs.minibatches import MinibatchRules

__all__ = ["SEED", "Dimension", "Space", "Value", "Values", "fill", "format_values", "parse_search"]

Value = int | float | str
Values = dict[str, Value]

SEED = "seed"
"""Placeholder that `stepscope tune` fills itself."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_INTEGER = re.compile(r"[+-]?\d{1,15}")
_MOST = 10_000  # combinations that are listed
_TRIED = 1000  # draws from a space that cannot be listed


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """A placeholder and its values: a list in order, or a range.

    Attributes
    ----------
    name
        The placeholder, without braces.
    text
        The values as written.
    values
        The values; empty for a range.
    low, high
        Ends of a range, both included; integers if only integers are meant.
    log
        Whether equal factors of a range are equally likely, and not equal differences.
    """

    name: str
    text: str
    values: tuple[Value, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False

    @property
    def is_ordered(self) -> bool:
        """Whether its values are numbers."""
        return not any(isinstance(value, str) for value in self.values)

    def draw(self, numbers: random.Random) -> Value:
        """Draw a value."""
        if self.values:
            return numbers.choice(self.values)
        if self.log:
            value = math.exp(numbers.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = numbers.uniform(self.low, self.high)
        return round(value) if isinstance(self.low, int) else rounded(value)


def rounded(value: float) -> float:
    """Round to four digits, as a person would write it.

    >>> rounded(0.000123456)
    0.0001235
    """
    return float(f"{value:.4g}")


@dataclass(frozen=True, kw_only=True)
class Space:
    """All placeholders that are searched.

    Attributes
    ----------
    dimensions
        The placeholders, in the order of the command.
    """

    dimensions: tuple[Dimension, ...]

    def combinations(self) -> list[Values] | None:
        """Return all combinations; None if there are too many to list."""
        size = math.prod(len(dimension.values) or _MOST + 1 for dimension in self.dimensions)
        if size > _MOST:
            return None
        names = [dimension.name for dimension in self.dimensions]
        return [
            dict(zip(names, values, strict=True))
            for values in product(*(dimension.values for dimension in self.dimensions))
        ]

    def draws(self, numbers: random.Random) -> Iterator[Values]:
        """Yield a limited number of random combinations."""
        for _ in range(_TRIED):
            yield {dimension.name: dimension.draw(numbers) for dimension in self.dimensions}

    def smallest(self) -> Values:
        """Return the combination of the smallest numbers and of the first words."""
        return {
            dimension.name: (min(dimension.values) if dimension.is_ordered else dimension.values[0])
            if dimension.values
            else dimension.low
            for dimension in self.dimensions
        }


def parse_search(command: Sequence[str], texts: Sequence[str]) -> Space:
    """Parse the placeholders of a command and their ``NAME=VALUES``.

    Raises
    ------
    BadInputError
        There is no placeholder, one without values, values without a placeholder, or values that cannot be read.

    Examples
    --------
    >>> space = parse_search(["a", "--n={n}", "{lr}"], ["n=256..2048:log2", "lr=1e-4..1e-2:log"])
    >>> [dimension.values for dimension in space.dimensions]
    [(256, 512, 1024, 2048), ()]
    """
    names = [name for word in command for name in _PLACEHOLDER.findall(word)]
    places = [name for name in dict.fromkeys(names) if name != SEED]
    dimensions: dict[str, Dimension] = {}
    for text in texts:
        dimension = _parse(text)
        if dimension.name in dimensions:
            raise BadInputError(f"--search gives {dimension.name} twice; give each placeholder once.")
        dimensions[dimension.name] = dimension
    if SEED in dimensions:
        raise BadInputError("{seed} is filled by stepscope tune; leave it out of --search.")
    if not places:
        example = "--num_envs {num_envs}"
        raise BadInputError(
            f"the command {printable(shlex.join(command), limit=200)!r} has no placeholder to search;"
            f" put one where the value goes, such as {example}."
        )
    if missing := [name for name in places if name not in dimensions]:
        raise BadInputError(
            f"--search has no values for {format_list([f'{{{name}}}' for name in missing])};"
            f" add them, such as {missing[0]}=256,512,1024."
        )
    if unknown := [name for name in dimensions if name not in places]:
        raise BadInputError(
            f"the command has no {format_list([f'{{{name}}}' for name in unknown])}, which --search names;"
            " put it where the value goes, or leave it out of --search."
        )
    return Space(dimensions=tuple(dimensions[name] for name in places))


def fill(command: Sequence[str], values: Mapping[str, Value], *, seed: int) -> list[str]:
    """Return the command with a value for each placeholder.

    >>> fill(["train.py", "--lr={lr}", "--seed", "{seed}"], {"lr": 0.001}, seed=3)
    ['train.py', '--lr=0.001', '--seed', '3']
    """
    known = {**values, SEED: seed}
    return [_PLACEHOLDER.sub(lambda match: str(known.get(match[1], match[0])), word) for word in command]


def takes_seed(command: Sequence[str]) -> bool:
    """Return whether a command has a place for the seed."""
    return any(SEED in _PLACEHOLDER.findall(word) for word in command)


def format_values(values: Mapping[str, Value]) -> str:
    """Return values as a sentence names them.

    >>> format_values({"num_envs": 4096, "lr": 0.001})
    'num_envs 4096, lr 0.001'
    """
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _parse(text: str) -> Dimension:
    name, equals, values = text.partition("=")
    if not (equals and name.isidentifier() and values):
        raise BadInputError(
            f"{printable(text, limit=200)!r} is not NAME=VALUES, such as num_envs=256..8192:log2 or horizon=16,24,32."
        )
    if ".." in values:
        return _parse_range(name, values)
    parsed = tuple(map(_parse_value, values.split(",")))
    if len(set(parsed)) < len(parsed) or "" in parsed:
        raise BadInputError(f"--search {printable(text, limit=200)} has a value twice or an empty one.")
    if all(not isinstance(value, str) for value in parsed):
        parsed = tuple(sorted(parsed))
    return Dimension(name=name, text=values, values=parsed)


def _parse_range(name: str, text: str) -> Dimension:
    ends, colon, scale = text.partition(":")
    low_text, _, high_text = ends.partition("..")
    numbers = [value for value in map(_parse_value, (low_text, high_text)) if not isinstance(value, str)]
    if (
        len(numbers) != 2  # noqa: PLR2004 - two ends
        or not numbers[0] < numbers[1]
        or scale not in (("log", "log2") if colon else ("",))
    ):
        raise BadInputError(
            f"{printable(text, limit=200)!r} is not a range for {name}; write LOW..HIGH, and :log or :log2 after it if"
            " factors matter."
        )
    low, high = numbers
    if scale and low <= 0:
        raise BadInputError(
            f"{printable(text, limit=200)!r} begins at {low}; a range with :{scale} begins above 0."
        )
    if scale == "log2":
        return Dimension(name=name, text=text, values=_powers(name, text, low, high))
    if not (isinstance(low, int) and isinstance(high, int)):
        low, high = float(low), float(high)
    return Dimension(name=name, text=text, low=low, high=high, log=scale == "log")


def _powers(name: str, text: str, low: float, high: float) -> tuple[int, ...]:
    """Return the powers of two in a range."""
    powers = tuple(2**power for power in range(60) if low <= 2**power <= high)
    if not powers:
        raise BadInputError(f"{printable(text, limit=200)!r} holds no power of two for {name}.")
    return powers


def _parse_value(text: str) -> Value:
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


_NUM_ENVS = ("num_envs", "n_envs", "num_actors")


def check_batches(space: Space, library: str | None, *, numbers: random.Random) -> None:
    """Check that a library accepts the minibatches of at least one combination.

    Raises
    ------
    BadInputError
        The library is unknown, or it accepts none; the message is that of the first one.
    """
    if library is None:
        return
    if library not in BY_KEY or BY_KEY[library].minibatches is None:
        known = ", ".join(key for key, described in BY_KEY.items() if described.minibatches)
        raise BadInputError(f"--library {printable(library, limit=40)!r} is not one of {known}.")
    reason = ""
    combinations = space.combinations()
    for values in space.draws(numbers) if combinations is None else combinations:
        refusal = find_refusal(values, library)
        if refusal is None:
            return
        reason = reason or f"with {format_values(values)}, {refusal}"
    raise BadInputError(f"no combination of --search can be cut into minibatches: {reason}")


def find_refusal(values: Mapping[str, Value], library: str | None) -> str | None:
    """Return why a library refuses the minibatches of these values; None if it accepts them or nothing is known.

    The placeholders are known by our names (``num_envs``, ``horizon``, ``minibatches``) or by the library's.

    Examples
    --------
    >>> find_refusal({"num_envs": 4, "horizon": 5, "num_mini_batches": 2}, "rsl_rl") is None
    True
    >>> find_refusal({"num_envs": 100, "horizon": 5, "minibatch_size": 64}, "rl_games")[:26]
    'RL-Games raises ValueError'
    """
    rules = BY_KEY[library].minibatches if library in BY_KEY else None
    if rules is None or library is None:
        return None
    num_envs = _integer(values, *_NUM_ENVS)
    horizon = _integer(values, "horizon", rules.horizon)
    if num_envs is None or horizon is None:
        return None
    try:
        batches = find_batches(library, num_envs=num_envs, horizon=horizon)
        setting = _setting(values, rules, num_envs * horizon)
        if setting is not None:
            check_setting(batches, setting)
    except BadInputError as error:
        return str(error)
    return None


def _setting(values: Mapping[str, Value], rules: MinibatchRules, samples: int) -> int | None:
    """Return the value of the library's own setting of minibatches, if it is searched."""
    own = _integer(values, rules.setting)
    parts = _integer(values, "minibatches")
    if own is not None or parts is None:
        return own
    if rules.fixes == "number":
        return parts
    if samples % parts:
        raise BadInputError(f"{samples:,} samples cannot be cut into {parts} minibatches of one size.")
    return samples // parts


def _integer(values: Mapping[str, Value], *names: str) -> int | None:
    return next((value for name in names if isinstance(value := values.get(name), int)), None)


def num_envs_of(values: Mapping[str, Value]) -> int | None:
    """Return the number of environments, if it is searched."""
    return _integer(values, *_NUM_ENVS)


def distributions(space: Space) -> dict[str, Any]:
    """Return the space as Optuna describes it: a list of numbers by their places, so that their order counts."""
    from optuna.distributions import (  # noqa: PLC0415 - optional
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    described: dict[str, Any] = {}
    for dimension in space.dimensions:
        if dimension.values and dimension.is_ordered:
            described[dimension.name] = IntDistribution(0, len(dimension.values) - 1)
        elif dimension.values:
            described[dimension.name] = CategoricalDistribution(dimension.values)
        elif isinstance(dimension.low, int):
            described[dimension.name] = IntDistribution(dimension.low, int(dimension.high), log=dimension.log)
        else:
            described[dimension.name] = FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    return described


def decode(space: Space, parameters: Mapping[str, Any]) -> Values:
    """Return the values that Optuna's parameters stand for."""
    values: Values = {}
    for dimension in space.dimensions:
        parameter = parameters[dimension.name]
        if dimension.values and dimension.is_ordered:
            values[dimension.name] = dimension.values[parameter]
        else:
            values[dimension.name] = rounded(parameter) if isinstance(parameter, float) else parameter
    return values


def encode(space: Space, values: Mapping[str, Value]) -> dict[str, Any]:
    """Return Optuna's parameters for these values."""
    return {
        dimension.name: dimension.values.index(values[dimension.name])
        if dimension.values and dimension.is_ordered
        else values[dimension.name]
        for dimension in space.dimensions
    }
