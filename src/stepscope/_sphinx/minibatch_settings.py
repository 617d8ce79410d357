"""The directive ``{minibatch-settings}``: how PPO of each library cuts a rollout into minibatches, in its own words.

````
```{minibatch-settings}
```
````

The cells come from the description of each library, which the tests compare with the installed release.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._common.format import TIMES
from stepscope._sphinx.tables import table
from stepscope.logs import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs.minibatches import MinibatchRules, Reference

__all__ = ["MinibatchSettingsDirective"]

_DOUBLING = {
    "number": "minibatches twice as large, half the updates per sample",
    "size": "twice the minibatches, the same updates per sample",
}


class MinibatchSettingsDirective(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        described = [
            (library, library.minibatches) for library in LIBRARIES if library.minibatches is not None
        ]
        all_rules = [rules for _, rules in described]
        rows: list[list[str | nodes.Node]] = [
            ["Tested with", *(version(library.distribution) for library, _ in described)],
            ["Environments of a process", *(_name(rules.environments) for rules in all_rules)],
            ["Vector steps per rollout", *(_name(rules.horizon) for rules in all_rules)],
            ["Minibatches", *(_name(rules.setting) for rules in all_rules)],
            ["What that fixes", *(f"their {rules.fixes}" for rules in all_rules)],
            ["Read if that is absent", *(_alternative(rules) for rules in all_rules)],
            ["Passes over a rollout", *(_name(rules.epochs) for rules in all_rules)],
            ["Ends passes early", *(_early_stop(rules) for rules in all_rules)],
            ["A remainder", *(rules.remainder for rules in all_rules)],
            ["Twice the environments", *(_DOUBLING[rules.fixes] for rules in all_rules)],
            ["A recurrent policy", *(_recurrent(rules) for rules in all_rules)],
            ["Several processes", *(_switch(rules) for rules in all_rules)],
            ["Examples in Isaac Lab", *(_examples(rules) for rules in all_rules)],
        ]
        return [table(["Property", *(library.name for library, _ in described)], rows, "minibatch-settings")]


def _name(setting: str) -> str | nodes.Node:
    return nodes.literal("", setting) if setting else "no setting"


def _alternative(rules: MinibatchRules) -> str | nodes.Node:
    if not rules.alternative:
        return "no setting"
    fixes = nodes.inline("", "times the environments: fixes their number", classes=["below"])
    return nodes.inline("", "", nodes.literal("", rules.alternative, classes=["breakable"]), fixes)


def _early_stop(rules: MinibatchRules) -> str | nodes.Node:
    if not rules.early_stop:
        return "no setting"
    ends = nodes.inline("", rules.early_stop_ends, classes=["below"])
    return nodes.inline("", "", nodes.literal("", rules.early_stop), ends)


def _switch(rules: MinibatchRules) -> str | nodes.Node:
    name, above, value = rules.several_processes.partition(" above ")
    if not name:
        return "not possible"
    return nodes.inline("", "", nodes.literal("", name), nodes.Text(above + value))


def _recurrent(rules: MinibatchRules) -> nodes.Node:
    names = [re.escape(name) for name in (rules.horizon, rules.setting, rules.sequence) if name]
    parts = re.split(rf"\b({'|'.join(names)})\b", rules.recurrent or "no recurrent policy")
    return nodes.inline(
        "", "", *(nodes.literal("", part) if at % 2 else nodes.Text(part) for at, part in enumerate(parts))
    )


def _examples(rules: MinibatchRules) -> nodes.Node:
    return nodes.inline("", "", *(line for reference in rules.references for line in _example(reference)))


def _example(reference: Reference) -> Iterator[nodes.Node]:
    values = f"{reference.num_envs:,} {TIMES} {reference.horizon}, {reference.setting:,}, {reference.epochs} passes"
    for text in (reference.task, values):
        yield nodes.inline("", text, classes=["below"])
