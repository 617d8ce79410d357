"""What is counted beforehand, against what the real libraries allocate."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import torch

from stepscope._sphinx.citations import check_citation
from stepscope.errors import BadInputError
from stepscope.logs import BY_KEY
from stepscope.plan.memory import Training, estimate_memory, split_release
from stepscope.plan.memory._networks import record_networks
from stepscope.plan.memory._releases import NEWEST
from stepscope.plan.memory._training import LIBRARIES
from stepscope.train import LIBRARIES as TRAINED
from stepscope.train.experiments.peak_memory import measure_peak_memory

STATE = Training(library="rsl_rl", num_envs=256, horizon=16, observation=(50,), actions=7, hidden=(96, 40))
LOSS = replace(STATE, num_envs=128, horizon=8, hidden=(400, 400))
WIDE = replace(STATE, num_envs=64, observation=(300,), actions=20, hidden=(64, 32), minibatches=2)
IMAGE = Training(library="sb3", num_envs=16, horizon=16, observation=(3, 84, 84), actions=5, hidden=(32,))


def _allocated_bytes(training: Training) -> tuple[int, int | None]:
    run = measure_peak_memory(training.library, **training.settings, device="cpu")
    return run.torch_bytes, run.rollout_host_bytes


@pytest.mark.live
@pytest.mark.parametrize("sizes", [STATE, LOSS, WIDE], ids=["backward", "loss", "wide"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_peak_of_a_real_training_is_counted_within_3_percent(library: str, sizes: Training) -> None:
    """PyTorch's allocator says what the library took, wherever in the update the peak is; the rest is NumPy's arrays."""
    training = replace(sizes, library=library)
    allocated, host = _allocated_bytes(training)
    estimate = estimate_memory(training)
    assert allocated == pytest.approx(estimate.torch_bytes, rel=0.03)
    assert (host or 0) == estimate.host_bytes
    assert (host is None) == (library != "sb3")


@pytest.mark.live
@pytest.mark.parametrize(
    ("library", "dtype"),
    [
        ("rl_games", "uint8"),
        ("rl_games", "float32"),
        ("rsl_rl", "float32"),
        ("skrl", "float32"),
        ("sb3", "uint8"),
        ("sb3", "float32"),
    ],
)
def test_a_training_on_images_is_counted_within_3_percent(library: str, dtype: str) -> None:
    """The convolutions, too, and the rollout that NumPy holds, to the byte."""
    training = replace(IMAGE, library=library, dtype=dtype)
    allocated, host = _allocated_bytes(training)
    estimate = estimate_memory(training)
    assert allocated == pytest.approx(estimate.torch_bytes, rel=0.03)
    assert (host or 0) == estimate.host_bytes


@pytest.mark.parametrize(
    ("library", "release", "sizes", "torch_bytes", "host_bytes"),
    [
        ("sb3", "2.7.0", {}, 2485668, 1032192),
        ("sb3", "2.7.0", {"num_envs": 16, "observation": (3, 84, 84), "actions": 5, "hidden": (32,)}, 52565860, 21687296),
        ("skrl", "2.0.0", {}, 4101144, 0),
        ("skrl", "2.0.0", {"num_envs": 64, "observation": (300,), "actions": 20, "hidden": (64, 32), "minibatches": 2}, 3947408, 0),
        ("skrl", "2.0.0", {"num_envs": 16, "observation": (3, 84, 84), "actions": 5, "hidden": (32,)}, 90325784, 0),
        ("rsl_rl", "5.0.0", {"num_envs": 64, "observation": (300,), "actions": 20, "hidden": (64, 32), "minibatches": 2}, 5355228, 0),
    ],
)  # fmt: skip
def test_an_older_release_is_counted_as_it_was_measured(
    library: str, release: str, sizes: dict[str, object], torch_bytes: int, host_bytes: int
) -> None:
    """`measure_peak_memory` printed these bytes on a CPU, with the release's wheel first on the path and torch 2.13.0."""
    estimate = estimate_memory(replace(STATE, library=library, release=release, **sizes))
    assert torch_bytes == pytest.approx(estimate.torch_bytes, rel=0.03)
    assert host_bytes == estimate.host_bytes


