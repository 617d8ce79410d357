"""The calculator of memory: what ``stepscope memory`` and ``stepscope batches`` answer, with the field of a wrong value."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from stepscope._common.format import format_bytes
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stepscope._common.report import ReportLine
    from stepscope.plan.memory import Training

__all__ = ["calculate_memory", "memory_arguments"]

_OPTIONS = ("num_envs", "horizon", "observation", "actions", "hidden", "minibatches", "dtype")
_MAY_BE_EMPTY = ("hidden", "dtype")
_ARGUMENT = re.compile(r"argument (?:--)?([\w-]+): (.*); see stepscope memory --help\.", re.DOTALL)
# Values that are never wrong: an error that one of them removes is about its field.
_HARMLESS = {"minibatches": "1", "release": "", "dtype": "", "observation": "4"}


def memory_arguments(settings: Mapping[str, object]) -> list[str]:
    """Return the arguments of ``stepscope memory`` for settings by name; those that are empty are left out.

    Examples
    --------
    >>> memory_arguments({"library": "sb3", "release": "2.7.0", "num_envs": 64, "observation": "4", "hidden": ""})
    ['sb3==2.7.0', '--num-envs', '64', '--observation', '4']
    """
    texts = _texts(settings)
    words = [_library(texts)]
    for name in _OPTIONS:
        if texts.get(name):
            words += [_option(name), texts[name]]
    return words


def calculate_memory(**settings: object) -> dict[str, Any]:
    """Return what ``stepscope memory`` and ``stepscope batches`` answer for one training.

    Parameters
    ----------
    settings
        The text of each field: ``library``, ``release``, ``num_envs``, ``horizon``, ``observation``, ``actions``,
        ``hidden``, ``minibatches`` and ``dtype``.

    Returns
    -------
    dict
        ``memory`` and ``batches``, each with its ``command``, its ``json``, the ``rows`` of its table under their header,
        and the ``lines`` below it. If a value is wrong, ``memory`` is None, and ``field`` and ``error`` are its field and
        a sentence. ``batches`` is None if there is no rollout to cut; its ``refusal`` is what the library raises, if it
        refuses the minibatches, and its ``value`` that of the library's own setting.
    """
    texts = _texts(settings)
    answer: dict[str, Any] = {"field": None, "error": None, "memory": None, "batches": None}
    training: Training | None
    try:
        training = _parse(texts)
    except BadInputError as error:
        answer["field"], answer["error"], training = _find_field(texts, str(error))
    else:
        answer["memory"] = _estimate(training, texts)
    if training is not None:
        answer["batches"] = _cut(training, int(texts["minibatches"]))
    return answer


def _texts(settings: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value).strip() for name, value in settings.items()}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _library(texts: Mapping[str, str]) -> str:
    return texts["library"] + (f"=={texts['release']}" if texts.get("release") else "")


def _parse(texts: Mapping[str, str]) -> Training:
    from stepscope.commands.memory import parse_training  # noqa: PLC0415 - the page that reads logs does not wait for it

    # With an equals sign, a value that begins with a hyphen is not another option.
    options = [
        f"{_option(name)}={texts.get(name, '')}"
        for name in _OPTIONS
        if texts.get(name) or name not in _MAY_BE_EMPTY
    ]
    return parse_training([_library(texts), *options])


def _find_field(texts: Mapping[str, str], sentence: str) -> tuple[str, str, Training | None]:
    """Return the field that an error is about, a sentence, and the training without that error."""
    if match := _ARGUMENT.fullmatch(sentence):
        return match[1].lower().replace("-", "_"), f"{match[2]}.", None
    for field, value in _HARMLESS.items():
        try:
            return field, sentence, _parse({**texts, field: value})
        except BadInputError:
            continue
    return "library", sentence, None


def _estimate(training: Training, texts: Mapping[str, str]) -> dict[str, Any]:
    from stepscope.plan.memory import (  # noqa: PLC0415 - the same
        estimate_memory,
        format_rows,
        report,
        to_json,
    )

    estimate = estimate_memory(training)
    return {
        "command": shlex.join(["stepscope", "memory", *memory_arguments(texts)]),
        "json": to_json(estimate),
        "rows": format_rows(estimate),
        # The first lines describe the rows, as the JSON does.
        "lines": _lines(list(report(estimate))[len(estimate.items) + 1 :]),
        "torch": format_bytes(estimate.torch_bytes),
        "host": format_bytes(estimate.host_bytes) if estimate.host_bytes else None,
    }


def _cut(training: Training, minibatches: int) -> dict[str, Any]:
    from stepscope.plan.batches import (  # noqa: PLC0415 - the same
        check_setting,
        find_batches,
        format_rows,
        report,
        to_json,
    )

    command = ["stepscope", "batches", training.library]
    command += ["--num-envs", str(training.num_envs), "--horizon", str(training.horizon)]
    answer: dict[str, Any] = {"command": shlex.join(command), "value": None, "refusal": None}
    answer |= {"json": None, "rows": [], "lines": []}
    try:
        cuts = find_batches(training.library, num_envs=training.num_envs, horizon=training.horizon)
        answer["json"] = to_json(cuts)
        answer["rows"] = format_rows(cuts)
        answer["lines"] = _lines(report(cuts))
        if cuts.rules.fixes == "number" or training.steps % minibatches == 0:
            value = minibatches if cuts.rules.fixes == "number" else training.steps // minibatches
            answer["value"] = value
            answer["command"] = shlex.join([*command, "--setting", str(value)])
            setting = check_setting(cuts, value)
            answer["json"] = to_json(cuts, setting)
            answer["lines"] = _lines(report(cuts, setting))
    except BadInputError as error:
        answer["refusal"] = str(error)
    return answer


def _lines(lines: Iterable[ReportLine]) -> list[tuple[str, str, str]]:
    return [(line.label, line.text, line.severity) for line in lines]
