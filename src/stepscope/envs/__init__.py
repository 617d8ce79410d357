"""Worlds of many environments as torch tensors on one device."""

from stepscope.envs._still import Still
from stepscope.envs.cartpole import CartPole

__all__ = ["CartPole", "Still"]
