"""Tools for every other package. They import none of those and, `devices` (torch) excepted, only the standard library."""

from stepscope._common.text import printable

__all__ = ["printable"]
