"""The command `seqnn`."""

from ._main import main

__all__ = ["main"]
