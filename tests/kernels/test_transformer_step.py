"""A step of a Transformer against its formulas, position by position, in float64."""

import math

import numpy as np
import pytest
from harness import assert_close, assert_identical, each_isa, each_team

from seqnn import _core

RNG = np.random.default_rng(0)
EPS = 1e-5
PLAIN = {
    "layers": 2, "width": 24, "heads": 3, "groups": 3, "depth": 8, "inner": 40, "activation": 1, "gated": 0, "cross": 0,
    "norm_first": 1, "rms": 0, "final_norm": 1,
}  # fmt: skip
NETS = {
    "plain": {},
    "norms after the sublayers": {"norm_first": 0, "final_norm": 0},
    "a memory": {"cross": 1},
    "a memory, norms after the sublayers": {"cross": 1, "norm_first": 0, "final_norm": 0},
    "gated, RMS norm, groups": {"gated": 1, "rms": 1, "heads": 4, "groups": 2, "activation": 4},
    "heads that fill no register": {"width": 10, "heads": 2, "groups": 1, "depth": 6, "inner": 7, "activation": 3},
    "heads that fill several": {"width": 70, "heads": 1, "groups": 1, "depth": 166, "inner": 130, "layers": 1},
}
VOCABULARY = 37
ACTIVATIONS = {
    1: lambda x: np.maximum(x, 0),
    3: lambda x: x / (1 + np.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    4: lambda x: x / (1 + np.exp(-x)),
}


class Net:
    """A net with random weights, its arguments of the kernel, and its formulas."""

    def __init__(self, positions=9, extras=(), kind="f32", **options):
        self.net = n = {**PLAIN, **options}
        self.sizes = np.array([n[name] for name in _core.transformer_step.net])
        self.numbers, self.positions, self.kind = np.array([EPS, 0.3, 0.7]), positions, kind
        self.matrices, self.vectors = [], []
        attended, projected = n["heads"] * n["depth"], (n["heads"] + 2 * n["groups"]) * n["depth"]
        wide = [(n["width"], n["inner"])] * (1 + n["gated"]) + [(n["inner"], n["width"])]
        self.sublayers = [[(n["width"], projected), (attended, n["width"])]]
        self.sublayers += [[(n["width"], attended), (attended, n["width"])]] * n["cross"] + [wide]
        for _ in range(n["layers"]):
            for products in self.sublayers:
                self.add(products)
        self.add([(n["width"], VOCABULARY)])
        draw = {"positions": n["width"], "angles": n["depth"], "distances": n["heads"]}
        self.tables = {name: normal(positions, draw[name]) for name in extras}
        if "distances" in extras:
            self.tables["distances"] = np.ascontiguousarray(self.tables["distances"].T)

    def add(self, products):
        """Draw a norm and products, with their biases."""
        width = self.net["width"]
        self.vectors += [normal(width), normal(width)]
        for depth, columns in products:
            self.matrices.append(normal(columns, depth) / math.sqrt(depth))
            self.vectors.append(normal(columns))

    def run(self, x, cache, sequences, lengths, slots, wanted, **options):
        packed = [_core.rows_pack(w, self.kind) for w in self.matrices]
        return _core.transformer_step_run(
            self.sizes, self.numbers, packed, np.concatenate(self.vectors), x, cache, sequences, lengths, slots, wanted,
            VOCABULARY, **self.tables, **options,
        )  # fmt: skip

    def cache(self, slots):
        n = self.net
        return np.full((n["layers"], n["groups"], slots, 2 * n["depth"]), np.nan, np.float32)


def normal(*shape):
    return RNG.standard_normal(shape, np.float32)


def turned(x, angles):
    left, right = np.split(x, 2, axis=-1)
    cos, sin = np.split(angles, 2)
    return np.concatenate([left * cos - right * sin, left * sin + right * cos], axis=-1)


def attention(q, k, v, scale, bias=0.0):
    """q [H, D], k and v [G, S, D] -> [H D]"""
    share = len(q) // len(k)
    scores = np.einsum("hd,hsd->hs", q, k.repeat(share, 0)) * scale + bias
    weights = np.exp(scores - scores.max(-1, initial=-np.inf, keepdims=True))
    sums = weights.sum(-1, keepdims=True)
    return np.einsum("hs,hsd->hd", weights / np.where(sums > 0, sums, 1), v.repeat(share, 0)).reshape(-1)


def transformer_step_run(net, x, memory=None):
    """Return the logits after each embedding x [T, width] of one sequence: all layers, position by position."""
    n, (eps, scale, output_scale), held = net.net, net.numbers, [[] for _ in range(net.net["layers"])]
    heads, groups, depth = n["heads"], n["groups"], n["depth"]
    found = []
    for t, position in enumerate(x.astype(float)):
        matrices, vectors = iter(net.matrices), iter(net.vectors)
        h = position + (net.tables["positions"][t] if "positions" in net.tables else 0)

        def product(y, matrices=matrices, vectors=vectors):
            return next(matrices).astype(float) @ y + next(vectors)

        def normed(y, weight, bias):
            y = y if n["rms"] else y - y.mean()
            return y / np.sqrt(np.square(y).mean() + eps) * weight + bias

        def sublayer(h, function, vectors=vectors):
            norm = next(vectors), next(vectors)
            return h + function(normed(h, *norm)) if n["norm_first"] else normed(h + function(h), *norm)

        for layer in range(n["layers"]):

            def attend(y, layer=layer, t=t):
                qkv = product(y).reshape(-1, depth)
                q, k, v = np.split(qkv, [heads, heads + groups])
                if "angles" in net.tables:
                    q, k = (turned(part, net.tables["angles"][t]) for part in (q, k))
                held[layer].append((k, v))
                bias = net.tables["distances"][:, t::-1] if "distances" in net.tables else 0.0
                return product(
                    attention(q, *(np.stack(part, axis=1) for part in zip(*held[layer], strict=True)), scale, bias)
                )

            def remember(y, layer=layer):
                k, v = np.split(memory[layer].astype(float), 2, axis=-1)
                return product(attention(product(y).reshape(heads, depth), k, v, scale))

            def feed_forward(y):
                inner = ACTIVATIONS[n["activation"]](product(y))
                return product(inner * product(y) if n["gated"] else inner)

            for function in [attend, *([remember] if n["cross"] else []), feed_forward]:
                h = sublayer(h, function)
        norm = next(vectors), next(vectors)
        found.append(product((normed(h, *norm) if n["final_norm"] else h) * output_scale))
    return np.array(found)


def decoded(net, xs, memories=None, together=()):
    """The logits of all positions of sequences: the first `together` of each at once, then step by step."""
    lengths = [len(x) for x in xs]
    slots = RNG.permutation(sum(lengths) + 3)[: sum(lengths)]
    table = np.zeros((len(xs), net.positions), np.int32)
    for row, part in zip(table, np.split(slots, np.cumsum(lengths)[:-1]), strict=True):
        row[: len(part)] = part
    cache, found, options = net.cache(sum(lengths) + 3), [[] for _ in xs], {}
    if memories is not None:
        ends = np.cumsum([m.shape[2] for m in memories])
        options = {
            "memory": np.concatenate(memories, axis=2), "memory_ends": ends,
            "memory_begins": ends - [m.shape[2] for m in memories],
        }  # fmt: skip
    first = list(together) or [1] * len(xs)
    for t in range(max(lengths)):
        new = [
            (s, p) for s, n in enumerate(lengths) for p in (range(first[s]) if t == 0 else [first[s] - 1 + t]) if p < n
        ]
        if not new:
            break
        x = np.stack([xs[s][p] for s, p in new])
        sequences, places = np.array(new).T
        logits = net.run(x, cache, sequences, places + 1, table, np.arange(len(new)), **options)
        for (s, _), row in zip(new, logits, strict=True):
            found[s].append(row)
    return [np.stack(rows) for rows in found]


@pytest.mark.parametrize("options", NETS.values(), ids=NETS)
def test_logits_are_those_of_the_formulas_whatever_the_threads(options):
    extras = {"plain": ["positions"], "a memory": ["distances"], "gated, RMS norm, groups": ["angles", "positions"]}
    net = Net(extras=extras.get(next(name for name, other in NETS.items() if other is options), []), **options)
    n = net.net
    xs = [normal(length, n["width"]) for length in (9, 1, 5)]
    memories = [normal(n["layers"], n["groups"], s, 2 * n["depth"]) for s in (4, 7, 0)] if n["cross"] else None
    expected = [transformer_step_run(net, x, None if memories is None else memories[i]) for i, x in enumerate(xs)]
    for name in each_isa():
        first = decoded(net, xs, memories)
        for got, true in zip(first, expected, strict=True):
            assert_close(got, true, 2e-5, name)
        for team in each_team():
            for got, same in zip(decoded(net, xs, memories, together=(6, 1, 3)), first, strict=True):
                assert_identical(got, same, f"{name}, team of {team}")


@pytest.mark.parametrize("kind", _core.rows.kind)
def test_a_sequence_has_the_same_bits_whatever_runs_beside_it(kind):
    net = Net(extras=["positions"], kind=kind)
    xs = [normal(length, net.net["width"]) for length in (9, 4, 7, 7, 2)]
    together = decoded(net, xs, together=(9, 2, 1, 5, 2))
    for x, rows in zip(xs, together, strict=True):
        assert_identical(decoded(net, [x])[0], rows)


def test_sequences_share_the_slots_of_a_common_beginning():
    net = Net()
    begin, ends = normal(4, 24), normal(3, 24)
    table = np.zeros((3, net.positions), np.int32)
    table[:, :4], table[:, 4] = [5, 1, 7, 0], [2, 3, 4]
    cache = net.cache(8)
    net.run(begin, cache, np.zeros(4, int), np.arange(1, 5), table[:1], np.zeros(0, int))
    logits = net.run(ends, cache, np.arange(3), np.full(3, 5), table, np.arange(3))
    for end, row in zip(ends, logits, strict=True):
        assert_close(row, transformer_step_run(net, np.concatenate([begin, end[None]]))[-1], 2e-5)


def test_only_the_rows_that_are_wanted_get_logits():
    net, x = Net(), normal(5, 24)
    arguments = np.arange(5), np.ones(5, int), np.arange(5, dtype=np.int32)[:, None].repeat(9, 1)
    whole = net.run(x, net.cache(5), *arguments, np.arange(5))
    assert_identical(net.run(x, net.cache(5), *arguments, np.array([3, 1])), whole[[3, 1]])
    assert net.run(x, net.cache(5), *arguments, np.zeros(0, int)).shape == (0, VOCABULARY)


@pytest.mark.parametrize("options", [{}, {"norm_first": 0, "final_norm": 0}], ids=["norms first", "norms last"])
def test_an_encoder_attends_to_whole_sequences_and_has_no_table(options):
    net, lengths = Net(layers=1, **options), [5, 1, 3]
    xs = [normal(length, 24) for length in lengths]
    # Without positions the last token, which sees all others, does not know their order.
    moved = [[np.concatenate([np.delete(x, i, axis=0), x[i : i + 1]]) for i in range(len(x))] for x in xs]
    expected = [[transformer_step_run(net, order)[-1] for order in orders] for orders in moved]
    sequences, places = np.repeat(np.arange(3), lengths), np.concatenate([np.arange(n) for n in lengths])
    slots = np.zeros((3, net.positions), np.int32)
    slots[sequences, places] = np.arange(9)
    given = np.concatenate(xs), net.cache(9), sequences, places + 1, slots, np.arange(9)
    ends = np.repeat(lengths, lengths)
    vectors = np.concatenate(net.vectors[:-1])
    for name in each_isa():
        packed = [_core.rows_pack(w, "f32") for w in net.matrices[:-1]]
        logits = net.run(*given, ends=ends)
        assert_close(logits, np.concatenate(expected), 2e-5, name)
        for _ in each_team():
            bare = _core.transformer_step_run(net.sizes, net.numbers, packed, vectors, *given, 24, ends=ends)
            assert_close(bare @ net.matrices[-1].T + net.vectors[-1], logits, 2e-5, name)
    assert_identical(net.run(*given, ends=places + 1), net.run(*given))


def bad(name, value):
    """Change one argument of a good call, or one size of its net."""
    net = Net(extras=["positions"])
    arguments = {
        "net": net.sizes, "numbers": net.numbers, "weights": [_core.rows_pack(w, "f32") for w in net.matrices],
        "vectors": np.concatenate(net.vectors), "x": normal(2, 24), "cache": net.cache(4), "sequences": np.arange(2),
        "lengths": np.ones(2, int), "slots": np.zeros((2, 9), np.int32), "wanted": np.arange(2), "vocabulary": VOCABULARY,
        **net.tables,
    }  # fmt: skip
    _core.transformer_step_run(**arguments)
    if name in PLAIN:
        name, value = (
            "net",
            np.array([value if name == other else net.net[other] for other in _core.transformer_step.net]),
        )
    arguments[name] = value(arguments[name]) if callable(value) else value
    return arguments


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("width", 0, "net: a size is below 1"),
        ("layers", 3, "cache: its shape"),
        ("groups", 2, "net: the number of groups does not divide that of heads"),
        ("activation", 9, "net: there is no such activation"),
        ("gated", 2, "net: a switch is neither 0 nor 1"),
        ("gated", 1, "packed was not made from a weight of this shape"),
        ("inner", 41, "packed was not made from a weight of this shape"),
        ("cross", 1, "memory: expected if and only if"),
        ("weights", lambda w: w[:-1], "weights: there are fewer"),
        ("weights", lambda w: [*w, w[0]], "weights: there are more of them"),
        ("vectors", lambda v: v[1:], "vectors: there are fewer numbers"),
        ("vectors", lambda v: np.append(v, v[:1]), "weights: there are more of them, or more vectors"),
        ("x", lambda x: x[:, 1:], "x: its rows are not as wide as the net|W"),
        ("lengths", np.array([1, 10]), "lengths"),
        ("slots", np.full((2, 9), 4, np.int32), "slots"),
        ("vocabulary", 38, "packed was not made from a weight of this shape"),
        ("angles", normal(9, 8)[:, :6], "axis|shape"),
        ("distances", normal(2, 9), "distances: expected a row for each head"),
        ("ends", np.array([1, 10]), "ends: expected positions of the slots, from 1"),
        ("ends", np.array([0, 1]), "ends: expected positions of the slots, from 1"),
    ],
)
def test_what_does_not_fit_is_refused(name, value, message):
    arguments = bad(name, value)
    with pytest.raises(ValueError, match=message):
        _core.transformer_step_run(**arguments)


def transformer_step_mark(arrays):
    """Marks have no formula: what counts is that any change shows."""
    return int(_core.transformer_step_mark(arrays)[0])


def test_the_mark_of_weights_tells_any_change():
    arrays = [normal(70, 300), normal(3), normal(1, 1), np.zeros((0, 4), np.float32)]
    for _ in each_isa():
        first, seen = transformer_step_mark(arrays), set()
        for _ in each_team():
            assert transformer_step_mark(arrays) == first
        for array in arrays[:3]:
            for place in {0, array.size // 2, array.size - 1}:
                bits = array.reshape(-1).view(np.uint32)
                for bit in (0, 13, 31):
                    bits[place] ^= 1 << bit
                    seen.add(transformer_step_mark(arrays))
                    bits[place] ^= 1 << bit
        assert first not in seen and len(seen) == 3 * (3 + 3 + 1)
        assert transformer_step_mark(arrays[::-1]) != first
        assert transformer_step_mark([arrays[0].T.copy(), *arrays[1:]]) != first
        assert transformer_step_mark(arrays) == first
