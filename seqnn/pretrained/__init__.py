"""Models that others trained, as folders of Hugging Face's hold them: texts in, vectors, labels or texts out.

`load_pretrained(folder)` returns the object that fits: an `Encoder` or a `StaticEncoder` (`embed`), a `MaskedLanguageModel`
(`fill_mask`, `fill_masks`, `embed`), a `Classifier` (`predict`, `predict_proba`), a `Generator` (`generate`, `stream`), or,
for heads that have no use here, a plain `PretrainedModel`. All have the network as `model`, and write their folder by
`save_pretrained`.
"""

from ._base import PretrainedModel
from ._classifier import Classifier
from ._encoder import Encoder
from ._generator import Generator
from ._load import load_pretrained
from ._masked import FilledText, Filling, MaskedLanguageModel
from ._static import StaticEncoder

__all__ = [
    "Classifier",
    "Encoder",
    "FilledText",
    "Filling",
    "Generator",
    "MaskedLanguageModel",
    "PretrainedModel",
    "StaticEncoder",
    "load_pretrained",
]
