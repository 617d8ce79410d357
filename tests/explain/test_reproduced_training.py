"""Symptoms of training libraries, PyTorch, Gymnasium, NumPy, Python and the system: the real thing prints each of them.

A case makes one mistake. What Python prints of it is explained as a log is.
"""

# ruff: noqa: ANN401, D103 - a case is named after its mistake, and libraries that may be missing have no types

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import socket
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepscope.explain import catalogue, explain
from stepscope.logs import reads
from stepscope.train import run

gym = pytest.importorskip("gymnasium")
np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")

if TYPE_CHECKING:
    from collections.abc import Callable

    Case = Callable[[Path], str | None]

pytestmark = pytest.mark.live

CASES: list[tuple[str, Case]] = []


def reproduces(slug: str) -> Callable[[Case], Case]:
    """Register a case that makes a library print the text of a symptom, or returns what a process printed."""

    def register(case: Case) -> Case:
        CASES.append((slug, case))
        return case

    return register


def printed(case: Case, folder: Path) -> str:
    """Return what a case prints, with warnings and the traceback that Python would print."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    logging.getLogger().addHandler(handler)
    try:
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("always")
            # Otherwise pytest keeps the warnings for its own summary.
            warnings.showwarning = lambda *warning: output.write(warnings.formatwarning(*warning[:4]))
            try:
                output.write(case(folder) or "")
            except (Exception, KeyboardInterrupt):  # noqa: BLE001 - whatever it is, Python would print it
                traceback.print_exc(file=output)
    finally:
        logging.getLogger().removeHandler(handler)
    return output.getvalue()


def output_of(program: str, folder: Path, **environment: str) -> str:
    """Return what a Python program prints in a process of its own."""
    script = folder / "script.py"
    script.write_text(program, encoding="utf-8")
    process = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    return process.stdout + process.stderr


def found_in(text: str) -> tuple[list[str | None], set[str]]:
    """Return the first cause of each run, and the slugs of all symptoms."""
    first, slugs = [], set()
    for explanation in explain(reads(text)):
        cause = explanation.first_cause
        first.append(None if cause is None else cause.symptom.slug)
        occurrences = (*([] if cause is None else [cause]), *explanation.set_off, *explanation.notable)
        slugs |= {occurrence.symptom.slug for occurrence in occurrences}
    return first, slugs


# NaN in PyTorch

NAN, INF = float("nan"), float("inf")


@reproduces("normal-expects-std")
def negative_std(_: Path) -> None:
    torch.normal(torch.zeros(2), torch.tensor([-1.0, 1.0]))


@reproduces("distribution-parameter-invalid")
def nan_mean(_: Path) -> None:
    torch.distributions.Normal(torch.tensor([[NAN]]), torch.ones(1, 1), validate_args=True)


@reproduces("distribution-parameter-invalid")
def nan_logits(_: Path) -> None:
    torch.distributions.Categorical(logits=torch.tensor([[NAN, 0.0]]), validate_args=True)


@reproduces("probability-tensor-invalid")
def nan_probabilities(_: Path) -> None:
    torch.multinomial(torch.tensor([[NAN, 0.0]]), 1)


@reproduces("multinomial-sum-zero")
def no_action_allowed(_: Path) -> None:
    torch.multinomial(torch.zeros(1, 2), 1)


@reproduces("gradient-anomaly")
def square_root_of_zero(_: Path) -> None:
    with torch.autograd.detect_anomaly():
        x = torch.zeros(1, requires_grad=True)
        (torch.sqrt(x) * 0).sum().backward()


@reproduces("gradient-norm-non-finite")
def nan_gradient(_: Path) -> None:
    parameter = torch.nn.Parameter(torch.ones(1))
    parameter.grad = torch.tensor([NAN])
    torch.nn.utils.clip_grad_norm_([parameter], 1.0, error_if_nonfinite=True)


@reproduces("linalg-not-invertible")
def factorise_zeros(_: Path) -> None:
    torch.linalg.cholesky(torch.zeros(2, 2))


@reproduces("linalg-not-invertible")
def invert_zeros(_: Path) -> None:
    torch.linalg.inv(torch.zeros(3, 2, 2))


@reproduces("histogram-is-empty")
def histogram_of_nan(folder: Path) -> None:
    writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter(str(folder))
    writer.add_histogram("weights", torch.tensor([NAN]), 0)


@reproduces("tensorboard-nan-or-inf")
def scalar_of_nan(folder: Path) -> None:
    writer = pytest.importorskip("tensorboardX").SummaryWriter(str(folder))
    writer.add_scalar("losses/a_loss", NAN, 0)
    writer.close()


# PyTorch's errors


@reproduces("matrix-shapes-differ")
def other_observations(_: Path) -> None:
    torch.nn.Linear(48, 10)(torch.zeros(4, 45))


@reproduces("matrix-dtypes-differ")
def observations_of_numpy(_: Path) -> None:
    torch.nn.Linear(48, 10)(torch.from_numpy(np.zeros((4, 48))))


@reproduces("tensors-on-different-devices")
def two_devices(_: Path) -> None:
    torch.zeros(2) + torch.zeros(2, device="meta")


@reproduces("tensor-sizes-differ")
def environments_against_joints(_: Path) -> None:
    torch.zeros(4096) * torch.zeros(4096, 12)


@reproduces("shape-invalid-for-input")
def last_batch_is_smaller(_: Path) -> None:
    torch.zeros(47).view(4, 12)


@reproduces("loss-broadcasts")
def values_against_returns(_: Path) -> None:
    torch.nn.functional.mse_loss(torch.zeros(4, 1), torch.zeros(4))


@reproduces("index-out-of-bounds")
def body_that_is_not_there(_: Path) -> None:
    torch.zeros(256)[torch.tensor([260])]


@reproduces("index-out-of-bounds")
def body_that_is_not_there_in_numpy(_: Path) -> None:
    np.zeros(256)[260]


@reproduces("cuda-tensor-to-numpy")
def tensor_elsewhere_to_numpy(_: Path) -> None:
    torch.zeros(2, device="meta").numpy()


@reproduces("backward-a-second-time")
def backward_twice(_: Path) -> None:
    x = torch.ones(1, requires_grad=True)
    loss = (x * x).sum()
    loss.backward()
    loss.backward()


@reproduces("modified-by-inplace-operation")
def overwritten_result(_: Path) -> None:
    x = torch.ones(2, requires_grad=True).exp()
    x.add_(1)
    x.sum().backward()


@reproduces("inference-tensor")
def learn_from_inference(_: Path) -> None:
    with torch.inference_mode():
        x = torch.ones(2)
    (torch.ones(2, requires_grad=True) * x).sum().backward()


@reproduces("inference-tensor")
def write_to_an_inference_tensor(_: Path) -> None:
    with torch.inference_mode():
        x = torch.ones(2)
    x.add_(1)


@reproduces("no-gradient-function")
def loss_without_parameters(_: Path) -> None:
    torch.ones(1).sum().backward()


@reproduces("optimizer-step-order")
def scheduler_first(_: Path) -> None:
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])
    torch.optim.lr_scheduler.StepLR(optimizer, 1).step()


@reproduces("torch-deprecated-amp")
def scaler_of_old(_: Path) -> None:
    torch.cuda.amp.GradScaler(enabled=False)


@reproduces("checkpoint-size-mismatch")
def checkpoint_of_another_task(_: Path) -> None:
    torch.nn.Sequential(torch.nn.Linear(48, 10)).load_state_dict(
        torch.nn.Sequential(torch.nn.Linear(45, 10)).state_dict()
    )


@reproduces("checkpoint-keys-missing")
def checkpoint_of_another_library(_: Path) -> None:
    torch.nn.Linear(48, 10).load_state_dict({"actor.0.weight": torch.zeros(2)})


@reproduces("weights-only-load-failed")
def checkpoint_with_a_number_of_numpy(folder: Path) -> None:
    torch.save({"last_mean_rewards": np.float64(1)}, folder / "last.pth")
    torch.load(folder / "last.pth")


@reproduces("weights-only-forced-off")
def checkpoint_with_all_its_objects(folder: Path) -> None:
    torch.save({"last_mean_rewards": np.float64(1)}, folder / "last.pth")
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        torch.load(folder / "last.pth")
    finally:
        del os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"]


@reproduces("dynamo-unsupported")
def print_in_a_graph(_: Path) -> None:
    @torch.compile(fullgraph=True, backend="eager")
    def step(x: Any) -> Any:
        print("a step")  # noqa: T201 - what cannot be compiled
        return x + 1

    step(torch.ones(1))


@reproduces("no-cpp-compiler")
def compile_without_a_compiler(folder: Path) -> str:
    program = "import torch\ntorch.compile(lambda x: x * 2)(torch.ones(3))\n"
    return output_of(program, folder, CXX=str(folder / "none"), TORCHINDUCTOR_CACHE_DIR=str(folder / "cache"))


@reproduces("recompile-limit")
def numbers_that_change(folder: Path) -> str:
    program = """
