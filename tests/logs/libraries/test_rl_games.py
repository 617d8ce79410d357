"""RL-Games' lines, printed by RL-Games."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from stepscope.logs import read, reads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType


@pytest.fixture(scope="module")
def printer(library: Callable[[str], ModuleType]) -> ModuleType:
    """Return the module that prints an epoch."""
    return library("rl_games.common.a2c_common")


def test_several_rewards_are_no_single_one() -> None:
    """With several value functions no reward is chosen, and the text keeps them all."""
    [record] = reads("saving next best rewards:  [1.5 2.5]\n")
    assert ("best_reward", None, "saving next best rewards:  [1.5 2.5]") == (
        record.kind,
        record.reward,
        record.text,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cartpole", (None, None, None)),
        ("last_cartpole_ep_8_rew_31.459717", (8, None, 31.459717)),
        ("last_cartpole_ep_12_rew__69.83162_", (12, None, 69.83162)),
        ("last_cartpole_ep_12_rew_-inf", (12, None, -float("inf"))),
        ("last_cartpole_frame_6144_rew__22.347654_", (None, 6144, 22.347654)),
    ],
)
def test_a_checkpoint_tells_what_its_name_does(
    library: Callable[[str], ModuleType],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    expected: tuple[object, ...],
) -> None:
    """RL-Games names a file after the epoch or the frames, and the reward, in brackets or not."""
    library("rl_games.algos_torch.torch_ext").save_checkpoint(str(tmp_path / name), {})
    [record] = reads(capsys.readouterr().out)
    assert "checkpoint" == record.kind
    assert expected == (record.iteration, record.env_steps, record.reward)
    assert str(tmp_path / name) in (record.text or "")


def test_a_line_that_was_cut_off_gives_no_half_number(
    printer: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """However many bytes of a line were written, each number is right or absent."""
    printer.print_statistics(True, 2048, 0.1, 0.2, 0.3, 12, 120, 22528, 99999)  # noqa: FBT003 - their signature
    text = capsys.readouterr().out
    [whole] = reads(text)
    for length in range(1, len(text)):
        [record] = read(io.StringIO(text[:length]))
        assert record.env_steps in (None, whole.env_steps)
        assert record.iteration in (None, whole.iteration)
        assert set(record.metrics.items()) <= set(whole.metrics.items())


# The start of a run of SAC with RL-Games 1.6.5, which prints whole Python objects.
_SAC = """\
self.seed = 1
Started to train
{'name': 'cartsac', 'env_name': 'cart', 'device': 'cpu', 'reward_shaper': <DefaultRewardsShaper object at 0x7f8f2d366fd0>}
Env name: cart
Env info:
{'observation_space': Box([-4.8  -inf], [4.8  inf], (2,), float32), 'action_space': Box(-1.0, 1.0, (1,), float32)}
128 64 1
Building Actor
build mlp: 4
Number of Agents 64 Batch Size 128
Target entropy -1.0
"""


def test_the_start_of_sac_is_recognised() -> None:
    """A dictionary and three bare numbers are messages because of where they stand."""
    assert {("rl_games", "message")} == {(record.library, record.kind) for record in reads(_SAC)}
    assert ["unrecognised", "unrecognised"] == [record.kind for record in reads("{'a': 1}\n128 64 1\n")]


def test_the_reward_of_sac_has_no_brackets() -> None:
    """SAC prints a bare number, which may lack digits where the log was cut off."""
    line = "saving next best rewards:  1.3366512"
    assert [1.3366512, None] == [next(read(io.StringIO(text))).reward for text in (f"{line}\n", line)]