def test_images_of_sb3_are_stored_as_floats_before_release_2_7_1() -> None:
    """The shape is that of an array which was refused: "Unable to allocate 6.75 GiB", (2048, 32, 3, 96, 96)."""
    camera = replace(STATE, library="sb3", num_envs=32, horizon=2048, observation=(3, 96, 96), hidden=())
    sizes = {
        (release, dtype): estimate_memory(replace(camera, release=release, dtype=dtype)).items[2]
        for release in ("1.8.0", "2.7.0", "2.7.1", "2.10.0", None)
        for dtype in (None, "float32")
    }
    assert {"observations"} == {item.name for item in sizes.values()}
    quarter = {key for key, item in sizes.items() if item.number_of_bytes == 7_247_757_312 // 4}
    assert quarter == {("2.7.1", None), ("2.10.0", None), (None, None)}
    assert {7_247_757_312} == {sizes[key].number_of_bytes for key in sizes.keys() - quarter}


def test_minibatches_of_skrl_are_slices_of_the_rollout_in_some_releases() -> None:
    """It copied them before 1.4.0 and does so again since 2.1.0."""
    training = replace(STATE, library="skrl")
    releases = ("1.0.0", "1.3.0", "1.4.0", "1.4.3", "2.0.0", "2.1.0", "2.1.1")
    copied = [
        release
        for release in releases
        if "all minibatches" in {i.name for i in estimate_memory(replace(training, release=release)).items}
    ]
    assert ["1.0.0", "1.3.0", "2.1.0", "2.1.1"] == copied


@pytest.mark.live
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_newest_release_is_the_installed_one(library: str) -> None:
    """All else is counted for it, and the lines are its lines."""
    assert NEWEST[library] == metadata.version(BY_KEY[library].distribution)


def test_a_release_is_named_as_pip_does_it() -> None:
    """By the name of the library here or by that of its distribution."""
    assert ("sb3", "2.7.0") == split_release("sb3==2.7.0") == split_release("stable-baselines3==2.7.0")
    assert ("rsl_rl", None) == split_release("rsl-rl-lib")


@pytest.mark.live
def test_the_observations_of_sb3_are_one_array_of_such_a_type() -> None:
    """The installed release's own buffer holds as many bytes."""
    from gymnasium.spaces import Box  # noqa: PLC0415 - only here
    from stable_baselines3.common.buffers import RolloutBuffer  # noqa: PLC0415 - the same

    space, action = Box(0, 255, IMAGE.observation, "uint8"), Box(-1.0, 1.0, (IMAGE.actions,))
    buffer = RolloutBuffer(IMAGE.horizon, space, action, device="cpu", n_envs=IMAGE.num_envs)
    sizes = {item.name: item.number_of_bytes for item in estimate_memory(IMAGE).items}
    assert buffer.observations.nbytes == sizes["observations"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_parameters_are_those_of_such_networks(library: str) -> None:
    """Layers of torch with these widths have as many."""
    layers = [torch.nn.Linear(50, 96), torch.nn.Linear(96, 40)]
    heads = [torch.nn.Linear(40, 7), torch.nn.Linear(40, 1)]
    trunks = 1 if library == "rl_games" else 2
    numbers = trunks * sum(p.numel() for layer in layers for p in layer.parameters())
    numbers += sum(p.numel() for head in heads for p in head.parameters()) + 7
    assert numbers == record_networks(replace(STATE, library=library)).parameters


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_part_names_a_line_of_an_installed_package(library: str) -> None:
    """The line is there, at the pinned version, and says so."""
    items = [
        item for sizes in (STATE, IMAGE) for item in estimate_memory(replace(sizes, library=library)).items
    ]
    assert [] == [wrong for item in items if (wrong := check_citation(item.source))]


@pytest.mark.parametrize("library", LIBRARIES)
def test_parts_add_up(library: str) -> None:
    """What PyTorch holds belongs to the networks, to the rollout or to the update."""
    estimate = estimate_memory(replace(IMAGE, library=library))
    assert estimate.torch_bytes == sum(
        estimate.torch_bytes_of(part) for part in ("networks", "rollout", "update")
    )


@pytest.mark.parametrize(
    ("activation", "words"),
    [
        ("elu(Tensor self", "is_result */ false, self"),
        ("tanh(Tensor self", "tanh_backward(grad, result"),
        ("relu(Tensor self", "threshold_backward(grad, result"),
    ],
)
def test_what_an_activation_keeps_is_what_torch_says(activation: str, words: str) -> None:
    """ELU keeps what it was given, tanh and ReLU what they made of it: the formula of the gradient says so."""
    from torchgen.packaged import autograd  # noqa: PLC0415 - only here

    path = Path(next(iter(autograd.__path__)), "derivatives.yaml")
    lines = path.read_text(encoding="utf-8").split("- name: ")
    [formula] = [line for line in lines if line.startswith(activation)]
    assert words in formula


def test_rl_games_keeps_what_isaac_labs_developers_found() -> None:
    """13.50 GiB of rollout and flattened copy, and half of that with half the horizon: their pull request 7147."""
    camera = Training(
        library="rl_games",
        num_envs=512,
        horizon=64,
        observation=(6, 96, 96),
        actions=1,
        hidden=(),
        dtype="float32",
    )
    for horizon, gibibytes in ((64, 13.50), (32, 6.75)):
        kept = estimate_memory(replace(camera, horizon=horizon)).torch_bytes_of("rollout")
        assert kept / 2**30 == pytest.approx(gibibytes, abs=0.005)


def test_more_minibatches_make_the_update_smaller() -> None:
    """The rollout stays as it is."""
    few, many = estimate_memory(STATE), estimate_memory(replace(STATE, minibatches=16))
    assert few.torch_bytes > 1.5 * many.torch_bytes
    assert [item for item in few.items if item.name == "rollout"] == [
        item for item in many.items if item.name == "rollout"
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"library": "brax"}, "'brax' is not one of"),
        ({"horizon": 0}, "must be positive integers"),
        ({"observation": (3, 84)}, "has one, an image three"),
        ({"minibatches": 3}, "cannot be cut into 3 equal minibatches"),
        ({"observation": (3, 16, 16)}, "too small for the convolutions"),
        ({"dtype": "float64"}, "not a supported dtype"),
        ({"dtype": "uint8"}, "uint8 is for images"),
        ({"release": "newest"}, "'newest' is not a release"),
        ({"release": "2.0.0"}, "RSL-RL 2.0.0 is too old: only releases from 2.1.1 on"),
    ],
)
def test_nonsense_gets_one_sentence(change: dict[str, object], sentence: str) -> None:
    """Nothing is counted for a training that cannot be."""
    with pytest.raises(BadInputError, match=sentence):
        replace(STATE, **change)


def test_the_libraries_are_those_that_train() -> None:
    """A library that is added in one room is missed in the other."""
    assert set(TRAINED) == set(LIBRARIES)
