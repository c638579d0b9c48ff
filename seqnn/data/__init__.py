"""Data sets that are on every user's machine, or made by a formula."""

from ._dates import dates
from ._gaussian_ring import gaussian_ring
from ._python_docs import python_docs
from ._sensor_grid import SensorGrid, sensor_grid
from ._shapes import Shapes, shapes

__all__ = ["SensorGrid", "Shapes", "dates", "gaussian_ring", "python_docs", "sensor_grid", "shapes"]
