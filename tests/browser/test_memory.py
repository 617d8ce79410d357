"""The answers of the calculator of memory."""

from __future__ import annotations

import json
import shlex

import pytest

from stepscope.browser import calculate_memory, memory_arguments
from stepscope.cli import main

SETTINGS = {
    "library": "rsl_rl",
    "release": "",
    "num_envs": "4096",
    "horizon": "24",
    "observation": "48",
    "actions": "12",
    "hidden": "128,128,128",
    "minibatches": "4",
    "dtype": "",
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"library": "sb3", "release": "2.7.0", "hidden": "", "minibatches": " 16 "},
        {"library": "rl_games", "observation": "3x84x84", "num_envs": "64", "hidden": "", "dtype": "float32"},
    ],
)
def test_the_commands_print_the_same(capsys: pytest.CaptureFixture[str], changes: dict[str, str]) -> None:
    """The commands that the answer shows print its JSON."""
    answer = calculate_memory(**{**SETTINGS, **changes})
    assert answer["error"] is None
    for part in ("memory", "batches"):
        program, *arguments = shlex.split(answer[part]["command"])
        assert program == "stepscope"
        assert main([*arguments, "--json", "-"]) == 0
        assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(answer[part]["json"]))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"num_envs": ""}, "num_envs"),
        ({"num_envs": "-1"}, "num_envs"),
        ({"horizon": "2.5"}, "horizon"),
        ({"observation": "3x84"}, "observation"),
        ({"observation": "3x8x8"}, "observation"),
        ({"actions": "--help"}, "actions"),
        ({"hidden": "64,,64"}, "hidden"),
        ({"minibatches": "7"}, "minibatches"),
        ({"dtype": "uint8"}, "dtype"),
        ({"dtype": "int8"}, "dtype"),
        ({"release": "0.1"}, "release"),
        ({"release": "newest"}, "release"),
        ({"library": "stepscope"}, "library"),
    ],
)
def test_an_error_is_about_its_field(
    capsys: pytest.CaptureFixture[str], changes: dict[str, str], field: str
) -> None:
    """It is the sentence of the command, without the name of the option."""
    settings = {**SETTINGS, **changes}
    answer = calculate_memory(**settings)
    assert answer["field"] == field
    assert answer["memory"] is None
    if settings[field] and changes.get("actions") != "--help":
        assert main(["memory", *memory_arguments(settings)]) == 2
        assert answer["error"].rstrip(".") in capsys.readouterr().err


def test_the_library_s_own_setting_is_checked() -> None:
    """RSL-RL takes the number of minibatches, RL-Games their size; what does not divide is dropped or no size."""
    kept = calculate_memory(**{**SETTINGS, "minibatches": "8"})["batches"]
    assert (kept["value"], kept["json"]["settings"][0]["minibatches"]) == (
        8,
        [{"number": 8, "samples": 12288}],
    )
    dropped = calculate_memory(**{**SETTINGS, "minibatches": "7"})["batches"]
    assert dropped["json"]["settings"][0]["dropped"] == 98304 % 7
    size = calculate_memory(**{**SETTINGS, "library": "rl_games", "minibatches": "8"})["batches"]
    assert size["value"] == 98304 // 8
    assert (
        calculate_memory(**{**SETTINGS, "library": "rl_games", "minibatches": "7"})["batches"]["value"]
        is None
    )


def test_a_refusal_is_that_of_the_library() -> None:
    """A setting, or a whole rollout, that it does not accept."""
    one = calculate_memory(**{**SETTINGS, "library": "sb3", "minibatches": str(4096 * 24)})["batches"]
    assert one["refusal"].startswith("Stable-Baselines3 raises AssertionError")
    assert one["rows"]
    none = calculate_memory(
        **{**SETTINGS, "library": "rl_games", "num_envs": "5", "horizon": "3", "minibatches": "1"}
    )
    assert none["memory"] is not None
    assert "No minibatch_size works with this rollout" in none["batches"]["refusal"]
    assert none["batches"]["rows"] == []
