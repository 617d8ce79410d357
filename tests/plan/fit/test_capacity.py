"""The fit on environments whose memory is known, in real processes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from stepscope.errors import BadInputError
from stepscope.plan._probe import Load, run_probe
from stepscope.plan._target import Target
from stepscope.plan.fit._capacity import Budget, Capacity, estimate_capacity, verify, within_budget
from stepscope.plan.fit._report import report

MIB = 2**20
LONG = 3600.0  # seconds: a probe on a busy machine takes its time, and no size is chosen by it

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fresh processes find the worlds that stand beside this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def run(world: str, *, budget_mib: int, **options: Any) -> tuple[Target, Capacity]:  # noqa: ANN401 - of any world
    """Fit one of the worlds."""
    target = Target.parse(f"worlds_under_test:{world}", None)
    capacity = estimate_capacity(
        target,
        budget=Budget.of_this_machine(budget_mib * MIB),
        load=Load(options=options),
        limit_seconds=LONG,
        first=64,
    )
    return target, capacity


def report_text(capacity: Capacity) -> str:
    """Return the words below the table."""
    return " ".join(line.text for line in report(capacity, ()))


def test_known_bytes_are_found() -> None:
    """After at most four probes the line is the world's own, and the prediction within 5 % of the closed form."""
    target, capacity = run("Known", budget_mib=1024, fixed_mib=50, per_env=10_000)
    model = capacity.models["host"]
    assert len(capacity.probes) <= 4
    assert pytest.approx(10_000, rel=0.03) == model.per_env_bytes
    base = run_probe(
        target, 1, load=Load(options={"fixed_mib": 50, "per_env": 0}), limit_seconds=LONG, limit_bytes=None
    )
    truth = (1024 * MIB - base.host_bytes) / 10_000
    assert capacity.largest is not None
    assert 0.95 * truth <= capacity.largest <= truth


def test_the_prediction_is_proved() -> None:
    """The predicted number runs, and 5 % more do not."""
    target, capacity = run("Known", budget_mib=400, fixed_mib=20, per_env=5_000)
    within, beyond = verify(
        target,
        capacity,
        budget=Budget.of_this_machine(400 * MIB),
        load=Load(options={"fixed_mib": 20, "per_env": 5_000}),
        limit_seconds=LONG,
    )
    assert (capacity.largest, True, False) == (
        within.num_envs,
        within_budget(within, capacity.budgets),
        within_budget(beyond, capacity.budgets),
    )
    assert "out of memory" == beyond.outcome.status


def test_a_budget_beyond_the_machine_is_predicted_and_not_tried() -> None:
    """A larger machine can be planned for on a small one; nothing is run that this one cannot hold."""
    target = Target.parse("worlds_under_test:Known", None)
    small = Budget(host_bytes=1024 * MIB, device_bytes=None, requested_bytes=2**50)
    load = Load(options={"per_env": 1_000_000})
    capacity = estimate_capacity(target, budget=small, load=load, limit_seconds=LONG)
    assert pytest.approx(2**50 / 1_000_000, rel=0.05) == capacity.largest
    assert max(probe.host_bytes for probe in capacity.probes) < small.host_bytes
    with pytest.raises(BadInputError, match=r"^1024 TiB cannot be verified here"):
        verify(target, capacity, budget=small, load=load, limit_seconds=LONG)


def test_a_fixed_part_that_does_not_fit_is_named() -> None:
    """Where one environment does not fit, it says that fewer cannot help."""
    _, capacity = run("Known", budget_mib=100, fixed_mib=200)
    assert (0, {}) == (capacity.largest, capacity.models)
    assert [64, 4, 1] == [probe.num_envs for probe in capacity.probes]
    assert "1 environment did not fit: reducing their number cannot help" in report_text(capacity)


