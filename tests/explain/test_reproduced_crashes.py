"""What libraries and the system really print when a run dies is found in the catalogue.

Each program dies as a training run does: of a signal, of a limit, of another rank. Its output, below an iteration of
RL-Games, is explained.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from stepscope.explain import catalogue, explain
from stepscope.logs import reads

EPOCH = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/9 frames: 0\n"


class Program(NamedTuple):
    """A Python program that dies.

    Attributes
    ----------
    slugs
        Symptoms that its output shows.
    code
        Its source.
    needs
        Packages that it imports.
    ranks
        How often it is started side by side, with ``RANK`` in the environment.
    launcher
        What is put between Python and the name of the program.
    """

    slugs: tuple[str, ...]
    code: str
    needs: tuple[str, ...] = ()
    ranks: int = 1
    launcher: tuple[str, ...] = ()


def _of_a_shell(signal: str) -> str:
    return f"import subprocess\nsubprocess.run(['bash', '-c', 'bash -c \"kill -{signal} \\\\$\\\\$\"; true'])"


_HEAP = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
"""

_GLOO = """
import datetime, os, time
import torch
import torch.distributed as dist
rank = int(os.environ["RANK"])
dist.init_process_group("gloo", init_method=f"file://{os.getcwd()}/store", rank=rank, world_size=2)
dist.barrier()
"""

_LIMIT = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"

_TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")

_BOXES = """
import mujoco
def model(boxes, memory="10M", inside="", option=""):
    bodies = "".join(
        f'<body name="b{i}" pos="0 0 {0.05 + 0.11 * i}"><freejoint/><geom name="g{i}" type="box" size=".1 .1 .06"/></body>'
        for i in range(boxes)
    )
    return mujoco.MjModel.from_xml_string(
        f'<mujoco><option {option}/><size memory="{memory}"/><worldbody><geom name="floor" type="plane" size="9 9 1"/>'
        f"{bodies}</worldbody>{inside}</mujoco>"
    )
"""

_WARP = (
    _BOXES
    + """
import mujoco_warp as mjw
import warp as wp

def simulate(model, match=None, **capacities):
    m = mjw.put_model(model)
    if match is not None:
        m.opt.contact_sensor_maxmatch = match
    d = mjw.make_data(model, nworld=2, **capacities)
    for _ in range(2):
        mjw.step(m, d)
    wp.synchronize()
    d.qpos.numpy()

sensor = '<sensor><contact body1="b0" num="1" data="found"/></sensor>'
simulate(model(3), njmax=4, nconmax=64)
simulate(model(3), njmax=200, nconmax=1)
simulate(model(3), njmax=200, nconmax=64, naccdmax=1)
simulate(model(3, inside=sensor), match=1, njmax=200, nconmax=64)
simulate(model(3, option='iterations="1" ls_iterations="1"'), njmax=200, nconmax=64)
data = mujoco.MjData(model(3))
mujoco.mj_forward(model(3), data)
mjw.put_data(model(3), data, nconmax=1, njmax=200)
"""
)

