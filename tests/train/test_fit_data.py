"""What `fit` takes as data: arrays, lists, tables, tensors, batches; what it refuses, in words that help."""

import numpy as np
import pytest

from seqnn import nn, ops, optim, train

X = np.arange(24, dtype=np.float32).reshape(8, 3) / 10
Y = np.arange(8) % 2


def network():
    rng = np.random.default_rng(0)
    model = nn.Linear(3, 2)
    for parameter in model.parameters():
        parameter.data[...] = rng.standard_normal(parameter.shape)
    return model


def fitted(data, **more):
    model = network()
    train.fit(model, ops.cross_entropy, data, 2, optim.SGD(model.parameters(), lr=0.1), batch_size=3, verbose=0, **more)
    return model.weight.data.tolist()


EXPECTED = fitted((X, Y))


def test_lists_and_tuples_of_numbers_are_arrays():
    assert fitted((X.tolist(), Y.tolist())) == EXPECTED
    assert fitted((X, Y.tolist()), validation=(X.tolist(), Y)) == EXPECTED


@pytest.mark.parametrize("index", [list(range(8)), [3, 0, 2, 1, 7, 6, 5, 4], list("abcdefgh"), [1] * 8])
def test_tables_and_columns_of_pandas_are_taken_by_position(index):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["a", "b", "c"], index=index)
    column = pandas.Series(Y, index=index)
    assert fitted((table, column)) == EXPECTED
    assert fitted((X, column)) == fitted((table, Y)) == EXPECTED
    mixed = table.assign(a=table["a"].astype("float64"), d=True)
    x, _ = next(iter(train.Batches(mixed, Y, batch_size=8, shuffle=False)))
    assert x.shape == (8, 4) and x[:, 3].all()


@pytest.mark.parametrize("index", [[3, 0, 2, 1], [10, 11, 12, 13], list("abcd")])
def test_collated_batches_pair_what_stands_at_the_same_place(index):
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([[1], [2, 2], [3], [4, 4]], index=index)
    pairs = []
    for batch in train.Batches(series, np.array([1, 2, 3, 4]), batch_size=2, collate=list):
        pairs += batch
    assert sorted((x[0], int(y)) for x, y in pairs) == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_polars_and_torch_are_arrays():
    polars = pytest.importorskip("polars")
    assert fitted((polars.DataFrame(X), polars.Series(Y))) == EXPECTED


def test_tensors_of_torch_are_arrays():
    torch = pytest.importorskip("torch")
    assert fitted((torch.tensor(X), torch.tensor(Y))) == EXPECTED
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=8)
    model = network()
    history = train.fit(model, ops.cross_entropy, loader, 2, optim.SGD(model.parameters(), lr=0.1), verbose=0)
    assert history["loss"][1] < history["loss"][0] and history["examples"] == [8, 8]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([X, Y], r"data: expected .*iterable of batches, got list; a list is taken as batches, write a tuple \(x, y\)"),
        ("text", "data: expected train.Batches, a tuple of arrays .*, got str"),
        (X, "data: expected train.Batches, a tuple of arrays .*, got ndarray"),
        ({"x": X}, "got dict"),
        (5, "got int"),
        (None, "got NoneType"),
        ((X, np.array([{}] * 8)), "y: expected an array of numbers, got ndarray.*give collate="),
        ((X, ["yes"] * 8), "y|data"),
    ],
)
def test_other_data_are_refused_by_name(data, message):
    with pytest.raises((TypeError, ValueError), match=message):
        fitted(data)


def test_a_series_alone_is_no_iterable_of_batches():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match=r"data: expected .*got Series"):
        fitted(pandas.Series(Y))
    with pytest.raises(TypeError, match=r"validation: expected .*got DataFrame"):
        fitted((X, Y), validation=pandas.DataFrame(X))


def test_lengths_that_differ_are_named():
    with pytest.raises(ValueError, match="as many examples everywhere, got x 8, y 7"):
        fitted((X, Y[:7].tolist()))


def test_an_optimiser_of_another_model_is_refused():
    model, other = network(), network()
    for make in (lambda: optim.SGD(other.parameters()), lambda: optim.Adam([other.weight])):
        with pytest.raises(ValueError, match=r"optimizer: none of its parameters is one of the model's; make it anew"):
            train.fit(model, ops.cross_entropy, (X, Y), 1, make(), verbose=0)
    train.fit(model, ops.cross_entropy, (X, Y), 1, optim.SGD([model.weight], lr=0.1), verbose=0)  # a part is fine


def test_a_model_that_is_frozen_through_and_through_is_refused():
    model = network()
    optimizer = optim.SGD(model.parameters())
    model.freeze()
    with pytest.raises(ValueError, match=r"model: all of its parameters are frozen: .*model\.unfreeze\(\)"):
        train.fit(model, ops.cross_entropy, (X, Y), 1, optimizer, verbose=0)
    model.unfreeze()
    train.fit(model, ops.cross_entropy, (X, Y), 1, optimizer, verbose=0)


def test_a_generator_is_told_from_a_list():
    model = network()
    run = train.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters()), verbose=0)
    with pytest.raises(ValueError, match=r"gave no batches in epoch 2\. A generator can be gone through only once"):
        run.fit(((X, Y) for _ in range(3)), epochs=2)


def test_batches_without_a_target_are_explained():
    model = network()
    run = train.Trainer(model, ops.cross_entropy, optim.SGD(model.parameters()), verbose=0)
    with pytest.raises(
        ValueError, match=r"expected batches \(x, target\).*for batches without target the loss must be None"
    ):
        run.fit([X[:3], X[3:]])
