"""An example runs again when something that it depends on has changed, and not otherwise."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from stepscope._sphinx import example_cache

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of stepscope's sources that a test may change; the fingerprint looks at this one."""
    copy = tmp_path / "package"
    shutil.copytree(ROOT / "src" / "stepscope", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(example_cache, "_PACKAGE", copy)
    example_cache._packages_named_in.cache_clear()
    return copy


@pytest.fixture
def constraints(tmp_path: Path) -> Path:
    """A constraints file that a test may change."""
    return Path(shutil.copy(ROOT / "constraints.txt", tmp_path))


STEP_COST = ROOT / "gallery" / "1_environments" / "plot_step_cost.py"
RSL_RL = ROOT / "gallery" / "5_outputs" / "plot_rsl_rl.py"


class TestFingerprint:
    @pytest.mark.usefixtures("package")
    def test_it_stays_while_nothing_changes(self, constraints: Path) -> None:
        """A second build finds the same fingerprint."""
        first = example_cache.fingerprint(RSL_RL, constraints=constraints)
        assert first == example_cache.fingerprint(RSL_RL, constraints=constraints)

    @pytest.mark.parametrize(
        "module",
        [
            "envs/cartpole.py",
            "train/rsl_rl.py",
            "logs/libraries/rsl_rl.py",
            "plots.py",
            "evidence/_claims.py",
        ],
    )
    def test_a_module_that_the_script_uses_changes_it(
        self, package: Path, constraints: Path, module: str
    ) -> None:
        """Also one that is used by a process that the script starts."""
        before = example_cache.fingerprint(RSL_RL, constraints=constraints)
        (package / module).write_text((package / module).read_text() + "# changed\n")
        assert before != example_cache.fingerprint(RSL_RL, constraints=constraints)

    @pytest.mark.parametrize("module", ["cli.py", "_sphinx/report.py", "train/rsl_rl.py"])
    def test_a_module_that_the_script_does_not_use_leaves_it(
        self, package: Path, constraints: Path, module: str
    ) -> None:
        """Measuring the step time again is not needed for a change in a command or in a training library's module."""
        before = example_cache.fingerprint(STEP_COST, constraints=constraints)
        (package / module).write_text((package / module).read_text() + "# changed\n")
        assert before == example_cache.fingerprint(STEP_COST, constraints=constraints)

    @pytest.mark.usefixtures("package")
    def test_another_pinned_version_changes_it(self, constraints: Path) -> None:
        """An upgrade runs everything again."""
        before = example_cache.fingerprint(STEP_COST, constraints=constraints)
        constraints.write_text(constraints.read_text() + "some-package==1.0\n")
        assert before != example_cache.fingerprint(STEP_COST, constraints=constraints)

    @pytest.mark.usefixtures("package")
    def test_another_device_changes_it(self, constraints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A figure measured elsewhere is never shown as this machine's."""
        before = example_cache.fingerprint(STEP_COST, constraints=constraints)
        monkeypatch.setattr(example_cache.stepscope.evidence, "device_name", lambda: "another device")
        assert before != example_cache.fingerprint(STEP_COST, constraints=constraints)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A project with one example that has run, as a build leaves it."""
    script = tmp_path / "gallery" / "1_tests" / "plot_one.py"
    pages = tmp_path / "docs" / "auto_gallery"
    built = pages / "1_tests" / "plot_one.py.md5"
    evidence = tmp_path / "evidence" / "1_tests" / "plot_one.jsonl"
    for path in (script, built, evidence):
        path.parent.mkdir(parents=True)
        path.write_text("")
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("")
    monkeypatch.setenv("STEPSCOPE_EVIDENCE", str(tmp_path / "evidence"))

    def ran(
        *, verdict: str = "holds", recorded: bool = False, cpu_seconds: float = 1.0, mark: str | None = ""
    ) -> None:
        mark = example_cache.fingerprint(script, constraints=constraints) if mark == "" else mark
        run = {"seconds": 1.0, "cpu_seconds": cpu_seconds, "fingerprint": mark}
        lines = [{"kind": "claim", "verdict": verdict, "recorded": recorded}, {"kind": "run", **run}]
        evidence.write_text("".join(json.dumps(line) + "\n" for line in lines))

    ran()
    return SimpleNamespace(root=tmp_path, script=script, built=built, pages=pages, evidence=evidence, ran=ran)


def forget(project: SimpleNamespace) -> list[Path]:
    """Forget what is stale, and return what must run again."""
    return example_cache.drop_stale_pages(project.root, pages=project.pages)


class TestForgetStale:
    def test_a_fresh_one_is_left_alone(self, project: SimpleNamespace) -> None:
        """Building again takes seconds."""
        assert [] == forget(project)
        assert project.built.exists()

    def test_measuring_again_decides_nothing_about_a_recorded_result(self, project: SimpleNamespace) -> None:
        """What a recorded result leaves undecided is a finding."""
        project.ran(verdict="undecided", recorded=True)
        assert [] == forget(project)

    @pytest.mark.parametrize(
        "came",
        [
            {"verdict": "undecided"},
            {"verdict": "does not hold"},
            {"cpu_seconds": 1e4},
            {"mark": None},
        ],
        ids=["undecided", "false", "slow", "edited meanwhile"],
    )
    def test_one_that_a_second_run_may_heal_runs_again(
        self, project: SimpleNamespace, came: dict[str, object]
    ) -> None:
        """A build inherits no failure of an earlier one, and decides what that one could not."""
        project.ran(**came)
        assert [project.script] == forget(project)
        assert not project.built.exists()

    def test_one_whose_run_did_not_finish_runs_again(self, project: SimpleNamespace) -> None:
        """An interrupted or failed build leaves evidence without the line of a finished run."""
        project.evidence.write_text(project.evidence.read_text().splitlines()[0] + "\n")
        assert [project.script] == forget(project)

    def test_a_half_written_line_of_evidence_means_an_unfinished_run(self, project: SimpleNamespace) -> None:
        """A killed build leaves part of a line, and the next one starts over."""
        project.evidence.write_text(project.evidence.read_text()[:-20])
        assert [project.script] == forget(project)

    def test_one_whose_text_changed_runs_again_after_a_preview(self, project: SimpleNamespace) -> None:
        """A preview of an edit has replaced the page, so that taking the edit back must run the example again."""
        text = project.script.read_text()
        project.script.write_text(text + "# edited\n")
        forget(project)  # the preview
        project.script.write_text(text)
        assert [project.script] == forget(project)

    def test_one_whose_evidence_is_gone_runs_again(self, project: SimpleNamespace) -> None:
        """Deleting the build folder deletes what was shown, so it must be shown again."""
        shutil.rmtree(project.evidence.parent)
        assert [project.script] == forget(project)

    def test_a_changed_dependency_runs_it_again(self, project: SimpleNamespace) -> None:
        """The fingerprint that was kept is compared with that of now."""
        (project.root / "constraints.txt").write_text("torch==1.0\n")
        assert [project.script] == forget(project)

    def test_what_a_deleted_script_left_is_deleted(self, project: SimpleNamespace) -> None:
        """No page and no claim of a script that is gone stays in the guide."""
        project.script.unlink()
        assert [] == forget(project)
        assert not project.built.exists()
        assert not project.evidence.exists()