PROGRAMS = [
    *(
        Program((slug,), _of_a_shell(signal))
        for slug, signal in [
            ("segmentation-fault", "SEGV"),
            ("aborted", "ABRT"),
            ("bus-error", "BUS"),
            ("illegal-instruction", "ILL"),
            ("floating-point-exception", "FPE"),
            ("killed", "KILL"),
        ]
    ),
    *(
        Program(
            ("fatal-python-error",),
            f"import faulthandler, os, signal\nfaulthandler.enable()\nos.kill(os.getpid(), signal.{name})",
        )
        for name in ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"]
    ),
    Program(
        ("child-died-with-signal",),
        "import subprocess\nsubprocess.run(['bash', '-c', 'kill -SEGV $$'], check=True)",
    ),
    Program(
        ("process-pool-broken",),
        "import concurrent.futures, os\n"
        "if __name__ == '__main__':\n"
        "    with concurrent.futures.ProcessPoolExecutor(1) as pool:\n"
        "        pool.submit(os._exit, 3).result()",
    ),
    Program(("memory-error",), "bytearray(2**60)"),
    Program(("cannot-allocate-memory",), _LIMIT + "import mmap\nmmap.mmap(-1, 2**32)"),
    Program(
        ("cannot-start-new-thread",),
        _LIMIT + "import threading, time\n"
        "threading.stack_size(64 << 20)\n"
        "for _ in range(1000):\n"
        "    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
    ),
    Program(
        ("address-already-in-use",),
        "import socket\ntaken = socket.create_server(('127.0.0.1', 0))\nsocket.create_server(taken.getsockname())",
    ),
    Program(
        ("connection-refused",),
        "import socket\n"
        "closed = socket.socket()\n"
        "closed.bind(('127.0.0.1', 0))\n"
        "socket.create_connection(closed.getsockname())",
    ),
    Program(("shared-library-not-found",), "import ctypes\nctypes.CDLL('libcudart.so.1.0')"),
    # What the C library and the C++ runtime say
    Program(("double-free",), _HEAP + "p = libc.malloc(5000)\nlibc.free(p)\nlibc.free(p)"),
    Program(("free-invalid-pointer",), _HEAP + "libc.free(libc.malloc(5000) + 8)"),
    Program(
        ("malloc-invalid-size",),
        _HEAP + "p, guard = libc.malloc(5000), libc.malloc(5000)\n"
        "libc.free(p)\n"
        "ctypes.c_size_t.from_address(p - 8).value = 1 << 60\n"
        "libc.malloc(9000)",
    ),
    Program(("stack-smashing-detected",), "import ctypes\nctypes.CDLL(None).__stack_chk_fail()"),
    Program(("bad-alloc",), "import ctypes\nctypes.CDLL('libstdc++.so.6')._ZSt17__throw_bad_allocv()"),
    Program(
        ("cxx-exception-not-caught",),
        "import ctypes\nctypes.CDLL('libstdc++.so.6')._ZSt20__throw_length_errorPKc(b'vector::reserve')",
    ),
    # NumPy and PyTorch in one process
    Program(
        ("numpy-array-memory-error",),
        "import numpy\nnumpy.zeros((2**40, 64, 64), dtype='float32')",
        ("numpy",),
    ),
    Program(("cpu-allocator-out-of-memory",), "import torch\ntorch.empty(2**46)", ("torch",)),
    Program(("torch-not-compiled-with-cuda",), "import torch\ntorch.zeros(3).cuda()", ("torch",)),
    Program(
        ("checkpoint-of-another-device",),
        "import torch, zipfile\n"
        "torch.save(torch.zeros(3), 'here.pt')\n"
        "with zipfile.ZipFile('here.pt') as old, zipfile.ZipFile('gpu.pt', 'w') as new:\n"
        "    for name in old.namelist():\n"
        r"        content = old.read(name).replace(b'X\x03\x00\x00\x00cpu', b'X\x06\x00\x00\x00cuda:0')"
        "\n        new.writestr(name, content)\n"
        "torch.load('gpu.pt')",
        ("torch",),
    ),
    # Several processes
    Program(
        ("dataloader-worker-died",),
        "import os, signal, torch\n"
        "class Images(torch.utils.data.Dataset):\n"
        "    def __len__(self): return 4\n"
        "    def __getitem__(self, index): os.kill(os.getpid(), signal.SIGKILL)\n"
        "for batch in torch.utils.data.DataLoader(Images(), num_workers=1, multiprocessing_context='fork'): pass",
        ("torch",),
    ),
    Program(
        ("spawned-process-signal",),
        "import os, signal, torch.multiprocessing\n"
        "def train(rank): os.kill(os.getpid(), signal.SIGKILL)\n"
        "if __name__ == '__main__': torch.multiprocessing.spawn(train, nprocs=1)",
        ("torch",),
    ),
    Program(
        ("spawned-process-error",),
        "import torch.multiprocessing\n"
        "def train(rank): raise ValueError('no such task')\n"
        "if __name__ == '__main__': torch.multiprocessing.spawn(train, nprocs=1)",
        ("torch",),
    ),
    Program(
        ("process-group-not-initialized",),
        "import torch.distributed\ntorch.distributed.get_rank()",
        ("torch",),
    ),
    Program(
        ("rank-variables-missing",),
        "import os, torch.distributed\n"
        "os.environ.pop('RANK', None)\n"
        "torch.distributed.init_process_group('gloo')",
        ("torch",),
    ),
    Program(
        ("nccl-not-built-in",),
        "import os, torch.distributed\n"
        "torch.distributed.init_process_group('nccl', init_method=f'file://{os.getcwd()}/store', rank=0, world_size=1)",
        ("torch",),
    ),
    Program(
        ("store-clients-missing",),
        "import datetime, torch.distributed\n"
        "torch.distributed.TCPStore('127.0.0.1', 0, 2, True, timeout=datetime.timedelta(seconds=1))",
        ("torch",),
    ),
    Program(
        ("store-not-reachable",),
        "import datetime, socket, torch.distributed\n"
        "closed = socket.socket()\n"
        "closed.bind(('127.0.0.1', 0))\n"
        "port = closed.getsockname()[1]\n"
        "torch.distributed.TCPStore('127.0.0.1', port, 2, False, timeout=datetime.timedelta(seconds=1))",
        ("torch",),
    ),
    Program(
        ("store-address-in-use",),
        "import socket, torch.distributed\n"
        "both = socket.has_dualstack_ipv6()\n"
        "family = socket.AF_INET6 if both else socket.AF_INET\n"
        "taken = socket.create_server(('', 0), family=family, dualstack_ipv6=both)\n"
        "torch.distributed.TCPStore('127.0.0.1', taken.getsockname()[1], 1, True)",
        ("torch",),
    ),
    Program(
        ("gloo-peer-gone",),
        _GLOO + "if rank: os._exit(0)\nwhile True: dist.all_reduce(torch.zeros(3))",
        ("torch",),
        ranks=2,
    ),
    Program(
        ("gloo-timeout",),
        _GLOO + "import torch.distributed.distributed_c10d as c10d\n"
        "c10d._set_pg_timeout(datetime.timedelta(seconds=1))\n"
        "try:\n"
        "    if not rank: dist.all_reduce(torch.zeros(3))\n"
        "finally: open(f'over-{rank}', 'w').close()\n"
        "while not os.path.exists('over-0'): time.sleep(0.1)",
        ("torch",),
        ranks=2,
    ),
    Program(
        ("collective-mismatch",),
        "import os\nos.environ['TORCH_DISTRIBUTED_DEBUG'] = 'DETAIL'\n"
        + _GLOO
        + "if rank: dist.all_reduce(torch.zeros(3))\nelse: dist.broadcast(torch.zeros(3), 0)",
        ("torch",),
        ranks=2,
    ),
    Program(
        ("torchrun-child-failed", "torchrun-rank-signal", "torchrun-closing-signal"),
        "import os, signal, time\nif os.environ['RANK'] == '1': os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(600)",
        ("torch",),
        launcher=_TORCHRUN,
    ),
    Program(
        ("torchrun-child-failed", "torchrun-rank-failed", "torchrun-closing-signal"),
        "import os, time\nif os.environ['RANK'] == '1': raise ValueError('no such task')\ntime.sleep(600)",
        ("torch",),
        launcher=_TORCHRUN,
    ),
    # Simulators
    Program(
        ("mujoco-arena-full",),
        _BOXES + "m = model(8, '60K')\nmujoco.mj_step(m, mujoco.MjData(m))",
        ("mujoco",),
    ),
    Program(
        ("mujoco-stack-overflow",),
        _BOXES + "m = model(8, '4K')\nmujoco.mj_step(m, mujoco.MjData(m))",
        ("mujoco",),
    ),
    Program(("warp-no-cuda-device",), "import warp\nwarp.zeros(3, device='cuda:0')", ("warp",)),
    Program(("warp-failed-to-allocate",), "import warp\nwarp.empty((2**30, 2**16), device='cpu')", ("warp",)),
    Program(
        (
            "njmax-overflow",
            "nconmax-overflow",
            "naccdmax-overflow",
            "contact-match-overflow",
            "solver-iterations-limit",
            "nconmax-too-small-for-state",
        ),
        _WARP,
        ("mujoco_warp",),
    ),
]

