"""Records as files of other programs: tables, TensorBoard's event files, figures.

Importing this package imports none of the optional packages that some of its parts need.
"""

from stepscope.export._csv import CsvTable
from stepscope.export._plot import LearningPlot, Plot
from stepscope.export._series import MOST_RUNS, RunSeries, drawable
from stepscope.export._tensorboard import EventFiles

__all__ = ["MOST_RUNS", "CsvTable", "EventFiles", "LearningPlot", "Plot", "RunSeries", "drawable"]
