"""What PyTorch will take of memory in a training with PPO, counted before anything runs."""

from stepscope.plan.memory._estimate import Account, Item, account
from stepscope.plan.memory._training import LIBRARIES, Training
from stepscope.plan.memory._words import as_json, report, rows

__all__ = ["LIBRARIES", "Account", "Item", "Training", "account", "as_json", "report", "rows"]