import torch

class Network(torch.nn.Module):
    def forward(self, x, name):
        return x * len(name)

network = torch.compile(Network(), backend="eager")
for step in range(12):
    network(torch.ones(2), "a" * step)
"""
    return output_of(program, folder)


# NumPy and Python


@reproduces("numpy-attribute-missing")
def alias_of_bool(_: Path) -> None:
    np.bool8  # noqa: B018


@reproduces("numpy-name-removed")
def alias_of_infinity(_: Path) -> None:
    np.Inf  # noqa: B018


@reproduces("numpy-invalid-value")
def zero_by_zero(_: Path) -> None:
    np.zeros(1) / np.zeros(1)


@reproduces("mean-of-empty-slice")
def average_of_no_episodes(_: Path) -> None:
    np.mean([])


@reproduces("no-module-named-isaaclab")
def isaac_lab_is_elsewhere(_: Path) -> None:
    importlib.import_module("omni.isaac.lab")


@reproduces("no-module-named")
def library_is_elsewhere(_: Path) -> None:
    importlib.import_module("rl_games_of_tomorrow")


@reproduces("cannot-import-name")
def renamed_settings(folder: Path) -> str:
    pytest.importorskip("skrl", minversion="2.0.0")
    return output_of("from skrl.agents.torch.ppo import PPO_DEFAULT_CONFIG\n", folder)


@reproduces("unexpected-keyword-argument")
def setting_of_another_release(_: Path) -> None:
    importlib.import_module("torch").optim.Adam([torch.nn.Parameter(torch.ones(1))], learning_rate=1e-3)


@reproduces("unrecognized-arguments")
def misspelt_option(folder: Path) -> str:
    return output_of(
        "import argparse, sys\nsys.argv += ['--num-env', '3']\n"
        "argparse.ArgumentParser('train.py').parse_args()\n",
        folder,
    )


@reproduces("obs-normalizer-moved")
def normalizer_of_the_runner(_: Path) -> None:
    rsl_rl().obs_normalizer  # noqa: B018


@reproduces("keyboard-interrupt")
def interrupted(_: Path) -> None:
    raise KeyboardInterrupt


@reproduces("exception-ignored")
def destructor_at_exit(folder: Path) -> str:
    return output_of("class Writer:\n    def __del__(self): raise ValueError('closed')\n\nWriter()\n", folder)


@reproduces("leaked-semaphores")
def killed_while_sharing(folder: Path) -> str:
    program = """
