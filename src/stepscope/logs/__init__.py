"""Read what RL-Games, RSL-RL, skrl and Stable-Baselines3 print while training.

Nothing here needs more than Python's standard library, so it also runs in a browser.

>>> line = "fps step: 112918 fps step and policy inference: 104337 fps total: 78179 epoch: 1/150 frames: 0"
>>> [record] = reads(line)
>>> record.library, record.kind, record.iteration, record.fps.total
('rl_games', 'iteration', 1, 78179)
"""

from stepscope.logs._library import Library, Scalar, UpdateCount, VersionMarker
from stepscope.logs._read import read, reads, stream
from stepscope.logs._records import SCHEMA, Fps, Kind, Record, Seconds
from stepscope.logs._table import COLUMNS, MOST_COLUMNS, Records, row, table
from stepscope.logs._values import bar_rate, goal
from stepscope.logs.libraries import BY_KEY, LIBRARIES, library_name

__all__ = [
    "BY_KEY",
    "COLUMNS",
    "LIBRARIES",
    "MOST_COLUMNS",
    "SCHEMA",
    "Fps",
    "Kind",
    "Library",
    "Record",
    "Records",
    "Scalar",
    "Seconds",
    "UpdateCount",
    "VersionMarker",
    "bar_rate",
    "goal",
    "library_name",
    "read",
    "reads",
    "row",
    "stream",
    "table",
]
