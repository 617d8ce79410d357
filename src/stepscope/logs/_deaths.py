"""What is printed when a process dies without a traceback of Python.

Shells, the C library, C++, Python's faulthandler, launchers, schedulers and containers say so in a line or two. The words
for signals are those of the catalogues of bash and of the C library.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Passage, message
from stepscope.logs._values import compiled

if TYPE_CHECKING:
    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line

__all__ = ["open_block"]

_LONGEST = 2000

# Signals in the words of the catalogues of glibc 2.36 and bash 5.2 in all languages, and of some older releases.
_WORDS: dict[str, list[str]] = json.loads(
    (files("stepscope.logs") / "signals.json").read_text(encoding="utf-8")
)
_BEGINNINGS = tuple(word.lower().encode() for words in _WORDS.values() for word in words)
_SIGNALS = frozenset(_BEGINNINGS)
# In a line of their own these tell of a signal; most words for the others are those of everyday life too.
_UNMISTAKABLE = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGXCPU", "SIGXFSZ")
_OF_ITS_OWN = frozenset(
    [
        *(word.encode() for signal in _UNMISTAKABLE for word in _WORDS[signal]),
        *(word.encode() for word in ("Killed", "Aborted", "Terminated", "Hangup", "Trace/breakpoint trap")),
        *(
            "Getötet Gekillt Tué Matado Ucciso Убито Убит 已杀死 已殺死 強制終了 强制終了 죽었음".encode().split()
        ),
        *(
            "Unicestwiony Öldürüldü Zabito Zabit Abgebrochen Abortado Annullato 已放弃 已放棄 中止".encode().split()
        ),
        *("アボートしました 중지됨 Przerwane Afgebroken".encode().split()),
        *(words.encode() for words in ("Processus arrêté", "Afgebroken door kill", "Аварийный останов")),
    ]
)
_LONGEST_WORD = 120  # with what follows it
# "Killed", and "Segmentation fault (core dumped)" with the parenthesis in any language.
_ALONE = compiled(rb"([^()\r\n]{3,80}?)\.?( ?\([^()\r\n]{1,60}\))?\.?\s*+")
# "./train.sh: line 18:  2718 Killed    python train.py", "[1]+  Killed    python", "zsh: killed     python".
_SHELL = compiled(
    rb"(?:[^:\r\n]{1,300}: [^:\r\n]{1,40}: +\d{1,9} +|\[\d{1,4}\][-+ ]{1,8}(?:\d{1,9} +)?|zsh: (?:[^:\r\n]{1,80}: )?)"
)
_FISH = re.compile(rb"fish: .{1,300} terminated by signal SIG[A-Z]{2,6}\b")

_HEAP = compiled(
    rb"(?:(?:free|malloc|realloc|calloc|munmap_chunk|mremap_chunk|malloc_consolidate|memalign|tcache_\w{1,20})\(\): \S.{1,100}"
    rb"|double free or corruption \(\S{1,20}\)|corrupted (?:size vs\. prev_size\b.{0,60}|double-linked list\b.{0,40})"
    rb"|\*\*\* (?:stack smashing|buffer overflow) detected \*\*\*.{0,60}"
    rb"|(?:\S{1,80}: )?malloc: \*\*\* error for object .{1,100}"
    rb"|\S{1,200}: (?:malloc|symbol lookup error|double free)\S{0,2}: .{1,300})\s*+"
)
_TERMINATE = re.compile(
    rb"terminate called (?:after throwing|recursively|without an active)|libc\+\+abi(?:\.dylib)?: terminat"
)
_FATAL = re.compile(rb"(?:Fatal Python error: |Windows fatal exception: |Fatal error: )\S")
_FAULT_LINES = (
    b"Current thread 0x", b"Thread 0x", b"Stack (most recent call first):", b"  File ", b"  <", b"  ...",
    b"Extension modules: ", b"Python runtime state: ", b"Current thread's C stack trace", b"  Binary file ",
)  # fmt: skip

_SCHEDULER = re.compile(
    rb"slurmstepd(?:-\S{1,80})?: (?:error: )?.{0,200}(?:oom_kill|oom-kill|OOM Killed|CANCELLED AT|exceeded memory|Exceeded)"
    rb"|slurmstepd(?:-\S{1,80})?: error: \*\*\* "
    rb"|srun: error: \S{1,200}: tasks? .{1,80}: (?:Killed|Out Of Memory|Segmentation fault|Aborted|Bus error|Terminated"
    rb"|Exited with exit code [1-9])"
    rb"|=>> PBS: job killed"
    rb"|TERM_[A-Z]{3,20}: job killed"
    rb"|(?:JOB|Job) \S{1,60} (?:was )?killed\b"
)
_OUT_OF_MEMORY = re.compile(
    rb"(?:\[ *\d{1,9}\.\d{1,9}\] )?(?:Out of memory: Kill(?:ed)? process \d|Memory cgroup out of memory: Kill|oom-kill:|oom_reaper: )"
    rb"|(?:State|Reason|reason|Last State)\W{1,20}OOMKilled\b|OOMKilled\s*$"
)
_EXITED = re.compile(
    rb"\S{1,200} exited with code (?!0\b)-?\d{1,10}\b"
    rb"|(?:error: )?command terminated with (?:non-zero )?exit code:? (?!0\b)\d{1,4}"
    rb"|Process \S{1,80} (?:died|exited) with (?:signal|exit code|code)\W{1,3}(?!0\b)-?\w{1,12}"
    # What an editor, make and conda say of a command that they started; make goes on after one that it ignores.
    rb"|Process finished with exit code (?!0\b)-?\d{1,10}\b"
    rb"|make(?:\[\d{1,4}\])?: \*\*\* \[[^\]]{1,300}\] (?:Error [1-9]\d{0,4}|[A-Z][a-z ]{3,40}(?: \(core dumped\))?)\s*$"
    rb"|ERROR conda\.cli\.main_run:execute\(\d{1,6}\): "
)
# An assertion of C, below which the process is aborted.
_ASSERTION = re.compile(rb"[^\s:]{1,200}: [^\s:]{1,300}:\d{1,7}: .{1,600}: Assertion [`'].{1,600}' failed\.")
# An exit status above 0 follows from an exception, which stands elsewhere.
_TORCHRUN = re.compile(rb"failed \(exitcode: -\d{1,10}\) local_rank: \d{1,6} ")
_COLLECTIVE = re.compile(
    rb"Watchdog caught collective operation timeout|Watchdog caught collective|NCCL watchdog thread terminated with exception"
    rb"|Process group watchdog thread terminated|Timed out waiting \d{1,9}ms for (?:recv|send) operation"
)
# The last line of a traceback whose beginning was not copied. A label in a sentence is shorter.
_EXCEPTION = re.compile(
    rb"(?:[A-Za-z_]\w{0,60}\.){0,9}(?:(?:[A-Z][a-z]\w{1,60}|OS|IO|EOF)(?:Error|Exception)|KeyboardInterrupt|SystemExit"
    rb"|torch\.OutOfMemoryError)(?:: \S|$)"
)
_STARTS_EXCEPTION = re.compile(rb"[A-Za-z_][\w.]{3,200}(?::|$)")


def open_block(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if it reports that a process died."""
    text = line.text
    if len(text) > _LONGEST:
        return None
    if _TERMINATE.match(text):
        return _terminated(line, context)
    if _FATAL.match(text):
        return Passage(context.library, line, lambda inner: inner.startswith(_FAULT_LINES), kind="failure")
    if (
        _names_signal(text)
        or _shell_names_signal(text)
        or _HEAP.fullmatch(text)
        or _SCHEDULER.match(text)
        or _OUT_OF_MEMORY.match(text)
        or _EXITED.match(text)
        or (b": Assertion " in text and _ASSERTION.match(text))
        or _FISH.match(text)
        or _TORCHRUN.search(text)
        or _COLLECTIVE.search(text)
    ):
        return message(line, context.library, kind="failure")
    if _STARTS_EXCEPTION.match(text) and _EXCEPTION.match(text):
        return Passage(context.library, line, lambda inner: inner.startswith(_ADVICE), kind="failure")
    return None


