"""Text from outside, made safe to show: from logs, file names, and the output of a measured process."""

import re

__all__ = ["printable"]

# An escape sequence, by ECMA-48: control sequences (CSI), strings to the terminal (OSC, DCS, SOS, PM, APC), and the
# short ones. Each introducer is ESC and a letter, or one C1 control. A string that never ends is cut to its introducer.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
_BYTES_THAT_ARE_NO_TEXT = re.compile("[\ud800-\udfff]")


def printable(text: str, *, limit: int | None = None, indent: bool = False, gaps: bool = False) -> str:
    r"""Return one line of text that does nothing to a terminal, a page or a figure but show.

    Escape sequences, control characters (C0 and C1), marks that turn the direction of writing, and all else without a
    glyph are left out; line ends, tabs and runs of other white space become one space. A byte that was no text (a
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
        text = _ESCAPE.sub("", text)
        text = _BYTES_THAT_ARE_NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)
        text = "".join(char if char.isprintable() else " " * char.isspace() for char in text)
    line = text if gaps else " ".join(text.split())
    if indent and line and not gaps:
        line = " " * (len(text) - len(text.lstrip())) + line
    return line if limit is None or len(line) <= limit else line[: max(limit - 1, 0)] + "…"
