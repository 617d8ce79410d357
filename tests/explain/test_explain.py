"""What is the first cause, what followed, and what only looks like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.explain import explain
from stepscope.logs import reads

if TYPE_CHECKING:
    from stepscope.explain import Explanation

PATCHES = "PhysX error: Patch buffer overflow detected, please increase its size to at least {} in the scene desc! Contacts have been dropped.\n"
EPOCH = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: {}/9 frames: 0\n"
FAILURE = 'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\nKeyError: {}\n'


def _explanation(text: str) -> Explanation:
    [explanation] = explain(reads(text))
    return explanation


def test_what_failed_is_named_where_no_symptom_is_known() -> None:
    """A failure that the catalogue does not know still went wrong."""
    explanation = _explanation(EPOCH.format(1) + FAILURE.format("'unheard of'"))
    assert explanation.first_cause is None
    assert explanation.wrong


def test_the_simulator_comes_first() -> None:
    """What it said without any progress since is the cause of a failure."""
    log = EPOCH.format(1) + PATCHES.format(2000) + PATCHES.format(3000) + FAILURE.format("'q'")
    explanation = _explanation(log)
    first = explanation.first_cause
    assert first is not None
    assert (first.symptom.slug, first.count, first.facts) == ("patch-buffer-overflow", 2, {"needed": "3000"})
    assert first.place.byte == log.index("PhysX")
    assert "3000" in first.do_now


def test_progress_separates_two_errors() -> None:
    """What happened long before, and never again, did not end the run."""
    log = PATCHES.format(2000) + "".join(EPOCH.format(epoch) for epoch in (1, 2, 3)) + FAILURE.format("'q'")
    explanation = _explanation(log)
    assert explanation.first_cause is None
    assert explanation.run.failure is not None
    assert ["patch-buffer-overflow"] == [o.symptom.slug for o in explanation.notable]


def test_an_error_without_a_failure_is_still_a_cause() -> None:
    """A run that goes on, and lost its contacts, is wrong."""
    explanation = _explanation(EPOCH.format(1) + PATCHES.format(2000) + EPOCH.format(2))
    assert explanation.run.failure is None
    assert explanation.first_cause is not None
    assert explanation.wrong


def test_a_healthy_log_accuses_nothing() -> None:
    """There is no first cause."""
    assert not _explanation("".join(EPOCH.format(epoch) for epoch in range(1, 10))).wrong


def test_a_failure_that_was_folded_at_words() -> None:
    """A mail program breaks lines between words."""
    log = FAILURE.format("1").replace(
        "KeyError: 1", "torch.OutOfMemoryError: CUDA out of\nmemory. Tried to allocate\n2.00 GiB."
    )
    first = _explanation(log).first_cause
    assert first is not None
    assert "cuda-out-of-memory" == first.symptom.slug
