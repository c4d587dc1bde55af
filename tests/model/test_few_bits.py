"""A model of 8 or 4 bits a weight is the model of the weights that these bits say."""

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest

from gptengine import Config, Model, Tokenizer, _core
from model.cases import DECODERS, SHAPES
from ops.test_quantized import packed, rows
from reference import model as ref

QUANTIZE = {"q8": 8, "q4": 4}


def models(c, quantize, rng, dtype="float32"):
    """The quantized model, and a plain one of the weights that it stands for."""
    params = ref.random_parameters(c, rng, scale=0.1)
    quantized, plain = Model(c, dtype=dtype, quantize=quantize), Model(c, dtype=dtype)
    quantized.set_parameters(params)
    matrices = params.keys() - quantized.parameters().keys()
    rounded = {n: rows(packed(params[n], QUANTIZE[quantize]), *params[n].shape) for n in matrices}
    plain.set_parameters(params | rounded)
    return quantized, plain


@pytest.mark.parametrize("quantize", QUANTIZE)
@pytest.mark.parametrize("shape", DECODERS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_close_to_its_weights_in_float(quantize, shape, dtype, rng):
    """What is left is that inputs of products are rounded to bytes."""
    c = SHAPES[shape]
    quantized, plain = models(c, quantize, rng, dtype)
    tokens = rng.integers(c.vocab_size, size=(2, 30), dtype=np.int32)
    got, want = (m.logits(tokens, last_only=False) for m in (quantized, plain))
    assert np.sqrt(np.mean((got - want) ** 2) / np.mean(want**2)) < 0.03
    logp, expected = (m.logprob(tokens, tokens) for m in (quantized, plain))
    np.testing.assert_allclose(logp, expected, atol=0.1)
    targets = np.where(tokens % 2 == 0, -1, tokens)
    assert not quantized.logprob(tokens, targets)[targets.reshape(-1) < 0].any()


@pytest.mark.parametrize("quantize", QUANTIZE)
@pytest.mark.parametrize("shape", DECODERS)
def test_cached_decoding_is_the_full_pass(quantize, shape, rng):
    c = SHAPES[shape]
    model, _ = models(c, quantize, rng)
    text = rng.integers(c.vocab_size, size=140, dtype=np.int32)
    want = model.logits(text, last_only=False)
    cache = _core.KVCache(model.engine_config, "float32", 3)
    start = 0
    for n in (70, 1, 1, 13, 55):
        got = np.empty((n, c.vocab_size), np.float32)
        at, table = np.array([start], np.int32), np.array([[2, 0, 1]], np.int32)
        every = np.arange(n, dtype=np.int32)
        segments = np.array([0, n], np.int32)
        model.engine.decode(got, cache, text[start : start + n], segments, table, at, every)
        np.testing.assert_array_equal(got, want[start : start + n])
        start += n


def test_it_only_decodes(rng, tmp_path):
    model, _ = models(SHAPES["llama"], "q8", rng)
    tokens = np.zeros((1, 4), np.int32)
    only = "a model of 8 bits a weight only decodes"
    for call, message in [
        (lambda: model.forward(tokens, tokens), only),
        (lambda: model.step(lr=1e-3), only),
        (lambda: model.gradients(), only),
        (lambda: model.reserve(8), only),
        (lambda: model.save(tmp_path / "m"), "a model of q8 weights cannot be saved"),
        (lambda: Model(SHAPES["llama"], quantize="q5"), "quantize 'q5' must be None, 'q8' or 'q4'"),
        (lambda: model.set_parameters({}), "is missing"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    assert not (tmp_path / "m").exists()


def test_generates_and_loads(rng, tmp_path):
    c = SHAPES["llama"]
    plain = Model(c, seed=1)
    plain.save(tmp_path / "m")
    loaded = Model.load(tmp_path / "m", quantize="q8")
    made = Model(c, quantize="q8")
    made.set_parameters(plain.parameters())
    first, second = (m.generate([[1, 2, 3]], max_new_tokens=20, seed=3)[0] for m in (loaded, made))
    np.testing.assert_array_equal(first.tokens, second.tokens)
    assert loaded.num_parameters == plain.num_parameters


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("quantize", QUANTIZE)
def test_a_copy_of_few_bits_is_what_is_loaded(quantize, dtype, tmp_path):
    tok = Tokenizer.bytes()
    Model(Config.llama(tok.vocab_size, 16, 2, 2, 32), seed=1).save(tmp_path / "m", tok)
    plain = Model.load(tmp_path / "m", dtype=dtype)
    copy, loaded = (
        plain.quantize(quantize),
        Model.load(tmp_path / "m", dtype=dtype, quantize=quantize),
    )
    ids = np.arange(10, dtype=np.int32)
    assert copy.quantized == quantize and plain.quantized is None
    assert copy.logits(ids).tobytes() == loaded.logits(ids).tobytes()
    assert copy.tokenizer == tok and copy.end_ids == plain.end_ids == (tok.eos_id,)
    with pytest.raises(ValueError, match="quantize 'q5' must be"):
        plain.quantize("q5")
    for model, has in (copy, quantize), (Model(plain.config, trainable=False), "trainable False"):
        with pytest.raises(ValueError, match=f"a model of {has}.* load with quantize='q8'"):
            model.quantize("q8")


@pytest.mark.parametrize("name", ["m", "m.gguf"])
def test_loading_holds_one_matrix_in_float32(name, tmp_path):
    """So a model is loaded where its float32 weights would not fit."""
    c = dataclasses.replace(SHAPES["llama"], layers=30)
    Model(c, seed=1).save(tmp_path / name)
    tracemalloc.start()
    Model.load(tmp_path / name, quantize="q4")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    largest = max(math.prod(shape) for shape in c.parameter_shapes().values()) * 4
    assert most < 3 * largest + 2**20 < c.num_parameters * 4