import multiprocessing, os, time

if __name__ == "__main__":
    lock = multiprocessing.get_context("spawn").Lock()
    os._exit(1)
"""
    return output_of(program, folder)


@reproduces("subprocess-without-main-guard")
def environments_without_main_guard(folder: Path) -> str:
    pytest.importorskip("stable_baselines3")
    program = """
import gymnasium
from stable_baselines3.common.vec_env import SubprocVecEnv

SubprocVecEnv([lambda: gymnasium.make("CartPole-v1")], start_method="spawn")
"""
    return output_of(program, folder)


@reproduces("worker-process-gone")
def environment_that_ends_its_process(folder: Path) -> str:
    pytest.importorskip("stable_baselines3")
    program = """
import os
import gymnasium
from stable_baselines3.common.vec_env import SubprocVecEnv

class Fatal(gymnasium.Env):
    observation_space = action_space = gymnasium.spaces.Box(-1, 1, (1,))
    def reset(self, **kwargs):
        os._exit(1)

if __name__ == "__main__":
    SubprocVecEnv([Fatal]).reset()
"""
    return output_of(program, folder)


@reproduces("broken-pipe")
def reader_that_ends_first(folder: Path) -> str:
    (folder / "rows.py").write_text("for row in range(100000): print(row)\n", encoding="utf-8")
    return subprocess.run(
        ["bash", "-c", f'"{sys.executable}" rows.py | head -1'],
        capture_output=True,
        cwd=folder,
        check=False,
        encoding="utf-8",
    ).stderr


@reproduces("no-space-left")
def full_disk(_: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as file:
        file.write("a checkpoint")


@reproduces("too-many-open-files")
def more_files_than_allowed(folder: Path) -> str:
    return output_of(
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))\n"
        "files = [open('/dev/null') for _ in range(50)]\n",
        folder,
    )


@reproduces("permission-denied")
def folder_of_somebody_else(folder: Path) -> str:
    (folder / "logs").mkdir(mode=0o500)
    program = "import os\nif not os.getuid(): os.setuid(65534)\nopen('logs/events', 'w')\n"
    return output_of(program, folder)


# Gymnasium and MuJoCo


@reproduces("environment-not-registered")
def unknown_task(_: Path) -> None:
    gym.make("Isaac-Cartpole-v0")


@reproduces("environment-namespace-not-found")
def unknown_package(_: Path) -> None:
    gym.make("Walkers/Hexapod-v0")


@reproduces("environment-version-not-found")
def unknown_version(_: Path) -> None:
    gym.make("CartPole-v9")


@reproduces("wrapper-attribute-not-forwarded")
def seed_of_old(_: Path) -> None:
    gym.make("CartPole-v1").seed(0)


@reproduces("step-returns-five-values")
def four_values(_: Path) -> None:
    env = gym.make("CartPole-v1")
    env.reset()
    _observation, _reward, _done, _info = env.step(0)


@reproduces("render-mode-missing")
def video_without_pictures(folder: Path) -> None:
    gym.wrappers.RecordVideo(gym.make("CartPole-v1"), str(folder))


class _Environment(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    observation, reward = 0.0, 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed, options=options)
        return np.full(3, self.observation, np.float32), {}

    def step(self, _: Any) -> Any:
        return np.full(3, self.observation, np.float32), self.reward, False, False, {}


def environment(**attributes: object) -> type[_Environment]:
    """Return a class of environments with other attributes."""
    return type("Environment", (_Environment,), attributes)


@reproduces("reward-is-nan")
def nan_reward(_: Path) -> None:
    env = gym.wrappers.PassiveEnvChecker(environment(reward=NAN)())
    env.reset()
    env.step(np.zeros(1, np.float32))


@reproduces("mujoco-unstable")
def velocity_out_of_bounds(folder: Path) -> str:
    pytest.importorskip("mujoco")
    program = """
