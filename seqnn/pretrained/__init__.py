"""Models that others trained, as folders of Hugging Face's hold them: texts in, vectors, labels or texts out.

`load_pretrained(folder)` returns the object that fits: an `Encoder` or a `StaticEncoder` (`embed`), a `MaskedLanguageModel`
(`fill_mask`, `fill_masks`, `embed`), a `Classifier` (`predict`, `predict_proba`, `fit`), a `QuestionAnswerer` (`answer`,
`answers`), a `Generator` (`generate`, `stream`), or, for taggers, a plain `PretrainedModel`. All have the network as
`model`, and write their folder by `save_pretrained`. `debias_encoder` frees an encoder of a bias.

Names that are imported `as` themselves are for the other packages, not for users.
"""

from ._base import PretrainedModel
from ._classifier import Classifier
from ._debiasing import debias_encoder
from ._encoder import Encoder
from ._fine_tuning import fine_tune as fine_tune
from ._generator import Generator
from ._load import load_pretrained
from ._masked import FilledText, Filling, MaskedLanguageModel
from ._question_answerer import Answer, Answers, QuestionAnswerer
from ._question_answerer import find_answers as find_answers
from ._static import StaticEncoder
from ._windows import Window as Window
from ._windows import question_windows as question_windows
from ._windows import target_span as target_span

__all__ = [
    "Answer",
    "Answers",
    "Classifier",
    "Encoder",
    "FilledText",
    "Filling",
    "Generator",
    "MaskedLanguageModel",
    "PretrainedModel",
    "QuestionAnswerer",
    "StaticEncoder",
    "debias_encoder",
    "load_pretrained",
]
