"""What every other package may use; it imports none of them, and nothing outside the standard library."""

from stepscope._common.text import printable

__all__ = ["printable"]
