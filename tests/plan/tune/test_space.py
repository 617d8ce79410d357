"""The search space: placeholders, values, and what a library accepts."""

from __future__ import annotations

import random

import pytest

from stepscope.errors import BadInputError
from stepscope.plan.tune import parse_search
from stepscope.plan.tune._space import check_batches, decode, encode, fill, find_refusal

COMMAND = ["train", "--num_envs={num_envs}", "--horizon", "{horizon}", "{seed}"]


def test_lists_and_ranges_are_read() -> None:
    """Numbers are sorted, powers of two include both ends, and words keep their order."""
    texts = ["a=24,16,32", "b=250..8192:log2", "c=1e-4..1e-2:log", "d=2..9", "e=tanh,elu"]
    a, b, c, d, e = parse_search(["{a}{b}{c}{d}{e}"], texts).dimensions
    assert (16, 24, 32) == a.values
    assert (256, 512, 1024, 2048, 4096, 8192) == b.values
    assert (1e-4, 1e-2, True) == (c.low, c.high, c.log)
    assert (2, 9, False) == (d.low, d.high, d.log)
    assert ("tanh", "elu") == e.values


def test_all_combinations_are_listed() -> None:
    """As many as the product of the lists; a range has too many."""
    space = parse_search(["{a} {b}"], ["a=1,2,3", "b=x,y"])
    assert 6 == len(space.combinations() or [])
    assert parse_search(["{a} {b}"], ["a=1,2,3", "b=1..5"]).combinations() is None


@pytest.mark.parametrize("seed", range(20))
def test_values_survive_the_way_through_optuna(seed: int) -> None:
    """What is drawn is proposed as it is, and lies within the range."""
    space = parse_search(["{a}{b}{c}{d}"], ["a=8,16", "b=x,y", "c=1e-4..1e-2:log", "d=2..9"])
    values = next(space.draws(random.Random(seed)))  # noqa: S311 - not a secret
    assert values == decode(space, encode(space, values))
    assert 1e-4 <= float(values["c"]) <= 1e-2
    assert values["d"] in range(2, 10)


def test_a_command_is_filled() -> None:
    """Every placeholder is replaced, and other braces are left."""
    command = [*COMMAND, '{"json": 1}', "{other}"]
    filled = fill(command, {"num_envs": 64, "horizon": 16}, seed=7)
    assert ["train", "--num_envs=64", "--horizon", "16", "7", '{"json": 1}', "{other}"] == filled


@pytest.mark.parametrize(
    ("command", "texts", "sentence"),
    [
        (["train"], ["num_envs=1,2"], "has no placeholder"),
        (["train", "{seed}"], [], "has no placeholder"),
        (COMMAND, ["num_envs=1,2"], "no values for {horizon}"),
        (COMMAND, ["num_envs=1,2", "horizon=1,2", "lr=1,2"], "the command has no {lr}"),
        (COMMAND, ["num_envs=1,2", "horizon=1,2", "seed=1,2"], "{seed} is filled"),
        (COMMAND, ["num_envs=1,2", "num_envs=1,2", "horizon=1,2"], "twice"),
        (COMMAND, ["num_envs", "horizon=1,2"], "is not NAME=VALUES"),
        (COMMAND, ["num_envs=1,,2", "horizon=1,2"], "an empty one"),
        (COMMAND, ["num_envs=1,1", "horizon=1,2"], "a value twice"),
        (COMMAND, ["num_envs=9..2", "horizon=1,2"], "is not a range"),
        (COMMAND, ["num_envs=2..9:log3", "horizon=1,2"], "is not a range"),
        (COMMAND, ["num_envs=0..9:log", "horizon=1,2"], "begins above 0"),
        (COMMAND, ["num_envs=5..7:log2", "horizon=1,2"], "no power of two"),
    ],
)
def test_a_wrong_space_is_refused(command: list[str], texts: list[str], sentence: str) -> None:
    """One sentence, which names what is wrong."""
    with pytest.raises(BadInputError) as caught:
        parse_search(command, texts)
    assert sentence in str(caught.value)


def test_only_accepted_batches_are_open() -> None:
    """RL-Games refuses what does not divide; RSL-RL accepts it; our own option counts parts in both."""
    values = {"num_envs": 100, "horizon": 5}
    assert "ValueError" in str(find_refusal({**values, "minibatch_size": 64}, "rl_games"))
    assert find_refusal({**values, "minibatch_size": 250}, "rl_games") is None
    assert find_refusal({**values, "num_mini_batches": 3}, "rsl_rl") is None
    assert find_refusal({**values, "minibatches": 5}, "rl_games") is None
    assert "500 samples" in str(find_refusal({**values, "minibatches": 3}, "rl_games"))
    assert find_refusal({"num_envs": 100}, "rl_games") is None


def test_a_space_without_a_valid_batch_is_refused() -> None:
    """The reason is the library's; one valid combination is enough."""
    command = ["{num_envs} {horizon} {minibatch_size}"]
    numbers = random.Random(0)  # noqa: S311 - not a secret
    space = parse_search(command, ["num_envs=100,200", "horizon=5", "minibatch_size=64,128"])
    with pytest.raises(BadInputError, match="no combination of --search"):
        check_batches(space, "rl_games", numbers=numbers)
    check_batches(space, "rsl_rl", numbers=numbers)
    space = parse_search(command, ["num_envs=100,128", "horizon=5", "minibatch_size=64,128"])
    check_batches(space, "rl_games", numbers=numbers)
    with pytest.raises(BadInputError, match="is not one of"):
        check_batches(space, "nothing", numbers=numbers)
