"""Read, measure and understand training in thousands of parallel environments.

Importing this package imports neither torch nor any training library.
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("stepscope")
