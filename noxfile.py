"""Every command that a person runs here; ``nox -l`` lists them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_external_run = True
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
BUILD = ROOT / "_build"
GALLERY = ROOT / "gallery"
GROUPS = nox.project.dependency_groups
PROJECT = nox.project.load_toml("pyproject.toml")

# Two OpenMP threads on a busy two-core machine can be fifty times slower than one.
QUIET = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}


def install(session: nox.Session, *groups: str, extras: str = "") -> None:
    """Install stepscope and the dependency groups, at the versions of the constraints file."""
    session.install("--constraint", "constraints.txt", "--editable", f".{extras}", *GROUPS(PROJECT, *groups))
    session.env.update(QUIET)


def sphinx(session: nox.Session, output: str, *options: str) -> None:
    """Build the pages into a folder below _build; every warning is shown, and any of them is an error."""
    # Nothing of an earlier build may stay, and the sitemap names only the pages that a build writes:
    # all are written again (-a), from the parsed sources that are kept.
    shutil.rmtree(BUILD / output, ignore_errors=True)
    strict = ["-W", "--keep-going", "-q", "-a", "-c", ".", "-d", f"{BUILD}/{output}-doctrees"]
    session.run("python", "-m", "sphinx", *strict, *options, "docs", f"{BUILD}/{output}")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the guide: run its examples, check its claims, its snippets and its pages."""
    began = time.time()
    install(session, "docs", extras="[examples]")
    session.env["STEPSCOPE_EVIDENCE"] = str(BUILD / "evidence")
    # The pages appear under _build/html at the very end: a build that fails or is interrupted leaves none.
    for folder in ("html", "wheel"):
        shutil.rmtree(BUILD / folder, ignore_errors=True)
    session.run(
        "hatchling", "build", "--target", "wheel", "--directory", f"{BUILD}/wheel/wheels", silent=True
    )
    sphinx(session, "staging", *session.posargs)
    # The snippets of the pages, those in the docstrings that the pages show, and the pages themselves.
    checks = ["docs", "src", "tests/site", "-m", "not slow", "-q"]
    session.run("python", "-m", "pytest", *checks, env={"STEPSCOPE_SITE": f"{BUILD}/staging"})
    shutil.rmtree(BUILD / "html.part", ignore_errors=True)
    shutil.copytree(BUILD / "staging", BUILD / "html.part")
    (BUILD / "html.part").rename(BUILD / "html")
    seconds = time.time() - began
    session.run("python", "-m", "stepscope._sphinx.report", f"{BUILD}/html", f"{seconds:.0f}", f"{began:.0f}")


@nox.session(default=False)
def preview(session: nox.Session) -> None:
    """Build the guide in seconds, without running an example."""
    install(session, "docs", extras="[examples]")
    session.env["STEPSCOPE_EVIDENCE"] = str(BUILD / "evidence")
    sphinx(session, "preview", "-D", "plot_gallery=0", *session.posargs)
    session.log(f"the preview: {BUILD}/preview/index.html")


@nox.session(default=False)
def example(session: nox.Session) -> None:
    """Run one gallery script alone: nox -s example -- plot_step_cost."""
    found = [
        path for name in session.posargs[:1] for path in GALLERY.glob(f"*/{name.removesuffix('.py')}.py")
    ]
    if not found:
        names = ", ".join(sorted(path.stem for path in GALLERY.glob("*/plot_*.py")))
        session.error(f"name one example after --: {names}")
    install(session, extras="[examples]")
    (BUILD / "example").mkdir(parents=True, exist_ok=True)
    with session.chdir(BUILD / "example"):  # its figure appears here
        session.run("python", str(found[0]), *session.posargs[1:], env={"MPLBACKEND": "agg"})
    session.log(f"figures are in {BUILD / 'example'}")


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test, the live runs of the libraries included."""
    install(session, "test", "docs", extras="[examples]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and spelling."""
    install(session, "lint")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("codespell")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure side by side, in fresh processes: nox -s bench -- cartpole."""
    names = sorted(path.stem for path in (ROOT / "bench").glob("*.py"))
    if not session.posargs or session.posargs[0] not in names:
        session.error(f"name one benchmark after --: {', '.join(names)}")
    install(session, "bench", extras="[examples]")
    name, *options = session.posargs
    BUILD.joinpath("bench").mkdir(parents=True, exist_ok=True)
    session.run("python", f"bench/{name}.py", "--json", f"{BUILD}/bench/{name}.json", *options)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Read damaged logs and hunt for slow expressions: nox -s fuzz -- --minutes 10, or --seed S --cases 1."""
    install(session, "test")
    session.run("python", "-m", "fuzz", *session.posargs)


@nox.session(default=False)
def record(session: nox.Session) -> None:
    """Record what each library prints and, where there is a GPU, what the examples measure on it."""
    install(session, extras="[examples]")
    session.run("python", "-m", "stepscope.train.record", *session.posargs)
    if not session.posargs:
        session.run("python", "-m", "stepscope.evidence.record", env={"MPLBACKEND": "agg"})


@nox.session(default=False)
def outputs(session: nox.Session) -> None:
    """Run every listed version of the libraries, record and check it: nox -s outputs -- rsl_rl 3.1.3 --check."""
    install(session, "test", extras="[examples]")
    session.run("python", "-m", "outputs", *session.posargs)


@nox.session(default=False)
def isaaclab(session: nox.Session) -> None:
    """Train and benchmark with Isaac Lab on a CPU, without Isaac Sim; record and check: nox -s isaaclab -- nan --check."""
    run_apart(session)


@nox.session(default=False)
def mjlab(session: nox.Session) -> None:
    """Train with mjlab on a CPU; record and check what it prints."""
    run_apart(session)


def run_apart(session: nox.Session) -> None:
    """Run what the session is named after, which asks for other versions than the project's, or for another torch."""
    session.install("--constraint", "constraints.txt", "torch")
    exact = ["--no-deps", "--ignore-requires-python"]
    session.install(*exact, "--requirement", f"outputs/{session.name}/requirements.txt")
    session.install("--no-deps", "--editable", ".")
    session.install("--constraint", "constraints.txt", "pytest", "pytest-timeout", "hypothesis")
    session.env.update(QUIET)
    session.run("python", "-m", f"outputs.{session.name}", *session.posargs)
    # Here the reader is tested on what the installed packages print, and the recorder in their environments, which the
    # project's own environment lacks.
    rooms = [f"tests/{room}/test_{session.name}.py" for room in ("logs", "nans")]
    session.run("python", "-m", "pytest", *rooms, "tests/logs/test_warp.py", "-q")


@nox.session(default=False)
def links(session: nox.Session) -> None:
    """Ask every other host that a page links to whether the link still works."""
    install(session, "docs", extras="[examples]")
    sphinx(session, "links", "-b", "linkcheck", "-D", "plot_gallery=0", *session.posargs)


@nox.session(default=False, venv_backend="none")
def clean(session: nox.Session) -> None:
    """Delete everything that a build made."""
    for path in (BUILD, ROOT / "docs" / "auto_gallery", ROOT / "docs" / "sg_execution_times.rst"):
        session.log(f"remove {path.relative_to(ROOT)}")
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
