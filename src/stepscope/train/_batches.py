"""Sizes of minibatches."""

from __future__ import annotations

from stepscope.errors import BadInputError

__all__ = ["minibatch_size"]

_SMALLEST = 2


def minibatch_size(*, num_envs: int, horizon: int, minibatches: int, sequence: int = 1) -> int:
    """Return the environment steps in one of `minibatches` equal parts of a rollout of `num_envs` x `horizon`.

    RL-Games has a `sequence` besides, which must divide the rollout even without a recurrent policy.

    Raises
    ------
    BadInputError
        If the rollout cannot be cut into that many equal parts, a part would be a single step, or the sequences do
        not fill it.

    Examples
    --------
    >>> minibatch_size(num_envs=256, horizon=32, minibatches=4)
    2048
    """
    batch = num_envs * horizon
    size, rest = divmod(batch, minibatches)
    if rest:
        raise BadInputError(
            f"{num_envs} environments x {horizon} steps = {batch} environment steps"
            f" cannot be cut into {minibatches} equal minibatches;"
            " choose --minibatches so that it divides their product."
        )
    if size < _SMALLEST:
        raise BadInputError(
            f"{batch} environment steps in {minibatches} minibatches leave {size} for each, and the advantages of"
            f" fewer than {_SMALLEST} cannot be normalised; choose fewer --minibatches, or more environments."
        )
    if batch % sequence:
        raise BadInputError(
            f"{num_envs} environments x {horizon} steps = {batch} environment steps are no whole"
            f" number of RL-Games' sequences of {sequence}; choose another --num-envs or --horizon."
        )
    return size
