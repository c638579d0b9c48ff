"""What a classifier of texts makes of gender: its answers to sentences, and to the same ones with he for she and she for he."""

from collections.abc import Callable

import numpy as np

from seqnn.embed import gender_words
from seqnn.text import Vocabulary, length_buckets, pad


def partners(vocabulary: Vocabulary) -> np.ndarray:
    """Return the id that takes the place of each id, [V]: of the word of the other gender, or the same one.

    The pairs are those of `gender_words`, names among them, of which the vocabulary has both words; of a word in several
    pairs the first one counts.
    """
    found = np.arange(len(vocabulary))
    lists, taken = gender_words(), set()
    for pair in (*lists.definitional_pairs, *lists.equalize_pairs):
        if not taken & {*pair} and all(word in vocabulary.index for word in pair):
            a, b = (vocabulary.index[word] for word in pair)
            found[a], found[b] = b, a
            taken |= {*pair}
    return found


def agreement(answer: Callable[[np.ndarray], np.ndarray], sentences: list[np.ndarray], vocabulary: Vocabulary) -> float:
    """Return 1 - the mean difference of the probabilities of a sentence and of its twin, over those that have one.

    Args:
        answer: from padded ids [B, T] to the probabilities [B, classes].
        sentences: ids.
        vocabulary: of the ids.
    """
    other, gaps = partners(vocabulary), []
    gendered = [ids for ids in sentences if (other[ids] != ids).any()]
    for rows in length_buckets([len(ids) for ids in gendered], 250):
        ids = pad([gendered[row] for row in rows])[0].astype(np.int32)
        gaps.extend(np.abs(answer(ids) - answer(other[ids].astype(np.int32)))[:, 1])
    return 1 - float(np.mean(gaps))
