"""Recorder around an environment."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from stepscope._common import printable
from stepscope.errors import BadInputError
from stepscope.nans._dump import save
from stepscope.nans._errors import BadValueError, BadValueWarning, warn
from stepscope.nans._extrema import ExtremaCheck
from stepscope.nans._first_bad import bad_in_last_row
from stepscope.nans._flatten import as_tensor, flatten_tensors, holds_arrays, is_plain_tensor
from stepscope.nans._foreign import describe_error, device_of, label, num_envs_of
from stepscope.nans._names import REWARD_TERMS, find_column_names, reward_terms
from stepscope.nans._report import build_report
from stepscope.nans._ring import RingBuffer, Snapshot
from stepscope.nans._snapshots import snapshot_of
from stepscope.nans._step_layout import StepLayout, done_flags, zero_masked
from stepscope.nans._thresholds import Thresholds
from stepscope.nans._updates import BadUpdateError, UpdateMonitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from torch.nn import Module

    from stepscope.nans._report import Report
    from stepscope.nans._ring import History

    State = Callable[[], Mapping[str, Tensor]]

__all__ = ["Recorder"]

_MAX_DUMPS = 8  # of one recorder, which continues after each with on_bad="reset"
_MAX_SKIPPED = 16  # names: keys may be new in each step
_LONGEST_WARNING = 1000
_RANK_DIGITS = 9


class Recorder:
    """Recorded environment; created by `record`."""

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
        self._new_ring = partial(RingBuffer, steps=steps, every=every, num_envs=num_envs_of(env))
        self._ring = self._new_ring()
        self._thresholds = Thresholds(fixed=huge)
        self._state = state
        self._snapshots: deque[Snapshot] = deque()
        self._folder, self._most_bytes, self._dumps = folder, most_bytes, 0
        self._warnings: dict[str, bool] = {}  # by text, whether it was emitted
        self._skipped: set[str] = set()
        self._names = find_column_names(env, names, on_warning=self._add_warning)
        self._reward_terms = reward_terms(env)
        self._on_bad = on_bad
        self._step = 0
        rank = os.environ.get("RANK", "")
        self._rank = int(rank) if rank.isdecimal() and len(rank) <= _RANK_DIGITS else None
        self._pending: deque[ExtremaCheck] = deque()
        # Observations after a reset within a step, and the mask of the environments that were reset.
        self._restarted: tuple[Any, Tensor] | None = None
        # Whether the environment takes and returns NumPy arrays, known from the first observation.
        self._uses_numpy: bool | None = None
        self._layout: StepLayout | None = None
        self._snapshot_env = snapshot_of(env)
        self._updates = UpdateMonitor(
            before_step=self._check_before_update, on_suspicion=self._report_bad_update
        )
        self.report: Report | None = None
        self.history: History | None = None
        self.dump: Path | None = None
        atexit.register(_final_check, weakref.ref(self))

    @property  # type: ignore[misc] # assignable on object
    def __class__(self) -> type:
        """Class of the environment, so that libraries accept the recorder in its place."""
        return type(self._env)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the environment has
        if name == "_env":  # a copy that is not initialised yet
            raise AttributeError(name)
        value = getattr(self._env, name)
        # A wrapper of Stable-Baselines3 around the recorder steps in two halves.
        if name == "step_async":
            return self._begin_step
        if name == "step_wait":
            return self._end_step
        # RSL-RL begins with these, and resets nothing.
        begins = name == "get_observations" and callable(value) and not self._ring.written
        return self._get_observations if begins else value

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute of the environment, unless it is the recorder's own: libraries set attributes."""
        if name.startswith("_") or name in ("report", "history", "dump"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._env, name, value)

    @property
    def number_of_bytes(self) -> int:
        """Bytes that the recorder holds on the device, complete after its first rows."""
        return self._ring.number_of_bytes + sum(snapshot.number_of_bytes for snapshot in self._snapshots)

    @property
    def env(self) -> Any:  # noqa: ANN401 - any environment
        """Environment itself."""
        return self._env

    def reset(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        """Reset the environment, and record what it returns."""
        result = self._env.reset(*arguments, **options)
        if self.report is None:
            self._record_reset(result)
        return result

    def _get_observations(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        result = self._env.get_observations(*arguments, **options)
        if not arguments and not options:  # otherwise they may be of some environments only
            self._record_reset(result)
        return result

    def _record_reset(self, result: Any, *, check: bool = True) -> None:  # noqa: ANN401 - the environment's own
        self._ring.begin(self._step, reset=True)
        self._write_observations(_observations(result))
        self._ring.is_open = False
        if check:
            self._check_if_due()
        self._take_snapshot()

    def step(self, actions: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        """Step the environment, and record its input and output.

        Raises
        ------
        BadValueError
            There was a bad value in the last steps, and `on_bad` is ``"raise"``.
        """
        if self.report is not None:
            return self._env.step(actions, *arguments, **options)
        self._write_actions(actions)
        try:
            result = self._env.step(actions, *arguments, **options)
        except Exception:
            self._check_if_due()  # the cause may be in the rows before
            raise
        return self._record(result)

    def _begin_step(self, actions: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        if self.report is None:
            self._write_actions(actions)
        return self._env.step_async(actions, *arguments, **options)

    def _end_step(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        result = self._env.step_wait(*arguments, **options)
        return result if self.report is not None else self._record(result)

    def _write_actions(self, actions: Any) -> None:  # noqa: ANN401 - the environment's own
        """Begin a row, before the step: an environment may write into its actions."""
        self._ring.begin(self._step + 1, reset=False)
        self._write("actions", actions, integers=True)  # a replay steps with them

    def _record(self, result: Any) -> Any:  # noqa: ANN401 - the environment's own
        vars(self)["_step"] += 1  # since __setattr__ takes as long as a copy
        if self._restarted is not None:
            self._restarted = None
        try:
            self._write_result(result)
        except BadInputError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an environment returns may raise
            self._skip("what a step returns", describe_error(error))
        self._ring.is_open = False
        self._check_if_due()
        if self._restarted is None or self._layout is None:
            return result
        observations, mask = self._restarted  # the policy continues from the new episode
        place = self._layout.rewards
        rewards = result[place]
        try:
            rewards = zero_masked(mask, rewards)
        except Exception as error:  # noqa: BLE001 - as above
            self._add_warning(
                f"rewards of restarted environments are left unchanged: {describe_error(error)}"
            )
        return observations, *result[1:place], rewards, *result[place + 1 :]

    def _write_result(self, result: Any) -> None:  # noqa: ANN401 - the environment's own
        layout = self._layout
        if layout is None:
            layout = self._layout = StepLayout.of(result)
        if self._reward_terms is not None:  # first, so that they are the cause of a bad reward
            self._write(REWARD_TERMS, self._reward_terms)
        self._write("rewards", result[layout.rewards])
        flags = result[layout.flags]
        try:
            self._ring.write_any("done", *(flags if type(flags[0]) is Tensor else done_flags(flags)))
        except BadInputError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._skip("done", describe_error(error))
        self._write_observations(result[0])
        if layout.privileged is not None:
            self._write("observations/privileged", result[layout.privileged])

    def _write_observations(self, observations: Any) -> None:  # noqa: ANN401 - whatever an environment returns
        self._write("observations", observations)
        if self._state is not None:
            try:
                self._write("state", self._state())
            except Exception as error:  # noqa: BLE001 - as above
                self._skip("state", describe_error(error))
        if self._uses_numpy is None:
            self._uses_numpy = holds_arrays(observations)

    def _write(self, name: str, value: Any, *, integers: bool = False) -> None:  # noqa: ANN401 - whatever an environment takes and returns
        try:
            if self._ring.write_like_before(name, value):
                return
        except Exception as error:  # noqa: BLE001 - as above
            self._skip(name, describe_error(error))
            return
        # Usually it is one of these two, and the general case costs as much as the copy.
        if is_plain_tensor(value) or (type(value) is np.ndarray and value.dtype.kind == "f"):
            tensors: Iterable[tuple[str, Any]] = ((name, value),)
        else:
            tensors = flatten_tensors(
                value, name, integers=integers, rows=self._ring.num_envs, on_skip=self._skip
            )
        for full, tensor in tensors:
            try:
                self._ring.write(full, as_tensor(tensor) if isinstance(tensor, np.ndarray) else tensor)
            except Exception as error:  # noqa: BLE001 - as above
                self._skip(full, describe_error(error))

    def _skip(self, name: str, reason: str, *, shape: str = "") -> None:
        """Warn once that something is not watched, until there are many."""
        if name in self._skipped or len(self._skipped) > _MAX_SKIPPED:
            return
        self._skipped.add(name)
        if len(self._skipped) <= _MAX_SKIPPED:
            self._add_warning(f"{name}{shape} is not watched: {reason}")
        else:
            self._add_warning("further tensors are not watched")

    def _add_warning(self, text: str) -> None:
        """Keep a warning for later, once."""
        self._warnings.setdefault(printable(text, limit=_LONGEST_WARNING), False)

    def _emit_warnings(self) -> None:
        """Emit the warnings, where they may raise: no operation is half done."""
        while self._ring.left_out:
            name, shape = self._ring.left_out.popitem()
            self._skip(name, "it has no row for each environment", shape=f" of shape {shape}")
        if all(self._warnings.values()):
            return
        for text in [text for text, emitted in self._warnings.items() if not emitted]:
            self._warnings[text] = True
            warn(text)

    def _check_if_due(self) -> None:
        if self._ring.written % self._every == 0:
            self._emit_warnings()
            self._check()
            if self.report is None:
                self._updates.check()
            self._ring.rotate()
            if self._ring.written % self._ring.size.between_snapshots == 0:
                self._take_snapshot()

    def _take_snapshot(self) -> None:
        """Keep a snapshot of the environment, if it has any."""
        if self._snapshot_env is None:
            return
        tensors: dict[str, Tensor] = {}
        try:
            state = self._snapshot_env()
            if isinstance(state, Mapping):
                tensors = {label(name): _to_plain_tensor(value) for name, value in state.items()}
        except Exception as error:  # noqa: BLE001 - it may be something else of that name
            what = f"snapshot() of a {type(self._env).__name__}"
            self._add_warning(f"{what} cannot be kept, so a dump cannot be replayed: {describe_error(error)}")
        if not tensors:
            self._snapshot_env = None  # calling it may have side effects
            return
        most = self._ring.size.snapshots  # more only where all is reset again and again
        while self._snapshots and (self._snapshots[0].row < self._ring.first or len(self._snapshots) == most):
            self._snapshots.popleft()
        self._snapshots.append(Snapshot(row=self._ring.written, step=self._step, tensors=tensors))

    def watch(self, network: Module, name: str = "policy") -> None:
        """Also check the weights and gradients of a network.

        They are checked before each step of an optimizer that trains it, and as often as the environment; buffers, such
        as the mean of a normalisation, count as weights. Where they are not finite and no value of the environment is
        bad, `BadUpdateError` is raised, or a warning with ``on_bad="warn"`` or ``"reset"``. On a CPU it is raised before
        the step, so that the weights are unchanged; on CUDA nothing waits for the device, and it is raised at a later
        check. An optimizer that computes gradients within its step, from a closure, has none before it: then only
        weights are checked.

        Parameters
        ----------
        network
            Network that is trained.
        name
            Name in the report.
        """
        self._updates.add(network, name)

    def check_losses(self, **losses: Tensor) -> None:
        """Check losses; call it in each update, by name, as in ``env.check_losses(value=loss)``.

        Losses that are not finite are handled as in `watch`. They may have any shape; on CUDA nothing waits for them.
        """
        self._updates.check_losses(losses)

    def check(self) -> Report | None:
        """Check all unchecked rows now, waiting for the device; return the report if a value is bad.

        Call it after a training run that ends between two checks.

        Raises
        ------
        BadValueError, BadUpdateError
            A value is bad, and `on_bad` is ``"raise"``.
        """
        self._emit_warnings()
        if self.report is None:
            self._check(wait=True)
        if self.report is None:
            self._updates.check()
            self._updates.read(wait=True)
        return self.report

    def _check_before_update(self) -> None:
        """Check what an update may learn from, where that needs no wait; a reset would come too late here."""
        wanted = self.report is None and self._on_bad != "reset"
        if wanted and self._ring.has_unchecked and not self._ring.is_on_cuda:
            self._check(learn=False)

    def _check(self, *, wait: bool = False, learn: bool = True) -> bool:
        """Compare the extrema of the unchecked rows with the thresholds; return whether a value is bad."""
        self._pending.append(ExtremaCheck(self._ring, fast_path_below=self._thresholds.fast_path_below))
        # The buffer has rows for two late checks, and no more.
        while self._pending and (wait or len(self._pending) > 1 or self._pending[0].ready()):
            check = self._pending.popleft()
            for name, low, high in check.read():
                if self._thresholds.is_bad(name, low, high, learn=learn):
                    self._report_bad(check.begin)
                    return True
        return False

    def _report_bad_update(self) -> None:
        """Report what is bad in an update, unless the environment caused it."""
        if self.report is not None or self._check(wait=True):
            return
        bad = self._updates.find_bad(after=self._step)
        if bad is None:
            return
        self._updates.stop()  # once is enough
        if self._on_bad == "raise":
            raise BadUpdateError(bad)
        warn(str(bad))

    def _report_bad(self, begin: int) -> None:
        """Report the first bad value from a row on."""
        self.history = self._ring.history()
        limits = {name: self._thresholds.of(name) for name in self.history.tensors}
        since = max(0, begin - self._ring.first)
        self.report = report = build_report(
            self.history, limits, self._names, rank=self._rank, since=since, on_warning=self._add_warning
        )
        if report is None:
            return
        if self._folder is not None and self._dumps < _MAX_DUMPS:
            self._dumps += 1
            try:
                self.dump = self._write_dump(self._folder, report, self.history)
                self.report = report = replace(report, dump=self.dump.absolute())
            except Exception as error:  # noqa: BLE001 - the report is worth more than the dump
                self._add_warning(f"the dump cannot be written: {describe_error(error)}")
        if self._on_bad == "raise":
            self._raise(report)
        self._emit_warnings()
        warn(report.message)
        if self._on_bad == "reset":
            try:
                self._reset_bad(report.num_envs, self.history, limits)
            except (BadValueError, BadValueWarning):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                self.report = report
                self._add_warning(f"the bad environments cannot be reset: {describe_error(error)}")
                self._raise(report, error)

    def _raise(self, report: Report, cause: Exception | None = None) -> NoReturn:
        """Raise the report, also where a warning is an error."""
        try:
            self._emit_warnings()
        except BadValueWarning as error:
            cause = error
        raise BadValueError(report) from cause

    def _write_dump(self, folder: Path, report: Report, history: History) -> Path:
        # The earliest snapshot with all steps after it and no reset: an intervention has to precede the bad value.
        first = self._ring.first
        resets = history.resets[: report.bad.row + 1].nonzero().flatten()
        begin = first + (int(resets[-1]) + 1 if len(resets) else 0)
        snapshots = [
            snapshot for snapshot in self._snapshots if begin <= snapshot.row <= first + report.bad.row
        ]
        rank = "" if self._rank is None else f"-rank-{self._rank}"
        path = folder / f"bad-values-step-{report.bad.step}{rank}.npz"
        save(
            path,
            report=report,
            history=history,
            names=self._names,
            snapshot=snapshots[0] if snapshots else None,
            first=first,
            most_bytes=self._most_bytes,
        )
        return path

    def _reset_bad(self, num_envs: int, history: History, limits: Mapping[str, float]) -> None:
        """Restart the environments that are bad now, and keep watching."""
        mask = torch.zeros(num_envs, dtype=torch.bool, device="cpu")
        mask[list(bad_in_last_row(history, limits))] = True
        self.report = None
        self._ring = self._new_ring()
        self._pending.clear()
        self._snapshots.clear()
        if not mask.any():  # no longer bad
            return
        own_mask: Any = mask.numpy() if self._uses_numpy else mask.to(device_of(self._env))
        result = self._env.reset(options={"reset_mask": own_mask})
        self._restarted = _observations(result), mask
        self._record_reset(result, check=False)
        restarted = self._ring.history()
        self.report = build_report(
            restarted, limits, self._names, rank=self._rank, on_warning=self._add_warning
        )
        if self.report is not None:  # a reset does not help
            self.history = restarted
            self._raise(self.report)
        if not _any_unchanged(history, restarted, ~mask):
            warn(
                "reset(options={'reset_mask': …}) also changed all other environments; does it use the mask?"
            )


def _observations(result: Any) -> Any:  # noqa: ANN401 - the environment's own
    """Return the observations in the result of a reset, which may be those alone."""
    return result[0] if isinstance(result, tuple) and result else result


def _to_plain_tensor(value: Any) -> Tensor:  # noqa: ANN401 - the environment's own
    """Return values of a snapshot as a tensor that can be sliced and saved."""
    if is_plain_tensor(value, integers=True) and not value.is_neg():
        return value
    tensor = as_tensor(value) if isinstance(value, np.ndarray) else torch.as_tensor(value)
    tensor = tensor.detach() if tensor.layout is torch.strided else tensor.detach().to_dense()
    return tensor.resolve_conj().resolve_neg()


def _any_unchanged(before: History, after: History, others: Tensor) -> bool:
    """Return whether any of the other environments has the same observation as before, or there are none."""
    for name, values in after.tensors.items():
        if name.startswith("observations") and name in before.tensors and others.any():
            same = (values[-1] == before.tensors[name][-1])[others].all(1)
            return bool(same.any())
    return True


def _final_check(weak_recorder: weakref.ref[Recorder]) -> None:
    """Check the last rows when the process ends between two checks, as where a library fails on a bad value."""
    recorder = weak_recorder()
    if recorder is None or recorder.report is not None:
        return
    if recorder._on_bad == "reset":  # noqa: SLF001 - no step follows
        recorder._on_bad = "warn"  # noqa: SLF001
    try:
        recorder.check()
    except (BadValueError, BadUpdateError, BadValueWarning) as error:
        sys.stderr.write(f"stepscope.nans: {error}\n")
