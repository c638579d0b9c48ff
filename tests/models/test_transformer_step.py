"""Whole steps in one call: the same tokens as layer by layer, for every architecture, and only where nobody would notice."""

import copy

import numpy as np
import pytest

import seqnn
from seqnn import decode, models, nn, random
from seqnn.models import GPT, T5, Transformer

SIZE = {"d_model": 32, "nhead": 4}
T5_SIZE = {**SIZE, "head_dim": 8, "num_layers": 2, "dim_feedforward": 48, "buckets": 8, "max_distance": 12}
PAIR_SIZE = {**SIZE, "num_encoder_layers": 2, "num_decoder_layers": 2, "dim_feedforward": 48}
MODELS = {
    "gpt": lambda **o: GPT(60, max_positions=40, num_layers=2, **{**SIZE, **o}),
    "gpt, rotary": lambda **o: GPT(60, max_positions=40, num_layers=2, positions="rotary", **{**SIZE, **o}),
    "gpt, swiglu, no biases, not tied": lambda **o: GPT(
        60, max_positions=40, num_layers=2, activation="swiglu", bias=False, tied=False, **{**SIZE, **o}
    ),
    "gpt, odd heads": lambda **o: GPT(60, max_positions=40, num_layers=2, d_model=20, nhead=4),
    "t5": lambda **o: T5(60, **T5_SIZE),
    "t5 1.1": lambda **o: T5(60, activation="geglu_tanh", tied=False, num_decoder_layers=3, **T5_SIZE),
    "transformer": lambda **o: Transformer(60, 60, **PAIR_SIZE),
    "transformer, norms first": lambda **o: Transformer(60, 60, norm_first=True, activation="gelu", **PAIR_SIZE),
}
STRATEGIES = {
    "greedy": {},
    "beams": {"num_beams": 4, "num_return_sequences": 2},
    "groups": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
    "samples": {"do_sample": True, "num_return_sequences": 3, "seed": 1},
}


@pytest.fixture(autouse=True)
def one_thread():
    """These models are too small to share."""
    with seqnn.threads(1):
        yield


def made(name):
    """A model whose probabilities are far apart, so that rounding does not decide."""
    with random.seeded(0):
        model = MODELS[name]()
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.data *= 3
    return model.eval()


def prompts(*lengths):
    draw = np.random.default_rng(7)
    return [draw.integers(4, 60, length) for length in lengths]


def layer_by_layer(model):
    """The same model with a hook that does nothing: what somebody watches runs layer by layer."""
    watched = copy.deepcopy(model)
    watched.register_forward_hook(lambda *_: None)
    assert watched._plan() is None
    assert model._plan() is not None
    return watched


def written(model, given, **options):
    return decode.generate(model, given, max_new_tokens=12, eos_token_id=3, **options)


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
@pytest.mark.parametrize("name", MODELS)
def test_tokens_and_scores_are_those_of_the_layers(name, strategy):
    model = made(name)
    for lengths in ((5,), (3, 1, 9), range(1, 17) if "gpt" in name else (4, 2)):
        given = prompts(*lengths)
        found, expected = written(model, given, **strategy), written(layer_by_layer(model), given, **strategy)
        np.testing.assert_array_equal(found.sequences, expected.sequences)
        np.testing.assert_allclose(found.scores, expected.scores, atol=2e-4)
        assert found.finish_reason == expected.finish_reason


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_the_layers(name):
    model, given = made(name), prompts(3, 1, 9)
    starts = [m.start_decoding(given, 12) for m in (model, layer_by_layer(model))]
    states = [start.state for start in starts]
    ids = starts[0].ids
    for _ in range(8):
        logits = []
        for i, start in enumerate(starts):
            with start.context():
                out, states[i] = start.step(ids, states[i])
            logits.append(out)
        assert np.abs(logits[0] - logits[1]).max() <= 1e-5 * np.abs(logits[1]).max()
        ids = np.concatenate([ids, logits[1].argmax(-1)[:, None]], axis=1)


def test_a_long_prompt_and_many_are_read_in_parts_with_the_same_bits():
    with random.seeded(0):
        model = GPT(60, max_positions=400, num_layers=2, **SIZE).eval()
    given = prompts(300, 7, 120, 256)
    together = model.start_decoding(given, 4)
    logits, _ = together.step(together.ids, together.state)
    for row, prompt in zip(logits, given, strict=True):
        alone = model.start_decoding([prompt], 4)
        np.testing.assert_array_equal(alone.step(alone.ids, alone.state)[0][0], row)
    for threads in (1, 2, 3):
        with seqnn.threads(threads):
            again = model.start_decoding(given, 4)
            np.testing.assert_array_equal(again.step(again.ids, again.state)[0], logits)


