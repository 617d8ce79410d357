"""What Python, PyTorch and Gym print themselves: tracebacks, drawn ones too, warnings and notices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Block, Passage, Text, decoded, message
from stepscope.logs._lines import TRACEBACK
from stepscope.logs._records import Record
from stepscope.logs._values import compiled
from stepscope.logs.libraries import BY_PACKAGE

if TYPE_CHECKING:
    from stepscope.logs._blocks import Context
    from stepscope.logs._lines import Line
    from stepscope.logs._records import Kind

__all__ = ["is_prompt", "open_block", "share_of_frames"]

# What may stand before each line of a traceback: torchrun's "[rank0]: ", or the frame around an exception group.
_PREFIX = compiled(rb"\s*+(?:\[[^\]\s]{1,40}\]:?\s)?")
_GROUP = compiled(rb"[+|\s]*+")
_IGNORED = b"Exception ignored in"
_PREFACES = (_IGNORED, b"Exception in thread ")
_FRAME = re.compile(r'(?m)^(?:\[\w{1,40}\]:)?[^\w\n]{0,20}File "([^"\n]{1,1000})", line \d')
_CHAINS = (
    b"The above exception was the direct cause of the following exception:",
    b"During handling of the above exception, another exception occurred:",
)
# Python 3.11 prints an empty line for the marks below a frame that it was interrupted in the first line of.
_EXCEPTION = re.compile(rb"(?:\w{1,80}\.){0,9}\w{0,80}(?:Interrupt|Error|Exception|Exit)(?::|\s|$)")
# torch.compile ends its exceptions with these, after an empty line.
_AFTERWORDS = (b"Set TORCHDYNAMO_VERBOSE=1", b"Set TORCH_LOGS=", b"You can suppress this exception")
_WARNING = re.compile(rb":\d{1,9}: (?:\w{1,80}\.)*\w{0,80}(?:Warning|Deprecated)\w{0,80}: ")
# PyTorch's own log lines, and what torchrun says before it starts its processes. Where PyTorch is installed below the
# folder of the project, the name of the file begins there.
_TORCH = re.compile(rb"[DIWEF]\d{4} \d\d:\d\d:\d\d\.\d{1,9} \d{1,9} (?:\S{1,400}/)?torch/")
# "user@host:~/project$ python train.py": what a shell shows is copied with what it ran.
_PROMPT = re.compile(
    r"(?:\([\w.-]{1,60}\) ?)?"
    r"(?:[\w.-]{1,60}@[\w.-]{1,80}:\S{0,160}[$#%]|\[[\w.-]{1,60}@[\w.-]{1,80} [^\]\n]{1,160}\][$#%]|PS [A-Z]:\\[^>\n]{0,200}>|[$%]) ?"
    r"(?:\w{1,60}=\S{0,60} ){0,9}(?:\S{0,200}(?:python[\d.]{0,6}|torchrun|\.sh)|accelerate|uv|bash|sh|srun|docker|mpirun)\b"
)
_BEFORE_PROMPT = (b"(", b"[", b"$", b"%", b"PS ")
# A bar of tqdm that has a name, or none of the units of skrl's.
_BAR = re.compile(rb"(?:^|: |\r)\s{0,3}\d{1,3}%\|")
_NOTICES = (
    b"Error executing job with overrides: [",
    b"Error executing job",
    b"Set the environment variable HYDRA_FULL_ERROR=1 for a complete stack trace.",
    b"Setting OMP_NUM_THREADS environment variable for each process to be ",
    # Gym says this wherever it is imported, and old releases of RL-Games and skrl import it.
    b"Gym has been unmaintained since 2022",
    b"Please upgrade to Gymnasium, the maintained drop-in replacement of Gym",
    b"Users of this version of Gym should be able to simply replace ",
    b"See the migration guide at https://gymnasium.farama.org/",
)


def open_block(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if Python prints such a line."""
    text = line.text
    if TRACEBACK in text:
        before = text[: text.index(TRACEBACK)]
        prefix = _prefix(before)
        rest = before[len(prefix) :]
        group = rest.endswith(b"Exception Group ")
        if _GROUP.fullmatch(rest.removesuffix(b"Exception Group ")):
            return _Failure(line, context.library, prefix=prefix, group=group)
    elif _DRAWN_TITLE in text:
        return _open_drawn(line, context)
    elif text.startswith(_PREFACES):
        return _Failure(line, context.library, prefix=b"", group=False, preface=True)
    elif b"Warning: " in text and _WARNING.search(text, 0, 2000):
        return _warning(line, context)
    elif ((text.startswith(_BEFORE_PROMPT) or b"@" in text[:60]) and is_prompt(decoded(text[:600]))) or (
        text.startswith(_NOTICES) or _TORCH.match(text) or (b"%|" in text[:200] and _BAR.search(text, 0, 200))
    ):
        return message(line, context.library)
    return None


