"""Captions of images: they are learnt, written as they were trained, looked at, and refused where they make no sense."""

import numpy as np
import pytest

from seqnn import decode
from seqnn.data import shapes
from seqnn.models import ImageCaptioner

KNOWN = shapes(120, size=12)
QUICK = {"channels": (4, 6), "hidden_size": 8, "embedding_size": 4, "max_iter": 1, "validation_fraction": 0}


@pytest.fixture(name="fitted", scope="module")
def captioner_of_shapes():
    model = ImageCaptioner(
        channels=(8, 16), hidden_size=24, embedding_size=12, batch_size=16, learning_rate=0.01, max_iter=20
    )
    known = shapes(300, size=16)
    return model.fit(known.images, known.captions)


def test_feature_maps_of_many_images_are_made_for_some_at_a_time(fitted, monkeypatch):
    images, counts = shapes(300, size=16, seed=2).images, []
    blocks = fitted.model_.reader.blocks
    forward = type(blocks).forward
    monkeypatch.setattr(type(blocks), "forward", lambda self, x: counts.append(len(x)) or forward(self, x))
    captions = fitted.predict(images)
    assert counts == [256, 44] and captions[256:] == fitted.predict(images[256:])


def test_shapes_that_it_has_not_seen_are_described(fitted):
    new = shapes(100, size=16, seed=1)
    assert fitted.score(new.images, new.captions) > 0.75
    assert all(len(caption.split()) == 3 for caption in fitted.predict(new.images))
    written = fitted.generate(new.images[:5], num_beams=3)
    assert isinstance(written, decode.Generation) and len(written.texts) == 5
    assert [*written.texts] == fitted.predict(new.images[:5], num_beams=3)


def test_each_word_looks_at_places_of_the_image(fitted):
    new = shapes(30, size=16, seed=2)
    captions, found = fitted.predict(new.images), fitted.attend(new.images)
    for caption, (words, maps) in zip(captions, found, strict=True):
        assert words == caption.split() and maps.shape == (3, 4, 4)
        np.testing.assert_allclose(maps.sum(axis=(1, 2)), 1, rtol=1e-5)
    x = fitted._scaled(new.images)
    vocabulary = fitted._output.vocabulary
    before = np.array([[vocabulary.bos_id, *vocabulary.encode(caption.split()[:-1])] for caption in captions])
    weights = fitted.model_.align(x, None, before)
    np.testing.assert_allclose([maps.reshape(3, -1) for _, maps in found], weights, atol=1e-6)
    ended = fitted.attend(new.images[:1], steps=9)[0][0]
    assert ended == [*captions[0].split(), "</s>"]


@pytest.mark.parametrize(
    "options", [{}, {"attention": None, "cell": "lstm"}, {"attention": "dot", "order": "after", "channels": (4, 8)}]
)
def test_writing_word_by_word_sees_the_logits_of_training(options):
    model = ImageCaptioner(**QUICK | options).fit(KNOWN.images, KNOWN.captions)
    x, (steps, begin, end) = model._scaled(KNOWN.images[:6]), model._generation(None, {})
    written = model.model_.generate(x, None, steps, begin, end)
    before = np.concatenate([np.full((6, 1), begin), written[:, :-1]], axis=1)
    open_ = np.cumsum(written == end, axis=1) - (written == end) == 0
    assert (model.model_(x, before).numpy().argmax(axis=2) == written)[open_].all()


def test_captions_of_tokens_come_back_as_tokens():
    tokens = [caption.split() for caption in KNOWN.captions]
    model = ImageCaptioner(**QUICK).fit(KNOWN.images, tokens, sample_weight=np.ones(120))
    assert all(isinstance(caption, list) for caption in model.predict(KNOWN.images[:3]))
    again = ImageCaptioner(**QUICK).fit(KNOWN.images, KNOWN.captions)
    assert [" ".join(words) for words in model.predict(KNOWN.images[:9])] == again.predict(KNOWN.images[:9])


def test_bad_input():
    def fit(x, y, **options):
        return ImageCaptioner(**QUICK | options).fit(x, y)

    with pytest.raises(ValueError, match="y: expected a target for each of 120 examples of X, got 119"):
        fit(KNOWN.images, KNOWN.captions[:-1])
    with pytest.raises(TypeError, match="y: expected captions, strings or lists of tokens, got numbers"):
        fit(KNOWN.images, [[1.0, 2.0]] * 120)
    with pytest.raises(ValueError, match=r"at least 16 x 16 pixels for 4 blocks with pool_size=2, got 12 x 12"):
        fit(KNOWN.images, KNOWN.captions, channels=(2,) * 4)
    with pytest.raises(ValueError, match=r"attention: expected one of 'additive', .* got 'loud'"):
        fit(KNOWN.images, KNOWN.captions, attention="loud")
    model = fit(KNOWN.images, KNOWN.captions, attention=None)
    with pytest.raises(ValueError, match="attend: expected a model with attention, this one has none"):
        model.attend(KNOWN.images)
    with pytest.raises(ValueError, match=r"X: expected images of \[1, 12, 12\] \(channels, rows, columns\) as fit got"):
        model.predict(np.zeros((1, 16, 16)))
    with pytest.raises(ValueError, match="num_return_sequences: expected 1"):
        model.predict(KNOWN.images, num_beams=2, num_return_sequences=2)
