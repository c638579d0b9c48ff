"""An encoder is freed of a bias: its association test before and after, and what stays."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seqnn import random, tune
from seqnn.embed import SEATTest, seat
from seqnn.models import BERT, BERTForPretraining
from seqnn.pretrained import Encoder, MaskedLanguageModel, debias_encoder

SHE, HE = (5, 6, 7, 8), (9, 10, 11, 12)
FIRST, SECOND = (13, 14, 15, 16), (17, 18, 19, 20)  # jobs that the texts give to one of them
FILL = range(21, 27)


def sentence(draw, *words):
    return [2, *draw.permutation([*words, *draw.choice(FILL, 2)]).tolist(), 3]


def biased_encoder(kind=MaskedLanguageModel):
    """A model in whose table a direction parts her from him, and the jobs alike."""
    with random.seeded(0):
        bert = BERT(30, max_positions=8, d_model=32, nhead=2, num_layers=1, dropout=0.0)
    table, direction = bert.embedding.weight.data, np.random.default_rng(0).normal(size=32) / 20
    table *= 3
    for words, sign in ((SHE, 1), (HE, -1), (FIRST, 0.7), (SECOND, -0.7)):
        table[[*words]] += (sign * direction).astype(np.float32)
    model = bert if kind is Encoder else BERTForPretraining(bert)
    return kind(SimpleNamespace(model=model.eval(), config={}), None, Path())


def groups(seed, *words):
    draw = np.random.default_rng(seed)
    return [[sentence(draw, word) for word in each for _ in range(4)] for each in words]


def association(encoder):
    """The association test of the jobs with her and him, in sentences that debiasing has not seen."""
    parts = [[str(ids) for ids in part] for part in groups(9, FIRST, SECOND, SHE, HE)]
    test = SEATTest(*([*dict.fromkeys(part)] for part in parts))
    return seat(lambda texts: encoder.embed([[*map(int, text.strip("[]").split(","))] for text in texts]), test)


@pytest.mark.parametrize("kind", [Encoder, MaskedLanguageModel])
def test_the_association_goes_and_the_vectors_stay(kind):
    encoder = biased_encoder(kind)
    jobs, she, he = groups(1, (*FIRST, *SECOND), SHE, HE)
    before = association(encoder)
    weights = {name: array.copy() for name, array in encoder.model.state_dict().items()}
    after = debias_encoder(encoder, jobs, [she, he], strength=0.5, epochs=10, learning_rate=3e-3, verbose=0)
    assert before.effect_size > 1.2 and before.p_value < 0.01
    found = association(after)
    assert abs(found.effect_size) < before.effect_size - 0.6 and found.p_value > before.p_value
    assert type(after) is type(encoder)
    a, b = (model.embed([*she, *he], normalize=True) for model in (encoder, after))
    assert (a * b).sum(axis=1).mean() > 0.9  # what the attributes are stays
    for name, array in encoder.model.state_dict().items():
        np.testing.assert_array_equal(array, weights[name])


def test_a_seed_says_what_is_learnt():
    encoder = biased_encoder()
    jobs, she, he = groups(1, FIRST, SHE, HE)
    runs = [debias_encoder(encoder, jobs, [she, he], epochs=1, seed=seed, verbose=0).embed(jobs) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_a_frozen_encoder_learns_and_its_adapters_are_copied():
    encoder = biased_encoder()
    encoder.adapters.add("a", tune.LoRA(r=2))
    after = debias_encoder(encoder, [[13]], [[[5]], [[9]]], epochs=1, verbose=0)
    assert after.adapters.model is after.model and after.adapters.active == ("a",)
    assert after.adapters.merge_and_unload() is after.model and encoder.adapters.active == ("a",)
    encoder.adapters.delete("a")
    encoder.model.freeze()
    after = debias_encoder(encoder, iter([[13]]), ([[5]], [[9]]), epochs=1, verbose=0)
    assert not np.array_equal(after.embed([13]), encoder.embed([13]))


def test_bad_input_is_named():
    encoder = Encoder(SimpleNamespace(model=BERT(30, d_model=8, nhead=2, num_layers=1).eval(), config={}), None, Path())
    with pytest.raises(TypeError, match="encoder: expected an Encoder, got BERT"):
        debias_encoder(encoder.model, [[5]], [[[6]], [[7]]])
    with pytest.raises(ValueError, match=r"at least two groups of sentences, got 1 and groups of \[1\]"):
        debias_encoder(encoder, [[5]], [[[6]]])
    with pytest.raises(ValueError, match="expected targets and at least two groups of sentences, got 0"):
        debias_encoder(encoder, [], [[[6]], [[7]]])
    with pytest.raises(ValueError, match="attributes: expected groups of sentences that differ"):
        debias_encoder(encoder, [[5]], [[[6]], [[6]]], verbose=0)
    with pytest.raises(ValueError, match="strength: expected a finite number > 0 and < 1, got 1"):
        debias_encoder(encoder, [[5]], [[[6]], [[7]]], strength=1)
    with pytest.raises(ValueError, match="sentences: expected token ids, got texts"):
        debias_encoder(encoder, ["nurse"], [["she"], ["he"]])
    for targets, attributes, name in (
        ("nurse", [["she"], ["he"]], "targets"),
        (["nurse"], ["she", "he"], "attributes"),
    ):
        with pytest.raises(TypeError, match=f"{name}: expected lists of sentences, got '"):
            debias_encoder(encoder, targets, attributes)
    with pytest.raises(ValueError, match="batch_size: expected an integer >= 1, got 0"):
        debias_encoder(encoder, [[5]], [[[6]], [[7]]], batch_size=0)
