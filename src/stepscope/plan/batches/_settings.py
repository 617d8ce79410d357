"""Settings that cut a rollout into minibatches, by the rules of each library."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count, islice, product
from typing import TYPE_CHECKING

from stepscope._common.format import format_list
from stepscope.errors import BadInputError
from stepscope.logs import BY_KEY
from stepscope.logs.minibatches import Refusal, Rollout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs.minibatches import Group, MinibatchRules, Reference

__all__ = ["Batches", "Setting", "check_setting", "find_batches"]

_FARTHEST = 1000  # environments or steps by which a rollout is changed in search of one that can be cut


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A value of a library's setting of minibatches, and what it makes of a rollout.

    Attributes
    ----------
    value
        Number or size of the minibatches, whichever the library fixes.
    groups
        Minibatches of one pass over a rollout.
    samples
        Environment steps in a rollout of one process.
    ranks
        Processes.
    epochs
        Passes over a rollout.
    """

    value: int
    groups: tuple[Group, ...]
    samples: int
    ranks: int
    epochs: int

    @property
    def minibatches(self) -> int:
        """Minibatches in one pass."""
        return sum(group.number for group in self.groups)

    @property
    def dropped(self) -> int:
        """Environment steps of a rollout of one process that no minibatch holds."""
        return self.samples - sum(group.number * group.samples for group in self.groups)

    @property
    def is_even(self) -> bool:
        """Whether all minibatches have the same size, and nothing is dropped."""
        return len(self.groups) == 1 and not self.dropped

    @property
    def updates(self) -> int:
        """Steps of the optimiser per iteration; several processes take each of them together."""
        return self.epochs * self.minibatches

    @property
    def updates_per_sample(self) -> float:
        """Steps of the optimiser per environment step, with those of all processes counted."""
        return self.updates / (self.samples * self.ranks)


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Settings of minibatches for one rollout.

    Attributes
    ----------
    library
        One of ``rl_games``, ``rsl_rl``, ``skrl`` and ``sb3``.
    rollout
        Environments and vector steps of one process.
    ranks
        Processes.
    epochs
        Passes over a rollout.
    settings
        Each setting that uses every sample in minibatches of the same size; the largest minibatches first.
    """

    library: str
    rollout: Rollout
    ranks: int
    epochs: int
    settings: tuple[Setting, ...]

    @property
    def rules(self) -> MinibatchRules:
        """How the library cuts a rollout."""
        return _rules_of(self.library)

    @property
    def samples(self) -> int:
        """Environment steps per iteration, of all processes."""
        return self.rollout.samples * self.ranks

    @property
    def references(self) -> tuple[tuple[Reference, Setting], ...]:
        """Example configurations, and what each makes of its rollout."""
        return tuple(
            (reference, _reference_setting(self.rules, reference)) for reference in self.rules.references
        )

    def try_setting(self, value: int) -> Setting | Refusal:
        """Return what the library makes of this value."""
        groups = self.rules.cut(self.rollout, value)
        if isinstance(groups, Refusal):
            return groups
        return Setting(
            value=value, groups=groups, samples=self.rollout.samples, ranks=self.ranks, epochs=self.epochs
        )


def find_batches(
    library: str,
    *,
    num_envs: int,
    horizon: int,
    ranks: int = 1,
    epochs: int | None = None,
    recurrent: bool = False,
    sequence_length: int | None = None,
) -> Batches:
    """Find the settings that cut a rollout evenly.

    Parameters
    ----------
    library
        ``"rl_games"``, ``"rsl_rl"``, ``"skrl"`` or ``"sb3"``.
    num_envs
        Environments of each process.
    horizon
        Vector steps per rollout.
    ranks
        Processes that train together, each with its own environments.
    epochs
        Passes over a rollout; by default those of the library's reference configuration.
    recurrent
        Whether the policy is recurrent.
    sequence_length
        Vector steps in a sequence of a recurrent policy, where the library has a setting for it.

    Raises
    ------
    BadInputError
        The library is unknown, has no such option, or accepts no setting for this rollout.

    Examples
    --------
    >>> [setting.value for setting in find_batches("rsl_rl", num_envs=5, horizon=4).settings]
    [1, 2, 4, 5, 10, 20]
    >>> [setting.value for setting in find_batches("rl_games", num_envs=5, horizon=4).settings]
    [20, 10, 5, 4, 2, 1]
    """
    rules = _rules_of(library)
    sequence = _sequence_of(rules, library, recurrent=recurrent, sequence_length=sequence_length)
    if ranks > 1 and not rules.several_processes:
        raise BadInputError(f"{BY_KEY[library].name} cannot train with several processes; leave out --ranks.")
    batches = Batches(
        library=library,
        rollout=Rollout(num_envs, horizon, sequence, recurrent),
        ranks=ranks,
        epochs=rules.references[0].epochs if epochs is None else epochs,
        settings=(),
    )
    refusal = batches.try_setting(_single(batches.rollout, rules))
    if isinstance(refusal, Refusal):
        raise BadInputError(
            f"{_accusation(batches, refusal)} No {rules.setting} works with this rollout; the nearest that can be cut"
            f" has {format_list(list(_nearest_rollouts(batches)), last='or')}."
        )
    tried = (batches.try_setting(value) for value in _divisors(num_envs, horizon))
    even = [setting for setting in tried if isinstance(setting, Setting) and setting.is_even]
    even.sort(key=lambda setting: setting.minibatches)
    return Batches(**{**vars(batches), "settings": tuple(even)})


def check_setting(batches: Batches, value: int) -> Setting:
    """Return what the library makes of `value`, its own setting of minibatches.

    Raises
    ------
    BadInputError
        The library refuses it, or would not learn; the message says so in the library's words, with the nearest values
        that cut the rollout evenly.

    Examples
    --------
    >>> check_setting(find_batches("rsl_rl", num_envs=5, horizon=4), 3).dropped
    2
    """
    setting = batches.try_setting(value)
    if isinstance(setting, Refusal):
        nearest = format_list([f"{near:,}" for near in nearest_values(batches, value)], last="or")
        raise BadInputError(
            f"{_accusation(batches, setting)} The nearest {batches.rules.setting} that works is {nearest}."
        )
    return setting


def nearest_values(batches: Batches, value: int) -> list[int]:
    """Return the nearest values that cut the rollout evenly, below and above `value`."""
    values = sorted(setting.value for setting in batches.settings)
    below = [each for each in values if each < value][-1:]
    return below + [each for each in values if each > value][:1]


def _rules_of(library: str) -> MinibatchRules:
    rules = BY_KEY[library].minibatches if library in BY_KEY else None
    if rules is None:
        known = ", ".join(key for key, described in BY_KEY.items() if described.minibatches)
        raise BadInputError(f"{library!r} is not one of {known}.")
    return rules


def _reference_setting(rules: MinibatchRules, reference: Reference) -> Setting:
    rollout = Rollout(reference.num_envs, reference.horizon, rules.default_sequence or 1)
    groups = rules.cut(rollout, reference.setting)
    if isinstance(groups, Refusal):
        raise TypeError(f"{reference.task}: {groups.text}")  # a wrong description
    return Setting(
        value=reference.setting, groups=groups, samples=rollout.samples, ranks=1, epochs=reference.epochs
    )


def _sequence_of(rules: MinibatchRules, library: str, *, recurrent: bool, sequence_length: int | None) -> int:
    """Return the length of a sequence, after a check that the library takes one."""
    name = BY_KEY[library].name
    if recurrent and not rules.recurrent:
        raise BadInputError(f"{name} has no recurrent policy for PPO; leave out --recurrent.")
    if sequence_length is None:
        if recurrent and rules.sequence and rules.default_sequence is None:
            raise BadInputError(
                f"{name} needs a {rules.sequence} for a recurrent policy; add --sequence-length."
            )
        return rules.default_sequence or 1
    if not rules.sequence:
        raise BadInputError(
            f"{name} has no setting for the length of a sequence; leave out --sequence-length."
        )
    if not recurrent and rules.default_sequence is None:
        raise BadInputError(f"{rules.sequence} belongs to a recurrent policy of {name}; add --recurrent.")
    return sequence_length


def _single(rollout: Rollout, rules: MinibatchRules) -> int:
    """Return the setting that makes one minibatch of a rollout."""
    return rollout.samples if rules.fixes == "size" else 1


def _accusation(batches: Batches, refusal: Refusal) -> str:
    name = BY_KEY[batches.library].name
    if not refusal.error:
        return f"{name} does not refuse this, but {refusal.text}"
    return f"{name} raises {refusal.error}: {refusal.text.rstrip('.')}."


def _nearest_rollouts(batches: Batches) -> Iterator[str]:
    """Yield the nearest numbers of environments and of steps for which there is a setting."""
    rollout, rules = batches.rollout, batches.rules
    for option, field in (("--num-envs", "num_envs"), ("--horizon", "horizon")):
        current = getattr(rollout, field)
        tried = (
            replace(rollout, **{field: current + sign * distance})
            for distance in range(1, _FARTHEST)
            for sign in (-1, 1)
            if current + sign * distance > 0
        )
        valid = (other for other in tried if not isinstance(rules.cut(other, _single(other, rules)), Refusal))
        yield from (f"{option} {getattr(other, field):,}" for other in islice(valid, 1))


def _divisors(num_envs: int, horizon: int) -> list[int]:
    """Return the divisors of ``num_envs * horizon``; the factors are smaller, and found sooner, than their product.

    >>> _divisors(6, 2)
    [1, 2, 3, 4, 6, 12]
    """
    powers: dict[int, int] = {}
    for number in (num_envs, horizon):
        for prime in _prime_factors(number):
            powers[prime] = powers.get(prime, 0) + 1
    choices: Iterable[list[int]] = (
        [prime**power for power in range(most + 1)] for prime, most in powers.items()
    )
    values = []
    for factors in product(*choices):
        value = 1
        for factor in factors:
            value *= factor
        values.append(value)
    return sorted(values)


def _prime_factors(number: int) -> Iterator[int]:
    for factor in count(2):
        if factor * factor > number:
            break
        while number % factor == 0:
            yield factor
            number //= factor
    if number > 1:
        yield number
