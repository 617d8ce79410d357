"""The search for the best values: Optuna proposes, a separate process trains, a file keeps what came of it."""

from __future__ import annotations

import contextlib
import math
import os
import random
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope.errors import BadInputError
from stepscope.logs import BY_KEY
from stepscope.plan._memory_model import MemoryModel
from stepscope.plan.tune._runner import Job, LocalRunner
from stepscope.plan.tune._space import (
    Space,
    Values,
    check_batches,
    decode,
    distributions,
    encode,
    fill,
    find_refusal,
    format_values,
    num_envs_of,
)
from stepscope.plan.tune._trial import NO_ITERATION, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import optuna

    from stepscope.plan.fit import Budget
    from stepscope.plan.tune._runner import Runner
    from stepscope.plan.tune._trial import Point

    OnTrial = Callable[[int, Values, Point | None], None]

__all__ = ["FinalRun", "Study", "Task", "Tried"]

_STUDY, _FINALS = "stepscope tune", "stepscope tune: finals"
_STEPS = 20  # of a trial's time at which rewards are compared
_WARM_UP = 8  # such steps before a trial may be stopped: larger batches begin more slowly
_PATIENCE = 4  # finished trials before one may be stopped
_SLOWER = 1.5  # times the third best one: what is slower need not be finished
_RANDOM = 5  # trials before the sampler begins to learn
_ASKED = 50  # proposals before a random one is taken
_HEARTBEAT = 15  # seconds
_FRUITLESS = 3  # trials without any reward before the command is to blame
_FINALISTS = 3
_FINAL_SEEDS = 10_000  # what the seeds of the finals have on those of the search


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is searched, and how each trial is judged.

    Attributes
    ----------
    command
        The program and its arguments, with placeholders.
    space
        Values of the placeholders.
    until
        Reward that is to be reached soon; None is the area under the reward.
    trial_seconds
        Time that each trial may train.
    first_seconds
        Time that each trial has until it prints its first iteration.
    seed
        First of the seeds.
    library
        Library whose rules of minibatches hold; None is the one that the first trial prints.
    memory
        Memory that a trial may take.
    """

    command: tuple[str, ...]
    space: Space
    until: float | None
    trial_seconds: float
    first_seconds: float
    seed: int
    library: str | None
    memory: Budget

    def identity(self) -> dict[str, Any]:
        """Return what makes two studies the same."""
        return {
            "command": list(self.command),
            "search": {dimension.name: dimension.text for dimension in self.space.dimensions},
            "until": self.until,
            "trial_seconds": self.trial_seconds,
            "seed": self.seed,
        }

    def score(self, outcome: Outcome) -> float | None:
        """Return what the search maximises; None for a trial that tells nothing.

        It is the mean reward over the time of a trial; with a threshold above 1 where that was reached, more so the sooner,
        and below 0 by what the best reward lacked where it was not.
        """
        if not outcome.ok or outcome.best_reward is None:
            return None
        if self.until is None:
            return outcome.mean_reward
        if outcome.status == "reached":
            return 1.0 + max(0.0, 1.0 - outcome.seconds / self.trial_seconds)
        return min(0.0, outcome.best_reward - self.until)

    def cost(self, outcome: Outcome) -> float:
        """Return what the finals compare, less being better: seconds to the threshold, or the mean reward negated.

        A run that does not reach the threshold counts as the whole time, so that the mean is the restricted mean time, of
        which the same censoring for all is part.
        """
        if self.until is None:
            return math.inf if outcome.mean_reward is None else -outcome.mean_reward
        return min(outcome.seconds, self.trial_seconds) if outcome.status == "reached" else self.trial_seconds


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A finished trial of the search.

    Attributes
    ----------
    values
        Of the placeholders.
    outcome
        What came of it.
    score
        What the search maximises; None where the trial tells nothing.
    """

    values: Values
    outcome: Outcome
    score: float | None


@dataclass(frozen=True, kw_only=True)
class FinalRun:
    """A run of one of the best settings with a fresh seed.

    Attributes
    ----------
    values
        Of the placeholders.
    seed
        The seed.
    outcome
        What came of it.
    """

    values: Values
    seed: int
    outcome: Outcome


