"""Signs of trouble in the numbers of a run: losses that explode, a reward that fell, a rate that halved.

Learning curves are noisy, so a rule looks at medians, and what fell has to stay down until the log ends.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope.explain._catalogue import catalogue
from stepscope.logs import BY_KEY, bar_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs import Record

__all__ = ["RULES", "NumberRules", "Sign"]

RULES = (
    "nan_reward",
    "nan_loss",
    "exploding_loss",
    "kl_far_above_target",
    "action_std_runaway",
    "action_std_collapsed",
    "reward_collapsed",
    "episodes_end_at_once",
    "reward_stands_still",
    "throughput_fell",
    "update_takes_most_of_the_time",
    "only_a_cold_iteration",
)
"""Names of all rules. Where two begin to hold in the same iteration, the first of them is the more telling."""

_WINDOW = 10  # iterations that share a median
_LASTING = 3  # windows in a row, up to the end of the log, that something has to last
_LOSS_IN_EARLY_ITERATIONS = 1e6  # stands in for what is usual, until the first window tells
_NOISE = 4.0  # interquartile ranges within a window, which a rise or a fall has to exceed
_KL_ITERATIONS = 5
_SMALL_STD = 0.1
_MOST_LABELS = 512  # whatever an environment of the user prints, memory stays bounded

_STDS = frozenset({"Mean action std", "Mean action noise std", "std"})
_KLS = frozenset({"approx_kl"})
# RSL-RL 2.3.0 to 3.1.3 prints losses under these names until an episode ends.
_BARE_LOSSES = frozenset({"value_function", "surrogate", "entropy", "rnd", "symmetry"})
_REWARDS = ("Mean reward", "Mean total reward", "rollout/ep_rew_mean", "ep_rew_mean")
_LENGTHS = ("Mean episode length", "rollout/ep_len_mean", "ep_len_mean")
_RATES = ("Steps per second", "Computation", "fps total")


@dataclass(frozen=True, slots=True)
class Sign:
    """A rule that holds for a run.

    Attributes
    ----------
    slug
        Symptom in the catalogue.
    iteration
        First iteration of the run that it holds for, as printed; None where the library prints no number.
    label
        The number that it is about, as the library labels it.
    before
        What the number was before; None if nothing was printed before.
    after
        What it was then; of what lasts, its median at the end of the log.
    byte
        First byte of what was printed in that iteration.
    count
        Number of iterations that it holds for.
    """

    slug: str
    iteration: int | None
    label: str
    before: float | None
    after: float | None
    byte: int
    count: int


class _Place:
    """Where something began, and how often it was seen since."""

    __slots__ = ("after", "before", "byte", "count", "iteration", "label", "latest")

    def __init__(self, record: Record, label: str, before: float | None, after: float | None) -> None:
        self.iteration = record.iteration
        self.byte = record.span[0]
        self.label = label
        self.before = before
        self.after = after
        self.count = 0
        self.latest = -1

    def hold(self, record: Record) -> None:
        """Count an iteration, once for all of its numbers."""
        if self.latest != record.span[0]:
            self.latest = record.span[0]
            self.count += 1

    def sign(self, rule: str, *, after: float | None = None) -> Sign:
        """Return the sign of a rule that holds here."""
        return Sign(
            slug=rule.replace("_", "-"),
            iteration=self.iteration,
            label=self.label,
            before=self.before,
            after=self.after if after is None else after,
            byte=self.byte,
            count=self.count,
        )


class _Windows:
    """A number of each iteration, and the median of every ten."""

    __slots__ = ("first", "median", "spread", "values", "windows")

    def __init__(self) -> None:
        self.values: list[float] = []
        self.windows = 0
        self.median = self.spread = math.nan  # of the latest whole window
        self.first: Record | None = None  # of the latest window

    def add(self, value: float, record: Record) -> bool:
        """Add a number; return whether it completes a window."""
        values = self.values
        if not values:
            self.first = record
        values.append(value)
        if len(values) < _WINDOW:
            return False
        values.sort()
        self.median = (values[4] + values[5]) / 2
        self.spread = values[7] - values[2]
        self.windows += 1
        self.values = []
        return True


class _Signs:
    """What is known of one number: the places where rules about it began to hold."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        self.places: dict[str, _Place] = {}

    def hold(
        self,
        rule: str,
        record: Record,
        label: str,
        before: float | None,
        after: float,
        *,
        began: Record | None = None,
    ) -> None:
        """Note that a rule holds for a record; what it rests on may have begun in one before."""
        place = self.places.get(rule)
        if place is None:
            place = self.places[rule] = _Place(began or record, label, before, after)
        place.hold(record)


