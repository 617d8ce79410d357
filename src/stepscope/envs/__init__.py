"""Worlds of many environments as torch tensors on one device."""

from stepscope.envs.cartpole import CartPole

__all__ = ["CartPole"]
