"""Claims that a build checks, what was measured for them, and where.

A gallery script says ``claim("small batches are free", fps[1024] > 4 * fps[64], "5.2x")``.
Run alone, the claim is printed, and a false one ends the script; one that noise leaves undecided ends nothing.
Run by the build (`STEPSCOPE_EVIDENCE` names a folder), it is also written down for the ledger of claims.
"""

from stepscope.evidence._claims import Claim, ClaimFailedError, Decision, claim
from stepscope.evidence._ledger import (
    FOLDER_VARIABLE,
    ScriptEvidence,
    evidence_file,
    measured,
    read_ledger,
    read_script,
    script_name,
    write,
)
from stepscope.evidence._provenance import Provenance, device_name, provenance, restart_clock, versions
from stepscope.evidence._rates import SCOPES, Rates, ratios, read_published
from stepscope.evidence._recorded import RecordedClaim, newest_decided, read_results

__all__ = [
    "FOLDER_VARIABLE",
    "SCOPES",
    "Claim",
    "ClaimFailedError",
    "Decision",
    "Provenance",
    "Rates",
    "RecordedClaim",
    "ScriptEvidence",
    "claim",
    "device_name",
    "evidence_file",
    "measured",
    "newest_decided",
    "provenance",
    "ratios",
    "read_ledger",
    "read_published",
    "read_results",
    "read_script",
    "restart_clock",
    "script_name",
    "versions",
    "write",
]
