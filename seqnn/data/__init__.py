"""Data that is on every user's machine."""

from ._python_docs import python_docs

__all__ = ["python_docs"]
