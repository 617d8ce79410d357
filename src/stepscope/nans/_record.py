"""Put a recorder around an environment, or count its memory first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from stepscope._common.callables import accepts
from stepscope.errors import BadInputError
from stepscope.nans._foreign import device_of, safe_getattr
from stepscope.nans._recorder import Recorder
from stepscope.nans._ring import RingSize
from stepscope.nans._snapshots import snapshot_of

if TYPE_CHECKING:
    from stepscope.nans._recorder import State

__all__ = ["cost", "record"]


def record(
    env: Any,  # noqa: ANN401 - any environment
    *,
    steps: int = 32,
    every: int = 8,
    huge: float | None = None,
    state: State | None = None,
    names: Mapping[str, tuple[str, ...]] | None = None,
    on_bad: Literal["raise", "warn", "reset"] = "raise",
    folder: str | Path | None = ".",
    most_bytes: int = 64 * 2**20,
) -> Recorder:
    """Record what goes into an environment and comes out of it, and find the first bad value.

    Parameters
    ----------
    env
        A vectorised environment: ``reset()``, and ``step(actions)`` with torch tensors or arrays of NumPy, whose first
        dimension is the number of environments. Observations may be dictionaries of groups. `step` returns five things
        as in Gymnasium, or four, with one flag for done.
    steps
        Number of last steps that are kept, on the device of the tensors; `Recorder.number_of_bytes` is what they take.
    every
        Check for bad values after so many steps, and on a CPU also before each step of an optimizer, so that no weights
        learn from them. On CUDA nothing waits for the device: the result of a check is read at the next one.
    huge
        Magnitude beyond which a finite value is also bad; infinity disables that. None learns it: a million, or 1000 times
        the largest value of a tensor until eight checks ago.
    state
        Function that returns more tensors to watch, by name, such as joint positions, each of shape (N, ...).
    names
        Names of the columns, by tensor: ``{"observations": ("x", "y"), "actions": ("force",)}``. By default those that
        the environment has as ``observation_names`` and ``action_names``, or the terms of Isaac Lab's managers.
    on_bad
        ``"raise"`` ends the training with `BadValueError`; ``"warn"`` warns once and goes on, without watching;
        ``"reset"`` warns, starts the episodes of the bad environments anew, and goes on watching. For that the
        environment's ``reset`` takes ``options={"reset_mask": mask}``, as Gymnasium's do. With ``every=1`` the policy
        sees the new episode's observation in place of the bad one, and a reward of 0 for that environment.
    folder
        Directory for dumps of the recorded steps, ``bad-values-step-N.npz``; None writes none. A recorder writes at most
        eight.
    most_bytes
        Largest size of the arrays in a dump; it holds fewer healthy environments next to the bad one where they would take
        more.

    Returns
    -------
    Recorder
        Stands in for the environment: it has all of its attributes, and is an instance of its class to `isinstance`.

    Raises
    ------
    BadInputError
        A number is out of range, or the environment's ``reset`` takes no ``options`` and `on_bad` is ``"reset"``.

    Examples
    --------
    >>> import torch
    >>> from stepscope.envs import CartPole
    >>> env = record(CartPole(4, seed=0), folder=None)
    >>> observations, _ = env.reset()
    >>> for _ in range(8):
    ...     observations, *_ = env.step(torch.full((4, 1), float("nan")))
    Traceback (most recent call last):
        ...
    stepscope.nans.BadValueError: NaN in actions force of environment 0, in step 1
    """
    for name, value in (("steps", steps), ("every", every)):
        if not isinstance(value, int) or value < 1:
            raise BadInputError(f"{name} is {value!r}; it must be a positive integer.")
    if huge is not None and not (isinstance(huge, Real) and huge > 0):
        raise BadInputError(f"huge is {huge!r}; it must be a positive number, or None.")
    if on_bad not in ("raise", "warn", "reset"):
        raise BadInputError(f"on_bad is {on_bad!r}; choose raise, warn or reset.")
    if on_bad == "reset" and not accepts(safe_getattr(env, "reset"), options={}):
        raise BadInputError(
            f"reset() of a {type(env).__name__} takes no options, so it cannot restart single environments; set"
            " on_bad to raise or warn, or record the environment inside it."
        )
    if folder is not None and not Path(folder).is_dir():
        raise BadInputError(
            f"{str(folder)!r} is not a directory to write a dump into; create it, or pass None."
        )
    return Recorder(
        env,
        steps=steps,
        every=every,
        huge=None if huge is None else float(huge),
        state=state,
        names=names,
        on_bad=on_bad,
        folder=None if folder is None else Path(folder),
        most_bytes=most_bytes,
    )


def cost(env: Any, *, steps: int = 32, every: int = 8, state_columns: int = 0) -> int:  # noqa: ANN401 - any environment
    """Return how many bytes a recorder would hold on the device.

    Parameters
    ----------
    env
        A vectorised environment with Gymnasium's spaces, whose observations are floats or a dictionary of such.
    steps, every
        As of :func:`record`.
    state_columns
        Columns of float32 that ``state`` would return.

    Raises
    ------
    BadInputError
        It has no such spaces.

    Examples
    --------
    >>> from stepscope.envs import CartPole
    >>> round(cost(CartPole(4096)) / 2**20, 2)
    2.78
    """
    space, actions = (getattr(env, f"single_{name}_space", None) for name in ("observation", "action"))
    if space is None or actions is None:
        raise BadInputError(
            f"a {type(env).__name__} has no single_observation_space and single_action_space to compute with."
        )
    cuda = device_of(env).type == "cuda"
    size = RingSize.of(steps=steps, every=every, cuda=cuda)
    spaces = [
        (f"observations/{name}", group) for name, group in getattr(space, "spaces", {"": space}).items()
    ]
    ring = sum(
        size.number_of_bytes(name, getattr(torch, box.dtype.name), env.num_envs * math.prod(box.shape))
        for name, box in [*spaces, ("actions", actions)]
        if box.dtype is not None and box.dtype.kind == "f"
    )
    ring += size.number_of_bytes("state", torch.float32, env.num_envs * state_columns)
    ring += size.number_of_bytes("rewards", torch.float32, env.num_envs)
    ring += size.number_of_bytes("done", torch.bool, env.num_envs)
    take_snapshot = snapshot_of(env)
    tensors = None if take_snapshot is None else take_snapshot()
    snapshot = sum(tensor.nbytes for tensor in tensors.values()) if isinstance(tensors, Mapping) else 0
    return ring + size.snapshots * snapshot
