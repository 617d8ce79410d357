"""Recordings of what each library prints, and their comparison with what it prints now."""

from stepscope.recordings._recording import (
    DISTRIBUTIONS,
    PLACES,
    VARIANTS,
    Recording,
    make_recording,
    settings_of,
    without_places,
    write_recording,
)
from stepscope.recordings._template import Drift, drift, shape

__all__ = [
    "DISTRIBUTIONS",
    "PLACES",
    "VARIANTS",
    "Drift",
    "Recording",
    "drift",
    "make_recording",
    "settings_of",
    "shape",
    "without_places",
    "write_recording",
]
