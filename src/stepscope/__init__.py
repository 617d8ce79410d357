"""Read, measure and understand training in thousands of parallel environments.

Importing this package imports neither torch nor any training library.
"""

__all__ = ["__version__"]

__version__: str


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - it takes longer than all else that a command needs at first

    try:
        return version("stepscope")
    except PackageNotFoundError:
        return _version_of_checkout()


def _version_of_checkout() -> str:
    """Return the version that the source checkout names, which nobody has installed."""
    from pathlib import Path  # noqa: PLC0415 - for this case only

    project = Path(__file__).parents[2] / "pyproject.toml"
    for line in project.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(" = ")
        if name == "version":
            return value.strip('"')
    raise AttributeError(f"{project} has no version")
