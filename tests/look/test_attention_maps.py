"""Attention maps against the reference's weights: every position code, window, shared key heads."""

import dataclasses

import numpy as np
import pytest

from gptengine import Model
from gptengine.look import attention_maps, habits
from model.cases import CASES, SHAPES, case_id, small
from model.engine import engine
from reference import layers as ref_layers
from reference import model as ref


def reference_maps(c, p, tokens):
    """(L, H, T, T) of the whole model in float64."""
    segments = np.array([0, len(tokens)])
    _, inputs = ref.forward(c, p, tokens, segments)
    slopes, maps = ref.alibi_slopes(c.heads) if c.position == "alibi" else None, []
    for i in range(c.layers):
        x = inputs[i]
        if c.norm_order == "pre":
            x = ref.normed(c, p, f"h.{i}.norm1", x)
        qkv = ref.projected(p, f"h.{i}.attn.qkv", x)
        q, k, _ = ref.queries_keys_values(c, p, f"h.{i}.attn", qkv, segments)
        k = np.repeat(k, c.heads // c.kv_heads, axis=1)
        maps.append(ref_layers.attention_weights(q, k, c.causal, slopes, c.window_of(i)))
    return np.stack(maps)


@pytest.mark.parametrize("c", CASES, ids=case_id)
def test_maps_are_the_weights_of_the_definition(c, rng):
    p = ref.random_parameters(c, rng)
    tokens = rng.integers(0, c.vocab_size, 33)
    maps, want = attention_maps(engine(c, p), tokens), reference_maps(c, p, tokens)
    assert maps.shape == (c.layers, c.heads, 33, 33) and maps.dtype == np.float32
    np.testing.assert_allclose(maps, want, atol=2e-5)
    np.testing.assert_allclose(maps.sum(-1), 1, atol=1e-5)
    assert (maps[want == 0] == 0).all()


@pytest.mark.parametrize("name", SHAPES)
def test_rows_sum_to_one_where_tiles_are_many(name, rng):
    c = SHAPES[name]
    tokens = rng.integers(0, c.vocab_size, 150)
    maps = attention_maps(Model(c, seed=1), tokens)
    np.testing.assert_allclose(maps.sum(-1), 1, atol=1e-5)
    halves = attention_maps(Model(c, seed=1, dtype="bfloat16"), tokens)
    np.testing.assert_allclose(halves.sum(-1), 1, atol=1e-4)
    np.testing.assert_allclose(halves, maps, atol=0.02)


def test_maps_need_no_memory_of_training(rng):
    """The same bits for any recompute, for quantized weights too; backward knows it was a pass."""
    c = small(position="rope", kv_heads=3)
    tokens = rng.integers(0, c.vocab_size, 9)
    model = Model(c, seed=1, recompute=0)
    maps = attention_maps(model, tokens)
    assert np.array_equal(maps, attention_maps(Model(c, seed=1, recompute=2), tokens))
    few = Model(dataclasses.replace(c, head_dim=32, hidden_dim=64, model_dim=64), quantize="q8")
    assert attention_maps(few, tokens).shape == maps.shape
    model.forward(tokens, tokens)
    attention_maps(model, tokens)
    with pytest.raises(ValueError, match="backward"):
        model.backward(np.ones(9, np.float32))


def test_layers_are_chosen_by_number(rng):
    c = small(layers=3)
    model, tokens = Model(c, seed=1), rng.integers(0, c.vocab_size, 5)
    maps = attention_maps(model, tokens)
    assert np.array_equal(attention_maps(model, tokens, [2, 0]), maps[[2, 0]])
    assert np.array_equal(attention_maps(model, tokens, [-1]), maps[[2]])
    with pytest.raises(ValueError, match=r"layer 3 must be in \[0, 3\)"):
        attention_maps(model, tokens, [3])
    with pytest.raises(ValueError, match="41 tokens is longer than the context of 40"):
        attention_maps(model, np.zeros(41, int))


def test_habits():
    """One head looks one back, one at itself, one at the first token."""
    T = 4
    before, itself, first = np.eye(T, k=-1), np.eye(T), np.zeros((T, T))
    before[0, 0] = first[:, 0] = 1
    found = habits(np.stack([before, itself, first])[None])
    assert found["before"].tolist() == [[1, 0, 1 / 3]]
    assert found["itself"].tolist() == [[0, 1, 0]]
    assert found["first"].tolist() == [[1 / 3, 0, 1]]
    assert found["distance"].tolist() == [[1, 0, 2]]
    with pytest.raises(ValueError, match="1 token"):
        habits(np.ones((1, 1, 1, 1)))
