"""Measure a GPU with one command: ``python -m stepscope.evidence.gpu``.

Runs the scripts of a source checkout that this machine can run, the most important ones first, each in its own process,
and writes ``results/DEVICE/SCRIPT.json``. What was measured is saved while it runs: a run that is cut off loses at most
a second of it, and the next call continues with what is missing. PyTorch and NumPy are enough; scripts that need more
are skipped where it is not installed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path, PurePosixPath
from platform import machine as machine_type
from typing import TYPE_CHECKING, Any

from stepscope.evidence._claims import KEEP_GOING_VARIABLE
from stepscope.evidence._ledger import (
    FOLDER_VARIABLE,
    ScriptEvidence,
    evidence_file,
    read_script,
    script_name,
)
from stepscope.evidence._provenance import loaded_cuda, provenance
from stepscope.evidence._recorded import FULL_SIZE_VARIABLE
from stepscope.evidence.record import describe_result, result_file, write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["PARTS", "Machine", "Outcome", "Part", "main", "measure_parts", "unpack_wheels"]

_ROOT = Path(__file__).parents[3]
_LIBRARIES = ("rl_games", "rsl_rl", "skrl", "stable_baselines3")
_PACKAGES = (
    *_LIBRARIES,
    "gymnasium",
    "matplotlib",
    "mujoco_warp",
    "scipy",
    "tensorboard",
    "triton",
)
_POLL = 1.0  # seconds between two looks at what a running script has written
_GRACE = 5.0  # seconds that a process has to end by itself
_GIB = 2**30
# Ends a script and what it has started once this process has gone, however it went: the pipe from it is closed then.
_WATCHER = "import os, sys; sys.stdin.read(); os.killpg(int(sys.argv[1]), 9)"
_NO_EVIDENCE = ScriptEvidence(script="", claims=(), measurements={}, provenance={}, run={})


@dataclass(frozen=True, kw_only=True)
class Part:
    """A script, and what it needs.

    Attributes
    ----------
    script
        Path from the root of the checkout.
    about
        What it measures, in a few words.
    seconds
        Time that it takes on a GPU, roughly; it starts only with so much left.
    needs
        Modules that must be importable.
    gibibytes
        Least memory of the device, in GiB.
    """

    script: str
    about: str
    seconds: float
    needs: tuple[str, ...] = ()
    gibibytes: float = 1.0

    @property
    def name(self) -> str:
        """Folder and stem of the script."""
        return script_name(Path(self.script))

    @property
    def limit(self) -> float:
        """Seconds after which it is ended: another machine may be a few times slower than expected."""
        return max(60.0, 3 * self.seconds)


PARTS = (
    Part(
        script="gallery/1_environments/plot_step_cost.py",
        about="step cost up to a million environments: eager, compiled, CUDA graph",
        seconds=70,
    ),
    Part(
        script="bench/nans.py",
        about="overhead of the recorder, and how often it waits for the GPU",
        seconds=60,
    ),
    Part(
        script="gallery/1_environments/plot_what_limits_me.py",
        about="what limits a run; a hidden .item()",
        seconds=60,
        gibibytes=12,
    ),
    Part(
        script="gallery/2_memory/plot_memory_per_environment.py",
        about="memory per environment, and the error of its prediction",
        seconds=45,
        gibibytes=16,
    ),
    Part(
        script="bench/verify.py",
        about="stepscope fit --verify against CUDA out of memory",
        seconds=60,
    ),
    Part(
        script="bench/libraries.py",
        about="rates and memory of the installed libraries, 4096 and 16,384 environments",
        seconds=200,
        needs=("gymnasium",),
        gibibytes=4,
    ),
    Part(
        script="gallery/4_nans/plot_one_bad_value.py",
        about="one bad value in a run of each library",
        seconds=150,
        needs=("gymnasium", *_LIBRARIES),
    ),
    Part(
        script="gallery/3_tuning/plot_best_num_envs.py",
        about="gradient noise scale and the best number of environments",
        seconds=180,
        needs=("gymnasium", "rsl_rl"),
    ),
    Part(
        script="gallery/2_memory/plot_out_of_memory.py",
        about="out of memory: do fewer environments help?",
        seconds=60,
    ),
    Part(
        script="gallery/4_nans/plot_action_feedback.py",
        about="an action that is observed runs away",
        seconds=10,
    ),
)
"""What is measured, most important first. The other scripts of the gallery follow in the order of their names."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine at hand, as a process of its own has found it.

    Attributes
    ----------
    device
        Name of the GPU, or of the processor.
    memory_bytes
        Memory of the GPU, or of the machine.
    on_gpu
        Whether it is a GPU.
    packages
        Modules that can be imported, of those that a part may need.
    provenance
        Device, driver, versions and date.
    """

    device: str
    memory_bytes: int
    on_gpu: bool
    packages: tuple[str, ...]
    provenance: dict[str, Any]

    def __str__(self) -> str:
        """Format it in one line."""
        about = self.provenance
        driver = f", driver {about['driver']}" if about.get("driver") else ""
        torch = f", torch {about['versions']['torch']}" if "torch" in about.get("versions", {}) else ""
        return f"{self.device}, {self.memory_bytes / _GIB:.0f} GiB{driver}{torch}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a part ended.

    Attributes
    ----------
    part
        The part.
    state
        ``"saved"``; ``"kept"``, where an earlier call has measured it; ``"unfinished"``, where a piece of it is saved;
        ``"skipped"``; or ``"failed"``, where nothing is saved.
    why
        What was measured, or why it was not.
    seconds
        Time that it took.
    """

    part: Part
    state: str
    why: str
    seconds: float = 0.0


