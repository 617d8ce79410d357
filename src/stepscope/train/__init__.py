"""The four training libraries on any of our environments, one short module each.

Every module has one function, ``train(env, *, iterations, horizon, seed, log_dir, ...)``, which runs PPO or another
algorithm of that library and leaves the console to the library.
`run` trains in its own process and writes its console output to a file.

The environment is a ``gymnasium.vector.VectorEnv`` with torch tensors that starts finished episodes anew in the same
step, and has in addition ``device``, ``episode_length``, and the last observations of finished episodes in
``info["final_obs"]``, of shape (N, ...).
"""

from stepscope.train._run import LIBRARIES, TrainingFailedError, console_command, run, run_and_capture

__all__ = ["LIBRARIES", "TrainingFailedError", "console_command", "run", "run_and_capture"]
