"""The Transformer: equal to PyTorch's, causal, blind to padding, decoding with a cache; the translator learns."""

import numpy as np
import pytest

import seqnn
from seqnn import autograd, nn, ops
from seqnn.models import Transformer, Translator

SMALL = {"d_model": 16, "nhead": 2, "num_encoder_layers": 2, "num_decoder_layers": 1, "dim_feedforward": 24}


def small(**options):
    seqnn.random.seed(1)
    return Transformer(11, 13, **{**SMALL, **options})


def example(batch=3, source=5, target=4):
    draw = np.random.default_rng(0)
    return draw.integers(4, 11, (batch, source)), [5, 3, 1][:batch], draw.integers(4, 13, (batch, target))


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_follows_torch(norm_first):
    torch = pytest.importorskip("torch")
    ours = small(norm_first=norm_first, dropout=0.0)
    theirs = torch.nn.Transformer(
        SMALL["d_model"], SMALL["nhead"], SMALL["num_encoder_layers"], SMALL["num_decoder_layers"],
        SMALL["dim_feedforward"], 0.0, norm_first=norm_first, batch_first=True,
    )  # fmt: skip
    if not norm_first:
        theirs.encoder.norm = theirs.decoder.norm = None
    state = {k: torch.from_numpy(v) for k, v in ours.state_dict().items() if k.startswith(("encoder", "decoder"))}
    theirs.load_state_dict(state)
    source, lengths, target = example()
    following = np.where(np.arange(4) < 3, target, -100)

    def embedded(table, ids):
        x = torch.nn.functional.embedding(torch.from_numpy(ids), table, padding_idx=0) * 4.0
        return x + torch.from_numpy(ops.sinusoidal_positions(ids.shape[1], 16))

    tables = [torch.from_numpy(t.weight.data.copy()).requires_grad_() for t in (ours.source, ours.target)]
    hidden = torch.from_numpy(np.arange(5) >= np.array(lengths)[:, None])
    out = theirs(
        embedded(tables[0], source), embedded(tables[1], target), src_key_padding_mask=hidden,
        memory_key_padding_mask=hidden, tgt_mask=torch.nn.Transformer.generate_square_subsequent_mask(4),
    )  # fmt: skip
    logits = out @ tables[1].T
    loss = torch.nn.functional.cross_entropy(
        logits.reshape(-1, 13), torch.from_numpy(following.reshape(-1)), label_smoothing=0.1
    )
    loss.backward()
    mine = ours(source, lengths, target, following)
    mine.backward()
    np.testing.assert_allclose(ours(source, lengths, target).data, logits.detach().numpy(), atol=2e-5)
    assert mine.item() == pytest.approx(loss.item(), abs=1e-5)
    for table, theirs_ in zip((ours.source, ours.target), tables, strict=True):
        np.testing.assert_allclose(table.weight.grad, theirs_.grad.numpy(), atol=2e-5)
    for name, parameter in theirs.named_parameters():
        np.testing.assert_allclose(dict(ours.named_parameters())[name].grad, parameter.grad.numpy(), atol=2e-5)


def test_a_row_does_not_see_the_padding_of_others():
    model = small().eval()
    source, lengths, target = example()
    whole = model(source, lengths, target).data
    for i, n in enumerate(lengths):
        np.testing.assert_allclose(
            model(source[i : i + 1, :n], None, target[i : i + 1]).data, whole[i : i + 1], atol=1e-5
        )
    np.testing.assert_allclose(model(source, lengths, target[:, :2]).data, whole[:, :2], atol=1e-5)


def test_loss_is_the_cross_entropy_of_the_logits():
    model = small(dropout=0.0)
    source, lengths, target = example()
    following = np.where(np.arange(4) < [[4], [2], [0]], target, -100)
    logits = ops.reshape(model(source, lengths, target), (-1, 13))
    smooth = ops.cross_entropy(logits, following.reshape(-1), label_smoothing=0.1)
    assert model(source, lengths, target, following).item() == pytest.approx(smooth.item(), rel=1e-5)
    plain = ops.cross_entropy(logits, following.reshape(-1))
    assert model.eval()(source, lengths, target, following).item() == pytest.approx(plain.item(), rel=1e-5)


def test_tied_and_shared_tables_are_one_parameter():
    seqnn.random.seed(1)
    model = Transformer(13, 13, shared=True, **SMALL)
    names = [name for name, _ in model.named_parameters()]
    assert "target.weight" in names and "source.weight" not in names
    assert model.source.weight is model.target.weight
    ids = np.arange(4, 8)[None]
    model(ids, None, ids, ids).backward()
    assert model.target.weight.grad.any(axis=1).all()
    copy = Transformer(13, 13, shared=True, **SMALL)
    copy.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(copy.eval()(ids, None, ids).data, model.eval()(ids, None, ids).data)


