"""``python -m stepscope``: the same as the command ``stepscope``."""

import sys

try:
    from stepscope.cli import main

    status = main()
except KeyboardInterrupt:  # while that was imported
    status = 130
sys.exit(status)
