"""What the tools of the site call in the reader's browser, where this package runs in Pyodide.

Each function takes and returns what JSON can hold; a log comes as a `BrowserFile`. Nothing here needs more than
Python's standard library.
"""

from stepscope.browser._compare import compare_logs
from stepscope.browser._download import write_csv, write_json
from stepscope.browser._file import BrowserFile
from stepscope.browser._log import read_log
from stepscope.browser._memory import calculate_memory, memory_arguments

__all__ = [
    "BrowserFile",
    "calculate_memory",
    "compare_logs",
    "memory_arguments",
    "read_log",
    "write_csv",
    "write_json",
]