def is_prompt(text: str) -> bool:
    """Return whether a line is what a shell shows when somebody starts a program.

    >>> is_prompt("(env) robot@box:~/lab$ python train.py"), is_prompt("reward@box: 3 # python")
    (True, False)
    """
    return _PROMPT.match(text) is not None


def share_of_frames(text: str) -> float:
    r"""Return which share of the lines of a failure is a traceback's own; 1 if it is no traceback.

    The first line of an exception's message counts, those that follow it do not. If all of a traceback is indented,
    only its title counts.

    >>> share_of_frames('Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 1')
    1.0
    >>> share_of_frames('Traceback (most recent call last):\n>   File "a.py", line 1, in f\n> KeyError: 1\n> ')
    0.25
    """
    lines = text.split("\n")
    if not any(_TITLE in line for line in lines):
        return 1.0
    above, known = "", 0
    for line in lines:
        known += _TITLE in line or not line or line[0] in " \t" or above[:1] in (" ", "\t")
        above = line
    is_indented = lines[0][:1] in (" ", "\t") and "Exception Group " not in lines[0]
    return (1 if is_indented else known) / len(lines)


_TITLE = TRACEBACK.decode()


def _prefix(before: bytes) -> bytes:
    match = _PREFIX.match(before)
    return match[0] if match is not None and match[0].lstrip().startswith(b"[") else b""


def _warning(line: Line, context: Context) -> Block:
    """Return a warning; the line of source below it is indented by two."""
    shown = iter((True,))
    return Passage(context.library, line, lambda text: text.startswith(b"  ") and next(shown, False))


class _Failure(Block):
    """A traceback: frames, the exception, the rest of its message; then perhaps another that it led to."""

    def __init__(
        self,
        line: Line,
        library: str | None,
        *,
        prefix: bytes,
        group: bool,
        preface: bool = False,
    ) -> None:
        self.library = library
        self._text = Text(line.text)
        self._prefix = prefix
        self._group = group
        self._preface = preface
        self._kind: Kind = "message" if line.text.startswith(_IGNORED) else "failure"  # it ends no run
        self._in_frames = True
        self._boxed = False  # torchrun's report has its own rules
        self._blanks = 0

    @property
    def yields(self) -> bool:  # type: ignore[override]
        """Say whether this is the message of the exception, which could continue with any line."""
        return not self._in_frames

    @property
    def may_end(self) -> bool:
        """Whether the line that names the exception has come."""
        return not self._in_frames

    def take(self, line: Line) -> bool:
        """Take a frame, the exception, a line of its message, or what leads to the next traceback."""
        text = line.text
        if text.rstrip() in (b"", self._prefix.rstrip()):
            self._blanks += 1
            return True
        if self._prefix and not text.startswith(self._prefix):
            return False
        if not self._belongs(text[len(self._prefix) :]):
            return False
        for _ in range(min(self._blanks, 3)):
            self._text.add(b"")
        self._blanks = 0
        self._text.add(text)
        return True

    def _belongs(self, text: bytes) -> bool:
        if text.startswith((TRACEBACK, *_CHAINS)):
            # A second traceback belongs here only if it is announced; the announcement is taken in frames.
            if text.startswith(TRACEBACK) and not (self._in_frames and self._preface):
                return False
            self._in_frames = self._preface = True
            return True
        # Loguru marks the frame that caught the exception; where lines are folded, this may be a line of its own.
        is_frame = self._in_frames and text.startswith((b'> File "', b"<module>"))
        if is_frame or text.startswith((b" ", b"\t")):
            self._preface = False
            return True
        if self._blanks and not (self._is_late(text) or text.startswith(_AFTERWORDS)):
            return False
        self._boxed = self._boxed or text.startswith(b"=====")
        expects_frames = self._in_frames and (self._group or self._preface) and not self._is_exception(text)
        is_separator = (
            not self._boxed and text.startswith(b"-----") and not text.strip(b"- ")
        )  # another table's
        if expects_frames or is_separator:
            return False
        self._in_frames = False
        return True

    def _is_exception(self, text: bytes) -> bool:
        """Return whether the exception follows at once on the line that shows that it is ignored."""
        return self._kind == "message" and self._preface and _EXCEPTION.match(text) is not None

    def _is_late(self, text: bytes) -> bool:
        """Say whether this names the exception, one empty line below the frames."""
        return self._in_frames and self._blanks == 1 and _EXCEPTION.match(text) is not None

    def record(self, span: tuple[int, int]) -> Record:
        """Return the failure, whose last line names the exception or ends its message."""
        text = str(self._text)
        library = self.library or _library_of_paths(_FRAME.findall(text))
        return Record(library=library, kind=self._kind, text=text, span=span)


