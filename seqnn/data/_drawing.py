"""Plane shapes by their distance functions, drawn with soft edges onto a grid of pixels."""

from __future__ import annotations

import math

import numpy as np

KINDS = ("circle", "square", "triangle", "cross", "star")
STYLES = ("filled", "outline", "noisy", "inverted")


def coverage(
    kinds: np.ndarray, centers: np.ndarray, radii: np.ndarray, angles: np.ndarray, size: int, *, outline: bool = False
) -> np.ndarray:
    """Return how much of each pixel each shape covers, 0 to 1; the edge is one pixel wide.

    Args:
        kinds: place in `KINDS`, [n].
        centers: x to the right and y downwards, in pixels, [n, 2].
        radii: of the circle around each shape, in pixels, [n].
        angles: by how much each shape is turned, in radians, [n].
        size: width and height of an image.
        outline: whether only the line around the shape is drawn.

    Returns:
        float32 [n, size, size].
    """
    place = np.arange(size, dtype=np.float32) + np.float32(0.5)
    left, top, turn, radii = (v.astype(np.float32)[:, None, None] for v in (*centers.T, np.pi / 2 - angles, radii))
    x, y = place[None, None, :] - left, place[None, :, None] - top
    distance = np.sqrt(x * x + y * y)
    turned = np.arctan2(y, x) + turn  # 0 is upwards
    outside = np.empty_like(distance)
    for kind, name in enumerate(KINDS):
        rows = kinds == kind
        outside[rows] = _outside(name, distance[rows], turned[rows], radii[rows])
    outside = np.maximum(outside, distance - radii)  # beside a sharp point its edges' lines are near
    if outline:
        outside = np.maximum(outside, -np.maximum(1, 0.2 * radii) - outside)
    return np.clip(0.5 - outside, 0, 1)


def _outside(name: str, distance: np.ndarray, angle: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Return how far points lie outside of a shape, less than 0 inside, from their polar coordinates."""
    if name == "circle":
        return distance - radius
    corners = {"square": 4, "triangle": 3, "cross": 4, "star": 5}[name]
    half = math.pi / corners
    # All corners are folded onto one: what remains is the angle to the nearest corner, 0 to `half`.
    first = half if name == "square" else 0
    near = np.abs((angle + (half - first)) % (2 * half) - half)
    if name == "cross":
        return np.maximum(distance * np.sin(near) - 0.28 * radius, distance * np.cos(near) - 0.96 * radius)
    # One edge remains: its normal points to this angle. Those of a star lean towards its points.
    normal = math.atan2(1 - 0.45 * math.cos(half), 0.45 * math.sin(half)) if name == "star" else half
    return distance * np.cos(near - normal) - radius * math.cos(normal)
