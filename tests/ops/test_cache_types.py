"""A cache of another type: attention over it is that over the rounded keys, to the last bit."""

import numpy as np
import pytest

from gptengine import _core
from ops.harness import ints, put, run_under, zeros
from ops.test_attention import HEADS, TILE, alibi, assert_same_bits, cached, forward, inputs
from reference.kept import kept, row

TYPES = [("float32", "bfloat16"), ("float32", "q8"), ("bfloat16", "float32"), ("bfloat16", "q8")]


def caches_of(kind, K, D):
    """Makes caches full of noise: what lies beyond the new tokens must not matter."""

    def caches(blocks):
        shape, rng = (blocks, K, TILE, row(kind, D)), np.random.default_rng(1)
        if kind != "q8":
            return [put(rng.normal(size=shape), kind) for _ in "kv"]
        tensors = [zeros(*shape, dtype="uint8") for _ in "kv"]
        for tensor in tensors:
            tensor.numpy()[...] = rng.integers(256, size=shape)
        return tensors

    return caches


def seen(qkv, H, K, dtype, kind):
    """qkv whose keys and values are what the cache leaves of them, in the dtype."""
    heads = qkv.astype(np.float32).reshape(len(qkv), H + 2 * K, -1).copy()
    heads[:, H:] = kept(heads[:, H:], kind)
    return put(heads.reshape(qkv.shape), dtype).numpy()


@pytest.mark.parametrize("dtype, kind", TYPES)
@pytest.mark.parametrize("heads", HEADS)
@pytest.mark.parametrize("D", [1, 40, 64, 200])
@pytest.mark.parametrize("window", [0, 70])
def test_attention_sees_what_rounding_left(dtype, kind, heads, D, window):
    """However the text is cut, so that neither chunks nor company change a bit."""
    H, K = heads
    N, slopes = 150, alibi(H) if D == 40 else None
    qkv = inputs(N, H, K, D, dtype=dtype)
    y, _ = forward(seen(qkv, H, K, dtype, kind), [0, N], H, K, slopes=slopes, dtype=dtype,
                   window=window)  # fmt: skip
    for pieces in [1] * N, [1, 7, 64, 3, 60, 15], [N]:
        got = cached(qkv, H, K, pieces, slopes, dtype, window, caches_of(kind, K, D))
        assert_same_bits(got, y)


def read_back(x, kind):
    """Rows (N, D) float32 as attention over one key reads them: its weight is 1."""
    N, D = x.shape
    k_cache, v_cache = caches_of(kind, 1, D)(N)
    qkv = put(np.concatenate([np.zeros_like(x), np.zeros_like(x), x], 1))
    where = ints(np.arange(N + 1)), ints(np.arange(N)[:, None]), ints(np.zeros(N))
    y = zeros(N, D)
    _core.kv_cache_append(k_cache, v_cache, qkv, *where, 1, 1)
    _core.attention_cached_forward(y, qkv, k_cache, v_cache, *where, _core.Tensor(), 1, 1, 1.0, 0)
    return y.numpy()


@pytest.mark.parametrize("D", [1, 31, 32, 33, 70])
def test_q8_keeps_every_size_of_number(D):
    rng = np.random.default_rng(D)
    scales = 10.0 ** np.arange(-45, 38, 3)
    x = (rng.normal(size=(len(scales), D)) * scales[:, None]).astype(np.float32)
    x[7] = 0
    got = read_back(x, "q8")
    normal = np.abs(x).max(-1) > 1e-35  # else the scale itself is a subnormal number
    assert_same_bits(got[normal], kept(x, "q8")[normal] + np.float32(0))
    assert np.abs(got[~normal] - x[~normal]).max() < 1e-36


def test_q8_hides_nothing_that_is_not_finite():
    x = np.ones((3, 64), np.float32)
    x[0, 3], x[1, 40] = np.nan, np.inf
    got = read_back(x, "q8")
    assert np.isnan(got[0, :32]).all() and np.isnan(got[1, 32:]).all()
    assert (got[0, 32:] == 1).all() and (got[1, :32] == 1).all() and (got[2] == 1).all()


@pytest.mark.parametrize("isa", _core.isas())
def test_every_instruction_set(isa):
    run_under(isa, __file__)