import mujoco

model = mujoco.MjModel.from_xml_string(
    '<mujoco><worldbody><body><freejoint/><geom size="1"/></body></worldbody></mujoco>'
)
data = mujoco.MjData(model)
data.qvel[:] = 1e30
mujoco.mj_step(model, data)
"""
    return output_of(program, folder)


@reproduces("opengl-context-missing")
def renderer_without_a_screen(folder: Path) -> str:
    pytest.importorskip("mujoco")
    program = "import mujoco\nmujoco.Renderer(mujoco.MjModel.from_xml_string('<mujoco/>'))\n"
    output = output_of(program, folder, MUJOCO_GL="glfw", DISPLAY="")
    if "FatalError" not in output:
        pytest.skip("this machine renders, or has no GLFW")
    return output


@reproduces("warp-without-cuda-driver")
def warp_on_a_machine_without_a_gpu(folder: Path) -> str:
    pytest.importorskip("warp")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    return output_of("import warp\nwarp.init()\n", folder)


@reproduces("warp-module-load")
def first_kernel(folder: Path) -> str:
    pytest.importorskip("warp")
    program = """
import warp

@warp.kernel
def add(values: warp.array(dtype=float)):
    values[warp.tid()] += 1.0

warp.launch(add, 4, inputs=[warp.zeros(4, dtype=float, device="cpu")], device="cpu")
"""
    return output_of(program, folder, WARP_CACHE_PATH=str(folder / "kernels"))


# Stable-Baselines3


def sb3() -> Any:
    """Return Stable-Baselines3."""
    return pytest.importorskip("stable_baselines3")


def cart_poles(number: int) -> Any:
    """Return a vector environment."""
    return importlib.import_module("stable_baselines3.common.env_util").make_vec_env("CartPole-v1", number)


@reproduces("truncated-minibatch")
def minibatch_that_does_not_divide(_: Path) -> None:
    sb3().PPO("MlpPolicy", cart_poles(3), n_steps=10, batch_size=16, device="cpu")


@reproduces("batch-size-of-one")
def minibatch_of_one(_: Path) -> None:
    sb3().PPO("MlpPolicy", "CartPole-v1", n_steps=10, batch_size=1, device="cpu")


@reproduces("number-of-environments-differs")
def fewer_environments(_: Path) -> None:
    model = sb3().PPO("MlpPolicy", cart_poles(3), n_steps=10, batch_size=30, device="cpu")
    model.set_env(cart_poles(2))


@reproduces("spaces-do-not-match")
def model_of_another_task(folder: Path) -> None:
    sb3().PPO("MlpPolicy", "CartPole-v1", n_steps=10, batch_size=10, device="cpu").save(folder / "model")
    sb3().PPO.load(folder / "model", env=gym.make("Pendulum-v1"), device="cpu")


@reproduces("action-space-unsupported")
def discrete_actions_for_sac(_: Path) -> None:
    sb3().SAC("MlpPolicy", "CartPole-v1", device="cpu")


@reproduces("action-bounds-infinite")
def actions_without_bounds(_: Path) -> None:
    sb3().PPO("MlpPolicy", environment(action_space=gym.spaces.Box(-np.inf, np.inf, (1,)))(), device="cpu")


@reproduces("action-space-not-normalised")
def torques_as_actions(_: Path) -> None:
    sb3()
    check = importlib.import_module("stable_baselines3.common.env_checker").check_env
    check(environment(action_space=gym.spaces.Box(-80, 80, (1,), np.float32))())


@reproduces("multi-input-policy-needed")
def dictionary_of_observations(_: Path) -> None:
    space = gym.spaces.Dict(camera=gym.spaces.Box(-1, 1, (3,)))
    sb3().PPO("MlpPolicy", environment(observation_space=space)(), device="cpu")


@reproduces("monitor-missing")
def evaluation_without_monitor(_: Path) -> None:
    model = sb3().PPO("MlpPolicy", "CartPole-v1", n_steps=10, batch_size=10, device="cpu")
    evaluation = importlib.import_module("stable_baselines3.common.evaluation")
    evaluation.evaluate_policy(model, gym.make("CartPole-v1"), n_eval_episodes=1)


@reproduces("vec-check-nan")
def nan_observation(_: Path) -> None:
    sb3()
    vectors = importlib.import_module("stable_baselines3.common.vec_env")
    vectors.VecCheckNan(vectors.DummyVecEnv([environment(observation=NAN)]), raise_exception=True).reset()


@reproduces("bad-value-recorded")
def bad_value(folder: Path) -> None:
    faults = importlib.import_module("stepscope.envs.faults")
    cart_poles = importlib.import_module("stepscope.envs").CartPole(8, seed=0)
    faulty = faults.Faulty(cart_poles, faults.bad_reward(step=5, env=2))
    env = importlib.import_module("stepscope.nans").record(faulty, folder=folder)
    env.reset(seed=0)
    for _ in range(8):
        env.step(torch.zeros(8, 1))


@reproduces("logger-key-truncated")
def two_names_of_one_beginning(_: Path) -> None:
    sb3()
    module = importlib.import_module("stable_baselines3.common.logger")
    logger = module.Logger(None, [module.HumanOutputFormat(sys.stdout)])
    for number in range(2):
        logger.record(f"rollout/a_name_that_is_longer_than_a_column_{number}", 1.0)
    logger.dump(0)


@reproduces("distribution-parameter-invalid")
def sb3_with_a_step_that_diverges(folder: Path) -> str:
    sb3()
    return training("sb3", folder, learning_rate=1e30)


# RSL-RL


def rsl_rl(*, observation: float = 0.0, reward: float = 0.0, **settings: object) -> Any:
    """Return a runner of RSL-RL, on an environment with constant observations and rewards."""
    pytest.importorskip("rsl_rl.models", reason="RSL-RL 4 and later")
    tensordict = pytest.importorskip("tensordict")

    class Environment:
        num_envs, num_actions, max_episode_length, device = 4, 2, 10, "cpu"
        cfg: Any = {}  # noqa: RUF012 - as in RSL-RL
        episode_length_buf = torch.zeros(4, dtype=torch.long)

        def get_observations(self) -> Any:
            values = {"policy": torch.full((4, 3), observation), "camera": torch.zeros(4, 3, 8, 8)}
            return tensordict.TensorDict(values, batch_size=[4])

        def step(self, _: Any) -> Any:
            return self.get_observations(), torch.full((4,), reward), torch.zeros(4), {}

    configuration: dict[str, Any] = {
        "num_steps_per_env": 4,
        "save_interval": 10,
        "algorithm": {"class_name": "PPO"},
        "actor": {"class_name": "MLPModel", "distribution_cfg": {"class_name": "GaussianDistribution"}},
        "critic": {"class_name": "MLPModel"},
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        **settings,
    }
    missing = [name for name, value in configuration.items() if value is None]
    for name in missing:
        del configuration[name]
    runners = importlib.import_module("rsl_rl.runners")
    return runners.OnPolicyRunner(Environment(), configuration, log_dir=None)


@reproduces("observations-contain-nan")
def rsl_rl_with_nan_observations(_: Path) -> None:
    rsl_rl(observation=NAN).learn(1)


@reproduces("rewards-contain-nan")
def rsl_rl_with_nan_rewards(_: Path) -> None:
    rsl_rl(reward=NAN).learn(1)


@reproduces("rsl-rl-key-missing")
def configuration_before_3(_: Path) -> None:
    rsl_rl(obs_groups=None)


@reproduces("rsl-rl-key-missing")
def configuration_before_4(_: Path) -> None:
    rsl_rl(actor=None, policy={"class_name": "ActorCritic"})


@reproduces("rsl-rl-class-not-resolved")
def class_before_4(_: Path) -> None:
    rsl_rl(actor={"class_name": "ActorCritic"})


@reproduces("rsl-rl-observation-group-missing")
def misspelt_group(_: Path) -> None:
    rsl_rl(obs_groups={"actor": ["proprio"], "critic": ["policy"]})


@reproduces("rsl-rl-observation-shape")
def images_for_an_mlp(_: Path) -> None:
    rsl_rl(obs_groups={"actor": ["camera"], "critic": ["policy"]})


@reproduces("obs-groups-guessed")
def groups_left_out(_: Path) -> None:
    rsl_rl(obs_groups={})


@reproduces("obs-groups-key-required")
def groups_that_cannot_be_guessed(_: Path) -> None:
    rsl_rl_utils = pytest.importorskip("rsl_rl.utils")
    rsl_rl_utils.resolve_obs_groups({"camera": torch.zeros(1)}, {"actor": ["camera"]}, ["critic"])


@reproduces("rsl-rl-device-of-rank")
def rank_on_another_device(_: Path) -> None:
    os.environ["WORLD_SIZE"] = "2"
    try:
        rsl_rl()
    finally:
        del os.environ["WORLD_SIZE"]


@reproduces("unexpected-keyword-argument")
def setting_of_another_rsl_rl(_: Path) -> None:
    rsl_rl(algorithm={"class_name": "PPO", "normalize_everything": True})


@reproduces("compile-mode-rejected")
def cuda_graphs_in_rsl_rl(_: Path) -> None:
    utils = pytest.importorskip("rsl_rl.utils")
    if not hasattr(utils, "compile_model"):
        pytest.skip("this RSL-RL does not compile")
    utils.compile_model(torch.nn.Linear(1, 1), "reduce-overhead")


@reproduces("normal-expects-std")
def rsl_rl_with_a_step_that_diverges(folder: Path) -> str:
    pytest.importorskip("rsl_rl")
    return training("rsl_rl", folder, learning_rate=1e30)


# skrl


def skrl(**configuration: object) -> None:
    """Run skrl's runner on a file of settings."""
    runners = pytest.importorskip("skrl.utils.runner.torch")
    wrap = importlib.import_module("skrl.envs.wrappers.torch").wrap_env
    runners.Runner(
        wrap(_Environment()), {"trainer": {"class": "SequentialTrainer", "timesteps": 1}, **configuration}
    )


