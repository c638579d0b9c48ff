"""Every way to get a sequence out of a model: one engine for any step function and for our own models.

Strategies: greedy, random (temperature, top-k, top-p, min-p, typical), beam search (length normalisations, early stopping,
coverage), diverse groups of beams, beams that are drawn; n-gram blocking, penalties, forced and forbidden tokens. `generate`
takes them by Hugging Face's names, which `Options` describes; `stream` yields tokens as they come, `stream_text` pieces of
text; `mbr` chooses among sequences; `process` and `draw` work on logits alone.

Names that are imported `as` themselves are for the other packages, not for users.
"""

from ._generate import beam_search, generate, sample, stream, stream_text
from ._mbr import Consensus, mbr
from ._options import Options
from ._processors import process
from ._prompts import as_prompts as as_prompts
from ._prompts import left_padded as left_padded
from ._result import Generation
from ._result import moved_left as moved_left
from ._run import run as run
from ._run import with_tokenizer as with_tokenizer
from ._samplers import draw
from ._step import Decodable, Start
from ._tree import SearchTree

__all__ = [
    "Consensus",
    "Decodable",
    "Generation",
    "Options",
    "SearchTree",
    "Start",
    "beam_search",
    "draw",
    "generate",
    "mbr",
    "process",
    "sample",
    "stream",
    "stream_text",
]
