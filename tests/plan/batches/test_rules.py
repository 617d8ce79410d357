"""Each rule of minibatches, held against the installed library while it trains the cart-pole for one iteration."""

from __future__ import annotations

import importlib
import random
from typing import TYPE_CHECKING, Any

import pytest
import torch
from rl_games.torch_runner import Runner
from skrl.memories.torch import RandomMemory

from stepscope.errors import BadInputError
from stepscope.logs import BY_KEY
from stepscope.logs.minibatches import Refusal, Rollout
from stepscope.plan.batches import check_setting, find_batches
from tests.plan.batches.observed import Case, observe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live

ACCEPTED = (
    Case("rl_games", 4, 8, 8),
    Case("rl_games", 4, 8, 32),
    Case("rl_games", 4, 8, 1),
    Case("rl_games", 4, 6, 6),  # not a multiple of seq_length, which without a recurrent policy is no matter
    Case("rl_games", 4, 8, 8, sequence=8),
    Case("rl_games", 5, 8, 20, sequence=4),
    Case("rsl_rl", 4, 6, 4),
    Case("rsl_rl", 4, 6, 5),  # drops 4 samples
    Case("rsl_rl", 4, 6, 24),
    Case("rsl_rl", 4, 6, 2, sequence=1),
    Case("rsl_rl", 5, 6, 2, sequence=1),  # drops one environment
    Case("rsl_rl", 4, 6, 4, sequence=1),
    Case("skrl", 4, 6, 4),
    Case("skrl", 4, 6, 5),  # one minibatch is smaller
    Case("skrl", 4, 6, 1),
    Case("skrl", 4, 6, 2, sequence=2),
    Case("skrl", 4, 6, 3, sequence=4),
    Case("skrl", 4, 6, 12, sequence=2),
    Case("skrl", 4, 6, 4, sequence=1),
    Case("skrl", 4, 6, 5, sequence=1),  # drops 4 samples
    Case("sb3", 4, 6, 8),
    Case("sb3", 4, 6, 7),  # the last one is smaller
    Case("sb3", 4, 6, 23),
    Case("sb3", 4, 6, 100),
)
REFUSED = (
    Case("rsl_rl", 4, 1, 4, sequence=1),
    Case("skrl", 3, 5, 12, sequence=8),
    Case("rsl_rl", 1, 1, 1),
    Case("rl_games", 4, 8, 7),
    Case("rl_games", 4, 8, 33),
    Case("rl_games", 3, 5, 5),
    Case("rl_games", 4, 8, 8, sequence=3),
    Case("rl_games", 4, 8, 4, sequence=8),
    Case("rl_games", 4, 6, 12, sequence=4),
    Case("rl_games", 4, 2, 8, sequence=4),
    Case("skrl", 4, 6, 5, sequence=2),
    Case("skrl", 3, 4, 2, sequence=4),
    Case("skrl", 5, 6, 2, sequence=2),
    Case("sb3", 4, 6, 1),
    Case("sb3", 1, 1, 2),
)
# Settings with which a library goes on and learns nothing, or only NaN.
USELESS = (
    Case("rsl_rl", 4, 6, 25),
    Case("rsl_rl", 4, 6, 5, sequence=1),
    Case("skrl", 4, 6, 25),
    Case("skrl", 4, 6, 24),
    Case("skrl", 4, 6, 13),
    Case("skrl", 4, 6, 25, sequence=1),
    Case("skrl", 1, 1, 1),
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: two on a busy machine can be many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _rollout(case: Case) -> Rollout:
    sequence = case.sequence or BY_KEY[case.library].minibatches.default_sequence or 1
    return Rollout(case.num_envs, case.horizon, sequence, recurrent=case.sequence is not None)


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_the_library_makes_the_minibatches_that_its_rules_say(case: Case, tmp_path: Path) -> None:
    """Their sizes in their order, the samples that none of them holds, and the steps of the optimiser."""
    rollout = _rollout(case)
    groups = BY_KEY[case.library].minibatches.cut(rollout, case.setting)
    assert not isinstance(groups, Refusal)
    sizes = [group.samples for group in groups for _ in range(group.number)]
    observed = observe(case, tmp_path)
    assert case.epochs * sizes == observed.sizes
    assert case.epochs * len(sizes) == observed.optimizer_steps
    assert sum(sizes) == observed.distinct  # every pass drops the same samples
    assert all(weights.isfinite().all() for weights in observed.weights)


def _draw(library: str, number: int) -> Case:
    """Return the case of this number: a small rollout, and a setting that may cut it evenly or not."""
    generator = random.Random(number)  # noqa: S311 - the same cases in every run
    num_envs, horizon = generator.randint(1, 7), generator.randint(1, 9)
    sequence = generator.choice([None, 1, 2, 3, 4]) if library != "sb3" else None
    return Case(library, num_envs, horizon, generator.randint(1, num_envs * horizon), sequence)


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("library", ["rl_games", "rsl_rl", "skrl", "sb3"])
def test_any_small_rollout_is_cut_or_refused_as_the_rules_say(
    library: str, number: int, tmp_path: Path
) -> None:
    """Whatever the numbers are: the minibatches, the error, or minibatches that teach nothing."""
    case = _draw(library, number)
    rule = BY_KEY[library].minibatches.cut(_rollout(case), case.setting)
    if isinstance(rule, Refusal) and rule.error:
        with pytest.raises(Exception) as raised:  # noqa: PT011 - its type is compared below
            observe(case, tmp_path)
        assert rule.error == raised.type.__name__
        return
    observed = observe(case, tmp_path)
    if isinstance(rule, Refusal):
        assert 0 in observed.sizes or not observed.weights[-1].isfinite().all()
    else:
        assert case.epochs * [group.samples for group in rule for _ in range(group.number)] == observed.sizes


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_the_library_raises_what_its_rules_say(case: Case, tmp_path: Path) -> None:
    """The same exception with the same words."""
    refusal = BY_KEY[case.library].minibatches.cut(_rollout(case), case.setting)
    assert isinstance(refusal, Refusal)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - its type and words are compared below
        observe(case, tmp_path)
    assert refusal.error == raised.type.__name__
    words, dots, _ = refusal.text.partition("...")  # what stands there depends on the networks
    assert str(raised.value).startswith(words) if dots else words == str(raised.value)


@pytest.mark.parametrize("case", USELESS, ids=str)
def test_a_setting_without_an_error_that_teaches_nothing_is_refused(case: Case, tmp_path: Path) -> None:
    """The weights stay as they are or become NaN, or a minibatch is empty, and the library raises nothing."""
    refusal = BY_KEY[case.library].minibatches.cut(_rollout(case), case.setting)
    assert isinstance(refusal, Refusal)
    assert "" == refusal.error
    observed = observe(case, tmp_path)
    first, last = observed.weights if len(observed.weights) > 1 else (torch.zeros(1), observed.weights[0])
    nan = not last.isfinite().all()
    if "NaN weights" in refusal.text:
        assert nan
    elif "learns nothing" in refusal.text:
        assert torch.equal(first, last)
    else:
        assert "empty" in refusal.text
        assert 0 in observed.sizes


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("rl_games", "refused: ValueError"),
        ("rsl_rl", "dropped"),
        ("skrl", "differ by one"),
        ("sb3", "smaller last"),
    ],
)
def test_the_words_for_a_remainder_are_those_of_the_rule(library: str, words: str, tmp_path: Path) -> None:
    """24 samples, and a setting of 5, with each library."""
    assert words in BY_KEY[library].minibatches.remainder
    case = Case(library, 4, 6, 5, epochs=1)
    if library == "rl_games":
        with pytest.raises(ValueError, match="must be divisible"):
            observe(case, tmp_path)
        return
    observed = observe(case, tmp_path)
    expected = {"rsl_rl": [4, 4, 4, 4, 4], "skrl": [5, 5, 5, 5, 4], "sb3": [5, 5, 5, 5, 4]}
    assert expected[library] == observed.sizes


