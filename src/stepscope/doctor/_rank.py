"""One rank of the all-reduce of `stepscope doctor`.

python -m stepscope.doctor._rank RANK RANKS BACKEND SECONDS FILE
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from stepscope.doctor._ranks import NUMBERS


def main() -> None:
    """Sum a tensor over all ranks twice, and print whether the sum is right and how long the second time took."""
    import torch  # noqa: PLC0415 - only in this process
    import torch.distributed as dist  # noqa: PLC0415 - the same

    rank, ranks, backend, seconds, file = sys.argv[1:]
    device = f"cuda:{rank}" if backend == "nccl" else "cpu"
    if backend == "nccl":
        torch.cuda.set_device(device)
    dist.init_process_group(
        backend,
        init_method=Path(file).as_uri(),
        rank=int(rank),
        world_size=int(ranks),
        timeout=timedelta(seconds=max(1, int(seconds))),
    )
    took, tensor = 0.0, torch.empty(0)
    for _ in range(2):  # the first one connects
        tensor = torch.arange(NUMBERS, dtype=torch.float32, device=device) + int(rank)
        start = time.perf_counter()
        dist.all_reduce(tensor)
        if backend == "nccl":
            torch.cuda.synchronize()
        took = time.perf_counter() - start
    expected = torch.arange(NUMBERS, dtype=torch.float32) * int(ranks) + sum(range(int(ranks)))
    answer = {
        "rank": int(rank),
        "sum": tensor.double().sum().item(),
        "right": bool(torch.equal(tensor.cpu(), expected)),
        "seconds": took,
    }
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
    sys.stdout.flush()
    dist.barrier()  # nobody leaves before all have their sum
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
