"""The JSON Schema that is shipped: every record of every recording fits it, and a wrong one does not."""

from __future__ import annotations

import copy
import io
import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fuzz._tools import objection
from stepscope.logs import SCHEMA, read, reads

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = Path(__file__).parents[2] / "recordings"
_RECORDINGS = sorted(_ROOT.glob("*/*/*.txt"))
_SCHEMA: dict[str, Any] = json.loads(files("stepscope.logs").joinpath("schema.json").read_text())
_VALIDATOR = Draft202012Validator(_SCHEMA)
_BLOCK = (_ROOT / "rsl_rl" / "5.5.1" / "default.txt").read_bytes()
_ITERATION: dict[str, Any] = next(
    json.loads(record.to_json()) for record in reads(_BLOCK) if record.kind == "iteration"
)
_MESSAGE: dict[str, Any] = next(
    json.loads(record.to_json()) for record in reads(_BLOCK) if record.kind == "message"
)


def _wrong(record: object) -> list[str]:
    return [error.message for error in _VALIDATOR.iter_errors(record)]


def test_the_schema_is_one() -> None:
    """It is valid JSON Schema itself, and says which draft."""
    assert "https://json-schema.org/draft/2020-12/schema" == _SCHEMA["$schema"]
    Draft202012Validator.check_schema(_SCHEMA)


def test_it_is_of_the_version_of_the_records() -> None:
    """Whoever changes the fields gives both the next number."""
    assert SCHEMA == _SCHEMA["properties"]["schema"]["const"]
    assert _SCHEMA["$id"].endswith(f"/log-record-{SCHEMA}.json")


def test_it_names_the_fields_in_their_order() -> None:
    """The schema and a record have the same fields, all of them required."""
    assert list(_ITERATION) == list(_SCHEMA["properties"]) == _SCHEMA["required"]
    for part in ("fps", "seconds"):
        fields = _SCHEMA["properties"][part]
        assert list(_ITERATION[part]) == list(fields["properties"]) == fields["required"]


@pytest.mark.parametrize("path", _RECORDINGS, ids=lambda path: str(path.relative_to(_ROOT).with_suffix("")))
def test_every_record_of_a_recording_fits(path: Path) -> None:
    """Whatever was recorded, each line of JSON made of it is valid; those of one shape are so together."""
    found = ((record.span, objection(record.to_json())) for record in read(path, num_envs=64))
    assert [] == [(span, said) for span, said in found if said is not None]


def test_the_objection_is_the_validators() -> None:
    """What asks about each shape once objects to what the validator objects to."""
    for name in _ITERATION:
        for value in (None, -1, 1.5, "x", [], {}, {"x": "y"}):
            record = {**_ITERATION, name: value}
            assert bool(_wrong(record)) == (objection(json.dumps(record)) is not None), (name, value)


def test_the_recordings_have_every_kind() -> None:
    """So that each kind is checked on what was really printed; a line of nobody's is never recorded."""
    kinds = {record.kind for path in _RECORDINGS for record in read(path)}
    assert set(_SCHEMA["properties"]["kind"]["enum"]) - kinds <= {"unrecognised"}


@pytest.mark.parametrize(
    "text",
    [
        "some words of a simulator\n",
        "fps step: nan fps step and policy inference: inf fps total: -inf epoch: 1/150 frames: 0\n",
        "\x1b[1m Learning iteration 3/4 \x1b[0m\n",
        "\x00\xff\n",
    ],
)
def test_odd_lines_fit(text: str) -> None:
    """What no recording holds is valid, too: lines of nobody's, numbers that JSON lacks, an iteration cut off."""
    assert [] == [message for record in reads(text) for message in _wrong(json.loads(record.to_json()))]


@given(
    st.lists(
        st.sampled_from(_BLOCK.splitlines(keepends=True)) | st.binary(max_size=40),
        max_size=30,
    )
)
def test_whatever_is_read_fits(lines: list[bytes]) -> None:
    """Shuffled lines and any bytes between them make valid records."""
    log = io.BytesIO(b"".join(lines))
    assert [] == [message for record in read(log) for message in _wrong(json.loads(record.to_json()))]


def _set(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        place: Any = record
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


_CHANGES = {
    "a rate in words": _set("fps", "total", to="fast"),
    "a rate of an unknown scope": _set("fps", "overall", to=1.0),
    "a duration with its unit": _set("seconds", "learn", to="0.2s"),
    "an unknown field": _set("speed", to=1.0),
    "an unknown kind": _set("kind", to="epoch"),
    "another version": _set("schema", to=SCHEMA + 1),
    "half an iteration": _set("iteration", to=2.5),
    "an iteration before the first": _set("iteration", to=-1),
    "fewer than no steps": _set("env_steps", to=-1),
    "run number 0": _set("run", to=0),
    "no run": _set("run", to=None),
    "a rank in words": _set("rank", to="rank0"),
    "a metric that is absent": _set("metrics", "Mean value loss", to=None),
    "a metric in words": _set("metrics", "Mean value loss", to="NaN"),
    "metrics in a list": _set("metrics", to=[1.0]),
    "something derived that is no field": _set("derived", "fps.overall", to=1.0),
    "a cold of 0": _set("derived", "cold", to=0),
    "a span of one end": _set("span", to=[0]),
    "a span of three": _set("span", to=[0, 1, 2]),
    "a span that ends where nothing is": _set("span", to=[0, 0]),
    "text of an iteration": _set("text", to="Learning iteration"),
    "true for a number": _set("reward", to=True),
}


@pytest.mark.parametrize("change", _CHANGES.values(), ids=_CHANGES)
def test_a_wrong_record_does_not_fit(change: Callable[[dict[str, Any]], None]) -> None:
    """One wrong thing in a good record is enough."""
    record = copy.deepcopy(_ITERATION)
    assert [] == _wrong(record)
    change(record)
    assert [] != _wrong(record)


@pytest.mark.parametrize(
    "path", [(name,) for name in _ITERATION] + [("fps", "step"), ("seconds", "eta")], ids=".".join
)
def test_a_missing_field_does_not_fit(path: tuple[str, ...]) -> None:
    """A field that was not printed is null; it is never left out."""
    record = copy.deepcopy(_ITERATION)
    place = record
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    assert [] != _wrong(record)


def test_a_message_without_words_does_not_fit() -> None:
    """A message may be a benchmark's report and have rates, but it always has its text."""
    record = copy.deepcopy(_MESSAGE)
    _set("fps", "total", to=1.0)(record)
    assert [] == _wrong(record)
    _set("text", to=None)(record)
    assert [] != _wrong(record)


@pytest.mark.parametrize("change", [_set("text", to=None), _set("fps", "total", to=1.0)])
def test_a_checkpoint_without_words_or_with_a_rate_does_not_fit(
    change: Callable[[dict[str, Any]], None],
) -> None:
    """What is neither an iteration, a progress bar nor a message has its text and no rate."""
    record = {**copy.deepcopy(_MESSAGE), "kind": "checkpoint"}
    assert [] == _wrong(record)
    change(record)
    assert [] != _wrong(record)