class Study:
    """A search that a file keeps: whatever ends this process, finished trials stay, and the same command goes on.

    Parameters
    ----------
    path
        The file, an SQLite database of Optuna's; it is made if it does not exist.
    task
        What is searched.
    runner
        Runs the trials; None runs one after the other on this machine.

    Raises
    ------
    BadInputError
        The file holds something else or the study of another command, or another process works with it.
    """

    def __init__(self, path: str | Path, task: Task, *, runner: Runner | None = None) -> None:
        import optuna  # noqa: PLC0415 - optional

        self._task = task
        self._runner = LocalRunner() if runner is None else runner
        self._running: dict[int, Values] = {}
        self._path = Path(path)
        self._optuna = optuna
        check_batches(task.space, task.library, numbers=random.Random(task.seed))  # noqa: S311 - not a secret
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._lock = self._open()
        try:
            self._storage = self._connect()
            self._study = self._load()
            self._finals = self._create(_FINALS)
            self._recover()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others use the file."""
        with contextlib.suppress(OSError):
            os.close(self._lock)

    def _open(self) -> int:
        """Return the descriptor of the file, locked as long as it is open."""
        import fcntl  # noqa: PLC0415 - not on Windows

        shown = printable(str(self._path), limit=200)
        try:
            lock = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise BadInputError(
                f"{shown} cannot be opened ({error.strerror}); choose another --storage."
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise BadInputError(
                f"another process works with {shown}; wait for it, or choose another --storage."
            ) from None
        if (head := os.pread(lock, 16, 0)) and head != b"SQLite format 3\0":
            os.close(lock)
            raise BadInputError(f"{shown} is not a study of stepscope tune; choose another --storage.")
        return lock

    def _connect(self) -> optuna.storages.RDBStorage:
        """Return the storage in the file, after a check that it holds nothing else."""
        storages = self._optuna.storages
        shown = printable(str(self._path), limit=200)
        try:
            names = {"another"}
            if self._may_be_ours():
                with self._quiet():
                    storage = storages.RDBStorage(
                        f"sqlite:///{self._path.absolute()}",
                        heartbeat_interval=_HEARTBEAT,
                        heartbeat_stale_trial_callback=storages.RetryHeartbeatStaleTrialCallback(),
                    )
                    names = {study.study_name for study in storage.get_all_studies()}
        except Exception as error:  # noqa: BLE001 - SQLAlchemy's, which is not imported here
            raise BadInputError(
                f"{shown} is not a study of stepscope tune ({type(error).__name__}); choose another --storage."
            ) from None
        if names - {_STUDY, _FINALS}:
            raise BadInputError(f"{shown} holds another study; choose another --storage.")
        return storage

    def _may_be_ours(self) -> bool:
        """Return whether the database is empty or has tables of Optuna's; Optuna would add its own to any other."""
        import sqlite3  # noqa: PLC0415 - some Pythons lack it

        with contextlib.closing(sqlite3.connect(self._path)) as connection:
            rows = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        return not rows or bool({"studies", "version_info"} & {name for (name,) in rows})

    def _load(self) -> optuna.Study:
        """Return the study in the file, or a new one; one in which nothing has trained is replaced."""
        pruner = self._optuna.pruners.MedianPruner(n_startup_trials=_PATIENCE, n_warmup_steps=_WARM_UP)
        identity = self._task.identity()
        study = self._create(_STUDY, pruner=pruner)
        earlier = study.user_attrs.get("task", identity)
        if earlier != identity:
            finished = study.get_trials(deepcopy=False, states=self._finished)
            if any(trial.user_attrs["outcome"]["curve"] for trial in finished):
                raise BadInputError(
                    f"{printable(str(self._path), limit=200)} holds a study with another"
                    f" {_first_change(earlier, identity)}; choose another --storage, or remove it."
                )
            self._optuna.delete_study(study_name=_STUDY, storage=self._storage)
            study = self._create(_STUDY, pruner=pruner)
        study.set_user_attr("task", identity)
        return study

    def _create(self, name: str, **options: Any) -> optuna.Study:  # noqa: ANN401 - those of `create_study`
        return self._optuna.create_study(
            storage=self._storage, study_name=name, direction="maximize", load_if_exists=True, **options
        )

    @property
    def _finished(self) -> tuple[optuna.trial.TrialState, ...]:
        states = self._optuna.trial.TrialState
        return (states.COMPLETE, states.PRUNED)

    def _recover(self) -> None:
        """Queue again what was running when the last process ended: nobody else works with the file."""
        states = self._optuna.trial.TrialState
        for trial in self._study.get_trials(states=(states.RUNNING,)):
            if "outcome" in trial.user_attrs:  # all that was left was to say so
                self._tell(trial.number, Outcome.from_dict(trial.user_attrs["outcome"]))
                continue
            self._study.tell(trial.number, state=states.FAIL)
            with self._quiet():
                self._optuna.storages.RetryHeartbeatStaleTrialCallback()(self._study, trial)

    @property
    def library(self) -> str | None:
        """The library that trains, as far as it is known."""
        return self._task.library or next(
            (tried.outcome.library for tried in self.tried if tried.outcome.library), None
        )

    @property
    def tried(self) -> list[Tried]:
        """All finished trials, in their order."""
        trials = self._study.get_trials(deepcopy=False, states=self._finished)
        finished = []
        for trial in trials:
            outcome = Outcome.from_dict(trial.user_attrs["outcome"])
            values = decode(self._task.space, trial.params)
            finished.append(Tried(values=values, outcome=outcome, score=self._task.score(outcome)))
        return finished

    @property
    def final_runs(self) -> list[FinalRun]:
        """All runs of the finals, in their order."""
        return [
            FinalRun(
                values=trial.user_attrs["values"],
                seed=trial.user_attrs["seed"],
                outcome=Outcome.from_dict(trial.user_attrs["outcome"]),
            )
            for trial in self._finals.get_trials(deepcopy=False)
        ]

    @property
    def seconds(self) -> float:
        """Time that all runs have taken together, in s."""
        outcomes = [one.outcome for one in self.tried] + [run.outcome for run in self.final_runs]
        return sum(outcome.start_seconds + outcome.seconds for outcome in outcomes)

    def search(
        self,
        *,
        trials: int,
        seconds: float = math.inf,
        final_seeds: int = 0,
        on_trial: OnTrial = lambda *_: None,
    ) -> None:
        """Run trials until there are so many, the time is over, or no combination is left.

        Parameters
        ----------
        trials
            Finished trials, those of earlier processes included.
        seconds
            Time for all runs, those of the finals included.
        final_seeds
            Seeds of the finals, for which time is kept.
        on_trial
            Called now and then with the number of the trial, its values, and the latest point of its curve.

        Raises
        ------
        BadInputError
            The command cannot be started, prints nothing readable, or no reward.
        """
        jobs = self._jobs(trials=trials, seconds=seconds, final_seeds=final_seeds, on_trial=on_trial)
        for job, outcome in self._runner.run(jobs):
            self._take(job, outcome)

    def _jobs(
        self, *, trials: int, seconds: float, final_seeds: int, on_trial: OnTrial
    ) -> Iterator[Job[_Trial] | None]:
        """Yield trials as there is room for them."""
        while (count := len(self.tried) + len(self._running)) < trials and self._has_time(
            seconds, final_seeds
        ):
            trial = self._next_trial()
            if trial is not None:
                self._running[trial.number] = values = decode(self._task.space, trial.params)
                yield self._job(trial, values, number=count + 1, on_trial=on_trial)
            elif self._running:
                yield None  # what they tell about the memory may allow more
            else:
                return

    def _has_time(self, seconds: float, final_seeds: int) -> bool:
        """Return whether there is time for one more trial, as long as the others were: half of it is for the finals."""
        tried = self.tried
        after = self.seconds + (fmean(_whole_seconds(one) for one in tried) if tried else 0.0)
        finals = final_seeds * sum(map(_whole_seconds, self.finalists()))
        return after < max(seconds / 2, seconds - finals)

    def _job(self, trial: optuna.Trial, values: Values, *, number: int, on_trial: OnTrial) -> Job[_Trial]:
        task = self._task
        key = _Trial(trial, task.trial_seconds)
        beaten = 0.0

        def on_tick(point: Point | None) -> bool:
            nonlocal beaten
            if time.monotonic() - beaten > _HEARTBEAT:
                beaten = time.monotonic()
                self._storage.record_heartbeat(trial._trial_id)  # noqa: SLF001 - `study.optimize` does it so
            on_trial(number, values, point)
            return point is not None and key.report(point) and trial.should_prune()

        reached = sorted(one.outcome.seconds for one in self.tried if one.outcome.status == "reached")
        third = reached[_FINALISTS - 1] if len(reached) >= _FINALISTS else math.inf
        return Job(
            key=key,
            command=fill(task.command, values, seed=task.seed + number - 1),
            limits={**self._limits(), "stop_seconds": _SLOWER * third},
            on_tick=on_tick,
        )

    def _limits(self) -> dict[str, Any]:
        """Return what `run_trial` is told about every run."""
        return {
            "until": self._task.until,
            "budget_seconds": self._task.trial_seconds,
            "first_seconds": self._task.first_seconds,
            "limit_bytes": self._host_limit(),
        }

    def _take(self, job: Job[_Trial], outcome: Outcome) -> None:
        """Keep what came of a trial."""
        trial = job.key.trial
        outcome = self._with_device_limit(outcome)
        del self._running[trial.number]
        if outcome.status == "reached":
            job.key.fill(outcome.curve[-1][1])
        if (problem := self._find_problem(outcome, self.tried)) is not None:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
            raise BadInputError(problem)
        trial.set_user_attr("outcome", outcome.to_dict())
        self._tell(trial.number, outcome)

    def _tell(self, number: int, outcome: Outcome) -> None:
        score = self._task.score(outcome)
        if score is None:
            self._study.tell(number, state=self._optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(number, score)

    def _find_problem(self, outcome: Outcome, tried: Sequence[Tried]) -> str | None:
        """Return why the command itself cannot be tuned; None as long as that is not known."""
        if outcome.curve or any(one.outcome.curve for one in tried):
            return None
        name = printable(" ".join(self._task.command), limit=200)
        if outcome.library is None and (outcome.status == "ended" or outcome.reason.startswith(NO_ITERATION)):
            return (
                f"{name} printed no iteration that stepscope reads; train with RL-Games, RSL-RL or Stable-Baselines3, and"
                " let it print to the console."
            )
        if outcome.library is not None and outcome.ok:
            reason = BY_KEY[outcome.library].no_reward
            return f"{name} printed no reward within {outcome.seconds:.0f} s ({reason}); give more --trial-seconds."
        if len(tried) + 1 < _FRUITLESS:
            return None
        return f"{name} trained in none of {_FRUITLESS} trials; the last one: {outcome.reason.rstrip('.')}."

    def _host_limit(self) -> int:
        memory = self._task.memory
        on_device = any(tried.outcome.device_bytes for tried in self.tried)
        no_device = memory.device_bytes is None or bool(self.tried)
        if memory.requested_bytes is not None and no_device and not on_device:
            return min(memory.host_bytes, memory.requested_bytes)
        return memory.host_bytes

    def _with_device_limit(self, outcome: Outcome) -> Outcome:
        """Refuse a trial that took more of the GPU's memory than the budget."""
        budget = self._task.memory.requested_bytes
        if budget is None or not outcome.device_bytes or outcome.device_bytes <= budget:
            return outcome
        fields = {"status": "out of memory", "reason": "took more of the GPU's memory than --budget"}
        return Outcome.from_dict({**outcome.to_dict(), **fields})

    def _next_trial(self) -> optuna.Trial | None:
        """Return the trial to run next, one that was interrupted first; None if no combination is left."""
        states = self._optuna.trial.TrialState
        described = distributions(self._task.space)
        if not self._study.get_trials(deepcopy=False, states=(states.WAITING,)):
            values = self._propose()
            if values is None:
                return None
            self._study.enqueue_trial(encode(self._task.space, values))
        with self._quiet():
            return self._study.ask(described)

    def _propose(self) -> Values | None:
        """Return values that were not tried, are accepted by the library, and are within the memory."""
        space, tried = self._task.space, self.tried
        seed = (self._task.seed + 1009 * len(tried)) % 2**32
        numbers = random.Random(seed)  # noqa: S311 - not a secret
        seen = {format_values(values) for values in (*(one.values for one in tried), *self._running.values())}
        memory = _Memory(tried, self._task.memory)
        library = self.library

        def is_new(values: Values) -> bool:
            return format_values(values) not in seen and find_refusal(values, library) is None

        listed = space.combinations() or [space.smallest(), *space.draws(numbers)]
        new = [values for values in listed if is_new(values)]
        left = [values for values in new if memory.allows(values)]
        if not left and memory.is_guess:  # the next larger one says more about the memory
            left = sorted((values for values in new if memory.may_try(values)), key=memory.size)[:1]
        if not left or not tried:
            return left[0] if left else None
        for values in self._proposals(seed):
            if is_new(values) and memory.allows(values):
                return values
        return numbers.choice(left)

    def left_out(self) -> tuple[int, int]:
        """Return how many combinations the library refuses, and how many more are beyond the memory."""
        combinations = self._task.space.combinations() or []
        library, memory = self.library, _Memory(self.tried, self._task.memory)
        accepted = [values for values in combinations if find_refusal(values, library) is None]
        return len(combinations) - len(accepted), sum(not memory.allows(values) for values in accepted)

    def _proposals(self, seed: int) -> Iterator[Values]:
        """Yield what Optuna's sampler proposes, given all trials; in a copy, since not all of it will be run."""
        optuna = self._optuna
        described = distributions(self._task.space)
        with self._quiet():
            sampler = optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=_RANDOM, multivariate=True, constant_liar=True
            )
            copy = optuna.create_study(direction="maximize", sampler=sampler)
            copy.add_trials(self._study.get_trials(deepcopy=False))
            for _ in range(_ASKED):
                yield decode(self._task.space, copy.ask(described).params)

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", "Heartbeat of storage")  # which we record ourselves
            yield

    def finalists(self) -> list[Tried]:
        """Return the best trials, the best one first; with a threshold only those that reached it, if any did."""
        scored = [one for one in self.tried if one.score is not None]
        scored.sort(key=lambda one: -(one.score or 0.0))
        if self._task.until is not None:
            scored = [one for one in scored if one.outcome.status == "reached"]
        return scored[:_FINALISTS]

    def run_finals(
        self, *, seeds: int, seconds: float = math.inf, on_trial: OnTrial = lambda *_: None
    ) -> None:
        """Run the best settings with fresh seeds, the same for each, as far as that has not been done.

        Where the time for all runs does not suffice for three of them, it is the best two, and as many seeds as it allows.
        """
        task = self._task
        for job, outcome in self._runner.run(self._final_jobs(seeds, seconds, on_trial)):
            values, seed = job.key
            attributes = {"values": values, "seed": seed, "outcome": outcome.to_dict()}
            self._finals.add_trial(
                self._optuna.trial.create_trial(value=-task.cost(outcome), user_attrs=attributes)
            )

    def _final_jobs(self, seeds: int, seconds: float, on_trial: OnTrial) -> Iterator[Job[tuple[Values, int]]]:
        task = self._task
        done = {(format_values(run.values), run.seed) for run in self.final_runs}
        finalists = self.finalists()
        if self.seconds + seeds * sum(map(_whole_seconds, finalists)) > seconds:
            finalists = finalists[:2]
        number = 0
        for index in range(seeds):
            if self.seconds + sum(map(_whole_seconds, finalists)) > seconds:
                break
            seed = task.seed + _FINAL_SEEDS + index
            turn = index % len(finalists) if finalists else 0
            for one in (*finalists[turn:], *finalists[:turn]):  # in turns: a machine may become slower
                number += 1
                if (format_values(one.values), seed) in done:
                    continue

                def on_tick(point: Point | None, number: int = number, values: Values = one.values) -> bool:
                    on_trial(number, values, point)
                    return False

                yield Job(
                    key=(one.values, seed),
                    command=fill(task.command, one.values, seed=seed),
                    limits=self._limits(),
                    on_tick=on_tick,
                )


