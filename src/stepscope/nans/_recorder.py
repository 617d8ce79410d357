"""An environment with a recorder around it."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from stepscope._common import printable
from stepscope.errors import BadInputError
from stepscope.nans._dump import save
from stepscope.nans._errors import BadValueError, BadValueWarning, warn
from stepscope.nans._extrema import Look
from stepscope.nans._first_bad import bad_now
from stepscope.nans._flatten import STRIDED, WATCHED, as_tensor, flat, is_of_arrays
from stepscope.nans._foreign import describe_error, device_of, label, num_envs_of, snapshot_of
from stepscope.nans._names import names_of
from stepscope.nans._report import report_on
from stepscope.nans._ring import Ring, Snapshot
from stepscope.nans._step_layout import Parts, flags_of, parts_of, without
from stepscope.nans._thresholds import Limits
from stepscope.nans._updates import BadUpdateError, Updates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch.nn import Module

    from stepscope.nans._report import Report
    from stepscope.nans._ring import History

    State = Callable[[], Mapping[str, Tensor]]

__all__ = ["Recorder"]

_MOST_DUMPS = 8  # of one recorder, which goes on after each with on_bad="reset"
_MOST_UNWATCHED = 16  # that are named: keys may be new in each step
_LONGEST_REMARK = 1000
_RANK_DIGITS = 9


class Recorder:
    """An environment that is watched; made by `record`."""

    def __init__(
        self,
        env: Any,  # noqa: ANN401 - any environment
        *,
        steps: int,
        every: int,
        huge: float | None,
        state: State | None,
        names: Mapping[str, tuple[str, ...]] | None,
        on_bad: str,
        folder: Path | None,
        most_bytes: int,
    ) -> None:
        self._env = env
        self._every = every
        self._new_ring = partial(Ring, steps=steps, every=every, num_envs=num_envs_of(env))
        self._ring = self._new_ring()
        self._limits = Limits(given=huge)
        self._state = state
        self._snapshots: deque[Snapshot] = deque()
        self._folder, self._most_bytes, self._dumps = folder, most_bytes, 0
        self._remarks: dict[str, bool] = {}  # what there is to warn of, and whether that is done
        self._unwatched: set[str] = set()
        self._names = names_of(env, names, say=self._remark)
        self._on_bad = on_bad
        self._step = 0
        rank = os.environ.get("RANK", "")
        self._rank = int(rank) if rank.isdecimal() and len(rank) <= _RANK_DIGITS else None
        self._pending: deque[Look] = deque()
        # What is observed after a reset within a step, and which environments were reset.
        self._fresh: tuple[Any, Tensor] | None = None
        # Whether the environment takes and returns NumPy's arrays, as what is observed first shows.
        self._arrays: bool | None = None
        self._parts: Parts | None = None
        self._take = snapshot_of(env)
        self._updates = Updates(
            before=_weakly(self, Recorder._look_before_update), found=_weakly(self, Recorder._found_in_update)
        )
        self.report: Report | None = None
        self.history: History | None = None
        self.dump: Path | None = None
        atexit.register(_last_look, weakref.ref(self))

    @property  # type: ignore[misc] # Python's own may be written to
    def __class__(self) -> type:
        """That of the environment, so that libraries take this for it."""
        return type(self._env)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the environment has
        if name == "_env":  # a copy that is not made yet
            raise AttributeError(name)
        found = getattr(self._env, name)
        # Stable-Baselines3 steps in two halves where one of its wrappers is around this.
        if name == "step_async":
            return self._begin_step
        if name == "step_wait":
            return self._end_step
        # RSL-RL begins with these, and resets nothing.
        begins = name == "get_observations" and callable(found) and not self._ring.written
        return self._get_observations if begins else found

    def __setattr__(self, name: str, value: object) -> None:
        """Set it on the environment, unless it is the recorder's own: libraries write into what they are given."""
        if name.startswith("_") or name in ("report", "history", "dump"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._env, name, value)

    @property
    def number_of_bytes(self) -> int:
        """Bytes that the recorder holds on the device, all of which are there once its first rows are full."""
        return self._ring.number_of_bytes + sum(each.number_of_bytes for each in self._snapshots)

    @property
    def env(self) -> Any:  # noqa: ANN401 - any environment
        """The environment itself."""
        return self._env

    def reset(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        """Reset the environment, and record what it returns."""
        result = self._env.reset(*arguments, **options)
        if self.report is None:
            self._record_reset(result)
        return result

    def _get_observations(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        result = self._env.get_observations(*arguments, **options)
        if not arguments and not options:  # else they are of some environments, or something else
            self._record_reset(result)
        return result

    def _record_reset(self, result: Any, *, look: bool = True) -> None:  # noqa: ANN401 - the environment's own
        self._ring.begin(self._step, reset=True)
        self._put_observations(_observations(result))
        self._ring.is_open = False
        if look:
            self._look_if_due()
        self._take_snapshot()

    def step(self, actions: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        """Step the environment, and record what goes in and what comes out.

        Raises
        ------
        BadValueError
            Something was bad in the last steps, and `on_bad` is ``"raise"``.
        """
        if self.report is not None:
            return self._env.step(actions, *arguments, **options)
        self._put_actions(actions)
        try:
            result = self._env.step(actions, *arguments, **options)
        except Exception:
            self._look_if_due()  # what led to it may stand in the rows before
            raise
        return self._record(result)

    def _begin_step(self, actions: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        if self.report is None:
            self._put_actions(actions)
        return self._env.step_async(actions, *arguments, **options)

    def _end_step(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        result = self._env.step_wait(*arguments, **options)
        return result if self.report is not None else self._record(result)

    def _put_actions(self, actions: Any) -> None:  # noqa: ANN401 - the environment's own
        """Begin a row, before the step: an environment may write into its actions."""
        self._ring.begin(self._step + 1, reset=False)
        self._put("actions", actions, whole=True)  # whole numbers, too: a replay steps with them

    def _record(self, result: Any) -> Any:  # noqa: ANN401 - the environment's own
        self._step += 1
        if self._fresh is not None:
            self._fresh = None
        try:
            self._put_result(result)
        except BadInputError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an environment returns may raise
            self._leave_out("what a step returns", describe_error(error))
        self._ring.is_open = False
        self._look_if_due()
        if self._fresh is None or self._parts is None:
            return result
        observations, mask = self._fresh  # what was bad has begun anew: the policy goes on from there
        at = self._parts.rewards
        rewards = result[at]
        try:
            rewards = without(mask, rewards)
        except Exception as error:  # noqa: BLE001 - as above
            self._remark(f"rewards of environments that begin anew stay as they are: {describe_error(error)}")
        return observations, *result[1:at], rewards, *result[at + 1 :]

    def _put_result(self, result: Any) -> None:  # noqa: ANN401 - the environment's own
        if self._parts is None:
            self._parts = parts_of(result)
        parts = self._parts
        self._put("rewards", result[parts.rewards])
        flags = result[parts.flags]
        try:
            self._ring.put_any("done", *(flags if type(flags[0]) is Tensor else flags_of(flags)))
        except BadInputError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._leave_out("done", describe_error(error))
        self._put_observations(result[0])
        if parts.privileged is not None:
            self._put("observations/privileged", result[parts.privileged])

    def _put_observations(self, observations: Any) -> None:  # noqa: ANN401 - whatever an environment returns
        self._put("observations", observations)
        if self._state is not None:
            try:
                self._put("state", self._state())
            except Exception as error:  # noqa: BLE001 - as above
                self._leave_out("state", describe_error(error))
        if self._arrays is None:
            self._arrays = is_of_arrays(observations)

    def _put(self, name: str, value: Any, *, whole: bool = False) -> None:  # noqa: ANN401 - whatever an environment takes and returns
        # As a rule it is one of these two: what follows costs as much as the copy.
        try:
            if (
                type(value) is Tensor
                and value.dtype in WATCHED
                and not value.requires_grad
                and value.layout is STRIDED
            ):
                self._ring.put(name, value)
                return
            if type(value) is np.ndarray and value.dtype.kind == "f":
                self._ring.put(name, as_tensor(value))
                return
        except Exception as error:  # noqa: BLE001 - as above
            self._leave_out(name, describe_error(error))
            return
        for full, tensor in flat(value, name, whole=whole, rows=self._ring.num_envs, say=self._leave_out):
            try:
                self._ring.put(full, tensor)
            except Exception as error:  # noqa: BLE001 - as above
                self._leave_out(full, describe_error(error))

    def _leave_out(self, name: str, why: str, *, shape: str = "") -> None:
        """Note once that something is not watched, until there are many."""
        if name in self._unwatched or len(self._unwatched) > _MOST_UNWATCHED:
            return
        self._unwatched.add(name)
        if len(self._unwatched) <= _MOST_UNWATCHED:
            self._remark(f"{name}{shape} is not watched: {why}")
        else:
            self._remark("more is not watched than is said")

    def _remark(self, text: str) -> None:
        """Note what there is to warn of, once."""
        self._remarks.setdefault(printable(text, limit=_LONGEST_REMARK), False)

    def _make_remarks(self) -> None:
        """Warn of what was noted, where nothing is half done."""
        while self._ring.left_out:
            name, shape = self._ring.left_out.popitem()
            self._leave_out(name, "it has no row for each environment", shape=f" of shape {shape}")
        for text in [text for text, is_made in self._remarks.items() if not is_made]:
            self._remarks[text] = True
            warn(text)

    def _look_if_due(self) -> None:
        if self._ring.written % self._every == 0:
            self._make_remarks()
            self._look()
            if self.report is None:
                self._updates.look()
            self._ring.turn()
            if self._ring.written % self._ring.size.between_snapshots == 0:
                self._take_snapshot()

    def _take_snapshot(self) -> None:
        """Keep what the environment needs to go on from here, if it says what that is."""
        if self._take is None:
            return
        kept: dict[str, Tensor] = {}
        try:
            given = self._take()
            for name, each in given.items() if isinstance(given, Mapping) else ():
                kept[label(name)] = _plain(each)
        except Exception as error:  # noqa: BLE001 - it may be something else of that name
            kept = {}
            what = f"snapshot() of a {type(self._env).__name__}"
            self._remark(f"{what} is not kept, so a dump cannot be replayed: {describe_error(error)}")
        if not kept:
            self._take = None  # it may do something each time
            return
        most = self._ring.size.snapshots  # more only where all is reset again and again
        while self._snapshots and (self._snapshots[0].row < self._ring.first or len(self._snapshots) == most):
            self._snapshots.popleft()
        self._snapshots.append(Snapshot(row=self._ring.written, step=self._step, tensors=kept))

    def watch(self, network: Module, name: str = "policy") -> None:
        """Look at the weights of a network and at their gradients, too.

        That is done before each step of an optimizer that trains it, and as often as at the environment; buffers, such
        as the mean of a normalisation, count as weights. When they are not finite and nothing of the environment is bad,
        that is `BadUpdateError`, or a warning with ``on_bad="warn"`` or ``"reset"``. On a CPU it is raised before the
        step, so that the weights stay as they were; on CUDA nothing waits for the device, and it is raised at a later
        look. An optimizer that computes the gradients within its step, from a closure, has none before it: then weights
        are looked at, and not gradients.

        Parameters
        ----------
        network
            What is trained.
        name
            What a report calls it.
        """
        self._updates.add(network, name)

    def note(self, **losses: Tensor) -> None:
        """Look at losses, too: call it in each update, by name, as in ``env.note(value=loss)``.

        What is not finite is treated as with `watch`. A loss may have any shape; on CUDA nothing waits for it.
        """
        self._updates.note(losses)

    def look(self) -> Report | None:
        """Look now, at all that was not looked at, and wait for the device; return the report if something is bad.

        A training that ends between two looks calls this last.

        Raises
        ------
        BadValueError, BadUpdateError
            Something is bad, and `on_bad` is ``"raise"``.
        """
        self._make_remarks()
        if self.report is None:
            self._look(wait=True)
        if self.report is None:
            self._updates.look()
            self._updates.read(wait=True)
        return self.report

    def _look_before_update(self) -> None:
        """Look at what an update may learn from, where that needs no wait; for a reset it is too late here."""
        wanted = self.report is None and self._on_bad != "reset"
        if wanted and self._ring.has_news and not self._ring.is_on_cuda:
            self._look(learn=False)

    def _look(self, *, wait: bool = False, learn: bool = True) -> bool:
        """Compare the extremes of the rows since the last look with the limits; say whether something is bad."""
        self._pending.append(Look(self._ring, quiet=self._limits.quiet))
        # The ring has room for two looks that are late, and no more.
        while self._pending and (wait or len(self._pending) > 1 or self._pending[0].is_there()):
            look = self._pending.popleft()
            for name, low, high in look.read():
                if self._limits.is_bad(name, low, high, learn=learn):
                    self._found(look.begin)
                    return True
        return False

    def _found_in_update(self) -> None:
        """Say what is bad in an update, unless the environment led to it."""
        if self.report is not None or self._look(wait=True):
            return
        bad = self._updates.bad(after=self._step)
        if bad is None:
            return
        self._updates.stop()  # once is enough
        if self._on_bad == "raise":
            raise BadUpdateError(bad)
        warn(str(bad))

    def _found(self, begin: int) -> None:
        """Report what is bad in the rows from one on."""
        self.history = self._ring.history()
        limits = {name: self._limits.of(name) for name in self.history.tensors}
        since = max(0, begin - self._ring.first)
        self.report = report = report_on(
            self.history, limits, self._names, rank=self._rank, since=since, say=self._remark
        )
        if report is None:
            return
        if self._folder is not None and self._dumps < _MOST_DUMPS:
            self._dumps += 1
            try:
                self.dump = self._write_dump(self._folder, report, self.history)
            except Exception as error:  # noqa: BLE001 - what was found is worth more than its record
                self._remark(f"the dump cannot be written: {describe_error(error)}")
        if self._on_bad == "raise":
            self._raise(report)
        self._make_remarks()
        warn(report.message)
        if self._on_bad == "reset":
            try:
                self._reset_bad(report.num_envs, self.history, limits)
            except (BadValueError, BadValueWarning):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                self.report = report
                self._remark(f"the bad environments cannot be reset: {describe_error(error)}")
                self._raise(report, error)

    def _raise(self, report: Report, cause: Exception | None = None) -> NoReturn:
        """Raise what was found, also where a warning is an error."""
        try:
            self._make_remarks()
        except BadValueWarning as error:
            cause = error
        raise BadValueError(report) from cause

    def _write_dump(self, folder: Path, report: Report, history: History) -> Path:
        # The earliest from which every step is there, and no reset: a cure has to come before the harm.
        first = self._ring.first
        resets = history.resets[: report.bad.row + 1].nonzero().flatten()
        begin = first + (int(resets[-1]) + 1 if len(resets) else 0)
        before = [each for each in self._snapshots if begin <= each.row <= first + report.bad.row]
        rank = "" if self._rank is None else f"-rank-{self._rank}"
        path = folder / f"bad-values-step-{report.bad.step}{rank}.npz"
        save(
            path,
            report=report,
            history=history,
            names=self._names,
            snapshot=before[0] if before else None,
            first=first,
            most_bytes=self._most_bytes,
        )
        return path

    def _reset_bad(self, num_envs: int, history: History, limits: Mapping[str, float]) -> None:
        """Start the episodes of what is bad now anew, and watch on."""
        mask = torch.zeros(num_envs, dtype=torch.bool, device="cpu")
        mask[list(bad_now(history, limits))] = True
        self.report = None
        self._ring = self._new_ring()
        self._pending.clear()
        self._snapshots.clear()
        if not mask.any():  # it has gone by itself
            return
        given: Any = mask.numpy() if self._arrays else mask.to(device_of(self._env))
        result = self._env.reset(options={"reset_mask": given})
        self._fresh = _observations(result), mask
        self._record_reset(result, look=False)
        begun = self._ring.history()
        self.report = report_on(begun, limits, self._names, rank=self._rank, say=self._remark)
        if self.report is not None:  # it can do no more
            self.history = begun
            self._raise(self.report)
        if not _are_the_same(history, begun, ~mask):
            warn(
                "reset(options={'reset_mask': …}) changed all other environments, too; does it take the mask?"
            )


def _observations(result: Any) -> Any:  # noqa: ANN401 - the environment's own
    """Return the observations in what a reset returned, which may be nothing besides."""
    return result[0] if isinstance(result, tuple) and result else result


def _plain(value: Any) -> Tensor:  # noqa: ANN401 - the environment's own
    """Return numbers of a snapshot as a tensor that can be cut, and written down."""
    tensor = as_tensor(value) if isinstance(value, np.ndarray) else torch.as_tensor(value)
    tensor = tensor.detach() if tensor.layout is torch.strided else tensor.detach().to_dense()
    return tensor.resolve_conj().resolve_neg()


def _are_the_same(before: History, after: History, others: Tensor) -> bool:
    """Whether some of the other environments, if there are any, are observed as they were."""
    for name, values in after.tensors.items():
        if name.startswith("observations") and name in before.tensors and others.any():
            same = (values[-1] == before.tensors[name][-1])[others].all(1)
            return bool(same.any())
    return True


def _weakly(recorder: Recorder, method: Callable[[Recorder], None]) -> Callable[[], None]:
    """Return a method of a recorder, without keeping it alive."""
    seen = weakref.ref(recorder)

    def call() -> None:
        found = seen()
        if found is not None:
            method(found)

    return call


def _last_look(recorder: weakref.ref[Recorder]) -> None:
    """Look at what is left when the process ends between two looks, as it does when a library chokes on it."""
    seen = recorder()
    if seen is None or seen.report is not None:
        return
    if seen._on_bad == "reset":  # noqa: SLF001 - nothing goes on from here
        seen._on_bad = "warn"  # noqa: SLF001
    try:
        seen.look()
    except (BadValueError, BadUpdateError, BadValueWarning) as error:
        sys.stderr.write(f"stepscope.nans: {error}\n")