@pytest.mark.parametrize("kind", ["int8", "bf16"])
@pytest.mark.parametrize("name", ["gpt", "t5", "transformer"])
def test_quantized_weights_are_read_as_they_are(name, kind):
    model = made(name).quantize(kind)
    found, expected = (written(m, prompts(4, 2)) for m in (model, layer_by_layer(model)))
    np.testing.assert_array_equal(found.sequences, expected.sequences)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0.02)


def test_any_change_of_a_weight_counts_in_the_next_call():
    model, given = made("gpt"), prompts(4, 6)
    before = written(model, given)
    layer = model.transformer.layers[1]
    for change in (
        lambda: layer.linear2.weight.data.__imul__(-1),
        lambda: layer.norm1.bias.data.__iadd__(0.5),
        lambda: setattr(layer.linear1.bias, "data", layer.linear1.bias.data + 1),
        lambda: model.load_state_dict(made("gpt").state_dict()),
    ):
        change()
        found, expected = written(model, given), written(layer_by_layer(model), given)
        np.testing.assert_array_equal(found.sequences, expected.sequences)
        np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5)
    np.testing.assert_array_equal(found.scores, before.scores)


def test_a_step_reads_the_weights_that_it_began_with():
    model, given = made("gpt"), prompts(4)
    start = model.start_decoding(given, 5)
    logits, state = start.step(start.ids, start.state)
    model.train()
    assert start.step is model.start_decoding(given, 5).step
    np.testing.assert_array_equal(start.step(np.append(start.ids, [[5]], 1), state)[0].shape, logits.shape)


class Louder(GPT):
    def forward(self, *inputs, **options):
        return super().forward(*inputs, **options) * 2


class Own(nn.Linear):
    pass


def changed(how):
    model = made("gpt")
    layer = model.transformer.layers[0]
    if how == "a class of one's own":
        return Louder(60, max_positions=40, num_layers=2, **SIZE)
    if how == "a layer of one's own":
        layer.linear1 = Own(32, 128)
    if how == "a hook":
        layer.norm2.register_forward_pre_hook(lambda *_: None)
    if how == "a function of one's own":
        forward = layer.forward
        layer.forward = lambda x, **options: forward(x, **options)
    if how == "layers that differ":
        layer.activation = "relu"
    if how == "a head with a bias":
        model.head = models.LanguageModelHead(32, 60, bias=True)
    if how == "a table that is scaled":
        model.embedding.max_norm = 1.0
    if how == "float64":
        for parameter in model.parameters():
            parameter.data = parameter.data.astype(np.float64)
    return model


@pytest.mark.parametrize(
    "how",
    [
        "a class of one's own",
        "a layer of one's own",
        "a hook",
        "a function of one's own",
        "layers that differ",
        "a head with a bias",
        "a table that is scaled",
        "float64",
    ],
)
def test_what_is_not_plain_runs_layer_by_layer(how):
    model = changed(how)
    assert model._plan() is None
    assert written(model, prompts(3, 5)).sequences.shape[0] == 2


def test_dropout_does_not_take_part_and_modes_stay():
    model = made("gpt").train()
    found = written(model, prompts(4))
    assert model.training
    np.testing.assert_array_equal(found.sequences, written(model.eval(), prompts(4)).sequences)


def test_tokens_outside_of_the_vocabulary_are_refused():
    model = made("gpt")
    for token in (60, -1):
        with pytest.raises(ValueError, match="60"):
            written(model, [[3, token]])


def test_more_tokens_than_decoding_was_started_for_are_refused():
    start = made("gpt").start_decoding(prompts(4), 2)
    ids = np.ones((1, 7), int)
    with pytest.raises(ValueError, match="ids: expected at most 6 tokens, as decoding was started for, got 7"):
        start.step(ids, start.state)


def test_a_beginning_serves_once():
    start = made("gpt").start_decoding(prompts(4), 3)
    decode.run(start, {"max_new_tokens": 3})
    with pytest.raises(ValueError, match="ids: expected more tokens than the 6 that are read, got 4"):
        decode.run(start, {"max_new_tokens": 3})


def test_a_crop_without_end_runs_layer_by_layer():
    model = made("gpt")
    start = model.start_decoding(prompts(4), None, crop=True)
    found = decode.run(start, {"max_new_tokens": 45})
    np.testing.assert_array_equal(found.sequences, model.generate(prompts(4), 45, crop=True))
