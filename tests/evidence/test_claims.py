"""Claims are checked where they are made, and written down for the ledger."""

import json
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

import stepscope
from stepscope.evidence import (
    ClaimFailedError,
    Decision,
    claim,
    newest_decided,
    provenance,
    read_ledger,
    record_measurement,
)

RATES = (float("nan"),)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder that this process writes its evidence to."""
    monkeypatch.setenv("STEPSCOPE_EVIDENCE", str(tmp_path))
    return tmp_path


class TestClaim:
    def test_one_that_holds_is_printed_with_its_figure(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The reader of a script's output sees the statement, the verdict and the value."""
        checked = claim("3 is more than 2", holds=True, value="1.5x", question="C99")
        assert "claim C99 holds: 3 is more than 2 (1.5x)\n" == capsys.readouterr().out
        assert "holds" == checked.verdict

    def test_one_that_does_not_hold_ends_the_script(self) -> None:
        """A false statement never reaches a page."""
        with pytest.raises(ClaimFailedError, match=r"claim does not hold: 2 is more than 3 \(0.67x\)"):
            claim("2 is more than 3", holds=False, value="0.67x")

    def test_a_false_claim_gives_the_script_a_failing_exit_status(self, tmp_path: Path) -> None:
        """Who runs a downloaded script in a pipeline is told as well."""
        script = tmp_path / "script.py"
        script.write_text("from stepscope.evidence import claim\nclaim('no', False, '0')\n")
        process = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
        assert 1 == process.returncode
        assert "claim does not hold: no (0)" in process.stderr

    def test_not_a_number_does_not_hold(self) -> None:
        """A figure that could not be measured supports nothing."""
        with pytest.raises(ClaimFailedError):
            claim("nan is large", holds=max(RATES) > 1, value="nan")

    @pytest.mark.parametrize("holds", [1, float("nan"), "yes", None, (False,)])
    def test_only_true_and_false_are_checks(self, holds: object) -> None:
        """A slip such as a forgotten comparison does not pass as a claim that holds."""
        with pytest.raises(TypeError, match="needs a bool"):
            claim("a slip", holds, "1")

    def test_one_about_a_gpu_is_not_checked_without_one(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What cannot be checked here is said to be unchecked, even where the figure would contradict it."""
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU, so the claim is checked")
        assert claim("GPUs are fast", holds=False, value="0x", needs="cuda").verdict == "not checked here"
        assert "not checked here" in capsys.readouterr().out

    def test_one_that_is_undecided_ends_nothing(
        self, ledger: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Noise is no failure: the script goes on, its reader is told why, and the ledger keeps it."""
        open_one = Decision(holds=None, expected="above 2", measured="2.1 (1.8 to 2.3)", why="too close")
        checked = claim("it is faster", open_one, "2.1x")
        assert "claim undecided: it is faster (2.1x); too close\n" == capsys.readouterr().out
        (evidence,) = read_ledger(ledger)
        assert (checked.statement,) == tuple(line["statement"] for line in evidence.claims_with("undecided"))

    def test_one_that_is_decided_says_what_was_expected(self) -> None:
        """Who reads of the failure needs no look into the script."""
        measured_low = Decision(holds=False, expected="above 2", measured="1.5 (1.4 to 1.6)")
        with pytest.raises(ClaimFailedError, match=r"measured 1.5 \(1.4 to 1.6\), expected above 2"):
            claim("it is faster", measured_low, "1.5x")

    @pytest.mark.usefixtures("capsys")
    def test_one_that_fails_is_written_down_too(self, ledger: Path) -> None:
        """The ledger never hides a failure."""
        with pytest.raises(ClaimFailedError):
            claim("no", holds=False, value="0")
        (evidence,) = read_ledger(ledger)
        assert ["does not hold"] == [checked["verdict"] for checked in evidence.claims]


class TestLedger:
    def test_it_keeps_what_a_script_showed_under_its_name(self, ledger: Path) -> None:
        """Claims, measurements and provenance of a script are read back as they were written."""
        claim("one", holds=True, value="1 s", question="C01")
        record_measurement("step_time", {"seconds": [1.0, 2.0]})
        stated = provenance()
        (evidence,) = read_ledger(ledger)
        assert "evidence/test_claims" == evidence.script
        assert [("one", "1 s", "C01")] == [
            (c["statement"], c["value"], c["question"]) for c in evidence.claims
        ]
        assert {"step_time": {"seconds": [1.0, 2.0]}} == evidence.measurements
        assert stated.date == evidence.provenance["date"]
        assert {} == evidence.run

    def test_a_command_that_a_script_runs_is_no_script(self, ledger: Path) -> None:
        """With ``--json`` it states its provenance, which is not that of an example."""
        source = Path(stepscope.__file__).parent / "commands" / "fit.py"
        code = compile("provenance()", str(source), "exec")
        exec(code, {"provenance": provenance})  # noqa: S102 - as if that file called it
        assert () == read_ledger(ledger)

    def test_nothing_is_written_without_a_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A script that a reader runs alone leaves no files behind."""
        monkeypatch.delenv("STEPSCOPE_EVIDENCE", raising=False)
        monkeypatch.chdir(tmp_path)
        claim("one", holds=True, value="1")
        assert [] == list(tmp_path.iterdir())


class TestNewestDecided:
    CLAIM: ClassVar = {"question": "C01", "statement": "it is faster"}

    def record(self, folder: Path, device: str, date: str, verdict: str, value: str) -> None:
        """Keep a result as ``nox -s record`` writes it."""
        path = folder / device / "1_tests" / "plot_one.json"
        path.parent.mkdir(parents=True)
        checked = {**self.CLAIM, "verdict": verdict, "value": value}
        result = {
            "script": "1_tests/plot_one",
            "device": device,
            "date": date,
            "commit": "abc",
            "claims": [checked],
        }
        path.write_text(json.dumps(result))

    def test_it_is_the_newest_one_that_says_something(self, tmp_path: Path) -> None:
        """An undecided one is newer, and one of another script is no answer."""
        self.record(tmp_path, "old", "2026-01-02", "holds", "3x")
        self.record(tmp_path, "new", "2026-03-04", "does not hold", "1x")
        self.record(tmp_path, "newest", "2026-05-06", "undecided", "2x")
        recorded = newest_decided(tmp_path, "1_tests/plot_one", self.CLAIM)
        assert "does not hold (1x) on new, 2026-03-04, commit abc" == str(recorded)
        assert newest_decided(tmp_path, "1_tests/plot_two", self.CLAIM) is None
        assert (
            newest_decided(tmp_path, "1_tests/plot_one", {**self.CLAIM, "statement": "it is slower"}) is None
        )
