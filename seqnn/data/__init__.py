"""Data sets that are on every user's machine, or made by a formula."""

from ._dates import dates
from ._melodies import melodies
from ._python_docs import python_docs
from ._sensor_grid import SensorGrid, sensor_grid

__all__ = ["SensorGrid", "dates", "melodies", "python_docs", "sensor_grid"]
