"""Images as observations, and the convolutions in front of a network.

The three layers are those of Mnih et al., Human-level control through deep reinforcement learning, Nature 518 (2015),
which Stable-Baselines3 builds by itself and Isaac Lab's camera tasks name for the other libraries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CONVOLUTIONS", "FEATURES", "convolved_shapes", "is_image"]

CONVOLUTIONS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
"""Channels, kernel size and stride of each layer; sizes in pixels."""

FEATURES = 512
"""Width of the fully connected layer behind the convolutions."""

_DIMENSIONS = 3
_SMALLEST = 36  # pixels along an edge: with fewer the last convolution has nothing left


def is_image(shape: Sequence[int]) -> bool:
    """Return whether an observation of this shape is an image of channels, height and width."""
    return len(shape) == _DIMENSIONS


def convolved_shapes(shape: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return channels, height and width of an image behind each of the convolutions.

    Raises
    ------
    BadInputError
        If the image is too small.

    Examples
    --------
    >>> convolved_shapes((3, 84, 84))
    [(32, 20, 20), (64, 9, 9), (64, 7, 7)]
    """
    _, height, width = shape
    if min(height, width) < _SMALLEST:
        raise BadInputError(
            f"an image of {height} x {width} is too small for the convolutions, which need {_SMALLEST} pixels along"
            " each edge."
        )
    sizes = []
    for channels, edge, stride in CONVOLUTIONS:
        height, width = (height - edge) // stride + 1, (width - edge) // stride + 1
        sizes.append((channels, height, width))
    return sizes
