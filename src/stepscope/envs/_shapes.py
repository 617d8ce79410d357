"""Collision shapes for MJCF: primitives, convex meshes, and convex pieces of a ball."""

from __future__ import annotations

import math

from stepscope.errors import BadInputError

__all__ = ["SHAPES", "Geoms", "ellipsoid", "geoms"]

SHAPES = ("sphere", "box", "capsule", "mesh", "pieces")
"""Shapes of the objects of a pile."""

_GOLDEN = math.pi * (3.0 - math.sqrt(5.0))
_FEWEST = 4  # points that enclose a volume

Point = tuple[float, float, float]
Geoms = tuple[str, list[str]]


def geoms(shape: str, *, size: float, vertices: int, pieces: int) -> Geoms:
    """Return the assets, and the geoms of one object about as large as a ball of radius `size`, in m.

    Parameters
    ----------
    shape
        One of `SHAPES`. ``"mesh"`` is one convex mesh with so many `vertices` on the ball; ``"pieces"`` cuts such a
        mesh into that many convex ones, as a decomposition of a detailed mesh gives them.
    size
        Radius, in m.
    vertices
        Points on the whole ball.
    pieces
        Parts that the ball is cut into.

    Raises
    ------
    BadInputError
        If the shape is unknown, or has too few points.
    """
    if shape not in SHAPES:
        raise BadInputError(f"shape is {shape!r}; choose one of {', '.join(SHAPES)}.")
    mass = 'mass="{mass:.6g}"'
    if shape == "sphere":
        return "", [f'type="sphere" size="{size}" {mass.format(mass=1.0)}']
    if shape == "box":
        half = size * (math.pi / 6.0) ** (1.0 / 3.0)  # a cube of the ball's volume
        return "", [f'type="box" size="{half} {half} {half}" {mass.format(mass=1.0)}']
    if shape == "capsule":
        # A cylinder as long as its radius, and two half balls: 2 pi r^3 + 4/3 pi r^3 is the ball's 4/3 pi size^3.
        radius = size * (4.0 / 10.0) ** (1.0 / 3.0)
        return "", [f'type="capsule" size="{radius} {radius}" {mass.format(mass=1.0)}']
    parts = [_ball(vertices)] if shape == "mesh" else _cut(_ball(vertices), pieces)
    if any(len(part) < _FEWEST for part in parts):
        raise BadInputError(
            f"{vertices} vertices are too few for {len(parts)} convex pieces; give more of them or fewer pieces."
        )
    names = [f"hull_{number}" for number in range(len(parts))]
    assets = "".join(
        f'<mesh name="{name}" vertex="{_text(part, size)}"/>' for name, part in zip(names, parts, strict=True)
    )
    share = mass.format(mass=1.0 / len(parts))
    return assets, [f'type="mesh" mesh="{name}" {share}' for name in names]


def ellipsoid(count: int, half_axes: Point) -> str:
    """Return the coordinates of points spread over an ellipsoid, for the attribute ``vertex`` of a mesh."""
    if count < _FEWEST:
        raise BadInputError(f"{count} vertices do not enclose a volume; give at least {_FEWEST}.")
    points = [tuple(a * p for a, p in zip(half_axes, point, strict=True)) for point in _ball(count)]
    return " ".join(f"{value:.6g}" for point in points for value in point)


def _ball(count: int) -> list[Point]:
    """Return points spread evenly over a ball of radius 1, along a spiral (Fibonacci's lattice)."""
    points = []
    for number in range(count):
        height = 1.0 - 2.0 * (number + 0.5) / count
        radius = math.sqrt(1.0 - height * height)
        turn = _GOLDEN * number
        points.append((radius * math.cos(turn), radius * math.sin(turn), height))
    return points


def _cut(points: list[Point], pieces: int) -> list[list[Point]]:
    """Split the ball's points by the nearest of `pieces` directions; each part reaches to the centre."""
    centres = _ball(pieces)
    parts: list[list[Point]] = [[(0.0, 0.0, 0.0)] for _ in centres]
    for point in points:
        nearness = [sum(p * c for p, c in zip(point, centre, strict=True)) for centre in centres]
        parts[nearness.index(max(nearness))].append(point)
    return parts


def _text(points: list[Point], size: float) -> str:
    return " ".join(f"{size * value:.6g}" for point in points for value in point)
