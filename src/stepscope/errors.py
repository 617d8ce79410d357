"""The one error that a command answers with a sentence instead of a traceback."""

__all__ = ["BadInputError"]


class BadInputError(ValueError):
    """What the user gave cannot work; the message states what was wrong and what to do."""