def _names_signal(text: bytes) -> bool:
    """Return whether a line holds the words for a signal alone."""
    if len(text) > _LONGEST_WORD or (match := _ALONE.fullmatch(text)) is None:
        return False
    # A note about the core file tells that a shell speaks.
    return match[1] in _OF_ITS_OWN or (match[2] is not None and match[1].lower() in _SIGNALS)


def _shell_names_signal(text: bytes) -> bool:
    """Return whether a shell reports that a process died of a signal: its words stand before the command."""
    # Where the words fill their column, the command follows without a blank.
    match = _SHELL.match(text)
    return match is not None and text[match.end() : match.end() + _LONGEST_WORD].lower().startswith(
        _BEGINNINGS
    )


# What PyTorch prints below the exceptions of CUDA.
_ADVICE = (
    b"CUDA kernel errors might be asynchronously reported",
    b"For debugging consider passing CUDA_LAUNCH_BLOCKING=1",
    b"Compile with `TORCH_USE_CUDA_DSA`",
    b"Search for `cuda",
    b"Device-side assertions were explicitly omitted",
)


def _terminated(line: Line, context: Context) -> Block:
    """Return what C++ says of an exception that nobody caught, up to the end of its message."""
    return Passage(
        context.library,
        line,
        lambda inner: inner.startswith((b"  what():  ", b"Exception raised from ", b"frame #", *_ADVICE)),
        kind="failure",
    )
