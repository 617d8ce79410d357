"""Every command that a person runs here; ``nox -l`` lists them."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import filelock  # comes with nox
import nox

if TYPE_CHECKING:
    from collections.abc import Iterator

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = False  # that session is skipped
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
BUILD = ROOT / "_build"
GALLERY = ROOT / "gallery"
WORKERS = str(os.cpu_count() or 1)
NO_TESTS = 5  # pytest's exit status where nothing was selected
GROUPS = nox.project.dependency_groups
PROJECT = nox.project.load_toml("pyproject.toml")

PROCESSES = {
    # Two OpenMP threads on a busy two-core machine can be fifty times slower than one.
    "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    # Many images of containers forbid bytecode. Each of hundreds of processes would compile its imports: RL-Games
    # takes 10 s of CPU time to import then, and 3 s from bytecode.
    "PYTHONDONTWRITEBYTECODE": "",
}


def install(session: nox.Session, *groups: str, extras: str = "") -> None:
    """Install stepscope and the dependency groups, at the versions of the constraints file."""
    # Python compiles what it imports; pip would compile everything, which takes a third of the installation.
    quick = ["--no-compile", "--constraint", "constraints.txt"]
    session.install(*quick, "--editable", f".{extras}", *GROUPS(PROJECT, *groups))
    session.env.update(PROCESSES)


@nox.session(default=False)
def environment(session: nox.Session) -> None:
    """Install what docs, tests and bench need, once for all of them; the others ask for it."""
    stamp = Path(session.virtualenv.location) / "installed"
    wanted = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        wanted.update((ROOT / name).read_bytes())
    # An environment that this very list was installed into needs no look at the package index.
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    install(session, "docs", "test", extras="[examples]")
    stamp.write_text(wanted.hexdigest(), encoding="utf-8")


def shared(session: nox.Session) -> str:
    """Return the Python of the environment that is shared, whose programs the session then finds first."""
    programs = Path(session.cache_dir).parent / "environment" / ("Scripts" if os.name == "nt" else "bin")
    session.env.update(PROCESSES, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    return str(programs / "python")


@contextmanager
def one_build(session: nox.Session) -> Iterator[None]:
    """Wait until no other build writes to the folders of this project."""
    BUILD.mkdir(exist_ok=True)
    lock = filelock.FileLock(BUILD / "lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        session.log("another build of this project is running; waiting until it has ended")
        lock.acquire()
    with lock:
        yield


def sphinx(session: nox.Session, python: str, output: str, *options: str) -> None:
    """Build the pages into a folder below _build; every warning is shown, and any of them is an error."""
    # Nothing of an earlier build may stay, and the sitemap names only the pages that a build writes:
    # all are written again (-a), from the parsed sources that are kept.
    shutil.rmtree(BUILD / output, ignore_errors=True)
    strict = ["-W", "--keep-going", "-q", "-a", "-c", ".", "-d", f"{BUILD}/{output}-doctrees"]
    session.run(python, "-m", "sphinx", *strict, *options, "docs", f"{BUILD}/{output}")


def tools(session: nox.Session, python: str) -> None:
    """Put at hand what the tools of the site run in a browser: the wheel of this project, and Python for browsers."""
    wheel = ["-m", "hatchling", "build", "--target", "wheel", "--directory", f"{BUILD}/wheel/wheels"]
    session.run(python, *wheel, silent=True)
    session.run(python, "-m", "stepscope._sphinx.pyodide")


@nox.session(venv_backend="none", requires=["environment"])
def docs(session: nox.Session) -> None:
    """Build the guide: run its examples, check its claims, its snippets and its pages (-- --strict to publish it)."""
    began = time.time()
    python = shared(session)
    session.env["STEPSCOPE_EVIDENCE"] = str(BUILD / "evidence")
    strict = [option for option in session.posargs if option == "--strict"]
    options = [option for option in session.posargs if option != "--strict"]
    with one_build(session):
        # The pages appear under _build/html at the very end: a build that fails or is interrupted leaves none.
        for folder in ("html", "wheel"):
            shutil.rmtree(BUILD / folder, ignore_errors=True)
        tools(session, python)
        session.run(python, "-m", "stepscope._sphinx.examples", *strict)
        sphinx(session, python, "staging", *options)
        # The snippets of the pages, those in the docstrings that the pages show, and the pages themselves.
        # Those of a page follow on one another, so that a file stays in one process.
        checks = ["docs", "src", "tests/site", "-m", "not slow", "-q"]
        checks += ["--numprocesses", WORKERS, "--dist", "loadfile"]
        session.run(python, "-m", "pytest", *checks, env={"STEPSCOPE_SITE": f"{BUILD}/staging"})
        shutil.rmtree(BUILD / "html.part", ignore_errors=True)
        shutil.copytree(BUILD / "staging", BUILD / "html.part")
        (BUILD / "html.part").rename(BUILD / "html")
        seconds = time.time() - began
        times = [f"{seconds:.0f}", f"{began:.0f}"]
        session.run(python, "-m", "stepscope._sphinx.report", f"{BUILD}/html", *times)


@nox.session(default=False, venv_backend="none", requires=["environment"])
def preview(session: nox.Session) -> None:
    """Build the guide in seconds, without running an example."""
    python = shared(session)
    session.env["STEPSCOPE_EVIDENCE"] = str(BUILD / "evidence")
    with one_build(session):
        tools(session, python)
        session.run(python, "-m", "stepscope._sphinx.examples", "--none")
        sphinx(session, python, "preview", *session.posargs)
    session.log(f"the preview: {BUILD}/preview/index.html")


@nox.session(default=False, venv_backend="none", requires=["environment"])
def example(session: nox.Session) -> None:
    """Run one gallery script alone: nox -s example -- plot_step_cost."""
    found = [
        path for name in session.posargs[:1] for path in GALLERY.glob(f"*/{name.removesuffix('.py')}.py")
    ]
    if not found:
        names = ", ".join(sorted(path.stem for path in GALLERY.glob("*/plot_*.py")))
        session.error(f"name one example after --: {names}")
    python = shared(session)
    (BUILD / "example").mkdir(parents=True, exist_ok=True)
    with session.chdir(BUILD / "example"):  # its figure appears here
        session.run(python, str(found[0]), *session.posargs[1:], env={"MPLBACKEND": "agg"})
    session.log(f"figures are in {BUILD / 'example'}")


@nox.session(venv_backend="none", requires=["environment"])
def tests(session: nox.Session) -> None:
    """Run every test, the live runs of the libraries included: nox -s tests -- tests/logs for some of them."""
    python = shared(session)
    # What measures time runs alone, after the others; a folder without such tests is no failure.
    # Many wait for a process or a terminal, so that one more than there are processors has work to do.
    workers = str((os.cpu_count() or 1) + 1)
    side_by_side = ["--numprocesses", workers, "--dist", "loadgroup", "-m", "not timing"]
    session.run(python, "-m", "pytest", *side_by_side, *session.posargs, success_codes=[0, NO_TESTS])
    # Only the files that have such tests are imported again, which takes seconds for all of them.
    timing = [path for path in ROOT.glob("tests/**/test_*.py") if "mark.timing" in path.read_text("utf-8")]
    named = session.posargs or [str(path.relative_to(ROOT)) for path in sorted(timing)]
    session.run(python, "-m", "pytest", "-m", "timing", *named, success_codes=[0, NO_TESTS])


@nox.session(default=False, python=["3.10", "3.11", "3.12", "3.13", "3.14"])
def pythons(session: nox.Session) -> None:
    """Test what needs no torch on each version of Python that is on the PATH: nox -s pythons, or pythons-3.12."""
    # The constraints are for the project's own Python: what they name may not exist for another.
    extras = "[watch,tensorboard,plot,pandas]"
    session.install("--editable", f".{extras}", *GROUPS(PROJECT, "test"))
    session.env.update(PROCESSES)
    rooms = ("_common", "logs", "runs", "export", "watch", "doctor", "browser")
    names = ("read", "watch", "compare", "memory", "batches", "doctor")
    commands = [f"tests/commands/test_{name}.py" for name in names]
    tests = [
        *(f"tests/{room}" for room in rooms),
        *commands,
        "tests/test_cli.py",
        "tests/test_import.py",
        "tests/fuzz",
    ]
    doctests = [f"src/stepscope/{room}" for room in (*rooms, "commands")]
    # A live test trains with a library, which brings torch.
    side_by_side = ["--numprocesses", WORKERS, "--dist", "loadgroup", "-m", "not live", "-q"]
    session.run("python", "-m", "pytest", *tests, *doctests, *side_by_side, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, spelling and wording."""
    install(session, "lint")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("codespell")
    session.run("python", "tests/test_wording.py")