def test_generation_with_a_cache_is_that_without():
    model = small(label_smoothing=0.0)
    nn.init.normal_(model.target.weight, 0.0, 1.0)
    source, lengths, _ = example()
    found = model.generate(source, 6, lengths=lengths)
    assert model.training
    model.eval()
    for i, n in enumerate(lengths):
        ids = [model.bos_id]
        with autograd.no_grad():
            while len(ids) <= found.shape[1] and ids[-1] != model.eos_id:
                ids.append(int(model(source[i : i + 1, :n], None, np.array([ids])).data[0, -1].argmax()))
        ended = ids[1:] + [model.eos_id] * (found.shape[1] - len(ids) + 1)
        assert found[i].tolist() == ended
    assert model.generate(source, 0).shape == (3, 0)


def test_weights_for_pictures():
    model = small().eval()
    source, lengths, target = example()
    _, ((own, across),) = model.decode(target, model.encode(source, lengths), lengths, need_weights=True)
    assert own.shape == (3, 2, 4, 4) and across.shape == (3, 2, 4, 5)
    np.testing.assert_allclose(across.data.sum(-1), 1, atol=1e-5)
    assert not across.data[1, :, :, 3:].any()


def test_the_translator_learns_to_spell_backwards():
    draw = np.random.default_rng(0)
    words = ["".join(row) for row in draw.choice(list("abcd"), (150, 4))]
    sources = [list(word[: 2 + i % 3]) for i, word in enumerate(words)]
    targets = [[letter.upper() for letter in reversed(s)] for s in sources]
    model = Translator(
        d_model=32,
        nhead=2,
        num_layers=1,
        dim_feedforward=64,
        dropout=0.0,
        learning_rate=0.3,
        warmup=60,
        max_iter=30,
        batch_size=16,
    )
    model.fit(sources, targets)
    found = model.predict(sources[:40])
    assert np.mean([f == t for f, t in zip(found, targets, strict=False)]) > 0.8
    assert model.predict([["a", "z"]], max_new_tokens=1) != [[]]
    with pytest.raises(TypeError, match="X: expected sequences of tokens"):
        model.predict([[1.0, 2.0]])


def test_the_attention_of_a_translator_is_one_call():
    x, y = [["ein", "hund"], ["eine", "katze", "!"]] * 8, [["a", "dog"], ["a", "cat", "!"]] * 8
    model = Translator(d_model=16, nhead=2, num_layers=2, dim_feedforward=16, warmup=40, max_iter=20, batch_size=4).fit(
        x, y
    )
    found = model.align(x[:2])
    assert [a.target[:-1] for a in found] == model.predict(x[:2]) and found[1].source == ["eine", "katze", "!", "</s>"]
    for alignment in found:
        assert alignment.weights.shape == (2, len(alignment.target), len(alignment.source))
        np.testing.assert_allclose(alignment.weights.sum(axis=-1), 1, atol=1e-5)
    ids, before = (
        model.source_.encode(x[0], eos=True)[None],
        np.array([[2, *model.target_.encode(found[0].target[:-1])]]),
    )
    _, weights = model.model_.decode(before, model.model_.encode(ids), need_weights=True)
    np.testing.assert_allclose(found[0].weights, weights[1][1].data[0], atol=1e-6)
    np.testing.assert_allclose(model.align(x[:1], layer=0)[0].weights, weights[0][1].data[0], atol=1e-6)
    assert len(model.align(x[:1], max_new_tokens=1)[0].target) == 1
    with pytest.raises(ValueError, match="layer: expected one of the 2 of the decoder, got 2"):
        model.align(x[:1], layer=2)


def test_bad_input():
    with pytest.raises(ValueError, match="shared: expected one size of the vocabularies, got 11 and 13"):
        small(shared=True)
    with pytest.raises(ValueError, match=r"ids: expected integers \[batch, positions\]"):
        small()(np.ones((2, 3)), None, np.ones((2, 3), int))
    with pytest.raises(ValueError, match="max_new_tokens"):
        small().generate(example()[0], -1)
    with pytest.raises(RuntimeError, match="call fit first"):
        Translator().predict([["a"]])
    with pytest.raises(ValueError, match="a translation for each of 2 sequences of X, got 1"):
        Translator().fit([["a"], ["b"]], [["a"]])
    with pytest.raises(TypeError, match="y: expected sequences of tokens"):
        Translator().fit([["a"], ["b"]], [[1.0], [2.0]])
