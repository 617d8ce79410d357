"""Claims that a build checks, what was measured for them, and where.

A gallery script says ``claim("small batches are free", fps[1024] > 4 * fps[64], "5.2x")``.
Run alone, the claim is printed, and a false one ends the script.
Run by the build (`STEPSCOPE_EVIDENCE` names a folder), it is also written down for the ledger of claims.
"""

from stepscope.evidence._claims import Claim, ClaimFailedError, claim, verdict
from stepscope.evidence._drift import Drift, drift, shape
from stepscope.evidence._ledger import FOLDER_VARIABLE, ScriptEvidence, measured, read_ledger
from stepscope.evidence._provenance import Provenance, provenance

__all__ = [
    "FOLDER_VARIABLE",
    "Claim",
    "ClaimFailedError",
    "Drift",
    "Provenance",
    "ScriptEvidence",
    "claim",
    "drift",
    "measured",
    "provenance",
    "read_ledger",
    "shape",
    "verdict",
]
