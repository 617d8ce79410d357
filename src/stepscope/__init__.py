"""Read, measure and understand training in thousands of parallel environments.

Importing this package imports neither torch nor any training library.
"""

__all__ = ["__version__"]

__version__: str


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # noqa: PLC0415 - it takes longer than all else that a command needs at first

    return version("stepscope")
