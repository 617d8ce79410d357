"""Text from outside, made safe to show: from logs, file names, and the output of a measured process."""

import re

__all__ = ["mask_numbers", "printable", "split_numbers", "strip_escapes"]

# An escape sequence, by ECMA-48: control sequences (CSI), strings to the terminal (OSC, DCS, SOS, PM, APC), and the
# short ones. Each introducer is ESC and a letter, or one C1 control. A string that never ends is cut to its introducer.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
_UNDECODED_BYTE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)")


def strip_escapes(text: str, mark: str = "") -> str:
    r"""Return `text` without the escape sequences that a terminal obeys, or with a mark for each.

    >>> strip_escapes("\x1b[1mLearning\x1b[0m")
    'Learning'
    """
    return _ESCAPE.sub(mark, text)


def split_numbers(text: str) -> tuple[list[str], list[str]]:
    """Return the text around the numbers, always one part more than there are numbers, and the numbers.

    >>> split_numbers("nefc overflow: 12 > 8.5")
    (['nefc overflow: ', ' > ', ''], ['12', '8.5'])
    """
    parts = _NUMBER.split(text)
    return parts[::2], parts[1::2]


def mask_numbers(text: str) -> str:
    """Return `text` with ``#`` for each number: texts that differ only in their numbers become the same.

    >>> mask_numbers("epoch 12 of 150")
    'epoch # of #'
    """
    return _NUMBER.sub("#", text)


def printable(text: str, *, limit: int | None = None, indent: bool = False, gaps: bool = False) -> str:
    r"""Return one line of text that does nothing to a terminal, a page or a figure but show.

    Escape sequences, control characters (C0 and C1), marks that turn the direction of writing, and all else without a
    glyph are left out; line ends, tabs and runs of other white space become one space. A byte that could not be decoded (a
    surrogate, as in file names) becomes U+FFFD.

    Parameters
    ----------
    text
        Text of any origin and length.
    limit
        The most characters to return; what is longer ends in ``…``.
    indent
        Keep the white space at the start, each character of it as one space.
    gaps
        Keep all white space like that.

    Examples
    --------
    >>> printable("\x1b[31ma\x1b[0m\x9b2J  b\n\u202ec\x00")
    'a b c'
    >>> printable("\t  at line 3\n", indent=True, limit=8)
    '   at l…'
    """
    if not text.isprintable():
        text = strip_escapes(text)
        text = _UNDECODED_BYTE.sub("\N{REPLACEMENT CHARACTER}", text)
        text = "".join(char if char.isprintable() else " " * char.isspace() for char in text)
    line = text if gaps else " ".join(text.split())
    if indent and line and not gaps:
        line = " " * (len(text) - len(text.lstrip())) + line
    return line if limit is None or len(line) <= limit else line[: max(limit - 1, 0)] + "…"
