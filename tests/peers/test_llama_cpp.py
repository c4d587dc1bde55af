"""llama.cpp reads what we write with the same logits and text, and we what it quantises."""

import ctypes
import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from gptengine import Config, Model, Tokenizer
from gptengine.gguf import blocks
from gptengine.gguf.blocks import FORMATS
from gptengine.gguf.tensors import GgufFile
from reference import ggml

llama_cpp = pytest.importorskip("llama_cpp")

V, T = 512, 64
SMALL = dict(kv_heads=2, hidden_dim=96)
SHAPES = {
    "gpt2": Config(V, T, 2, 4, 128),
    "llama": Config.llama(V, T, 2, 4, 128, **SMALL),
    "llama-tied-wide-heads": Config.llama(
        V, T, 2, 4, 128, **SMALL, tied=True, head_dim=64, rope_theta=5e5
    ),
    "llama-bias": Config(
        V,
        T,
        2,
        4,
        128,
        **SMALL,
        norm="rms",
        position="rope",
        activation="swiglu",
        tied=False,
    ),
    "qwen2": Config.llama(V, T, 2, 4, 128, **SMALL, qkv_bias=True, tied=True, norm_eps=1e-6),
    "qwen3": Config.qwen3(V, T, 2, 4, 128, kv_heads=2, head_dim=64),
}
STRETCHED = {
    "linear": dict(rope_factor=4.0),
    "llama3": dict(rope_factor=8.0, rope_context=16),
    "yarn": dict(rope_factor=4.0, rope_context=16, rope_high=32.0),
}
for scaling, fields in STRETCHED.items():
    wide = Config.llama(V, T, 2, 4, 128, **SMALL, head_dim=64)
    SHAPES[f"llama-{scaling}"] = dataclasses.replace(wide, rope_scaling=scaling, **fields)
# llama.cpp computes GPT-2's activation through a table of float16.
MOST = {"gpt2": 2e-3}
# Its products with quantised weights quantise the other side to 8 bits, with bfloat16 to that.
FILE_TYPES = {"Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q4_K": 15, "Q5_K": 17}
FILE_TYPES |= {"Q6_K": 18, "BF16": 32, "F16": 1}
QUANTISED_MOST = {"BF16": 0.02, "F16": 5e-3}


def random_model(config):
    """Every parameter random: what starts at zero or one hides mistakes."""
    model, rng = Model(config), np.random.default_rng(0)
    for name, array in model.parameters().items():
        one = name.endswith("weight") and array.ndim == 1
        array[...] = one + 0.1 * rng.normal(size=array.shape)
    model.weights_changed()
    return model


@pytest.fixture(scope="module")
def tok():
    text = Path(__file__).read_text(encoding="utf-8")
    return Tokenizer.train(text, vocab_size=500)


def theirs(path):
    return llama_cpp.Llama(
        str(path), n_ctx=256, logits_all=True, type_k=0, type_v=0, n_threads=2, verbose=False
    )


def their_logits(other, ids):
    other.reset()
    other.eval(ids)
    return np.array(other.scores[: len(ids)])


def their_greedy_text(other, ids):
    """The likeliest 32 tokens after some."""
    steps = zip(other.generate(ids, temp=0.0, repeat_penalty=1.0), range(32), strict=False)
    return [int(token) for token, _ in steps]


def error(got, want):
    return np.abs(got - want).max() / np.abs(want).max()


@pytest.mark.parametrize("kind", SHAPES)
def test_it_reads_our_file_with_the_same_text(kind, tmp_path, tok):
    """Logits at every place, and 32 greedy tokens, each of the likeliest in both."""
    model = random_model(SHAPES[kind])
    model.save(tmp_path / "m.gguf", tok)
    other = theirs(tmp_path / "m.gguf")
    text = "llama.cpp reads what we write"
    ids = tok.encode(text).tolist()
    assert other.tokenize(text.encode(), add_bos=False, special=False) == ids
    got = their_logits(other, ids)
    assert error(got, model.logits(ids, last_only=False)) < MOST.get(kind, 1e-5)
    ours = model.generate([ids], max_new_tokens=32, temperature=0.0)[0]
    assert ours.tokens.tolist() == their_greedy_text(other, ids)