def test_the_budget_is_a_cap() -> None:
    """No run takes much more than the budget, though one environment would: each is ended beyond it."""
    _, capacity = run("Known", budget_mib=200, fixed_mib=2000)
    assert {"out of memory"} == {probe.outcome.status for probe in capacity.probes}
    assert max(probe.host_bytes for probe in capacity.probes) < 1000 * MIB


@pytest.mark.parametrize("jitter_mib", [0, 3, 40])
def test_a_slope_within_the_noise_predicts_nothing(jitter_mib: int) -> None:
    """Environments that take no memory that can be seen have no largest number, however the runs vary."""
    _, capacity = run("Known", budget_mib=300, per_env=0, jitter_mib=jitter_mib)
    assert None is capacity.largest
    assert "unknown: the runs differ by" in report_text(capacity)


def test_a_fixed_part_that_dominates_is_named() -> None:
    """Where most of the budget is taken by none of the environments, it says that fewer free little."""
    _, capacity = run("Known", budget_mib=300, fixed_mib=180, per_env=2_000)
    assert "it dominates" in report_text(capacity)
    _, light = run("Known", budget_mib=300, fixed_mib=1, per_env=2_000)
    assert "most of it is the environments'" in report_text(light)


def test_a_command_is_fitted_as_a_factory_is() -> None:
    """A command line with a place for the number gives the same line."""
    script = "import sys; held = bytearray(int(sys.argv[1]) * 20_000)"
    target = Target.parse(None, [sys.executable, "-c", script, "{num_envs}"])
    capacity = estimate_capacity(
        target, budget=Budget.of_this_machine(500 * MIB), load=Load(options={}), limit_seconds=LONG
    )
    assert pytest.approx(20_000, rel=0.03) == capacity.models["host"].per_env_bytes


def test_the_policy_counts() -> None:
    """A policy is part of what does not grow."""
    target = Target.parse("worlds_under_test:Known", None)
    sizes = {}
    for policy in (None, "worlds_under_test:policy"):
        load = Load(policy=policy, options={})
        sizes[policy] = run_probe(target, 64, load=load, limit_seconds=LONG, limit_bytes=None).host_bytes
    assert pytest.approx(100 * MIB, rel=0.02) == sizes["worlds_under_test:policy"] - sizes[None]


def test_a_curve_is_seen_in_the_proof() -> None:
    """Memory that grows faster than a line fits less than predicted, and the proof shows it."""
    options = {"per_env": 100, "curve": 0.01}
    target, capacity = run("Known", budget_mib=600, **options)
    within, _ = verify(
        target,
        capacity,
        budget=Budget.of_this_machine(600 * MIB),
        load=Load(options=options),
        limit_seconds=LONG,
    )
    words = " ".join(line.text for line in report(capacity, (within, within)))
    assert not within_budget(within, capacity.budgets)
    assert "fewer fit than predicted" in words


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("worlds_under_test:broken", "raised KeyError: 'no asset for 64'"),
        ("worlds_under_test:wordy", "cannot be measured: it raised ValueError: none of"),
        ("worlds_under_test:refusing", "none of"),
        ("worlds_under_test:leaving", "it raised SystemExit: why"),
        ("worlds_under_test:Without", "has no action_space"),
        ("worlds_under_test:missing", "check the name"),
        ("no_such_module:x", "no module 'no_such_module'"),
    ],
)
def test_a_target_that_does_not_work_gets_a_sentence(target: str, sentence: str) -> None:
    """What is wrong is said in one line."""
    with pytest.raises(BadInputError, match=sentence) as error:
        estimate_capacity(
            Target.parse(target, None),
            budget=Budget.of_this_machine(),
            load=Load(options={}),
            limit_seconds=LONG,
        )
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 500


def test_a_target_without_end_gets_a_sentence() -> None:
    """A first probe beyond its time says what to do."""
    with pytest.raises(BadInputError, match="took longer than 1 s; allow more with --limit"):
        estimate_capacity(
            Target.parse("worlds_under_test:Slow", None),
            budget=Budget.of_this_machine(),
            load=Load(options={}),
            limit_seconds=1,
        )
