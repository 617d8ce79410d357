"""Exit status of a process in words."""

import signal

__all__ = ["SIGNAL_STATUS", "describe_exit"]

SIGNAL_STATUS = 128
"""A shell's exit status for a process that a signal ended is this and the signal's number."""


def describe_exit(code: int) -> str:
    """Return how a process ended, from its exit status: a shell's, or `subprocess`'s, which is negative after a signal.

    >>> describe_exit(3), describe_exit(-15), describe_exit(143)
    ('ended with exit status 3', 'was killed by SIGTERM', 'was killed by SIGTERM (exit status 143)')
    """
    try:
        name = signal.Signals(-code if code < 0 else code - SIGNAL_STATUS).name
    except ValueError:
        return f"ended with exit status {code}"
    return f"was killed by {name}" + (f" (exit status {code})" if code > 0 else "")