def _library_of_paths(paths: list[str]) -> str | None:
    """Return the library in whose folder the innermost frame lies, one that trains before one that does not."""
    folders = [folder for path in reversed(paths) for folder in re.split(r"[/\\]", path)[:-1]]
    known = [BY_PACKAGE[folder] for folder in folders if folder in BY_PACKAGE]
    return next((library.key for library in known if library.trains), known[0].key if known else None)


_DRAWN_TITLE = b"Traceback (most recent call last)"
_BOX = re.compile(r"\s{0,20}[╭┌+][─-]{2,200} Traceback \(most recent call last\) [─-]{2,200}[╮┐+]")
_IPYTHON = re.compile(r"([A-Za-z_][\w.]{0,200}) {2,80}Traceback \(most recent call last\)")
_IN_BOX = ("│", "|", "╰", "└", "+", "❱")
_DRAWN_EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?:: |:?\s*$)")
# Lines of source have their number in front, or an arrow; a frame has its file.
_SHOWN = re.compile(r"\s|-{2,}|File |Cell |Input In |<ipython-input|[~/]|[A-Z]:\\|\d|\.{3}|\(\.\.\.\)")
_DRAWN_FRAME = re.compile(r"(?m)^\s{0,20}(?:[│|] |File )?([~/\w<][^\n│|]{0,500}?\.py)(?::\d| in )")


def _open_drawn(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if a traceback begins with it that Rich draws or IPython shows."""
    text = line.text.decode(errors="replace").rstrip()
    if _BOX.fullmatch(text):
        return _Drawn(line, context.library, name=None)
    if (match := _IPYTHON.fullmatch(text)) is not None:
        return _Drawn(line, context.library, name=match[1])
    return None


class _Drawn(Block):
    """A drawn traceback: its frames, then the line that names the exception."""

    yields = True

    def __init__(self, line: Line, library: str | None, *, name: str | None) -> None:
        self.library = library
        self._name = name  # of the exception, which IPython puts first
        self._text = Text(line.text)
        self._ended = False

    @property
    def may_end(self) -> bool:
        """Whether the line that names the exception has come."""
        return self._ended

    def take(self, line: Line) -> bool:
        """Take a frame, a line of source, or the exception."""
        if self._ended:
            return False
        text = line.text.decode(errors="replace")
        if self._is_exception(text):
            self._ended = True
        elif not self._is_frame(text):
            return False
        self._text.add(line.text)
        return True

    def _is_exception(self, text: str) -> bool:
        if self._name is None:
            return not text.lstrip().startswith(_IN_BOX) and _DRAWN_EXCEPTION.match(text) is not None
        return text.startswith(self._name) and text[len(self._name) :].strip()[:1] in ("", ":")

    def _is_frame(self, text: str) -> bool:
        if self._name is None:
            return not text.strip() or text.lstrip().startswith(_IN_BOX)
        return not text.strip() or _SHOWN.match(text) is not None

    def record(self, span: tuple[int, int]) -> Record:
        """Return the failure."""
        text = str(self._text)
        library = self.library or _library_of_paths(_DRAWN_FRAME.findall(text))
        return Record(library=library, kind="failure", text=text, span=span)
