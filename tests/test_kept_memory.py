"""Memory kept for the next arrays: reused, bounded, safe for arrays that outlive it, across threads and a fork."""

import os

import numpy as np
import pytest
from harness import in_threads

import seqnn
from seqnn import Tensor, _core


@pytest.fixture(autouse=True)
def empty():
    seqnn.clear_cache()
    before = seqnn.set_cache_limit(64 << 20)
    yield
    seqnn.set_cache_limit(before)
    seqnn.clear_cache()


def address(x):
    return x.__array_interface__["data"][0]


def doubled(n=1 << 18):
    return (Tensor(np.ones(n, np.float32)) * 2).data


def test_the_next_array_of_that_size_gets_the_memory():
    first = doubled()
    where = address(first)
    assert where % 16 == 0 and _core.kept_bytes() == 0
    del first
    assert _core.kept_bytes() == 1 << 20
    second = doubled()
    assert address(second) == where and (second == 2).all() and _core.kept_bytes() == 0
    another = doubled()
    assert address(another) != where  # never two living arrays in one place


def test_only_ops_use_it():
    big = np.ones(1 << 18, np.float32)
    del big
    assert _core.kept_bytes() == 0
    small = doubled(100)
    del small
    assert _core.kept_bytes() == 0
    kernel = _core.random_bits(0, 0, 0, 1 << 16)
    assert (kernel == _core.random_bits(0, 0, 0, 1 << 16)).all()
    del kernel
    assert _core.kept_bytes() > 0


def test_the_limit_holds():
    seqnn.set_cache_limit(5 << 19)
    arrays = [doubled() for _ in range(8)]
    while arrays:
        arrays.pop()
        assert _core.kept_bytes() <= 5 << 19
    assert seqnn.set_cache_limit(0) == 5 << 19 and _core.kept_bytes() == 0
    del arrays
    gone = doubled()
    del gone
    assert _core.kept_bytes() == 0
    with pytest.raises(ValueError, match="-1"):
        seqnn.set_cache_limit(-1)


@pytest.mark.parametrize("size", [1, 1 << 15, (1 << 15) + 1, 36000, 1 << 16, 100_003, 1 << 20, (1 << 20) + 7])
def test_every_size_holds_its_elements(size):
    before = _core.keep_memory(None)
    try:
        for _ in range(2):  # fresh, then kept
            filled, zeros = np.full(size, 7, np.float32), np.zeros(size, np.float32)
            assert (filled == 7).all() and not zeros.any()
            zeros[:] = 5
            filled.resize(2 * size, refcheck=False)  # realloc
            assert (filled[:size] == 7).all() and not filled[size:].any()
            del filled, zeros
    finally:
        _core.keep_memory(before)


def test_arrays_outlive_the_cache_and_its_scope():
    x = doubled()
    view = x[10:20]
    del x
    seqnn.clear_cache()
    assert view.tolist() == [2] * 10


def test_the_working_memory_of_kernels_goes_back_too():
    _core.lbfgs_dot(np.ones(10), np.ones(10))
    assert seqnn.clear_cache() >= 16 and seqnn.clear_cache() == 0


def test_an_error_inside_an_op_leaves_numpy_as_it_was():
    with pytest.raises(ValueError, match="broadcast"):
        Tensor(np.ones(1 << 18)) + np.ones(3)
    y = Tensor(np.ones(1 << 18), True) + 1
    y.register_hook(lambda g: g + np.ones(3))
    with pytest.raises(ValueError, match="broadcast"):
        y.sum().backward()
    assert np._core.multiarray.get_handler_name() == "default_allocator"
    assert np._core.multiarray.get_handler_name(doubled()) == "seqnn_kept"


def test_threads():
    def work(k):
        for i in range(200):
            x = (Tensor(np.full((1 << 15) + 4096 * (i % 3), k, np.float32)) * 2).data
            assert (x == 2 * k).all()

    in_threads(work)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_after_a_fork():
    x = doubled()
    kept = doubled()
    del kept
    child = os.fork()
    if child == 0:
        os._exit(0 if (doubled() == 2).all() and (x == 2).all() and seqnn.clear_cache() >= 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