class _Loss:
    """A loss: finite, and of the size that it usually has."""

    __slots__ = ("factor", "label", "last", "limit", "signs", "usual", "windows")

    def __init__(self, label: str, signs: _Signs) -> None:
        self.label = label
        self.signs = signs
        self.windows = _Windows()
        self.last: float | None = None
        self.usual = 0.0
        self.factor = _threshold("exploding_loss")
        self.limit = self.factor * _LOSS_IN_EARLY_ITERATIONS

    def add(self, value: float, record: Record) -> None:
        size = abs(value)
        if not size < math.inf:
            self.signs.hold("nan_loss", record, self.label, self.last, value)
            return
        if size > self.limit:
            self.signs.hold("exploding_loss", record, self.label, self.last, value)
        elif self.windows.add(size, record):
            self.usual = max(self.usual, self.windows.median, 1.0)
            self.limit = self.factor * self.usual
        self.last = value


class _Std:
    """The standard deviation of the actions, compared with the first that was printed."""

    __slots__ = ("first", "high", "label", "last", "low", "signs")

    def __init__(self, label: str, signs: _Signs) -> None:
        self.label = label
        self.signs = signs
        self.first: float | None = None
        self.last: float | None = None
        self.low, self.high = -math.inf, math.inf

    def add(self, value: float, record: Record) -> None:
        if not abs(value) < math.inf:
            self.signs.hold("nan_loss", record, self.label, self.last, value)
            return
        if self.first is None:
            self.first = value
            # A run that goes on with a policy that has learned begins with a small one, and may explore again.
            self.high = max(value, _SMALL_STD) * _threshold("action_std_runaway")
            self.low = min(_threshold("action_std_collapsed"), value / _threshold("action_std_runaway"))
        elif value > self.high:
            self.signs.hold("action_std_runaway", record, self.label, self.first, value)
        elif value < self.low:
            self.signs.hold("action_std_collapsed", record, self.label, self.first, value)
        self.last = value


