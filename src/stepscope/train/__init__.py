"""The four training libraries on any of our environments, one short module each.

Every module has one function, ``train(env, *, iterations, horizon, seed, log_dir, ...)``.
It runs PPO (or another algorithm of that library) and lets the library print what it prints for its own users.
`run` starts a training in a process of its own and keeps what it prints.

The environment is a ``gymnasium.vector.VectorEnv`` with torch tensors that starts finished episodes anew in the same
step, and has besides: ``device``, ``episode_length``, and the last observations of finished episodes in
``info["final_obs"]``, of shape (N, ...).
"""

from stepscope.train._run import LIBRARIES, TrainingFailedError, console_command, run, run_and_capture

__all__ = ["LIBRARIES", "TrainingFailedError", "console_command", "run", "run_and_capture"]