def all_parts(root: Path = _ROOT) -> tuple[Part, ...]:
    """Return the listed parts, and one for each script of the gallery that is not listed."""
    listed = {part.script for part in PARTS}
    others = [path.relative_to(root).as_posix() for path in sorted(root.glob("gallery/*/plot_*.py"))]
    rest = [_unlisted(root, script) for script in others if script not in listed]
    return (*PARTS, *rest)


def _unlisted(root: Path, script: str) -> Part:
    """Return a part of a script from what it names: its text names the packages that it uses."""
    text = (root / script).read_text(encoding="utf-8")
    title = text.partition('"""\n')[2].partition("\n")[0]
    # Patterns, because a string that is the name of a package counts as its use when an example is fingerprinted.
    simulates = re.search(r"stepscope\.envs\.scenes\b", text) is not None
    needs = ["gymnasium"] * (simulates or re.search(r"stepscope\.train\b", text) is not None)
    needs += ["mujoco_warp"] * simulates
    needs += [library for library in _LIBRARIES if f'"{library}"' in text or f"import {library}" in text]
    needs += ["stable_baselines3"] * ('"sb3"' in text or "sb3." in text)
    needs += ["scipy"] * ("plot_tune" in script)
    if "peak_memory" in text or "run_with_fault" in text or "time_training" in text:
        needs += list(_LIBRARIES)
    return Part(script=script, about=title, seconds=120, needs=tuple(dict.fromkeys(needs)))


def measure_parts(
    parts: Sequence[Part],
    machine: Machine,
    *,
    into: Path,
    seconds: float,
    environment: dict[str, str] | None = None,
    logs: Path | None = None,
    again: bool = False,
    root: Path = _ROOT,
    tell: Callable[[str], object] = print,
) -> list[Outcome]:
    """Run the parts one after the other until the time is up, and save each.

    Parameters
    ----------
    parts
        What to run, most important first.
    machine
        Where it runs: name and memory of the device, and the packages that are there.
    into
        Folder of the results, with a folder for each device.
    seconds
        Time for all of it.
    environment
        Environment variables of the scripts; None is those of this process.
    logs
        Folder for what the scripts print; None is a temporary one.
    again
        Whether to measure what an earlier call has measured.
    root
        Root of the checkout.
    tell
        Called with a line about each part.

    Returns
    -------
    list of Outcome
        How each part ended.
    """
    until = time.monotonic() + seconds
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as scratch:
        runner = _Runner(
            machine=machine,
            into=into,
            environment=dict(os.environ if environment is None else environment),
            logs=logs or Path(scratch),
            root=root,
        )
        for number, part in enumerate(parts, start=1):
            try:
                outcome = runner.skip(part, again=again, left=until - time.monotonic())
                if outcome is None:
                    tell(f"[{number}/{len(parts)}] {part.name}: {part.about}, about {part.seconds:.0f} s")
                    outcome = runner.run(part, seconds=min(part.limit, until - time.monotonic()))
                    tell(f"    {outcome.state} after {outcome.seconds:.0f} s: {outcome.why}")
            except KeyboardInterrupt:
                outcomes += [
                    Outcome(part=each, state="skipped", why="interrupted") for each in parts[number - 1 :]
                ]
                break
            outcomes.append(outcome)
    return outcomes