@pytest.mark.parametrize("weights", ["BF16", "Q8_0", "Q4_0"])
def test_it_reads_our_quantised_file(weights, tmp_path, tok):
    model = random_model(SHAPES["llama"])
    model.save(tmp_path / "m.gguf", tok, weights=weights)
    again = Model.load(tmp_path / "m.gguf")
    ids = tok.encode("what it quantises").tolist()
    got = their_logits(theirs(tmp_path / "m.gguf"), ids)
    assert error(got, again.logits(ids, last_only=False)) < QUANTISED_MOST.get(weights, 0.1)


@pytest.mark.parametrize("kind", FILE_TYPES)
def test_we_read_what_it_quantises(kind, tmp_path, tok):
    """Its own quantiser, from our file; for the formats that we write, to the same bytes."""
    model = random_model(Config.llama(V, T, 1, 4, 256, kv_heads=2, hidden_dim=512))
    model.save(tmp_path / "m.gguf", tok)
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype, options.nthread, options.pure = FILE_TYPES[kind], 2, True
    files = [str(tmp_path / name).encode() for name in ("m.gguf", "q.gguf")]
    assert llama_cpp.llama_model_quantize(*files, ctypes.byref(options)) == 0
    read = GgufFile(tmp_path / "q.gguf")
    assert {t.form.name for t in read.tensors.values()} == {kind, "F32"}
    loaded = Model.load(tmp_path / "q.gguf")
    ids = tok.encode("what it quantises").tolist()
    other, most = theirs(tmp_path / "q.gguf"), QUANTISED_MOST.get(kind, 0.1)
    assert error(their_logits(other, ids), loaded.logits(ids, last_only=False)) < most
    # each token of its greedy text is ours too, or as likely as the rounding of its products allows
    whole = [*ids, *their_greedy_text(other, ids)]
    z = loaded.logits(whole, last_only=False)[len(ids) - 1 : -1]
    behind = z.max(axis=1) - z[np.arange(len(z)), whole[len(ids) :]]
    assert behind.max() <= 2 * most * np.abs(z).max()
    assert np.mean(behind == 0) > (0.95 if kind in ("F16", "BF16") else 0.7)
    if FORMATS[kind].encode:
        model.save(tmp_path / "ours.gguf", tok, weights=kind)
        ours = GgufFile(tmp_path / "ours.gguf")
        for name in ours.tensors:
            assert ours.raw(name).tobytes() == read.raw(name).tobytes(), name


def library():
    """ggml's own functions on rows, which its interface does not have."""
    folder = Path(llama_cpp.__file__).parent / "lib"
    found = sorted(folder.glob("libggml-base*"))
    if not found:
        pytest.skip(f"no libggml-base in {folder}")
    return ctypes.CDLL(os.fspath(found[0]))


def call(name, source, target, count):
    function = getattr(library(), name)
    function.argtypes, function.restype = [ctypes.c_void_p] * 2 + [ctypes.c_int64], None
    function(source.ctypes.data, target.ctypes.data, count)


@pytest.mark.parametrize("name", ggml.DECODE)
def test_blocks_are_decoded_to_the_same_bits(name, rng):
    form = FORMATS[name]
    raw = ggml.random_blocks(form, 1000, rng).reshape(-1)
    want = np.empty(1000 * form.size, np.float32)
    call(f"dequantize_row_{name.lower().replace('k', 'K')}", raw, want, want.size)
    got = np.empty_like(want)
    blocks.decode(form, raw, got)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ggml.ENCODE)
def test_blocks_are_encoded_to_the_same_bits(name, rng):
    form = FORMATS[name]
    x = rng.normal(size=1 << 20).astype(np.float32)
    x[:32], x[32:64], x[64:96], x[96:128] = 0, -0.0, np.arange(32) - 15.5, np.arange(32) * 127 / 31
    want = np.empty(form.bytes_of(x.size), np.uint8)
    call(f"quantize_row_{name.lower()}_ref", x, want, x.size)
    assert blocks.encode(form, x).tobytes() == want.tobytes()