class _Kl:
    """The KL divergence of an update, as the median of five."""

    __slots__ = ("label", "last", "limit", "recent", "signs")

    def __init__(self, label: str, signs: _Signs) -> None:
        self.label = label
        self.signs = signs
        self.last: float | None = None
        self.recent: deque[tuple[float, Record]] = deque(maxlen=_KL_ITERATIONS)
        self.limit = _threshold("kl_far_above_target")

    def add(self, value: float, record: Record) -> None:
        if not abs(value) < math.inf:
            self.signs.hold("nan_loss", record, self.label, self.last, value)
            return
        self.last = value
        self.recent.append((value, record))
        if len(self.recent) < _KL_ITERATIONS:
            return
        median = sorted(value for value, _ in self.recent)[_KL_ITERATIONS // 2]
        if median > self.limit:
            began = next(record for value, record in self.recent if value > self.limit)
            self.signs.hold("kl_far_above_target", record, self.label, None, median, began=began)


class _Reward:
    """The mean reward: whether it rose, and whether it lost again what it had gained."""

    __slots__ = (
        "best",
        "bottom",
        "fallen",
        "label",
        "last",
        "noise",
        "record",
        "signs",
        "start",
        "top",
        "windows",
    )

    def __init__(self, signs: _Signs) -> None:
        self.signs = signs
        self.label = ""
        self.last: float | None = None
        self.windows = _Windows()
        self.record: Record | None = None  # of the first iteration
        self.start = self.best = self.noise = 0.0
        self.top = -math.inf  # of the first window
        self.bottom = math.inf
        self.fallen: list[_Place] = []

    def add(self, value: float, record: Record) -> None:
        if not abs(value) < math.inf:
            label = _label(record, _REWARDS)
            self.signs.hold("nan_reward", record, label, self.last, value)
            return
        self.last = value
        windows = self.windows
        if self.record is None:
            self.record = record
            self.label = _label(record, _REWARDS)
        if windows.windows == 0:
            self.top = max(self.top, value)
            self.bottom = min(self.bottom, value)
        if not windows.add(value, record):
            return
        median = windows.median
        if windows.windows == 1:
            self.start = self.best = median
            self.noise = windows.spread
        elif median > self.best:
            self.best = median
            self.noise = max(self.noise, windows.spread)
        self._follow(median, record)

    def _follow(self, median: float, record: Record) -> None:
        """Note by when all was lost that had been gained."""
        gain = self.best - self.start
        left = _threshold("reward_collapsed")
        if gain > _NOISE * self.noise and self.best > self.top and median <= self.start + left * gain:
            if len(self.fallen) < _LASTING:
                self.fallen.append(_Place(record, self.label, self.best, median))
            self.fallen[0].count += _WINDOW
        else:
            self.fallen.clear()

    def signs_at_the_end(self) -> Iterator[Sign]:
        if len(self.fallen) == _LASTING:
            yield self.fallen[0].sign("reward_collapsed", after=self.windows.median)
        windows = self.windows.windows
        if (
            self.record is not None
            and windows * _WINDOW >= _threshold("reward_stands_still")
            and self.best <= self.top + (self.top - self.bottom)
        ):
            place = _Place(self.record, self.label, self.start, self.windows.median)
            place.count = windows * _WINDOW
            yield place.sign("reward_stands_still")


class _Length:
    """The length of episodes, if it is that of an episode which ends as soon as it has begun."""

    __slots__ = ("before", "label", "limit", "place")

    def __init__(self) -> None:
        self.label = ""
        self.limit = _threshold("episodes_end_at_once")
        self.before: float | None = None
        self.place: _Place | None = None

    def add(self, value: float, record: Record) -> None:
        if value <= self.limit:
            if self.place is None:
                self.place = _Place(record, _label(record, _LENGTHS), self.before, value)
            self.place.count += 1
        else:
            self.place = None
            self.before = value

    def signs_at_the_end(self) -> Iterator[Sign]:
        if self.place is not None and self.place.count >= _WINDOW * _LASTING:
            yield self.place.sign("episodes_end_at_once")


class _Rate:
    """The throughput: whether it fell, and stayed."""

    __slots__ = ("best", "fallen", "label", "windows")

    def __init__(self) -> None:
        self.label = ""
        self.windows = _Windows()
        self.best = 0.0
        self.fallen: list[_Place] = []

    def add(self, value: float, record: Record) -> None:
        if not self.windows.add(value, record):
            return
        median = self.windows.median
        self.best = max(self.best, median)
        if median < self.best * _threshold("throughput_fell"):
            record = self.windows.first or record
            if len(self.fallen) < _LASTING:
                label = _label(record, _RATES) if record.kind == "iteration" else "it/s"
                self.fallen.append(_Place(record, label, self.best, median))
            self.fallen[0].count += _WINDOW
        else:
            self.fallen.clear()

    def signs_at_the_end(self) -> Iterator[Sign]:
        if len(self.fallen) == _LASTING:
            yield self.fallen[0].sign("throughput_fell", after=self.windows.median)


class _Update:
    """The share of an iteration that the update takes."""

    __slots__ = ("place", "windows")

    def __init__(self) -> None:
        self.windows = _Windows()
        self.place: _Place | None = None

    def add(self, share: float, record: Record) -> None:
        if not self.windows.add(share, record):
            return
        if self.windows.median <= _threshold("update_takes_most_of_the_time"):
            self.place = None
            return
        if self.place is None:
            first = self.windows.first or record
            label = next(
                (label for label in ("Learning time", "learning") if label in record.metrics), "fps total"
            )
            self.place = _Place(first, label, None, None)
        self.place.count += _WINDOW

    def signs_at_the_end(self) -> Iterator[Sign]:
        if self.place is not None:
            yield self.place.sign("update_takes_most_of_the_time", after=self.windows.median)


class NumberRules:
    """Looks at the numbers of one run, in constant memory.

    Of several processes only the one of the lowest rank counts: the others print the same iterations again.
    """

    def __init__(self) -> None:
        self._rank: int | None = None
        self._has_rank = False
        self._begin()

    def _begin(self) -> None:
        self._iterations = 0
        self._first: Record | None = None
        self._signs = _Signs()
        self._numbers: dict[str, _Loss | _Std | _Kl | None] = {}
        self._reward = _Reward(self._signs)
        self._length = _Length()
        self._rate = _Rate()
        self._update = _Update()

    def add(self, record: Record) -> None:
        """Look at a record of the run; the records of a run come in order."""
        kind = record.kind
        if kind == "iteration":
            if (self._has_rank and record.rank == self._rank) or self._takes(record.rank):
                self._add_iteration(record)
        elif kind == "progress":
            if record.library == "skrl" and (record.rank == self._rank or self._takes(record.rank)):
                self._has_rank = True
                rate = bar_rate(record)
                if rate is not None and 0 < rate < math.inf:
                    self._rate.add(rate, record)
        elif record.reward is not None and kind in {"checkpoint", "best_reward"}:
            self._add_reward(record.reward, record)

    def _takes(self, rank: int | None) -> bool:
        """Say whether records of a rank count from now on."""
        if not self._has_rank:
            self._has_rank = True
            self._rank = rank
            return True
        if rank is None or self._rank is None or rank > self._rank:
            return False
        self._rank = rank
        self._begin()
        return True

    def _add_reward(self, reward: float, record: Record) -> None:
        # RL-Games prints a reward in the names of its checkpoints: minus infinity until an episode has ended.
        # Best ones alone would never fall.
        if reward != -math.inf and (record.kind == "checkpoint" or not abs(reward) < math.inf):
            self._reward.add(reward, record)

    def _add_iteration(self, record: Record) -> None:
        self._iterations += 1
        if self._first is None:
            self._first = record
        numbers = self._numbers
        for label, value in record.metrics.items():
            try:
                number = numbers[label]
            except KeyError:
                number = self._number(label)
            if number is not None:
                number.add(value, record)
        if record.reward is not None:
            self._reward.add(record.reward, record)
        if record.episode_length is not None:
            self._length.add(record.episode_length, record)
        if self._iterations > 1:
            self._add_rates(record)

    def _add_rates(self, record: Record) -> None:
        fps, seconds = record.fps, record.seconds
        rate = fps.total if fps.total is not None else record.derived.get("fps.total")
        if rate is not None and 0 < rate < math.inf:
            self._rate.add(rate, record)
            if fps.rollout is not None and rate <= fps.rollout < math.inf:
                self._update.add(1 - rate / fps.rollout, record)
        learn, collect = seconds.learn, seconds.collect
        if learn is not None and collect is not None and 0 < learn + collect < math.inf:
            self._update.add(learn / (learn + collect), record)

    def _number(self, label: str) -> _Loss | _Std | _Kl | None:
        """Return what follows the number of a label, if a rule is about it."""
        key = label.rpartition("/")[2]
        number: _Loss | _Std | _Kl | None = None
        # A slash is Stable-Baselines3's; of its sections this one is its own, and others may be an environment's.
        if key == label or label.startswith("train/"):
            if key.lower().endswith("loss") or label in _BARE_LOSSES:
                number = _Loss(label, self._signs)
            elif key in _STDS:
                number = _Std(label, self._signs)
            elif key in _KLS:
                number = _Kl(label, self._signs)
        if len(self._numbers) < _MOST_LABELS:
            self._numbers[label] = number
            return number
        return None

    def signs(self) -> tuple[Sign, ...]:
        """Return what the rules say of the run so far, in the order in which it began."""
        found = [place.sign(rule) for rule, place in self._signs.places.items()]
        for part in (self._reward, self._length, self._rate, self._update):
            found.extend(part.signs_at_the_end())
        found.extend(self._cold())
        order = {rule.replace("_", "-"): at for at, rule in enumerate(RULES)}
        return tuple(sorted(found, key=lambda sign: (sign.byte, order[sign.slug])))

    def _cold(self) -> Iterator[Sign]:
        first = self._first
        if self._iterations != 1 or first is None or "cold" not in first.derived or _is_later(first):
            return
        for label in (*_RATES, "time/fps", "fps"):
            if label in first.metrics:
                place = _Place(first, label, None, first.metrics[label])
                place.count = 1
                yield place.sign("only_a_cold_iteration")
                return


def _is_later(record: Record) -> bool:
    """Return whether iterations came before it that this log lacks."""
    begin = None if record.library is None else BY_KEY[record.library].first_iteration
    return begin is not None and record.iteration is not None and record.iteration > begin


def _threshold(rule: str) -> float:
    """Return the constant of a rule, which stands in its entry of the catalogue."""
    found = catalogue()[rule.replace("_", "-")].rule
    if found is None:
        raise RuntimeError(f"the entry of {rule} in the catalogue has no rule; install stepscope again")
    return found.threshold


def _label(record: Record, labels: tuple[str, ...]) -> str:
    """Return which of some labels a record has."""
    return next((label for label in labels if label in record.metrics), _FALLBACK[labels])


_FALLBACK = {_REWARDS: "reward", _LENGTHS: "episode length", _RATES: "fps.total"}
