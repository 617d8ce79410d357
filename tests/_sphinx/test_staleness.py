"""An example runs again when something that it depends on has changed, and not otherwise."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from stepscope._sphinx import staleness

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of stepscope's sources that a test may change; the fingerprint looks at this one."""
    copy = tmp_path / "package"
    shutil.copytree(ROOT / "src" / "stepscope", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(staleness, "_PACKAGE", copy)
    staleness._packages_named_in.cache_clear()
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
        first = staleness.fingerprint(RSL_RL, constraints=constraints)
        assert first == staleness.fingerprint(RSL_RL, constraints=constraints)

    @pytest.mark.parametrize(
        "module", ["envs/cartpole.py", "train/rsl_rl.py", "logs/rsl_rl.py", "plots.py", "evidence/_claims.py"]
    )
    def test_a_module_that_the_script_uses_changes_it(
        self, package: Path, constraints: Path, module: str
    ) -> None:
        """Also one that is used by a process that the script starts."""
        before = staleness.fingerprint(RSL_RL, constraints=constraints)
        (package / module).write_text((package / module).read_text() + "# changed\n")
        assert before != staleness.fingerprint(RSL_RL, constraints=constraints)

    @pytest.mark.parametrize("module", ["cli.py", "_sphinx/report.py", "train/rsl_rl.py"])
    def test_a_module_that_the_script_does_not_use_leaves_it(
        self, package: Path, constraints: Path, module: str
    ) -> None:
        """Measuring the step time again is not needed for a change in a command or in a training library's module."""
        before = staleness.fingerprint(STEP_COST, constraints=constraints)
        (package / module).write_text((package / module).read_text() + "# changed\n")
        assert before == staleness.fingerprint(STEP_COST, constraints=constraints)

    @pytest.mark.usefixtures("package")
    def test_another_pinned_version_changes_it(self, constraints: Path) -> None:
        """An upgrade runs everything again."""
        before = staleness.fingerprint(STEP_COST, constraints=constraints)
        constraints.write_text(constraints.read_text() + "some-package==1.0\n")
        assert before != staleness.fingerprint(STEP_COST, constraints=constraints)

    @pytest.mark.usefixtures("package")
    def test_another_device_changes_it(self, constraints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A figure measured elsewhere is never shown as this machine's."""
        before = staleness.fingerprint(STEP_COST, constraints=constraints)
        monkeypatch.setattr(staleness.provenance_module, "device_name", lambda: "another device")
        assert before != staleness.fingerprint(STEP_COST, constraints=constraints)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A project with one example that has run, as Sphinx's application sees it."""
    script = tmp_path / "gallery" / "1_tests" / "plot_one.py"
    built = tmp_path / "docs" / "auto_gallery" / "1_tests" / "plot_one.py.md5"
    for path in (script, built):
        path.parent.mkdir(parents=True)
        path.write_text("")
    (tmp_path / "constraints.txt").write_text("")
    monkeypatch.setenv("STEPSCOPE_EVIDENCE", str(tmp_path / "evidence"))
    conf = {"src_dir": str(tmp_path / "docs")}
    staleness.reset(conf, "plot_one.py", "before")
    built.write_text("sphinx-gallery's word")
    staleness.reset(conf, "plot_one.py", "after")
    app = SimpleNamespace(confdir=str(tmp_path), srcdir=str(tmp_path / "docs"))
    return SimpleNamespace(app=app, script=script, built=built, conf=conf, evidence=tmp_path / "evidence")


class TestForgetStaleExamples:
    def test_a_fresh_one_is_left_alone(self, project: SimpleNamespace) -> None:
        """Building again takes seconds."""
        staleness.forget_stale_examples(project.app)
        assert project.built.exists()

    def test_one_whose_run_did_not_finish_runs_again(self, project: SimpleNamespace) -> None:
        """An interrupted build leaves an example that has begun and not ended."""
        staleness.reset(project.conf, "plot_one.py", "before")
        staleness.forget_stale_examples(project.app)
        assert not project.built.exists()

    def test_one_that_failed_is_not_fresh_once_its_script_is_as_before(
        self, project: SimpleNamespace
    ) -> None:
        """A failing edit that is taken back leaves nothing that looks like a finished run of the old script."""
        staleness.reset(project.conf, "plot_one.py", "before")
        staleness.reset(project.conf, "plot_one.py", "after")  # sphinx-gallery gave no word: it failed
        staleness.forget_stale_examples(project.app)
        assert not project.built.exists()

    def test_one_whose_text_changed_runs_again_after_a_preview(self, project: SimpleNamespace) -> None:
        """A preview of an edit has replaced the page, so that taking the edit back must run the example again."""
        text = project.script.read_text()
        project.script.write_text(text + "# edited\n")
        staleness.forget_stale_examples(project.app)  # the preview
        project.script.write_text(text)
        staleness.forget_stale_examples(project.app)
        assert not project.built.exists()

    def test_a_half_written_line_of_evidence_means_an_unfinished_run(self, project: SimpleNamespace) -> None:
        """A killed build leaves part of a line, and the next one starts over."""
        (path,) = project.evidence.glob("*/*.jsonl")
        path.write_text(path.read_text()[:-20])
        staleness.forget_stale_examples(project.app)
        assert not project.built.exists()

    def test_one_whose_evidence_is_gone_runs_again(self, project: SimpleNamespace) -> None:
        """Deleting the build folder deletes what was shown, so it must be shown again."""
        shutil.rmtree(project.evidence)
        staleness.forget_stale_examples(project.app)
        assert not project.built.exists()

    def test_a_changed_dependency_runs_it_again(self, project: SimpleNamespace) -> None:
        """The fingerprint that was kept is compared with that of now."""
        (Path(project.app.confdir) / "constraints.txt").write_text("torch==1.0\n")
        staleness.forget_stale_examples(project.app)
        assert not project.built.exists()

    def test_what_a_deleted_script_left_is_deleted(self, project: SimpleNamespace) -> None:
        """No page and no claim of a script that is gone stays in the guide."""
        project.script.unlink()
        staleness.forget_stale_examples(project.app)
        assert not project.built.exists()
        assert [] == list(project.evidence.glob("*/*.jsonl"))