@pytest.mark.parametrize(("library", "setting", "minibatches"), [("skrl", 4, [3, 5]), ("sb3", 6, [2, 2])])
def test_a_limit_of_the_divergence_ends_passes_early(
    library: str, setting: int, minibatches: list[int], tmp_path: Path
) -> None:
    """With a limit next to zero skrl looks at the first minibatch of each pass, and Stable-Baselines3 makes one step."""
    whole = observe(Case(library, 4, 6, setting), tmp_path)
    ended = [
        observe(Case(library, 4, 6, setting, epochs=epochs, early_stop=1e-9), tmp_path) for epochs in (3, 5)
    ]
    assert 2 * 4 == whole.optimizer_steps
    assert all(each.optimizer_steps <= 1 for each in ended)
    assert minibatches == [len(each.sizes) for each in ended]
    assert {"skrl": "current pass", "sb3": "all passes"}[library] == BY_KEY[
        library
    ].minibatches.early_stop_ends


def test_sb3_warns_of_a_smaller_last_minibatch(tmp_path: Path) -> None:
    """As the table of settings says; without a remainder it does not."""
    [warning] = [
        text for text in observe(Case("sb3", 4, 6, 7), tmp_path).warnings if "truncated mini-batch" in text
    ]
    assert "there will be a truncated mini-batch of size 3" in warning
    assert not any("mini-batch" in text for text in observe(Case("sb3", 4, 6, 8), tmp_path).warnings)


