"""Fine-tuning with few parameters: adapters of a model that rests, and ways to let it learn part by part.

`Adapters` adds, switches, merges, fuses, saves and loads adapters of a model by name: `LoRA` (in peft's file format),
`Bottleneck` (Houlsby's and Pfeiffer's) and their fusion, `PrefixTuning` and `PromptTuning`. `GradualUnfreezing` is a callback
of `seqnn.train`, and `layerwise_groups` gives layers learning rates of their own. `Classifier.fit` of `seqnn.pretrained`
uses them on texts. Names that are imported `as` themselves are for the other packages, not for users.
"""

from ._adapters import Adapters
from ._attempt import attempt as attempt
from ._bottleneck import Bottleneck
from ._low_rank import LoRA
from ._prefix import PrefixTuning
from ._prompt import PromptTuning
from ._unfreezing import GradualUnfreezing, layer_groups, layerwise_groups

__all__ = [
    "Adapters",
    "Bottleneck",
    "GradualUnfreezing",
    "LoRA",
    "PrefixTuning",
    "PromptTuning",
    "layer_groups",
    "layerwise_groups",
]