@nox.session(default=False, venv_backend="none", requires=["environment"])
def bench(session: nox.Session) -> None:
    """Measure side by side, in fresh processes: nox -s bench -- cartpole."""
    names = sorted(path.stem for path in (ROOT / "bench").glob("*.py"))
    if not session.posargs or session.posargs[0] not in names:
        session.error(f"name one benchmark after --: {', '.join(names)}")
    python = shared(session)
    # Peers that nothing else needs; they are there at once from the second time on.
    peers = ["--constraint", "constraints.txt", *GROUPS(PROJECT, "bench")]
    session.run(python, "-m", "pip", "install", "--quiet", *peers)
    name, *options = session.posargs
    BUILD.joinpath("bench").mkdir(parents=True, exist_ok=True)
    session.run(python, f"bench/{name}.py", "--json", f"{BUILD}/bench/{name}.json", *options)


@nox.session(default=False, venv_backend="none", requires=["environment"])
def fuzz(session: nox.Session) -> None:
    """Read damaged logs and hunt for slow expressions: nox -s fuzz -- --minutes 10, or --seed S --cases 1."""
    python = shared(session)
    session.run(python, "-m", "fuzz", *session.posargs)


@nox.session(default=False, venv_backend="none", requires=["environment"])
def record(session: nox.Session) -> None:
    """Record what each library prints and what examples measure on a GPU, or on a CPU: nox -s record -- plot_x."""
    python = shared(session)
    named = [path for path in sorted(GALLERY.glob("*/plot_*.py")) if path.stem in session.posargs]
    if named:
        session.run(python, "-m", "stepscope.evidence.record", "--cpu", *map(str, named))
        return
    session.run(python, "-m", "stepscope.recordings", *session.posargs)
    if not session.posargs:
        session.run(python, "-m", "stepscope.evidence.gpu", success_codes=[0, 2])  # 2: there is no GPU here