@dataclass(frozen=True, kw_only=True)
class _Runner:
    """Runs scripts, and saves what they write down."""

    machine: Machine
    into: Path
    environment: dict[str, str]
    logs: Path
    root: Path

    def skip(self, part: Part, *, again: bool, left: float) -> Outcome | None:
        """Return why a part is not to be run; None if it is."""
        script = self.root / part.script
        if not script.is_file():
            return Outcome(part=part, state="skipped", why="the script is not in this checkout")
        if missing := _missing(part, self.machine):
            return Outcome(part=part, state="skipped", why=f"needs {', '.join(missing)}")
        if self.machine.on_gpu and self.machine.memory_bytes < part.gibibytes * _GIB:
            return Outcome(part=part, state="skipped", why=f"needs {part.gibibytes:g} GiB of GPU memory")
        earlier = self._earlier(part)
        if earlier and not earlier.get("unfinished") and not again and self._is_current(script, earlier):
            return Outcome(part=part, state="kept", why=f"measured on {earlier['date']}")
        if left < part.seconds:
            return Outcome(
                part=part,
                state="skipped",
                why=f"needs about {part.seconds:.0f} s, and {max(0.0, left):.0f} s are left",
            )
        return None

    def _is_current(self, script: Path, result: dict[str, Any]) -> bool:
        """Whether a result is of this script, at this size, with these versions of what it measures."""
        fresh = describe_result(script, _NO_EVIDENCE, provenance=self.machine.provenance)
        same = ("script_sha256", "versions")
        return (
            all(result[name] == fresh[name] for name in same)
            and result["settings"]["full_size"] == self.machine.on_gpu
        )

    def _earlier(self, part: Part) -> dict[str, Any] | None:
        path = self._path(part)
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None

    def _path(self, part: Part) -> Path:
        return result_file(self.into, self.machine.device, Path(part.script))

    def run(self, part: Part, *, seconds: float) -> Outcome:
        """Run a part in its own process, save what it measures while it runs, and say how it ended."""
        began = time.monotonic()
        log = self.logs / f"{part.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder, log.open("wb") as output:
            environment = self.environment | {
                FOLDER_VARIABLE: folder,
                KEEP_GOING_VARIABLE: "1",
                "MPLBACKEND": "agg",
            }
            environment.pop(FULL_SIZE_VARIABLE, None)  # on a GPU it is the size without it
            written = evidence_file(Path(folder), part.name)
            process = subprocess.Popen(
                [sys.executable, str((self.root / part.script).resolve())],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            watcher = subprocess.Popen(
                [sys.executable, "-S", "-c", _WATCHER, str(process.pid)],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
            ended, saved = "", -1
            try:
                while process.poll() is None:
                    if time.monotonic() - began > seconds:
                        ended = f"ended after {seconds:.0f} s, its limit"
                        break
                    saved = self._save(part, written, saved, unfinished="the run was cut off")
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_POLL)
            except KeyboardInterrupt:
                self._save(part, written, -1, unfinished="the run was interrupted")
                raise
            finally:
                _end(process)
                watcher.kill()  # before this process closes the pipe: the script's number may be another's by then
                watcher.communicate()
            if not ended and process.returncode:
                ended = f"{_describe_status(process.returncode)}: {_last_line(log)}"
            self._save(part, written, -1, unfinished=ended or None)
            return self._outcome(part, written, ended, seconds=time.monotonic() - began)

    def _save(self, part: Part, written: Path, saved: int, *, unfinished: str | None) -> int:
        """Save what is written if it has grown beyond `saved` bytes, and return its size now."""
        size = written.stat().st_size if written.is_file() else 0
        if size <= max(0, saved):
            return saved
        evidence = read_script(written)
        earlier = self._earlier(part)
        if unfinished and earlier and _amount(earlier) >= len(evidence.measurements) + len(evidence.claims):
            return size  # a piece does not replace a larger one, or the whole
        provenance = {**self.machine.provenance, "threads": os.environ.get("OMP_NUM_THREADS")}
        result = describe_result(
            self.root / part.script,
            evidence,
            provenance=provenance,
            full_size=self.machine.on_gpu,
            unfinished=unfinished,
        )
        write_result(self._path(part), result)
        return size

    def _outcome(self, part: Part, written: Path, ended: str, *, seconds: float) -> Outcome:
        if not written.is_file():
            return Outcome(part=part, state="failed", why=ended or "it wrote nothing down", seconds=seconds)
        evidence = read_script(written)
        measured = _describe_evidence(evidence)
        why = f"{ended}; {measured}" if ended else measured
        return Outcome(part=part, state="unfinished" if ended else "saved", why=why, seconds=seconds)


def _missing(part: Part, machine: Machine) -> list[str]:
    return [package for package in part.needs if package not in machine.packages]


def _amount(result: dict[str, Any]) -> int:
    return len(result["measurements"]) + len(result["claims"])


def _describe_evidence(evidence: ScriptEvidence) -> str:
    """Return how much was measured, and the verdicts, in words.

    Examples
    --------
    >>> from dataclasses import replace
    >>> claims = ({"verdict": "holds"}, {"verdict": "holds"}, {"verdict": "undecided"})
    >>> _describe_evidence(replace(_NO_EVIDENCE, claims=claims, measurements={"step_time": {}}))
    '1 measurement; of 3 claims 2 hold, 1 undecided'
    """
    verdicts = [claim["verdict"] for claim in evidence.claims]
    plural = {"holds": "hold", "does not hold": "do not hold"}
    numbers = {verdict: verdicts.count(verdict) for verdict in verdicts}
    counts = ", ".join(
        f"{number} {verdict if number == 1 else plural.get(verdict, verdict)}"
        for verdict, number in numbers.items()
    )
    measured = len(evidence.measurements)
    claims = f"of {len(verdicts)} claim{'s' * (len(verdicts) != 1)} {counts}" if verdicts else "no claims"
    return f"{measured} measurement{'s' * (measured != 1)}; {claims}"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "it printed nothing")


