"""``python -m stepscope``: the same as the command ``stepscope``."""

import sys

from stepscope.cli import main

sys.exit(main())