@nox.session(default=False, venv_backend="none", requires=["environment"])
def matrix(session: nox.Session) -> None:
    """Run every listed version of the libraries, record and check it: nox -s matrix -- rsl_rl 3.1.3 --check."""
    python = shared(session)
    session.run(python, "-m", "matrix", *session.posargs)


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
    session.install(*exact, "--requirement", f"matrix/{session.name}/requirements.txt")
    session.install("--no-deps", "--editable", ".")
    session.install("--constraint", "constraints.txt", "pytest", "pytest-timeout", "hypothesis", "optuna")
    session.env.update(PROCESSES)
    session.run("python", "-m", f"matrix.{session.name}", *session.posargs)
    # Here the reader is tested on what the installed packages print, the recorder in their environments and the commands
    # on their trainings, which the project's own environment lacks.
    tests = sorted(str(path) for path in Path("tests").rglob(f"test_{session.name}.py"))
    session.run("python", "-m", "pytest", *tests, "tests/logs/libraries/test_warp.py", "-q")


@nox.session(default=False, venv_backend="none", requires=["environment"])
def links(session: nox.Session) -> None:
    """Ask every other host that a page links to whether the link still works."""
    python = shared(session)
    session.env["STEPSCOPE_EVIDENCE"] = str(BUILD / "evidence")
    with one_build(session):
        tools(session, python)
        session.run(python, "-m", "stepscope._sphinx.examples", "--none")
        sphinx(session, python, "links", "-b", "linkcheck", *session.posargs)


@nox.session(default=False, venv_backend="none")
def clean(session: nox.Session) -> None:
    """Delete everything that a build made."""
    symptoms = [path for path in (ROOT / "docs" / "troubleshooting").glob("*.md") if path.name != "index.md"]
    for path in (BUILD, ROOT / "docs" / "auto_gallery", ROOT / "docs" / "sg_execution_times.rst", *symptoms):
        session.log(f"remove {path.relative_to(ROOT)}")
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
