"""A claim: a statement with its measured value, checked where it is made."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Literal

from stepscope.evidence._ledger import append_evidence, calling_script
from stepscope.evidence._provenance import device_name, loaded_cuda

__all__ = ["KEEP_GOING_VARIABLE", "Claim", "ClaimFailedError", "Decision", "Verdict", "claim"]

KEEP_GOING_VARIABLE = "STEPSCOPE_KEEP_GOING"
"""Environment variable that lets a script go on after a claim that does not hold: on another device it is a finding."""

Verdict = Literal["holds", "does not hold", "undecided", "not checked here"]


class ClaimFailedError(AssertionError):
    """A statement of the guide did not hold on this machine."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Verdict of a measurement on a condition.

    Attributes
    ----------
    holds
        Whether the condition is met; None where the measurement cannot tell.
    expected
        The condition, in words: ``"above 4"``.
    measured
        Measured value with its interval, in words.
    why
        Why the measurement cannot tell; None where it can.
    """

    holds: bool | None
    expected: str
    measured: str
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement that a script has checked.

    Attributes
    ----------
    statement
        What is claimed, in words.
    verdict
        ``"holds"``; ``"does not hold"``; ``"undecided"``, where the measurement was too noisy to tell; or
        ``"not checked here"``, where this machine lacks what the check needs.
    value
        The measured figure behind it, as text with its unit.
    question
        Number of the question that this settles, such as ``"C01"``; None for our own finding.
    needs
        The device that the claim speaks of, such as ``"cuda"``; None for any.
    device
        Device on which it was checked.
    expected, measured, why
        Those of the `Decision`; None where the check was a plain bool.
    recorded
        Whether it speaks of a recorded result, which no other build will decide.
    """

    statement: str
    verdict: Verdict
    value: str
    question: str | None
    needs: str | None
    device: str
    expected: str | None = None
    measured: str | None = None
    why: str | None = None
    recorded: bool = False


def claim(
    statement: str,
    holds: object,
    value: object,
    *,
    question: str | None = None,
    needs: str | None = None,
    recorded: bool = False,
) -> Claim:
    """Check a statement, print the verdict with its figure, and fail when it does not hold.

    Parameters
    ----------
    statement
        What is claimed, in words.
    holds
        The check: a bool of Python's or NumPy's, or the `Decision` of a measurement, such as ``ratio.above(4)``.
    value
        The measured figure behind it, with its unit.
    question
        Number of the question that this settles, as in the ledger of claims: ``"C01"``.
    needs
        ``"cuda"`` for a statement about a GPU: on another machine it is noted as not checked.
    recorded
        Whether the check is of a recorded result. If that leaves it undecided, measuring again would change nothing.

    Returns
    -------
    Claim
        The statement with its verdict.

    Raises
    ------
    ClaimFailedError
        The statement does not hold, and `STEPSCOPE_KEEP_GOING` is not set. A claim that is undecided raises nothing.
    TypeError
        The check is neither a bool nor a `Decision`.

    Examples
    --------
    >>> checked = claim("three is more than two", 3 > 2, "1.5x")
    claim holds: three is more than two (1.5x)
    """
    decision = holds if isinstance(holds, Decision) else None
    if not decision and type(holds).__name__ not in (
        "bool",
        "bool_",
    ):  # Python's, and NumPy's under both of its names
        raise TypeError(f"a claim needs a bool or a Decision: {statement!r} has {holds!r}")
    verdict: Verdict
    if needs == "cuda" and not loaded_cuda():
        verdict = "not checked here"
    elif decision is not None and decision.holds is None:
        verdict = "undecided"
    else:
        verdict = "holds" if (decision.holds if decision else bool(holds)) else "does not hold"
    checked = Claim(
        statement=statement,
        verdict=verdict,
        value=str(value),
        question=question,
        needs=needs,
        device=device_name(),
        expected=decision.expected if decision else None,
        measured=decision.measured if decision else None,
        why=decision.why if decision and verdict == "undecided" else None,
        recorded=recorded,
    )
    append_evidence(calling_script(), "claim", asdict(checked))
    label = f"claim {question}" if question else "claim"
    sentence = f"{label} {verdict}: {statement} ({value})"
    if verdict == "does not hold" and not os.environ.get(KEEP_GOING_VARIABLE):
        raise ClaimFailedError(
            f"{sentence}; measured {checked.measured}, expected {checked.expected}" if decision else sentence
        )
    print(f"{sentence}; {checked.why}" if checked.why else sentence)  # noqa: T201 - a script's reader sees its claims
    return checked