_OF_GLIBC = {"double-free", "free-invalid-pointer", "malloc-invalid-size", "stack-smashing-detected"}

CASES = [
    pytest.param(
        slug,
        program,
        id=f"{slug}-{number}",
        marks=[pytest.mark.xdist_group(f"program {number}"), *([pytest.mark.live] if program.needs else [])],
    )
    for number, program in enumerate(PROGRAMS)
    for slug in program.slugs
]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are the words of Linux")


@pytest.mark.parametrize(("slug", "program"), CASES)
def test_a_real_death_is_explained(slug: str, program: Program) -> None:
    """The symptom is found in what the program printed, and the catalogue says that it was reproduced."""
    _skip_where_it_cannot_happen(slug, program)
    output = _output_of(program)
    explanations = list(explain(reads(EPOCH + output)))
    occurrences = [
        occurrence
        for explanation in explanations
        for occurrence in (explanation.first_cause, *explanation.set_off, *explanation.notable)
        if occurrence is not None
    ]
    assert slug in {occurrence.symptom.slug for occurrence in occurrences}, output
    assert catalogue()[slug].standing == "reproduced"


def _skip_where_it_cannot_happen(slug: str, program: Program) -> None:
    for package in program.needs:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    if slug in _OF_GLIBC and platform.libc_ver()[0] != "glibc":
        pytest.skip("these are the words of the GNU C library")
    if slug in {"torch-not-compiled-with-cuda", "nccl-not-built-in"}:
        torch = pytest.importorskip("torch")

        if torch.version.cuda is not None:
            pytest.skip("this PyTorch is built for GPUs")


@cache
def _output_of(program: Program) -> str:
    """Run a program until all of its processes have ended, and return what they printed together."""
    hidden = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "LC_MESSAGES", "LANGUAGE"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {
        "LC_ALL": "C",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONUNBUFFERED": "1",
    }
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log.txt").open("w+b") as log:
        (Path(folder) / "train.py").write_text(program.code, encoding="utf-8")
        command = [sys.executable, *program.launcher, "train.py"]
        processes = [
            subprocess.Popen(  # no dump of the memory is left behind
                ["bash", "-c", 'ulimit -c 0; exec "$@"', "bash", *command],
                cwd=folder,
                env=environment | ({"RANK": str(rank)} if program.ranks > 1 else {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            for rank in range(program.ranks)
        ]
        for process in processes:
            process.wait()
        log.seek(0)
        return log.read().decode(errors="replace")
