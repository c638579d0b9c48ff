"""The room of alignment: two or more spaces of word vectors brought into one, and words translated between them."""

from ._align import SpaceAlignment, align
from ._csls import csls_neighbors, induce_dictionary
from ._temporal import align_sequence

__all__ = ["SpaceAlignment", "align", "align_sequence", "csls_neighbors", "induce_dictionary"]