@reproduces("skrl-field-missing")
def skrl_without_models(_: Path) -> None:
    skrl(agent={"class": "PPO"})


@reproduces("skrl-field-deprecated")
def skrl_with_lambda(folder: Path) -> str:
    pytest.importorskip("skrl", minversion="2.0.0")
    program = """
from skrl.utils.runner.torch import Runner

Runner._check_cfg_compatibility(None, {"agent": {"class": "PPO", "lambda": 0.95}})
"""
    return output_of(program, folder)


@reproduces("skrl-unknown-wrapper")
def skrl_with_orbit(_: Path) -> None:
    pytest.importorskip("skrl")
    importlib.import_module("skrl.envs.wrappers.torch").wrap_env(_Environment(), wrapper="isaac-sim-2019")


# RL-Games


def rl_games(folder: Path, *without: str, num_envs: int = 8, **settings: object) -> str:
    """Return what RL-Games prints with other settings than those of `stepscope.train`."""
    pytest.importorskip("rl_games")
    program = f"""
import rl_games.torch_runner
from stepscope.envs import CartPole
from stepscope.train import rl_games

load = rl_games.Runner.load

def load_others(self, yaml):
    config = yaml["params"]["config"]
    config.update({settings!r})
    for name in {without!r}:
        del config[name]
    load(self, yaml)

rl_games.Runner.load = load_others
rl_games.train(CartPole({num_envs}, device="cpu"), iterations=1, horizon=8)
"""
    return output_of(program, folder)