def test_rl_games_ignores_a_size_per_environment_beside_a_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With both, the minibatches have the size, and not 4 samples for each of 4 environments."""
    load = Runner.load

    def load_both(runner: Runner, settings: dict[str, Any]) -> None:
        settings["params"]["config"]["minibatch_size_per_env"] = 4
        load(runner, settings)

    monkeypatch.setattr(Runner, "load", load_both)
    assert {8} == set(observe(Case("rl_games", 4, 8, 8), tmp_path).sizes)


def test_skrl_continues_a_sequence_in_the_next_environment() -> None:
    """Where the rollout is not a multiple of a sequence, in the memory that its recurrent agents read."""
    memory = RandomMemory(memory_size=6, num_envs=2, device="cpu")
    memory.create_tensor("env", size=1, dtype=torch.int64)
    for _ in range(6):
        memory.add_samples(env=torch.tensor([[0], [1]]))
    [[envs]] = memory.sample_all(["env"], sequence_length=4)
    assert [[0, 0, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]] == envs.view(3, 4).tolist()


@pytest.mark.parametrize("library", ["rl_games", "rsl_rl", "skrl", "sb3"])
def test_every_setting_that_is_listed_is_accepted(library: str, tmp_path: Path) -> None:
    """All of them for a small rollout, in one training each: minibatches of one size, and no sample left out."""
    batches = find_batches(library, num_envs=3, horizon=4, epochs=2)
    assert len(batches.settings) >= 4
    for setting in batches.settings:
        observed = observe(Case(library, 3, 4, setting.value), tmp_path)
        assert (setting.updates, 12) == (observed.optimizer_steps, observed.distinct)
        assert 1 == len(set(observed.sizes))


@pytest.mark.parametrize("case", [case for case in ACCEPTED if case.sequence is None], ids=str)
def test_what_is_not_listed_has_a_remainder(case: Case, tmp_path: Path) -> None:
    """The nearest settings without one are offered in its place."""
    batches = find_batches(case.library, num_envs=case.num_envs, horizon=case.horizon)
    setting = check_setting(batches, case.setting)
    observed = observe(case, tmp_path)
    even = len(set(observed.sizes)) == 1 and observed.distinct == case.num_envs * case.horizon
    assert even == setting.is_even
    if case.setting <= case.num_envs * case.horizon:
        assert even == (case.setting in [each.value for each in batches.settings])


@pytest.mark.parametrize("library", ["rl_games", "rsl_rl", "skrl", "sb3"])
def test_the_names_are_settings_of_the_library(library: str) -> None:
    """Each name stands in the source of the installed library."""
    rules = BY_KEY[library].minibatches
    module = {
        "rl_games": "rl_games.common.a2c_common",
        "rsl_rl": "rsl_rl.algorithms.ppo",
        "skrl": "skrl.agents.torch.ppo.ppo_cfg",
        "sb3": "stable_baselines3.ppo.ppo",
    }[library]
    source = importlib.import_module(module).__loader__.get_source(module)
    names = [rules.setting, rules.epochs, rules.early_stop]
    if library != "rsl_rl":
        names.append(rules.horizon)
    else:
        runner = "rsl_rl.runners.on_policy_runner"
        assert rules.horizon in importlib.import_module(runner).__loader__.get_source(runner)
    assert [] == [name for name in names if name not in source]
    environments = {
        "rl_games": module,
        "rsl_rl": "rsl_rl.env.vec_env",
        "skrl": "skrl.envs.wrappers.torch.base",
        "sb3": "stable_baselines3.common.env_util",
    }[library]
    assert rules.environments in importlib.import_module(environments).__loader__.get_source(environments)
    switch = {
        "rl_games": (module, "multi_gpu"),
        "rsl_rl": ("rsl_rl.runners.on_policy_runner", "WORLD_SIZE"),
        "skrl": ("skrl", "WORLD_SIZE"),
    }
    assert (library in switch) == bool(rules.several_processes)
    if rules.several_processes:
        module, name = switch[library]
        assert name in rules.several_processes
        assert name in importlib.import_module(module).__loader__.get_source(module)


def test_a_refused_rollout_offers_the_nearest_ones(tmp_path: Path) -> None:
    """RL-Games accepts them."""
    with pytest.raises(BadInputError, match=r"--num-envs 4 or --horizon 4") as raised:
        find_batches("rl_games", num_envs=3, horizon=5)
    assert "RL-Games raises ValueError: Batch size must be divisible by sequence length." in str(raised.value)
    for num_envs, horizon in ((4, 5), (3, 4)):
        assert observe(Case("rl_games", num_envs, horizon, num_envs * horizon), tmp_path).optimizer_steps