def _describe_status(status: int) -> str:
    return f"exit status {status}" if status > 0 else f"killed by signal {-status}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a script and what it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)


def unpack_wheels(folder: Path, into: Path) -> list[str]:
    """Unpack wheels into a folder to import from; no installer is needed for that.

    A package that is installed here is left as it is, PyTorch above all.

    Returns
    -------
    list of str
        A line for each wheel that was not unpacked, with the reason.
    """
    left_out = []
    for wheel in sorted(folder.glob("*.whl")):
        name, _, tags = wheel.stem.partition("-")
        if _is_installed(name):
            left_out.append(f"{wheel.name}: {name} is installed")
        elif not _fits_here(tags):
            left_out.append(f"{wheel.name}: for another Python or platform")
        else:
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.infolist():
                    _unpack(archive, member, into)
    return left_out


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _fits_here(tags: str) -> bool:
    python, abi, platform = tags.split("-")[-3:]
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    right_python = python.startswith("py") or version in python.split(".") or abi == "abi3"
    return right_python and (platform == "any" or platform.endswith(machine_type()))


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> None:
    """Unpack one file; what a wheel keeps in its data folder for the library's folder goes there."""
    parts = PurePosixPath(member.filename).parts
    if parts and parts[0].endswith(".data"):
        if len(parts) < 3 or parts[1] not in ("purelib", "platlib"):  # noqa: PLR2004 - programs and headers are not imported
            return
        member.filename = "/".join(parts[2:]) + "/" * member.is_dir()
    archive.extract(member, into)


def _find_machine(environment: dict[str, str], *, cpu: bool) -> Machine:
    """Describe the machine from a separate process, so that this one holds no context on the GPU."""
    code = f"from {__spec__.name if __spec__ else __name__} import _print_machine; _print_machine()"
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if cpu else {}
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | hidden,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if process.returncode:
        raise SystemExit("PyTorch cannot be imported, or does not work, here; its error is above.")
    fields = json.loads(process.stdout.splitlines()[-1])
    return Machine(**fields | {"packages": tuple(fields["packages"])})


def _print_machine() -> None:
    import torch  # noqa: PLC0415 - for the process of its own

    on_gpu = loaded_cuda() is not None
    if on_gpu:
        torch.ones(1, device="cuda").sum().item()  # a device that is there and does not work ends this here
        memory = torch.cuda.get_device_properties(0).total_memory
    else:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    about = asdict(provenance())
    machine = Machine(
        device=about["device"],
        memory_bytes=memory,
        on_gpu=on_gpu,
        packages=tuple(name for name in _PACKAGES if _is_importable(name)),
        provenance={name: about[name] for name in ("device", "driver", "versions", "date", "threads")},
    )
    print(json.dumps(asdict(machine)))  # noqa: T201 - the answer