@reproduces("batch-size-not-divisible")
def minibatch_that_does_not_divide_the_rollout(folder: Path) -> str:
    return rl_games(folder, minibatch_size=48)


@reproduces("minibatch-size-missing")
def no_minibatch(folder: Path) -> str:
    return rl_games(folder, "minibatch_size")


@reproduces("rl-games-key-missing")
def no_horizon(folder: Path) -> str:
    return rl_games(folder, "horizon_length")


@reproduces("rl-games-sequence-length")
def sequences_that_do_not_divide(folder: Path) -> str:
    return rl_games(folder, seq_length=24)


@reproduces("no-episode-ended")
def one_short_epoch(folder: Path) -> str:
    return rl_games(folder, horizon_length=2, minibatch_size=16, seq_length=1)


@reproduces("loading-checkpoint")
def checkpoint_of_rl_games(folder: Path) -> None:
    files = pytest.importorskip("rl_games.algos_torch.torch_ext")
    files.save_checkpoint(str(folder / "walker"), {"epoch": 3})
    files.load_checkpoint(str(folder / "walker.pth"))


@reproduces("normal-expects-std")
def rl_games_with_a_step_that_diverges(folder: Path) -> str:
    pytest.importorskip("rl_games")
    return training("rl_games", folder, learning_rate=1e30)


