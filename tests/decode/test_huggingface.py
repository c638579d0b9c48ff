"""Token by token what transformers' `generate` writes, and its probabilities."""

import itertools

import numpy as np
import pytest

from seqnn import decode
from seqnn.models import GPT, T5

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

V, PAD = 40, 39
GRID = [
    {"num_beams": beams, "length_penalty": penalty, "early_stopping": stopping, "no_repeat_ngram_size": n,
     "repetition_penalty": repetition, "min_new_tokens": least}
    for beams, penalty, stopping, n, repetition, least in itertools.product(
        [2, 4], [0.0, 1.0, -1.0], [True, False, "never"], [0, 2], [1.0, 1.3], [0, 5]
    )
] + [
    {"no_repeat_ngram_size": n, "repetition_penalty": repetition, "min_new_tokens": least}
    for n, repetition, least in itertools.product([0, 2], [1.0, 1.3], [0, 5])
]  # fmt: skip
"""num_beams x length_penalty x early_stopping x no_repeat_ngram_size x repetition_penalty x min_new_tokens."""


def shaken(model, seed):
    """The model with random parameters that make sequences differ and end."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=draw))
    return model.eval()


@pytest.fixture(scope="module")
def gpt():
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=V, n_positions=48, n_embd=32, n_layer=2, n_head=4)
    theirs = shaken(transformers.GPT2LMHeadModel(config), 1)
    ours = GPT(V, max_positions=48, d_model=32, nhead=4, num_layers=2)
    return theirs, ours.load_huggingface({k: v.numpy() for k, v in theirs.state_dict().items()})


@pytest.fixture(scope="module")
def t5():
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=V, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0, dropout_rate=0.0
    )
    theirs = shaken(transformers.T5ForConditionalGeneration(config), 2)
    ours = T5(V, d_model=32, nhead=4, head_dim=8, num_layers=2, dim_feedforward=64)
    return theirs, ours.load_huggingface({k: v.numpy() for k, v in theirs.state_dict().items()})


def generated(model, ids, options, eos):
    """What transformers generates: sequences, and the scores of beams."""
    with torch.no_grad():
        found = model.generate(
            torch.from_numpy(ids), attention_mask=torch.ones(ids.shape, dtype=torch.long), do_sample=False,
            max_new_tokens=10, pad_token_id=PAD, eos_token_id=eos, return_dict_in_generate=True, output_scores=True,
            num_return_sequences=options.get("num_beams", 1), **options,
        )  # fmt: skip
    return found.sequences.numpy(), found.sequences_scores.numpy() if "num_beams" in options else None


def compare(theirs, ours, ids, options, eos):
    sequences, scores = generated(theirs, ids, options, eos)
    found = decode.generate(
        ours, ids, max_new_tokens=10, pad_token_id=PAD, eos_token_id=eos,
        num_return_sequences=options.get("num_beams", 1), **options,
    )  # fmt: skip
    np.testing.assert_array_equal(found.sequences, sequences, err_msg=f"{options}")
    if scores is not None:
        np.testing.assert_allclose(found.scores, scores, rtol=1e-5, atol=1e-4)
    return found


@pytest.mark.parametrize("family", ["gpt", "t5"])
def test_greedy_and_beam_search_write_the_same_tokens(family, request):
    theirs, ours = request.getfixturevalue(family)
    draw = np.random.default_rng(0)
    reasons = set()
    for options in GRID:
        eos = int(draw.integers(1, PAD)) if family == "gpt" else [1, 7, 20][: draw.integers(1, 4)]
        reasons |= set(compare(theirs, ours, draw.integers(2, PAD, (3, 5)), options, eos).finish_reason)
    assert reasons == {"eos", "length"}


class Table(torch.nn.Module):
    """Logits by the last two tokens."""

    def __init__(self, seed):
        super().__init__()
        self.logits = torch.from_numpy(np.random.default_rng(seed).standard_normal((V, V, V)).astype(np.float32)) * 2

    def forward(self, ids):
        return self.logits[ids[:, -2], ids[:, -1]]


def test_tables_write_the_same_tokens(gpt, monkeypatch):
    theirs, _ = gpt
    draw = np.random.default_rng(1)
    for seed, options in enumerate(GRID):
        table, eos = Table(seed), int(draw.integers(0, PAD))

        def forward(input_ids, *args, table=table, **kwargs):
            logits = torch.stack([table(input_ids[:, : t + 1]) for t in range(1, input_ids.shape[1])], dim=1)
            return transformers.modeling_outputs.CausalLMOutput(logits=logits)

        monkeypatch.setattr(theirs, "forward", forward)

        def step(ids, state, table=table):
            return table(torch.from_numpy(ids)).numpy(), state

        sequences, scores = generated(
            theirs, ids := draw.integers(0, PAD, (2, 3)), {**options, "use_cache": False}, eos
        )
        found = decode.generate(
            step, ids, max_new_tokens=10, pad_token_id=PAD, eos_token_id=eos,
            num_return_sequences=options.get("num_beams", 1), **options,
        )  # fmt: skip
        np.testing.assert_array_equal(found.sequences, sequences, err_msg=f"{options}")
        if scores is not None:
            np.testing.assert_allclose(found.scores, scores, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "warpers"),
    [
        ({"temperature": 0.6}, [("TemperatureLogitsWarper", 0.6)]),
        ({"top_k": 9}, [("TopKLogitsWarper", 9)]),
        ({"top_p": 0.8}, [("TopPLogitsWarper", 0.8)]),
        ({"min_p": 0.1}, [("MinPLogitsWarper", 0.1)]),
        ({"typical_p": 0.7}, [("TypicalLogitsWarper", 0.7)]),
        (
            {"repetition_penalty": 1.4, "no_repeat_ngram_size": 2, "temperature": 1.7, "top_k": 30, "top_p": 0.9, "min_p": 0.02},
            [
                ("RepetitionPenaltyLogitsProcessor", 1.4), ("NoRepeatNGramLogitsProcessor", 2), ("TemperatureLogitsWarper", 1.7),
                ("TopKLogitsWarper", 30), ("TopPLogitsWarper", 0.9), ("MinPLogitsWarper", 0.02),
            ],
        ),
    ],
    ids=str,
)  # fmt: skip
def test_probabilities_after_the_warpers_are_the_same(options, warpers):
    logits = (np.random.default_rng(0).standard_normal((20, 3000)) * 2).astype(np.float32)
    ids = np.random.default_rng(1).integers(0, 5, (20, 30))
    theirs = torch.from_numpy(logits)
    for name, value in warpers:
        theirs = getattr(transformers.generation.logits_process, name)(value)(torch.from_numpy(ids), theirs)
    ours = torch.softmax(torch.from_numpy(decode.process(logits, ids, **options)), dim=-1)
    expected = torch.softmax(theirs, dim=-1).numpy()
    np.testing.assert_array_equal(ours.numpy() > 0, expected > 0)
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"tied": False, "dim_feedforward": 48, "activation": "relu"}], ids=str)
def test_a_gpt_that_is_saved_is_one_of_transformers(options, tmp_path):
    ours = GPT(V, max_positions=48, d_model=32, nhead=4, num_layers=2, **options).eval()
    draw = np.random.default_rng(0)
    for parameter in ours.parameters():
        parameter.data += draw.standard_normal(parameter.shape).astype(np.float32) * 0.3
    ours.save_huggingface(tmp_path)
    theirs, loading = transformers.GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    ids = draw.integers(0, V, (2, 9))
    with torch.no_grad():
        expected = theirs.eval()(torch.from_numpy(ids)).logits.numpy()
    np.testing.assert_allclose(ours(ids).numpy(), expected, atol=2e-4)
