"""Agreement of vectors of sentences with people."""

import numpy as np
import pytest

from seqnn.evaluate import evaluate_sts
from seqnn.metrics import Examples, pearson, spearman

WORDS = "abcdef"
TEXTS = {"sentence1": ["a b c", "a b", "f", "a", "b c"], "sentence2": ["a b c", "a c", "e f", "d", "c"]}
LABELS = [5.0, 3.0, 3.5, 0.0, 4.0]


def count(sentences):
    return np.array([[sentence.count(word) for word in WORDS] for sentence in sentences], float)


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean", "manhattan"])
def test_correlations_are_those_of_the_similarities(similarity):
    a, b = count(TEXTS["sentence1"]), count(TEXTS["sentence2"])
    found = {
        "cosine": (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1),
        "dot": (a * b).sum(1),
        "euclidean": -np.sqrt(((a - b) ** 2).sum(1)),
        "manhattan": -np.abs(a - b).sum(1),
    }[similarity]
    score = evaluate_sts(count, Examples(TEXTS, LABELS), similarity=similarity)
    np.testing.assert_allclose(score.similarities, found)
    assert score[:2] == pytest.approx((pearson(found, LABELS), spearman(found, LABELS)))


def test_each_sentence_is_embedded_once_and_files_are_read(tmp_path):
    lines = "".join(
        f"g\tf\t2015\t{i}\t{label}\t{a}\t{b}\n"
        for i, (a, b, label) in enumerate(zip(*TEXTS.values(), LABELS, strict=True))
    )
    (tmp_path / "sts-test.csv").write_text(lines)

    class Encoder:
        def embed(self, sentences):
            assert len(sentences) == len(set(sentences))
            return count(sentences)

    score = evaluate_sts(Encoder(), tmp_path / "sts-test.csv")
    assert score.spearman == evaluate_sts(count, Examples(TEXTS, LABELS)).spearman


def test_a_vector_of_zeros_is_similar_to_nothing():
    texts = {"sentence1": ["x", "a", "a"], "sentence2": ["a", "a", "b"]}
    assert evaluate_sts(count, Examples(texts, [0, 5, 1])).similarities.tolist() == [0, 1, 0]


def test_bad_input_is_named():
    data = Examples(TEXTS, LABELS)
    with pytest.raises(ValueError, match=r"similarity: expected one of cosine, .* got 'jaccard'"):
        evaluate_sts(count, data, similarity="jaccard")
    with pytest.raises(TypeError, match="encoder: expected a function of sentences, or something with embed, got int"):
        evaluate_sts(3, data)
    with pytest.raises(ValueError, match=r"encoder: expected a vector of each of 9 sentences, got shape \(2, 3\)"):
        evaluate_sts(lambda sentences: np.zeros((2, 3)), data)
    with pytest.raises(ValueError, match="with NaN or infinity"):
        evaluate_sts(lambda sentences: np.full((len(sentences), 3), np.nan), data)
    with pytest.raises(ValueError, match="data: expected pairs of sentences with scores, got none"):
        evaluate_sts(count, Examples(TEXTS, None))
    with pytest.raises(FileNotFoundError):
        evaluate_sts(count, "no such file.csv")