def _is_importable(name: str) -> bool:
    try:
        return util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def format_list(parts: Sequence[Part], machine: Machine, *, into: Path, root: Path = _ROOT) -> Iterator[str]:
    """Yield a line for each part: its time, its name, what it measures, and why it would not run."""
    runner = _Runner(machine=machine, into=into, environment={}, logs=into, root=root)
    total = 0.0
    for part in parts:
        skipped = runner.skip(part, again=False, left=float("inf"))
        total += 0 if skipped else part.seconds
        state = f"  [{skipped.state}: {skipped.why}]" if skipped else ""
        yield f"{part.seconds:5.0f} s  {part.name:48}{part.about}{state}"
    yield f"{total:5.0f} s  in all"


def format_summary(outcomes: Sequence[Outcome], machine: Machine, *, into: Path) -> Iterator[str]:
    """Yield the lines of the report at the end."""
    yield str(machine)
    lacking = [outcome for outcome in outcomes if set(_missing(outcome.part, machine))]
    for state in ("saved", "kept", "unfinished", "failed", "skipped"):
        for outcome in outcomes:
            if outcome.state == state and outcome not in lacking:
                yield f"{state:11} {outcome.part.name:48} {outcome.why}"
    if lacking:
        packages = dict.fromkeys(name for outcome in lacking for name in _missing(outcome.part, machine))
        scripts = f"{len(lacking)} script{'s' * (len(lacking) != 1)}"
        yield f"skipped     {scripts}, for want of {', '.join(packages)}; --list shows each"
    folder = result_file(into, machine.device, Path("folder/script")).parents[1]
    if any(outcome.state in ("saved", "kept", "unfinished") for outcome in outcomes):
        yield f"Results: {folder}"
        if machine.on_gpu:
            yield "Send them: commit that folder and open a pull request, or attach an archive of it to an issue."
    if any(outcome.state in ("unfinished", "failed", "skipped") for outcome in outcomes):
        yield "The same command continues with what is missing."


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure this machine; the exit status is 1 where a part failed, and 2 without a GPU."""
    options = _parser().parse_args(arguments)
    if options.wheels is not None and not options.wheels.is_dir():
        return _refuse(f"{str(options.wheels)!r} is not a directory.")
    if not (_ROOT / "gallery").is_dir():
        return _refuse(
            "This command runs the scripts of a source checkout: start it there with PYTHONPATH=src."
        )
    parts = [part for part in all_parts() if not options.scripts or Path(part.script).stem in options.scripts]
    unknown = set(options.scripts) - {Path(part.script).stem for part in parts}
    if unknown:
        return _refuse(f"no such script: {', '.join(sorted(unknown))}; --list has their names.")
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory() as site:
        paths = [str(_ROOT / "src"), site, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
        if options.cpu:
            environment["CUDA_VISIBLE_DEVICES"] = ""
        if options.wheels is not None:
            for line in unpack_wheels(options.wheels, Path(site)):
                print(f"not unpacked: {line}")  # noqa: T201
        machine = _find_machine(environment, cpu=options.cpu)
        if not machine.on_gpu and not options.cpu:
            return _refuse("PyTorch finds no CUDA device here; --cpu tries the command on the processor.")
        if options.list:
            print(machine, *format_list(parts, machine, into=options.into), sep="\n")  # noqa: T201
            return 0
        print(machine, flush=True)  # noqa: T201
        outcomes = measure_parts(
            parts,
            machine,
            into=options.into,
            seconds=60 * options.minutes,
            environment=environment,
            logs=options.logs,
            again=options.again,
            tell=lambda line: print(line, flush=True),  # noqa: T201
        )
    print("", *format_summary(outcomes, machine, into=options.into), sep="\n", flush=True)  # noqa: T201
    return int(any(outcome.state in ("failed", "unfinished") for outcome in outcomes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stepscope.evidence.gpu", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="such as plot_step_cost (default: all)")
    parser.add_argument(
        "--minutes", type=_minutes, default=20.0, metavar="M", help="time for all (default: 20)"
    )
    parser.add_argument(
        "--into", type=Path, default=_ROOT / "results", metavar="FOLDER", help="default: results"
    )
    parser.add_argument(
        "--wheels", type=Path, metavar="FOLDER", help="import from the wheels in this folder as well"
    )
    parser.add_argument(
        "--logs",
        type=Path,
        default=_ROOT / "_build" / "gpu",
        metavar="FOLDER",
        help="what the scripts print (default: _build/gpu)",
    )
    parser.add_argument("--again", action="store_true", help="measure again what has been measured")
    parser.add_argument("--list", action="store_true", help="list what would run, with its expected time")
    parser.add_argument(
        "--cpu", action="store_true", help="try the command on the processor, at a small size"
    )
    return parser


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 7 * 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of minutes")
    return value


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
