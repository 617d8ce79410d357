"""Recordings of what each library prints, and their comparison with what it prints now."""

from stepscope.recordings._recording import (
    PATHS,
    VARIANTS,
    Recording,
    capture_output,
    make_recording,
    write_recording,
)
from stepscope.recordings._template import (
    LineTemplate,
    TemplateDifference,
    diff_templates,
    line_template,
    output_template,
)

__all__ = [
    "PATHS",
    "VARIANTS",
    "LineTemplate",
    "Recording",
    "TemplateDifference",
    "capture_output",
    "diff_templates",
    "line_template",
    "make_recording",
    "output_template",
    "write_recording",
]
