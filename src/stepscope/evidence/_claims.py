"""A claim: a statement with its measured value, checked where it is made."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass

from stepscope.evidence._ledger import write
from stepscope.evidence._provenance import device_name

__all__ = ["Claim", "ClaimFailedError", "claim", "verdict"]


class ClaimFailedError(AssertionError):
    """A statement of the guide did not hold on this machine."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement that a script has checked.

    Attributes
    ----------
    statement
        What is claimed, in words.
    holds
        Whether it held; None when this machine lacks what the check needs.
    value
        The measured figure behind it, as text with its unit.
    about
        What practitioners are told that this settles, such as ``"C01"``; None for a finding of our own.
    needs
        The device that the claim speaks of, such as ``"cuda"``; None for any.
    device
        Where it was checked.
    """

    statement: str
    holds: bool | None
    value: str
    about: str | None
    needs: str | None
    device: str


def verdict(holds: bool | None) -> str:  # noqa: FBT001 - the value that a claim holds
    """Return ``"holds"``, ``"does not hold"`` or ``"not checked here"``."""
    return {True: "holds", False: "does not hold", None: "not checked here"}[holds]


def claim(
    statement: str,
    holds: object,
    value: object,
    *,
    about: str | None = None,
    needs: str | None = None,
) -> Claim:
    """Check a statement, print the verdict with its figure, and fail when it does not hold.

    Parameters
    ----------
    statement
        What is claimed, in words.
    holds
        The check, a bool of Python's or NumPy's.
    value
        The measured figure behind it, with its unit.
    about
        Identifier of what practitioners are told, such as ``"C01"``.
    needs
        ``"cuda"`` for a statement about a GPU: on another machine it is noted as not checked.

    Returns
    -------
    Claim
        What was checked.

    Raises
    ------
    ClaimFailedError
        The statement does not hold.
    TypeError
        The check is not a bool.

    Examples
    --------
    >>> made = claim("three is more than two", 3 > 2, "1.5x")
    claim holds: three is more than two (1.5x)
    """
    device = device_name()
    if type(holds).__name__ not in ("bool", "bool_"):  # Python's, and NumPy's under both of its names
        raise TypeError(f"a claim holds or does not: {statement!r} was given {holds!r}, which is not a bool")
    checked = None if needs == "cuda" and not _has_cuda() else bool(holds)
    made = Claim(
        statement=statement, holds=checked, value=str(value), about=about, needs=needs, device=device
    )
    # The frame of the script that makes the claim names it: `__file__` does not exist inside sphinx-gallery.
    write(sys._getframe(1).f_code.co_filename, "claim", asdict(made))  # noqa: SLF001 - the documented way to see the caller
    label = f"claim {about}" if about else "claim"
    sentence = f"{label} {verdict(made.holds)}: {statement} ({value})"
    if made.holds is False:
        raise ClaimFailedError(sentence)
    print(sentence)  # noqa: T201 - a script's reader sees its claims
    return made


def _has_cuda() -> bool:
    # Looked up rather than imported: a script that never imported torch makes no claim about a GPU.
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_available())
