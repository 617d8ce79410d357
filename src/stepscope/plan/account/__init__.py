"""What PyTorch will take of memory in a training with PPO, counted before anything runs."""

from stepscope.plan.account._account import Account, Item, account
from stepscope.plan.account._training import Training

__all__ = ["Account", "Item", "Training", "account"]
