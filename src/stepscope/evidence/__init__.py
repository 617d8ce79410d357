"""Claims that a build checks, with their measurements and provenance.

A gallery script says ``claim("small batches are free", fps[1024] > 4 * fps[64], "5.2x")``.
Run alone, the claim is printed, and a false one ends the script; one that noise leaves undecided ends nothing.
Run by the build (`STEPSCOPE_EVIDENCE` names a folder), it is also written down for the ledger of claims.
"""

from stepscope.evidence._claims import Claim, ClaimFailedError, Decision, claim
from stepscope.evidence._ledger import (
    FOLDER_VARIABLE,
    ScriptEvidence,
    append_evidence,
    evidence_file,
    evidence_folder,
    read_ledger,
    read_script,
    record_measurement,
    script_name,
)
from stepscope.evidence._provenance import Provenance, device_name, provenance, restart_clock, versions
from stepscope.evidence._recorded import (
    RecordedClaim,
    full_size,
    newest_decided,
    read_recorded,
    read_results,
)

__all__ = [
    "FOLDER_VARIABLE",
    "Claim",
    "ClaimFailedError",
    "Decision",
    "Provenance",
    "RecordedClaim",
    "ScriptEvidence",
    "append_evidence",
    "claim",
    "device_name",
    "evidence_file",
    "evidence_folder",
    "full_size",
    "newest_decided",
    "provenance",
    "read_ledger",
    "read_recorded",
    "read_results",
    "read_script",
    "record_measurement",
    "restart_clock",
    "script_name",
    "versions",
]
