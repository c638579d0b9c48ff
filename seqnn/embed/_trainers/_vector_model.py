"""What Word2Vec, FastText and GloVe have in common: settings, words, weights, vectors, runs, files."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from ... import _model_file
from ..._arguments import flag, integer
from ..._callbacks import checked_callbacks
from ..._files import Path, name_of
from ..._run import Trainable
from ..._settings import Anything, Choice, Flag, Function, Integer, Memory, Settings
from ..._strings import pack
from ..._threads import MAX_THREADS, get_num_threads, threads
from ...text import Vocabulary
from .._vectors import COUNTS, FORMAT, KeyedVectors
from ._pretrained import FirstVectors, Freeze, begin_with, check_pretrained
from ._steps import RatedPosition, StepRun, Task

MAX_WINDOW = 1000
"""Words beyond its own ends that a step sees, at most (less than the kernel's margin of 1024)."""


def _early_stopping(name: str, value: Any) -> Any:
    return checked_callbacks([value], name)[0]


class VectorModel(Settings, Trainable):
    """Base of the trainers of word vectors.

    Args:
        vector_size: length of the vectors.
        window: most words between a word and its context, at most 1000.
        min_count: rarer words are left out.
        max_vocab_size: limit of different words while counting: rarer ones are forgotten on the way.
        max_final_vocab: raise min_count until no more words than this are left.
        epochs: passes over the data; 0 leaves the initial vectors.
        workers: threads; None: all allowed ones.
        seed: of all random numbers.
        verbose: 0 shows no progress bar.
        max_memory: bytes (or "2GB") that the encoded corpus may take; beyond, it lies in a temporary file.
        tokenizer: function str -> list of words, for lines of text; by default they are split at white space. Files do not
            keep it.
        errors: what invalid UTF-8 gets: "replace", "strict" or "ignore", which leaves NUL bytes out, too.
        early_stopping: an `EarlyStopping`, used by every run of this model. Files do not keep it.
        pretrained: first vectors: `KeyedVectors` (also gensim's), a pair (matrix, words), or the path of a file of any
            format that is read. Words of the model that have a vector there begin with it; other words there are passed
            over. Files do not keep the setting, but the model's vectors.
        freeze: which of the pretrained vectors stay as they are: True all, a list of words these, a dict gives for each
            of some words the share of its changes that it takes, as `wv.vectors_lockf`.
    """

    vector_size = Integer(100, minimum=1)
    window = Integer(5, minimum=1, maximum=MAX_WINDOW)
    min_count = Integer(5)
    max_vocab_size = Integer(None, minimum=1)
    max_final_vocab = Integer(None, minimum=1)
    epochs = Integer(5)
    workers = Integer(None, minimum=1, maximum=MAX_THREADS)
    seed = Integer(1, maximum=2**63 - 1)
    deterministic = Flag(False)
    verbose = Integer(1)
    max_memory = Memory(None)
    tokenizer = Function("str -> list of words")
    errors = Choice("replace", ("replace", "strict", "ignore"))
    early_stopping = Anything(None, _early_stopping)
    pretrained = FirstVectors()
    freeze = Freeze()

    _checks_at_once = True
    _position_type = RatedPosition

    _kind: ClassVar[str]
    """The name of these models in files."""
    _weights_type: ClassVar[Any]
    """The class of the weights: see `Weights` and `GloveWeights`."""
    _counted: ClassVar[tuple[str, ...]] = ("corpus_count", "corpus_total_words")
    """Attributes that count something; files keep them."""
    _keeps_empty: ClassVar[bool] = False
    """Whether texts without a known word keep their place in an encoded corpus."""

    wv: KeyedVectors
    corpus_count: int
    """Sentences of the corpus that the vocabulary was chosen from."""
    corpus_total_words: int
    """Words of this corpus."""
    ids_as_words: bool
    """Whether encoded ids stand for the words "0", "1", ... (else they are rows of `wv`)."""

    def _start(self) -> None:
        """Begin without words."""
        for name in self._counted:
            setattr(self, name, 0)
        self.ids_as_words = False
        self._vocabulary = Vocabulary([])
        self._weights: Any = None
        self._forget_runs()
        self.wv = self._weights_type.no_vectors(self)
        self._complete = True

    def _install(self, vocabulary: Vocabulary, weights: Any) -> None:
        """Take a vocabulary and its weights."""
        self._vocabulary = vocabulary
        self._weights = weights
        self.wv = weights.vectors(vocabulary)

    def _beginning_with(self, arrays: Sequence[np.ndarray], epochs_trained: int = 0) -> Self:
        """Return another model of these settings and words, whose weights are copies of `arrays`; it has no history."""
        model = copy.copy(self)
        model._forget_runs()
        model.epochs_trained = epochs_trained
        names = [
            next(name for name, value in vars(self._weights).items() if value is array)
            for array in self._weights.arrays()
        ]
        copies = [np.array(array, order="C") for array in arrays]
        model._install(self._vocabulary, replace(self._weights, **dict(zip(names, copies, strict=True))))
        return model

    @property
    def total_train_time(self) -> float:
        """Seconds that the finished epochs took."""
        return sum(entry["seconds"] for entry in self.history_)

    def _require_vocabulary(self, purpose: str) -> None:
        if not self._vocabulary.words:
            raise RuntimeError(f"the model has no vocabulary: call build_vocab(corpus) before {purpose}")

    def _check_settings(self) -> None:
        """Raise a ValueError where the settings do not fit each other, or the weights."""
        self._checked()
        self._check_pretrained()
        if self._weights is not None:
            self._weights.check_settings(self)

    def _check_words(self) -> None:
        """Raise a ValueError where `wv` has other words than the model: rows would be taken for those of other words."""
        wv = self.wv
        if wv.index_to_key == self._vocabulary.words and wv.vectors.shape[1:] == (wv.vector_size,):
            return
        raise ValueError(
            f"wv: its words were changed; expected the {len(self._vocabulary)} words of the model in their order. Give "
            "vectors by word, wv[words] = vectors, or take others over by model.wv = other.vectors_for_all("
            "model.wv.index_to_key); add words to the model with build_vocab(..., update=True)"
        )

    def _follow_vectors(self) -> None:
        """Take over what the user has done to `wv`, and let the weights be trainable."""
        self._check_words()
        self._weights = self._weights.following(self.wv)

    def _check_pretrained(self) -> None:
        check_pretrained(self.pretrained, self.freeze, self._weights_type.no_vectors(self).vector_size)

    def _begin_pretrained(self, first: int = 0) -> None:
        """Let the words from row `first` on begin with the pretrained vectors."""
        self._check_pretrained()
        if self.pretrained is not None:
            begin_with(self.wv, self.pretrained, self.freeze, first)
            self._follow_vectors()

    def _trained_arrays(self) -> list[np.ndarray]:
        return self._weights.arrays()

    def _weights_changed(self) -> None:
        self._weights.publish(self.wv)

    def _run(self, task: Task, callbacks: Iterable[Any]) -> None:
        """Train to the end of the run at the present position."""
        with threads(self.workers):
            run = StepRun(self, task, self._position, list(callbacks), threads=get_num_threads())
            run.go(units=task.units, verbose=self.verbose)

    def _listeners(self, callbacks: Iterable[Any]) -> list[Any]:
        """Return the callbacks of a run."""
        listeners = checked_callbacks(callbacks)
        return listeners if self.early_stopping is None else [*listeners, self.early_stopping]

    # Files

    def save(self, path: Path) -> None:
        """Write all of the model to one safetensors file; on any error an old file of this name stays.

        It holds settings, vocabulary, weights, history and where an interrupted run stands, but no functions (tokenizer,
        trim_rule, callbacks, early_stopping). `KeyedVectors.load` reads the vectors alone.

        Args:
            path: the file.

        >>> import tempfile
        >>> from seqnn import Word2Vec
        >>> model = Word2Vec([["to", "be"]] * 9, vector_size=4, sample=0, verbose=0)
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     model.save(file.name)
        ...     bool((Word2Vec.load(file.name).wv["be"] == model.wv["be"]).all())
        True
        """
        self._check_settings()
        tensors, record, metadata = self._state()
        try:
            _model_file.save(path, self._kind, tensors, record, metadata)
        except TypeError as error:
            raise TypeError(f"comment: expected text or what JSON can hold: {error}") from None

    @classmethod
    def load(cls, path: Path, mmap: bool | str | None = False) -> Self:
        """Read the model that `save` wrote.

        Args:
            path: the file.
            mmap: whether the matrices stay in the file, read-only, until the model is trained further.

        Returns:
            The model.

        Raises:
            ValueError: another file, or a damaged one.
        """
        name = name_of(path)
        tensors, record, metadata = _model_file.load(path, cls._kind, advice=" (for vectors alone: KeyedVectors.load)")
        with _model_file.damage(path):
            model = cls._restored(tensors, record, metadata, name)
        if model._weights is not None and not mmap:
            model._follow_vectors()
        return model

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, str]]:
        """Return tensors, record and metadata of a file: those of `KeyedVectors.save`, and more."""
        runs = self._runs()
        state = {name: getattr(self, name) for name in (*self._counted, "ids_as_words")}
        record = {"options": self._saved_settings(), "position": runs.pop("position"), "state": state | runs}
        if self._weights is None:
            words, offsets = pack([])
            return {"words": words, "offsets": offsets, COUNTS: self._vocabulary.counts}, record, FORMAT
        self._check_words()
        weights = self._weights.tensors(self.wv)
        tensors, metadata = self.wv._state()
        tensors["vectors"] = np.asarray(tensors["vectors"], np.float32)  # a user may have put others there
        return tensors | {COUNTS: self._vocabulary.counts} | weights, record, metadata

    @classmethod
    def _restored(
        cls, tensors: Mapping[str, np.ndarray], record: Mapping[str, Any], metadata: Mapping[str, str], name: str
    ) -> Self:
        """Return the model of a `_state`. Only settings are taken from the options: a file must not make a model train."""
        model = cls(**{key: record["options"][key] for key, setting in cls._settings.items() if setting.saved})
        state = record["state"]
        for key in cls._counted:
            setattr(model, key, integer(key, state[key], 0, 2**63 - 1))
        model.ids_as_words = flag("ids_as_words", state["ids_as_words"])
        for key, value in model._checked_runs({**state, "position": record["position"]}).items():
            setattr(model, key, value)
        if "vectors" in tensors:
            wv = KeyedVectors._restored(tensors, metadata, name)
            counts = wv.expandos.get("count")
            if counts is None or counts.dtype != np.int64:
                raise ValueError(f"damaged, tensor {COUNTS!r} must be int64 of shape ({len(wv)},)")
            weights = cls._weights_type.restored(model, wv, tensors)
            model._install(Vocabulary(wv.index_to_key, counts), weights)
            model.wv.expandos |= wv.expandos
            model.wv._lockf = wv._lockf
        return model
