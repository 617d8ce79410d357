"""RSL-RL's blocks, printed by RSL-RL's own logger."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from stepscope.logs import read, reads

if TYPE_CHECKING:
    from collections.abc import Callable


class _NoWriter:
    """Stands in for TensorBoard: the console block is only printed beside one."""

    def add_scalar(self, *_: object) -> None:
        """Take a value and forget it."""


@pytest.fixture(scope="module")
def printed(library: Callable[[str], Any]) -> Callable[..., str]:
    """Return a function that prints one block with RSL-RL's logger."""
    module = library("rsl_rl.utils.logger")
    torch = library("torch")

    def block(
        *,
        it: int = 0,
        start_it: int = 0,
        total_it: int = 150,
        collect: float = 1.106,
        learn: float = 0.195,
        losses: dict[str, float] | None = None,
        rewards: list[float] | None = None,
        extras: dict[str, float] | None = None,
        before: float = 0.0,
        run_name: str = "",
    ) -> str:
        cfg = {"num_steps_per_env": 16, "algorithm": {}, "run_name": run_name}
        logger = module.Logger(
            None, cfg, {}, 4096, is_distributed=False, gpu_world_size=1, gpu_global_rank=0, device="cpu"
        )
        logger.writer = _NoWriter()
        logger.tot_time = before
        logger.rewbuffer.extend(rewards or [])
        logger.lenbuffer.extend(rewards or [])
        logger.ep_extras = [dict(extras)] if extras else []
        out = io.StringIO()
        with redirect_stdout(out):
            logger.log(it, start_it, total_it, collect, learn, losses or {}, 1e-3, torch.ones(3), None)
        return out.getvalue()

    return block


def test_a_label_printed_twice_keeps_both_numbers(printed: Callable[..., str]) -> None:
    """An environment's own "length" is printed under the library's label; the library's is the field."""
    [record] = reads(printed(rewards=[1.5], extras={"length": 7.0}))
    assert (1.5, 1.5, 7.0) == (
        record.episode_length,
        record.metrics["Mean episode length"],
        record.metrics["Mean episode length (2)"],
    )


def test_the_name_of_the_run_is_no_number(printed: Callable[..., str]) -> None:
    """A run may be named, and the block goes on."""
    [record] = reads(printed(run_name="go2 flat"))
    assert (0, 65536) == (record.iteration, record.env_steps)


def test_days_are_seconds(printed: Callable[..., str]) -> None:
    """A long run prints "1 day, 2:03:04"."""
    [record] = reads(printed(before=93784.0, collect=0.5, learn=0.4))
    assert 93784 == record.seconds.elapsed


def test_a_block_that_was_cut_off_gives_no_half_number(printed: Callable[..., str]) -> None:
    """However many bytes of a block were written, each number is right or absent."""
    text = printed(losses={"value": 22.0539}, rewards=[15.79], extras={"Episode_Reward/alive": 0.57})
    [whole] = reads(text)
    for length in range(1, len(text)):
        records = list(read(io.StringIO(text[:length])))
        for record in records:
            assert record.env_steps in (None, whole.env_steps)
            assert record.iterations in (None, whole.iterations)
            assert set(record.metrics.items()) <= set(whole.metrics.items())


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_do_not_matter(printed: Callable[..., str], end: str) -> None:
    """A block that went through a terminal or through Windows reads the same."""
    text = printed(rewards=[2.0])
    [record] = reads(text.replace("\n", end))
    assert next(reads(text)).metrics == record.metrics


def test_a_foreign_line_ends_a_block(printed: Callable[..., str]) -> None:
    """What another process prints into a block is not taken for a part of it, nor lost."""
    head, tail = printed().split("Collection time", 1)
    records = list(reads(f"{head}\nwait: what is this\n{tail}"))
    assert ["iteration", "unrecognised"] == [record.kind for record in records[:2]]
    assert records[0].seconds.collect is None


@pytest.mark.parametrize("damaged", ["", "-------\n"])
def test_numbers_of_two_iterations_are_kept_apart(damaged: str) -> None:
    """Where the end of one block and the title of the next are damaged, the second has no title to be read under."""
    block = (
        "#" * 80
        + "\n    Learning iteration {}/9 \n\n    Computation: {} steps/s (collection: 0.5s, learning 0.2s)\n"
    )
    row, end = "    Mean reward: {}\n", "    ETA: {}\n\n"
    first = block.format(3, 700) + end.format("?")
    second = (
        block.format(4, 800).replace("iteration 4/9", "iterat?")
        + damaged
        + row.format(8.5)
        + end.format("0:00:01")
    )
    third = block.format(5, 900) + row.format(9.5) + end.format("0:00:01")
    iterations = [record for record in reads(first + second + third) if record.kind == "iteration"]
    assert [(3, 700, None), (5, 900, 9.5)] == [
        (record.iteration, record.fps.total, record.reward) for record in iterations
    ]
    assert not [label for record in iterations for label in record.metrics if label.endswith("(2)")]