def training(library: str, folder: Path, **settings: object) -> str:
    """Return what a short training prints."""
    log = folder / "train.log"
    run(
        library,
        log=log,
        cwd=folder,
        check=False,
        num_envs=16,
        iterations=6,
        horizon=16,
        device="cpu",
        **settings,
    )
    return log.read_text(encoding="utf-8")


# More of the same kinds


@reproduces("predict-given-a-tuple")
def reset_of_gymnasium_for_sb3(_: Path) -> None:
    model = sb3().PPO("MlpPolicy", "CartPole-v1", n_steps=10, batch_size=10, device="cpu")
    model.predict(gym.make("CartPole-v1").reset())


@reproduces("observation-shape-unexpected")
def one_observation_too_many(_: Path) -> None:
    sb3().PPO("MlpPolicy", "CartPole-v1", n_steps=10, batch_size=10, device="cpu").predict(np.zeros(5))


@reproduces("replay-buffer-too-large")
def replay_of_a_thousand_million_steps(_: Path) -> None:
    sb3()
    buffers = importlib.import_module("stable_baselines3.common.buffers")
    box = gym.spaces.Box(-1, 1, (3,), np.float32)
    # A step takes 36 bytes. The pages of these arrays are never touched, so that they take no memory.
    steps = pytest.importorskip("psutil").virtual_memory().available // 24
    buffers.ReplayBuffer(steps, box, gym.spaces.Box(-1, 1, (1,), np.float32), device="cpu")


@reproduces("not-a-model-file")
def model_that_was_cut_off(folder: Path) -> None:
    (folder / "model.zip").write_bytes(b"PK")
    sb3().PPO.load(folder / "model.zip")


