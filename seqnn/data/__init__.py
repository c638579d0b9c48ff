"""Data sets that are on every user's machine, or made by a formula."""

from ._clips import Clips, clips
from ._dates import dates
from ._docstring_summaries import docstring_summaries
from ._gaussian_ring import gaussian_ring
from ._melodies import melodies
from ._python_docs import python_docs
from ._sensor_grid import SensorGrid, sensor_grid
from ._shapes import Shapes, shapes
from ._strokes import Strokes, strokes

__all__ = [
    "Clips",
    "SensorGrid",
    "Shapes",
    "Strokes",
    "clips",
    "dates",
    "docstring_summaries",
    "gaussian_ring",
    "melodies",
    "python_docs",
    "sensor_grid",
    "shapes",
    "strokes",
]
