"""One iteration of PPO by an installed library, with every minibatch noted that reaches its optimiser.

Nothing is replaced: the library's own minibatches are noted as it takes them, and torch's hook counts the steps of its
optimiser. Only our own check of sizes is switched off, so that the library itself accepts or refuses a setting.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from rl_games.common.datasets import PPODataset
from rl_games.torch_runner import Runner
from rsl_rl.storage import RolloutStorage
from skrl.agents.torch.ppo import PPO_RNN
from skrl.models.torch import GaussianMixin
from stable_baselines3.common.buffers import RolloutBuffer
from torch.optim.optimizer import register_optimizer_step_post_hook

from stepscope.envs import CartPole
from stepscope.train import rl_games, rsl_rl, sb3, skrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

__all__ = ["Case", "Observed", "observe"]


class Case(NamedTuple):
    """A training of one iteration.

    Attributes
    ----------
    library, num_envs, horizon
        What trains, on how many cart-poles, for how many vector steps.
    setting
        The library's own: the size of a minibatch for RL-Games and Stable-Baselines3, their number for RSL-RL and skrl.
    sequence
        Length of the sequences of a recurrent policy; any number where RSL-RL, which has no such setting, is to train
        one. None for a policy that is not recurrent.
    epochs
        Passes over the rollout.
    early_stop
        Value of the setting that ends the passes early.
    """

    library: str
    num_envs: int
    horizon: int
    setting: int
    sequence: int | None = None
    epochs: int = 2
    early_stop: float | None = None


@dataclass
class Observed:
    """Minibatches of one iteration, in their order.

    Attributes
    ----------
    actions
        The actions in each minibatch, a row for each sample. They are drawn from a normal distribution, so that no two
        samples have the same.
    optimizer_steps
        Steps of the optimiser.
    weights
        All weights that it moves, in one vector: after its first step, and after its last one.
    warnings
        What the library warned of.
    """

    actions: list[Tensor] = field(default_factory=list)
    optimizer_steps: int = 0
    weights: list[Tensor] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def sizes(self) -> list[int]:
        """Samples in each minibatch."""
        return [len(rows) for rows in self.actions]

    @property
    def distinct(self) -> int:
        """Samples that were used at least once."""
        return len(torch.cat(self.actions).unique(dim=0))

    def note(self, actions: Tensor) -> None:
        """Note the actions of a minibatch, the last axis of which are the numbers of an action."""
        self.actions.append(actions.detach().clone().reshape(-1, actions.shape[-1]))

    def count_step(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        """Count a step of the optimiser."""
        self.optimizer_steps += 1
        weights = [
            weight.detach().flatten() for group in optimizer.param_groups for weight in group["params"]
        ]
        self.weights[1:] = [torch.cat(weights)]

    def each(self, batches: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """Return a generator of minibatches that also notes each of them."""

        def noted(*args: object, **options: object) -> Iterator[Any]:
            for batch in batches(*args, **options):
                self.note(batch.actions)
                yield batch

        return noted


def observe(case: Case, folder: Path) -> Observed:
    """Train and return the minibatches that were used; whatever the library raises passes through."""
    observed = Observed()
    torch.manual_seed(0)
    hook = register_optimizer_step_post_hook(observed.count_step)
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            warnings.catch_warnings(record=True) as caught,
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("always")
            patch.chdir(folder)
            minibatches = _ARRANGE[case.library](patch, observed, case)
            # An absolute path, because TensorBoard's thread opens its file whenever it comes to it.
            options = {"iterations": 1, "horizon": case.horizon, "log_dir": str(folder / "runs")}
            module = importlib.import_module(f"stepscope.train.{case.library}")
            module.train(CartPole(case.num_envs), **options, minibatches=minibatches)
    finally:
        hook.remove()
    observed.warnings = [str(warning.message) for warning in caught]
    return observed


def _arrange_rl_games(patch: pytest.MonkeyPatch, observed: Observed, case: Case) -> int:
    take, load = PPODataset.__getitem__, Runner.load

    def noted(dataset: PPODataset, index: int) -> dict[str, Any]:
        batch: dict[str, Any] = take(dataset, index)
        observed.note(batch["actions"])
        return batch

    def load_changed(runner: Runner, settings: dict[str, Any]) -> None:
        settings["params"]["config"]["mini_epochs"] = case.epochs
        if case.sequence is not None:
            settings["params"]["config"]["seq_length"] = case.sequence
            settings["params"]["network"]["rnn"] = {"name": "lstm", "units": 8, "layers": 1}
        load(runner, settings)

    patch.setattr(PPODataset, "__getitem__", noted)
    patch.setattr(Runner, "load", load_changed)
    patch.setattr(rl_games, "minibatch_size", lambda **_: case.setting)
    return 1


def _arrange_rsl_rl(patch: pytest.MonkeyPatch, observed: Observed, case: Case) -> int:
    runner = rsl_rl.OnPolicyRunner

    def start(env: object, settings: dict[str, Any], **options: object) -> object:
        settings["algorithm"]["num_learning_epochs"] = case.epochs
        if case.sequence is not None:
            for name in ("actor", "critic"):
                settings[name].update(class_name="RNNModel", rnn_type="gru", rnn_hidden_dim=8)
        return runner(env, settings, **options)

    for name in ("mini_batch_generator", "recurrent_mini_batch_generator"):
        patch.setattr(RolloutStorage, name, observed.each(getattr(RolloutStorage, name)))
    patch.setattr(rsl_rl, "minibatch_size", lambda **_: None)
    patch.setattr(rsl_rl, "OnPolicyRunner", start)
    return case.setting


def _arrange_sb3(patch: pytest.MonkeyPatch, observed: Observed, case: Case) -> int:
    assert case.sequence is None, "Stable-Baselines3 has no recurrent policy"
    agent = sb3.PPO
    patch.setattr(RolloutBuffer, "get", observed.each(RolloutBuffer.get))
    patch.setattr(sb3, "minibatch_size", lambda **_: case.setting)
    changes = {"n_epochs": case.epochs, "target_kl": case.early_stop}
    patch.setattr(sb3, "PPO", lambda **options: agent(**{**options, **changes}))
    return 1


def _arrange_skrl(patch: pytest.MonkeyPatch, observed: Observed, case: Case) -> int:
    agent = skrl.PPO if case.sequence is None else PPO_RNN
    act = GaussianMixin.act

    def start(**options: Any) -> object:  # noqa: ANN401 - handed on to skrl
        options["cfg"].update(learning_epochs=case.epochs, kl_threshold=case.early_stop or 0.0)
        if case.sequence is not None:
            del options["cfg"]["time_limit_bootstrap"]  # which a recurrent agent does not know
        return agent(**options)

    def noted(model: GaussianMixin, inputs: dict[str, Any], **options: Any) -> Any:  # noqa: ANN401 - skrl's signature
        if "taken_actions" in inputs:  # a minibatch; without them it is a step of the rollout
            observed.note(inputs["taken_actions"])
        return act(model, inputs, **options)

    patch.setattr(GaussianMixin, "act", noted)
    patch.setattr(skrl, "minibatch_size", lambda **_: None)
    patch.setattr(skrl, "PPO", start)
    if case.sequence is not None:
        for name in ("_Policy", "_Value"):
            patch.setattr(skrl, name, _with_gru(getattr(skrl, name), case.sequence, case.num_envs))
    return case.setting


def _with_gru(model: type, sequence: int, num_envs: int) -> type:
    """Return a model with a GRU before its layers, which reads sequences as the models in skrl's documentation do."""

    class Recurrent(model):
        def __init__(self, hidden: tuple[int, ...], **spaces: Any) -> None:  # noqa: ANN401 - handed on to skrl
            super().__init__(hidden, **spaces)
            self.gru = torch.nn.GRU(4, 4, batch_first=True)

        def get_specification(self) -> dict[str, Any]:
            return {"rnn": {"sequence_length": sequence, "sizes": [(1, num_envs, 4)]}}

        def compute(self, inputs: dict[str, Any], role: str) -> tuple[Tensor, dict[str, Any]]:
            states, hidden = inputs["observations"], inputs["rnn"][0]
            if self.training:
                rows = states.view(-1, sequence, states.shape[-1])
                hidden = hidden.view(1, -1, sequence, hidden.shape[-1])[:, :, 0]
            else:
                rows = states.view(-1, 1, states.shape[-1])
            output, hidden = self.gru(rows, hidden.contiguous())
            read = {**inputs, "observations": output.reshape(-1, output.shape[-1])}
            values, outputs = super().compute(read, role)
            return values, {**outputs, "rnn": [hidden]}

    return Recurrent


_ARRANGE: dict[str, Callable[[pytest.MonkeyPatch, Observed, Case], int]] = {
    "rl_games": _arrange_rl_games,
    "rsl_rl": _arrange_rsl_rl,
    "sb3": _arrange_sb3,
    "skrl": _arrange_skrl,
}