def _whole_seconds(one: Tried) -> float:
    """Return the time of a trial, its start included."""
    return one.outcome.start_seconds + one.outcome.seconds


class _Trial:
    """A trial of Optuna's, with rewards at equal steps of its time, since Optuna compares what has the same step."""

    def __init__(self, trial: optuna.Trial, seconds: float) -> None:
        self.trial, self._step = trial, seconds / _STEPS
        self._next = 1
        self._reward: float | None = None

    def report(self, point: Point) -> bool:
        """Report the latest reward for each step that is over; return whether there was one."""
        seconds, reward = point
        reported = False
        while self._next <= min(_STEPS, int(seconds / self._step)):
            self.trial.report(reward if self._reward is None else self._reward, self._next)
            self._next += 1
            reported = True
        self._reward = reward
        return reported

    def fill(self, reward: float) -> None:
        """Report the reward of a run that has reached its goal for all steps that are left."""
        while self._next <= _STEPS:
            self.trial.report(reward, self._next)
            self._next += 1


class _Memory:
    """Numbers of environments that are within the memory, as far as the trials show.

    Attributes
    ----------
    is_guess
        Whether only one number of environments has been measured, from which all of the memory is taken for theirs.
    """

    def __init__(self, tried: Sequence[Tried], budget: Budget) -> None:
        self._largest = math.inf
        self.is_guess = False
        sized = [
            (num_envs, one.outcome) for one in tried if (num_envs := num_envs_of(one.values)) is not None
        ]
        fitting = [(num_envs, outcome) for num_envs, outcome in sized if outcome.status != "out of memory"]
        on_device = any(outcome.device_bytes for _, outcome in fitting)
        for memory in ("host", "device") if on_device else ("host",):
            available = budget.bytes_of(memory, on_device=on_device)
            peaks: dict[int, int] = {}
            for num_envs, outcome in fitting:
                size = outcome.host_bytes if memory == "host" else outcome.device_bytes or 0
                if size and outcome.status != "failed":
                    peaks[num_envs] = max(size, peaks.get(num_envs, 0))
            self.is_guess = len(peaks) == 1
            if available is not None:
                self._largest = min(self._largest, _largest(peaks, available))
        refused = [num_envs for num_envs, outcome in sized if outcome.status == "out of memory"]
        self._refused = min(refused, default=math.inf)

    def allows(self, values: Values) -> bool:
        """Return whether these values are within the memory, or nothing is known."""
        return self.size(values) <= self._largest and self.may_try(values)

    def may_try(self, values: Values) -> bool:
        """Return whether no smaller number of environments was beyond the memory."""
        return self.size(values) < self._refused

    @staticmethod
    def size(values: Values) -> int:
        """Return the number of environments, 0 if it is not searched."""
        return num_envs_of(values) or 0


def _largest(peaks: dict[int, int], available: int) -> float:
    """Return the largest number of environments within a memory, from the peaks of some."""
    if not peaks:
        return math.inf
    if len(peaks) == 1:
        [(num_envs, size)] = peaks.items()
        return max(num_envs, num_envs * available / size)  # as if all of it were the environments'
    largest = MemoryModel.fit(sorted(peaks.items())).largest(available)
    # The peak depends on the other placeholders, too: what was within the memory remains allowed.
    return (
        math.inf
        if largest is None
        else max(largest, *(n for n, size in peaks.items() if size <= available), 0)
    )


def _first_change(earlier: dict[str, Any], identity: dict[str, Any]) -> str:
    names = {"trial_seconds": "--trial-seconds", "until": "--until", "seed": "--seed", "search": "--search"}
    changed = next((key for key in identity if earlier.get(key) != identity[key]), "command")
    return names.get(changed, changed)
