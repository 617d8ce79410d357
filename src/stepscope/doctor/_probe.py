"""Questions to PyTorch and to Warp, answered in their own process.

    python -m stepscope.doctor._probe torch|warp

A broken installation ends that process, not the one that asks. The answer is a line of JSON behind a mark, since
libraries print as well.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import Any

from stepscope._common import printable
from stepscope._common.exit_status import describe_exit

__all__ = ["ask", "last_error"]

_MARK = "stepscope doctor: "
_LONGEST = 300  # characters of an error


def ask(package: str, *, limit: float) -> dict[str, Any]:
    """Return what a package says of itself; ``{"error": ...}`` where it cannot be imported.

    Parameters
    ----------
    package
        ``"torch"`` or ``"warp"``.
    limit
        Time that it may take, in seconds.
    """
    command = [sys.executable, "-m", __name__, package]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"its import takes longer than {limit:g} s"}
    for line in reversed(done.stdout.decode(errors="replace").splitlines()):
        if line.startswith(_MARK):
            return dict(json.loads(line.removeprefix(_MARK)))
    return {"error": last_error(done.stderr) or f"its import {describe_exit(done.returncode)}"}


def last_error(output: bytes) -> str:
    """Return the last line of an output that names an exception, else its last line."""
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception", "Interrupt"))]
    return printable((errors or lines or [""])[-1], limit=_LONGEST)


def _describe_torch() -> dict[str, Any]:
    import torch  # noqa: PLC0415 - the question is whether this works
    import torch.distributed  # noqa: PLC0415 - the same

    answer: dict[str, Any] = {
        "version": str(torch.__version__),
        "cuda": torch.version.cuda,
        "architectures": torch.cuda.get_arch_list() if torch.version.cuda else [],
        "threads": torch.get_num_threads(),
        "backends": [
            name for name in ("gloo", "nccl") if getattr(torch.distributed, f"is_{name}_available")()
        ],
        "devices": [],
        "cuda_error": None,
        "numpy_error": None,
    }
    if torch.version.cuda:
        try:
            torch.cuda.init()
        except (RuntimeError, AssertionError) as error:
            answer["cuda_error"] = _first_line(error)
        answer["devices"] = [_describe_device(torch, index) for index in range(torch.cuda.device_count())]
    try:
        torch.ones(1).numpy()
    except RuntimeError as error:
        answer["numpy_error"] = _first_line(error)
    return answer


def _describe_device(torch: Any, index: int) -> dict[str, Any]:  # noqa: ANN401 - the module
    device: dict[str, Any] = {"error": None}
    try:
        properties = torch.cuda.get_device_properties(index)
        device["name"] = properties.name
        device["capability"] = f"{properties.major}.{properties.minor}"
        device["memory_bytes"] = properties.total_memory
        torch.ones(1, device=f"cuda:{index}").add(1).item()
    except (RuntimeError, AssertionError) as error:
        device["error"] = _first_line(error)
    return device


def _describe_warp() -> dict[str, Any]:
    import warp  # noqa: PLC0415 - the question is whether this works

    warp.config.quiet = True
    warp.init()
    return {"version": warp.config.version, "cuda_available": bool(warp.is_cuda_available())}


def _first_line(error: BaseException) -> str:
    return printable(str(error).strip().partition("\n")[0], limit=_LONGEST)


def main() -> None:
    """Print the answer to the question in the arguments."""
    describe = {"torch": _describe_torch, "warp": _describe_warp}[sys.argv[1]]
    with contextlib.redirect_stdout(sys.stderr):
        answer = describe()
    sys.stdout.write(f"\n{_MARK}{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