@reproduces("step-before-reset")
def step_first(_: Path) -> None:
    gym.make("CartPole-v1").step(0)


@reproduces("cannot-be-broadcast")
def environments_against_joints_in_numpy(_: Path) -> None:
    np.zeros(4096) + np.zeros(12)


@reproduces("tensors-not-stackable")
def rollouts_of_two_lengths(_: Path) -> None:
    torch.stack([torch.zeros(2), torch.zeros(3)])


@reproduces("index-of-wrong-type")
def environment_numbers_as_floats(_: Path) -> None:
    torch.zeros(3)[torch.tensor([1.0])]


@reproduces("view-of-non-contiguous")
def view_of_a_transposition(_: Path) -> None:
    torch.zeros(3, 4).t().view(12)


@reproduces("cannot-expand")
def reset_of_all_for_some(_: Path) -> None:
    torch.zeros(12)[torch.arange(3)].expand(4096)


@reproduces("parameter-changed-in-place")
def write_to_a_parameter(_: Path) -> None:
    torch.nn.Parameter(torch.ones(2)).add_(1)


@reproduces("numpy-of-tensor-with-gradient")
def action_with_its_graph(_: Path) -> None:
    torch.nn.Linear(2, 2)(torch.zeros(2)).numpy()


@reproduces("torchscript-unknown-attribute")
def method_that_torchscript_lacks(folder: Path) -> str:
    return output_of(
        "import torch\n\ndef scale(x):\n    return x.scale_up()\n\ntorch.jit.script(scale)\n", folder
    )


@reproduces("yaml-not-readable")
def two_colons(_: Path) -> None:
    pytest.importorskip("yaml").safe_load("sim: dt: 0.01")


@reproduces("recursion-too-deep")
def wrapper_that_asks_itself(_: Path) -> None:
    class Wrapper:
        def __getattr__(self, name: str) -> object:
            return getattr(self.env, name)

    Wrapper().num_envs  # noqa: B018


@reproduces("rollout-buffer-overflow")
def act_without_an_update(_: Path) -> None:
    runner = rsl_rl()
    observations = runner.env.get_observations()
    for _step in range(5):
        runner.alg.act(observations)
        runner.alg.process_env_step(observations, torch.zeros(4), torch.zeros(4), {})


@reproduces("activation-unknown")
def activation_of_pytorch(_: Path) -> None:
    rsl_rl(critic={"class_name": "MLPModel", "activation": "leaky_relu"})


@reproduces("logging-package-missing")
def wandb_is_not_installed(folder: Path) -> None:
    writers = pytest.importorskip("rsl_rl.utils.wandb_log_writer", reason="RSL-RL 5.5 and later")
    if writers.wandb is not None:
        pytest.skip("wandb is installed")
    writers.WandbLogWriter(str(folder), "walker")


@reproduces("display-missing")
def window_without_a_screen(folder: Path) -> str:
    pytest.importorskip("pygame")
    program = """
import gymnasium

env = gymnasium.make("CartPole-v1", render_mode="human")
env.reset()
"""
    return output_of(program, folder, SDL_VIDEODRIVER="x11", DISPLAY="")


@reproduces("tensorboard-port-in-use")
def second_tensorboard(folder: Path) -> str:
    pytest.importorskip("tensorboard")
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        program = f"""
from tensorboard.main import run_main
import sys

sys.argv[1:] = ["--logdir", ".", "--port", "{port}", "--load_fast", "false"]
run_main()
"""
        return output_of(program, folder)


# The tests themselves stand last, after all cases


@pytest.mark.parametrize(
    ("slug", "case"), [pytest.param(*case, id=f"{case[0]}-{case[1].__name__}") for case in CASES]
)
def test_what_is_printed_is_recognised(slug: str, case: Case, tmp_path: Path) -> None:
    """The symptom is found in it; a root cause is the first cause."""
    text = printed(case, tmp_path)
    first, slugs = found_in(text)
    assert slug in slugs, text
    if catalogue()[slug].role == "root_cause":
        assert slug in first, text


def test_these_entries_are_reproduced() -> None:
    """The catalogue says so of each."""
    assert {"reproduced"} == {catalogue()[slug].standing for slug, _ in CASES}
