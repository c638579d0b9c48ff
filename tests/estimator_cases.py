"""Every estimator of `seqnn.models` with settings that train in no time, and data for it: name -> (estimator, X, y or None)."""

import numpy as np

from seqnn import random
from seqnn.models import (
    DBN,
    GAN,
    MLP,
    AnomalyDetector,
    ARForecaster,
    BernoulliRBM,
    CRFTagger,
    DBNAutoencoder,
    FastTextClassifier,
    GaussianRBM,
    ImageCaptioner,
    ImageClassifier,
    LanguageModel,
    LogisticRegression,
    MLPClassifier,
    MLPForecaster,
    MLPRegressor,
    RecurrentForecaster,
    Seq2Seq,
    SequenceClassifier,
    SequenceGenerator,
    SequenceRegressor,
    SequenceTagger,
    Siamese,
    Tagger,
    TextCNNClassifier,
    Translator,
)

draw = np.random.default_rng(0)
MATRIX = draw.standard_normal((30, 3))
CLASSES = np.where(MATRIX[:, 0] > 0, "up", "down")
NUMBERS = [draw.standard_normal((int(n), 2)) for n in draw.integers(1, 6, 30)]
TOKENS = [[str(t) for t in draw.integers(0, 5, int(n))] for n in draw.integers(1, 6, 30)]
ITEMS = [[{"token": t, "large": t > "2"} for t in s] for s in TOKENS]
SERIES = np.sin(0.3 * np.arange(60))[:, None] + 0.1 * draw.standard_normal((60, 2))
UNIT = draw.random((30, 3))
IMAGES = draw.random((30, 6, 5))
SMALL = {"hidden_size": 4, "max_iter": 2}
TINY = {"d_model": 8, "nhead": 2, "num_layers": 1, "dim_feedforward": 8, "warmup": 5, "max_iter": 2}
CASES = {
    "logistic": (LogisticRegression(C=0.5, class_weight={"up": 2.0}), MATRIX, CLASSES),
    "logistic, three integers": (LogisticRegression(), MATRIX, np.arange(30) % 3),
    "perceptron": (MLPClassifier((4,), max_iter=2), MATRIX, CLASSES),
    "perceptron, float32": (MLPClassifier((4, 3), dropout=0.1, max_iter=2), MATRIX.astype("f4"), MATRIX[:, 0] > 0),
    "perceptron of numbers": (MLPRegressor((4,), activation="tanh", max_iter=2), MATRIX, MATRIX[:, :2]),
    "deep belief net": (DBN((4, 3), pretrain_iter=1, max_iter=2), UNIT, CLASSES),
    "images": (ImageClassifier(channels=(2, 3), hidden_layer_sizes=(4,), shift=1, max_iter=2), IMAGES, CLASSES),
    "residual blocks": (
        ImageClassifier(channels=(2, 3), residual=True, pooling="average", channels_last=True, max_iter=2),
        np.stack([IMAGES, -IMAGES, IMAGES**2], axis=-1),
        CLASSES,
    ),
    "captions": (ImageCaptioner(**SMALL, channels=(2, 3), embedding_size=3), IMAGES, [" ".join(s) for s in TOKENS]),
    "captions without attention": (ImageCaptioner(**SMALL, channels=(2,), attention=None, cell="lstm"), IMAGES, TOKENS),
    "classes of sequences": (SequenceClassifier(**SMALL, bidirectional=True), NUMBERS, CLASSES),
    "classes of tokens": (SequenceClassifier(**SMALL, cell="stlm", embedding_size=3), TOKENS, CLASSES.astype(object)),
    "numbers of sequences": (SequenceRegressor(**SMALL, cell="gru"), NUMBERS, MATRIX[:, 0]),
    "tags": (SequenceTagger(**SMALL), TOKENS, [[t > "2" for t in s] for s in TOKENS]),
    "tags of a chain": (SequenceTagger(**SMALL, crf=True), TOKENS, [[t > "2" for t in s] for s in TOKENS]),
    "tags by features": (CRFTagger(c2=0.5, delta=1e-3), ITEMS, [[f"t{t}" for t in s] for s in TOKENS]),
    "tags by features, perceptron": (CRFTagger("ap", max_iterations=3), ITEMS, [[t > "2" for t in s] for s in TOKENS]),
    "tokens from tokens": (Seq2Seq(**SMALL), TOKENS, [s[::-1] for s in TOKENS]),
    "numbers from numbers": (Seq2Seq(**SMALL, cell="rnn"), NUMBERS, [s[::-1] for s in NUMBERS]),
    "tokens from vectors": (SequenceGenerator(**SMALL), MATRIX, TOKENS),
    "numbers from vectors": (SequenceGenerator(**SMALL), MATRIX, [s[:, 0] for s in NUMBERS]),
    "texts": (TextCNNClassifier(filters=2, embedding_size=3, max_iter=2), [" ".join(s) for s in TOKENS], CLASSES),
    "texts by means": (
        FastTextClassifier(vector_size=4, epochs=2, word_ngrams=2, bucket=50, deterministic=True),
        [" ".join(s) for s in TOKENS],
        CLASSES,
    ),
    "classes by convolutions": (SequenceClassifier(**SMALL, cell="cnn", pooling="attention"), TOKENS, CLASSES),
    "classes by attention": (SequenceClassifier(**SMALL, cell="transformer", num_layers=2), TOKENS, CLASSES),
    "spans of words": (
        Tagger(**SMALL, embedding_size=3),
        TOKENS,
        [["B-a" if t > "2" else "O" for t in s] for s in TOKENS],
    ),
    "labels of words": (
        Tagger(**SMALL, spelling="lstm", crf=False, casing=False),
        TOKENS,
        [["x" if t > "2" else "y" for t in s] for s in TOKENS],
    ),
    "pairs": (Siamese(**SMALL, loss="triplet"), [(s, s[::-1]) for s in TOKENS], np.arange(30)),
    "pairs or not": (
        Siamese(**SMALL, loss="contrastive", distance="manhattan"),
        [(s, s[::-1]) for s in TOKENS],
        np.arange(30) % 2,
    ),
    "translations": (Translator(**TINY), TOKENS, [s[::-1] for s in TOKENS]),
    "words in a row": (LanguageModel(**SMALL, embedding_size=3, window=8), TOKENS, np.zeros(30)),
    "words by attention": (
        LanguageModel(**SMALL, cell="gpt", nhead=2, window=8),
        [" ".join(s) for s in TOKENS],
        np.zeros(30),
    ),
    "integers in a row": (
        LanguageModel(**SMALL, cell="stlm", tied=False, window=8),
        [[int(t) for t in s] for s in TOKENS],
        np.zeros(30),
    ),
    "autoregression": (ARForecaster(3, ridge=0.1), SERIES, None),
    "several series": (ARForecaster(3), [SERIES[:30, 0], SERIES[30:, 1]], None),
    "recurrent forecasts": (RecurrentForecaster(5, 2, **SMALL, scaling="minmax"), SERIES, None),
    "perceptron forecasts": (MLPForecaster(5, 2, hidden_layer_sizes=(4,), max_iter=2, scaling=None), SERIES, None),
    "anomalies": (AnomalyDetector(ARForecaster(4), quantile=0.9), SERIES, None),
    "anomalies by a network": (AnomalyDetector(RecurrentForecaster(4, **SMALL)), SERIES[:, 0], None),
}
TRANSFORMERS = {
    "binary units": (BernoulliRBM(4, n_iter=2, momentum=0.5), UNIT.round(), None),
    "normal units": (GaussianRBM(4, n_iter=2), MATRIX.astype("f4"), None),
    "autoencoder": (DBNAutoencoder((4, 2), visible="gaussian", pretrain_iter=1, max_iter=2), MATRIX, None),
}
"""Estimators that transform and do not predict."""
PLAY = {"batch_size": 10, "max_iter": 2}
with random.seeded(1):  # networks made by hand draw at once: not to depend on which files were imported before
    GENERATORS = {
        "generator": (GAN(MLP([2, 4, 3]), MLP([3, 4, 1]), noise=2, **PLAY), MATRIX, None),
        "generator with a clipped critic": (
            GAN(
                MLP([4, 3]), MLP([3, 1]), noise=(4,), loss="wasserstein", weight_clip=0.1, discriminator_steps=2, **PLAY
            ),
            MATRIX.astype("f4"),
            None,
        ),
    }
"""Estimators that make samples."""
