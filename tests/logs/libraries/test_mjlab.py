"""What mjlab prints around RSL-RL, as it was recorded."""

from __future__ import annotations

from pathlib import Path

from stepscope.logs import Record, read, reads

_RECORDINGS = Path(__file__).parents[3] / "recordings" / "mjlab" / "1.6.0"


def _mjlab(variant: str) -> list[Record]:
    return [record for record in read(_RECORDINGS / f"{variant}.txt") if record.library == "mjlab"]


def test_the_first_table_tells_the_size_of_the_run() -> None:
    """It has no title in front, only a blank line, and numbers in its second column."""
    [table] = [record for record in _mjlab("train") if "Base Environment" in (record.text or "")]
    assert {
        "Number of environments": 64,
        "Environment seed": 42,
        "Physics step-size": 0.01,
        "Environment step-size": 0.05,
    } == table.metrics


def test_each_manager_has_a_message_with_its_tables() -> None:
    """One with two groups of observations has two tables in it."""
    managers = [record.text or "" for record in _mjlab("train") if (record.text or "").startswith("[INFO] <")]
    names = [text.partition("<")[2].partition(">")[0] for text in managers]
    [observations] = [text for text in managers if "<ObservationManager>" in text]

    assert sorted(set(names)) == sorted(names)
    assert {"ActionManager", "EventManager", "NullCommandManager", "RewardManager", "TerminationManager"} <= {
        *names
    }
    assert "'actor'" in observations
    assert "'critic'" in observations


def test_the_guard_against_nan_is_one_message() -> None:
    """What it found and where it wrote it belong together, and the failure comes after it."""
    records = list(read(_RECORDINGS / "nan.txt"))
    [at] = [at for at, record in enumerate(records) if (record.text or "").startswith("[NanGuard] ")]
    lines = (records[at].text or "").splitlines()

    assert all(line.startswith("[NanGuard] ") for line in lines)
    assert "[NanGuard] Detected NaN/Inf at step 1" == lines[0]
    assert "failure" == records[at + 1].kind


def test_what_isaac_lab_says_too_counts_to_whoever_printed_before() -> None:
    """The folder of the experiment is told in the same words by both."""
    both = "[INFO] Logging experiment in directory: logs\n"
    found = [record.library for record in reads(f"[INFO] Training with: device=cpu, seed=42, rank=0\n{both}")]
    assert ["mjlab", "mjlab"] == found
    found = [record.library for record in reads(f"[1/3] Launching simulation\n{both}")]
    assert ["isaaclab", "isaaclab"] == found


def test_a_table_of_others_is_not_its() -> None:
    """Any program may draw a table; it is mjlab's only where mjlab has printed just before."""
    [first, *_] = reads("+---+---+\n| a | 1 |\n+---+---+\n")
    assert ("unrecognised", None) == (first.kind, first.library)
