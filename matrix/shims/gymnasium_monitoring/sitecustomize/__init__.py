"""An empty ``gymnasium.wrappers.monitoring``, for Stable-Baselines3 2.3.2.

It imports that module for its recorder of videos, which is not used here. gymnasium 1.0 removed it, and the
cart-pole needs a gymnasium that is newer. Python imports this file when it starts.
"""

import sys
from types import ModuleType, SimpleNamespace

_monitoring = ModuleType("gymnasium.wrappers.monitoring")
# Named in the annotation of an attribute, and in nothing that is run.
_monitoring.video_recorder = SimpleNamespace(VideoRecorder=object)  # type: ignore[attr-defined]
sys.modules[_monitoring.__name__] = _monitoring
