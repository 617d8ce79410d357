"""A training loop to be timed around any environment: a policy, a rollout and a PPO-like update in plain torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Loop"]

_DISCOUNT, _LAMBDA, _CLIP = 0.99, 0.95, 0.2


class Loop:
    """An environment, a policy and an update.

    The environment follows Gymnasium's vector convention, with tensors or NumPy arrays. A policy turns observations
    into means of actions, or into logits where actions are discrete; None is a multilayer perceptron.

    Nothing here waits for the device. The defaults are those of many a locomotion task.

    Parameters
    ----------
    horizon
        Vector steps per rollout.
    hidden
        Widths of the hidden layers of the policy and of the value function.
    epochs, minibatches
        Passes over a rollout, and the parts that each of them is cut into.

    Raises
    ------
    BadInputError
        The environment does not keep to the convention.
    """

    def __init__(
        self,
        env: Any,  # noqa: ANN401 - whatever a factory returns
        *,
        num_envs: int,
        device: torch.device,
        policy: nn.Module | None = None,
        horizon: int = 16,
        hidden: Sequence[int] = (64, 64),
        epochs: int = 5,
        minibatches: int = 4,
    ) -> None:
        self.env, self.device = env, device
        self.num_envs, self.horizon = num_envs, horizon
        self._hidden, self._epochs, self._minibatches = hidden, epochs, minibatches
        _check(env)
        first = _checked_result(env.reset(), 2, "reset")[0]
        self._arrays = not _is_tensor(first)
        self._observations = self._as_tensor(first)
        self._policy = self._mlp(*self._actions()) if policy is None else policy.to(device)
        means = self._policy(self._observations.float())
        self._discrete = _space(env, "n") is not None
        self._log_std = nn.Parameter(torch.zeros(() if self._discrete else means.shape[1:], device=device))
        self._value = self._mlp(1)
        parameters = [*self._policy.parameters(), *self._value.parameters(), self._log_std]
        self._parameters = parameters
        self._optimiser = torch.optim.Adam(parameters, lr=3e-4)
        self._allocate(means)

    def rollout(self, mark: Callable[[], None], *, steps: int | None = None) -> None:
        """Take `horizon` vector steps, or the first `steps`; `mark` is called before and after each ``step()``."""
        with torch.no_grad():
            for step in range(self.horizon if steps is None else steps):
                actions = self._act(step)
                mark()
                observations, rewards, terminated, truncated, _ = _checked_result(
                    self.env.step(actions), 5, "step"
                )
                mark()
                self._observations = self._as_tensor(observations)
                self._rewards[step] = self._tensor(rewards)
                self._done[step] = self._tensor(terminated) | self._tensor(truncated)
            self._values[self.horizon] = self._value(self._observations.float())[:, 0]

    def update(self) -> None:
        """Learn from the last rollout."""
        with torch.no_grad():
            advantages = self._advantages()
            returns = (advantages + self._values[:-1]).flatten()
            advantages = ((advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)).flatten()
        seen, actions = self._seen.flatten(0, 1), self._taken_actions.flatten(0, 1)
        old = self._log_probabilities.flatten()
        size = len(old) // min(self._minibatches, len(old))
        for _ in range(self._epochs):
            for part in torch.randperm(len(old), device=self.device).split(size):
                self._step_optimiser(seen[part], actions[part], old[part], advantages[part], returns[part])

    def _act(self, step: int) -> Any:  # noqa: ANN401 - a tensor or an array, as the environment wants it
        seen = self._observations
        means = self._policy(seen.float())
        if self._discrete:  # the largest of logits with Gumbel noise is a draw from the softmax
            actions = (means - torch.empty_like(means).exponential_().log()).argmax(-1)
        else:
            actions = means + self._log_std.exp() * torch.randn_like(means)
        self._seen[step], self._taken_actions[step] = seen, actions
        self._log_probabilities[step] = self._log_probability(means, actions)
        self._values[step] = self._value(seen.float())[:, 0]
        return actions.cpu().numpy() if self._arrays else actions

    def _log_probability(self, means: Tensor, actions: Tensor) -> Tensor:
        if self._discrete:
            return means.log_softmax(-1).gather(-1, actions[..., None])[..., 0]
        terms = -0.5 * ((actions - means) / self._log_std.exp()) ** 2 - self._log_std
        return (terms - 0.5 * math.log(2 * math.pi)).flatten(1).sum(1)

    def _advantages(self) -> Tensor:
        """Generalised advantage estimates (Schulman et al., 2016), shape (horizon, N)."""
        advantages, advantage = torch.empty_like(self._rewards), torch.zeros_like(self._rewards[0])
        for step in reversed(range(self.horizon)):
            goes_on = 1.0 - self._done[step].float()
            delta = self._rewards[step] + _DISCOUNT * goes_on * self._values[step + 1] - self._values[step]
            advantage = delta + _DISCOUNT * _LAMBDA * goes_on * advantage
            advantages[step] = advantage
        return advantages

    def _step_optimiser(
        self, seen: Tensor, actions: Tensor, old: Tensor, advantages: Tensor, returns: Tensor
    ) -> None:
        """One step of PPO's clipped objective (Schulman et al., 2017) with a value loss."""
        seen = seen.float()
        ratio = (self._log_probability(self._policy(seen), actions) - old).exp()
        clipped = ratio.clamp(1.0 - _CLIP, 1.0 + _CLIP)
        surrogate = -torch.minimum(ratio * advantages, clipped * advantages).mean()
        loss = surrogate + (self._value(seen)[:, 0] - returns).square().mean()
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimiser.step()

    def _allocate(self, means: Tensor) -> None:
        def buffer(like: Tensor, *, more: int = 0, dtype: torch.dtype | None = None) -> Tensor:
            return torch.zeros(
                self.horizon + more, *like.shape, dtype=dtype or like.dtype, device=self.device
            )

        scalars = torch.zeros(self.num_envs, device=self.device)
        self._seen = buffer(self._observations)
        self._taken_actions = buffer(scalars, dtype=torch.int64) if self._discrete else buffer(means)
        self._log_probabilities, self._rewards = buffer(scalars), buffer(scalars)
        self._values = buffer(scalars, more=1)
        self._done = buffer(scalars, dtype=torch.bool)

    def _mlp(self, outputs: int, shape: tuple[int, ...] = ()) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()]
        width = self._observations[0].numel()
        for hidden in self._hidden:
            layers += [nn.Linear(width, hidden), nn.ELU()]
            width = hidden
        layers += [nn.Linear(width, outputs), *([nn.Unflatten(1, shape)] if len(shape) > 1 else [])]
        return nn.Sequential(*layers).to(self.device)

    def _actions(self) -> tuple[int, tuple[int, ...]]:
        """Return how many numbers an action takes from the policy, and its shape."""
        choices, shape = _space(self.env, "n"), _space(self.env, "shape")
        if choices is not None:
            return int(choices), ()
        if shape is None:
            raise BadInputError(
                f"{type(self.env).__name__} has no single_action_space that is a Box or Discrete; give it one,"
                " or a policy."
            )
        return math.prod(shape), tuple(shape) if shape else (1,)

    def _as_tensor(self, observations: Any) -> Tensor:  # noqa: ANN401 - tensor, array, or a mapping of them
        """Return observations as one tensor, shape (N, ...); those of a mapping stand side by side."""
        if isinstance(observations, Mapping):
            return torch.cat(
                [self._as_tensor(value).flatten(1).float() for value in observations.values()], dim=1
            )
        taken = self._tensor(observations)
        if taken.ndim == 0 or len(taken) != self.num_envs:
            raise BadInputError(
                f"observations have shape {tuple(taken.shape)}; the first number must be {self.num_envs},"
                " the number of environments."
            )
        return taken if taken.ndim > 1 else taken[:, None]

    def _tensor(self, values: Any) -> Tensor:  # noqa: ANN401 - tensor or array
        return torch.as_tensor(values, device=self.device)


def _check(env: Any) -> None:  # noqa: ANN401 - whatever a factory returns
    for method in ("reset", "step"):
        if not callable(getattr(env, method, None)):
            raise BadInputError(
                f"the factory returned a {type(env).__name__}, which has no {method}(); it must keep to Gymnasium's"
                " vector convention."
            )


def _is_tensor(observations: Any) -> bool:  # noqa: ANN401 - the same
    if isinstance(observations, Mapping):
        return all(_is_tensor(value) for value in observations.values())
    return isinstance(observations, Tensor)


def _checked_result(values: Any, count: int, method: str) -> Any:  # noqa: ANN401 - whatever it returned
    if isinstance(values, tuple) and len(values) == count:
        return values
    what = f"{len(values)} values" if isinstance(values, tuple) else f"a {type(values).__name__}"
    raise BadInputError(f"{method}() returned {what}; Gymnasium's vector convention has {count} values.")


def _space(env: Any, attribute: str) -> Any:  # noqa: ANN401 - of Gymnasium's spaces
    """Return the number of choices or the shape of one environment's action; None if there is none."""
    space = getattr(env, "single_action_space", None)
    if attribute == "shape" and not hasattr(space, "low"):
        return None
    return getattr(space, attribute, None)
