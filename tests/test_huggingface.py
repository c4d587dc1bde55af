"""config.json of other programs: what it says is read, what cannot be said is refused by name."""

import dataclasses
import json
import tracemalloc

import numpy as np
import pytest

from gptengine.checkpoint import load_folder, open_folder, save_folder
from gptengine.config import Config
from gptengine.files import write_json
from gptengine.huggingface import model_type, read_config, write_config
from gptengine.tensorfile import TensorFile, write_tensors

LLAMA = Config.llama(29, 64, 2, 4, 16, kv_heads=2, hidden_dim=24)
BERT = Config(29, 16, 2, 2, 8, norm_order="post", causal=False, embedding_norm=True, token_types=2)
SCALED = {
    "linear": dict(rope_factor=4.0),
    "llama3": dict(rope_factor=8.0, rope_context=16, rope_low=1.0, rope_high=4.0),
    "yarn": dict(rope_factor=4.0, rope_context=16, rope_low=1.0, rope_high=32.0),
    "dynamic": dict(rope_factor=4.0),
    "longrope": dict(rope_divisors=(1.0, 2.5), rope_attention=1.2),
}
SLIDING = "sliding_attention"
LLAMA3 = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0)


def written(c):
    return write_config(c, "float32", None, None)


def read(c, **change):
    return read_config({**written(c), **change}, "config.json")


def longrope(short, long, **more):
    scaling = dict(rope_type="longrope", short_factor=short, long_factor=long, **more)
    return dict(rope_scaling=scaling, original_max_position_embeddings=16)


def random_params(config, seed=0):
    rng = np.random.default_rng(seed)
    shapes = config.parameter_shapes()
    return {name: rng.normal(size=s).astype(np.float32) for name, s in shapes.items()}


@pytest.mark.parametrize("kind", SCALED)
def test_scaled_positions_are_read_in_all_spellings(kind):
    c = dataclasses.replace(LLAMA, rope_scaling=kind, rope_theta=5e5, **SCALED[kind])
    values = written(c)
    assert model_type(c) == "llama" and read_config(values, "") == c
    new, old = dict(values), dict(values)
    del new["rope_theta"], new["rope_scaling"]  # as transformers 5 writes it
    del old["rope_parameters"]
    old["rope_scaling"] = dict(old["rope_scaling"])
    old["rope_scaling"]["type"] = old["rope_scaling"].pop("rope_type")  # and before 4.45
    assert read_config(new, "") == read_config(old, "") == c


def test_the_first_context_is_that_of_the_model_unless_said():
    c = read(LLAMA, rope_scaling=dict(rope_type="llama3", **LLAMA3))
    assert (c.rope_scaling, c.rope_context) == ("llama3", LLAMA.context_length)
    c = read(LLAMA, rope_scaling=dict(rope_type="yarn", factor=2.0))
    assert (c.rope_low, c.rope_high) == (1.0, 32.0)


@pytest.mark.parametrize(
    "change, says",
    [
        (dict(rope_scaling=dict(type="su", factor=2.0)), "rope_type 'su' is not supported"),
        (dict(rope_scaling=dict(type="dynamic")), "'dynamic' needs factor"),
        (dict(rope_scaling=dict(type="longrope")), "short_factor is missing"),
        (longrope([1.0], [2.0]), "1 rope_divisors must be half of head_dim 4"),
        (longrope([1.0, 0.0], [2.0]), "rope_divisors 0.0 must be finite and above 0"),
        (longrope([1.0, 1.0], [2.0], factor="x"), "factor is 'x', not a number above 0"),
        (dict(rope_scaling=dict(rope_type="llama3")), "'llama3' needs factor"),
        (dict(rope_scaling=dict(type="linear")), "'linear' needs factor"),
        (dict(rope_scaling=dict(type="linear", factor="2")), "rope_factor must be a number"),
        (dict(rope_scaling=dict(type="linear", factor=2.0, mscale=1)), "mscale 1 is not supp"),
        (dict(rope_scaling=dict(type="yarn", factor=2.0, mscale=1)), "mscale 1 is not supp"),
        (dict(rope_scaling=dict(type="yarn", factor=2.0, truncate=False)), "truncate False is"),
        (
            dict(rope_scaling=dict(type="yarn", factor=2.0, attention_factor=2.0)),
            "attention_factor 2.0 is not supported",
        ),
        (dict(rope_scaling=[1]), r"rope_scaling \[1\] must be an object"),
        (dict(partial_rotary_factor=0.5), "partial_rotary_factor 0.5 is not supported"),
        (dict(attention_bias=True), "attention_bias True with mlp_bias False is not supported"),
        (dict(attention_bias="yes"), "attention_bias 'yes' is not supported"),
        (dict(quantization_config={"bits": 4}), "quantization_config .* is not supported"),
        (dict(layer_types=["full_attention", SLIDING]), "layer_types has sliding_attention, but"),
        (dict(layer_types=["full_attention"]), "layer_types .* for each of 2 layers"),
        (dict(layer_types=["full_attention", []]), "layer_types .* for each of 2 layers"),
        (
            dict(model_type="mistral", layer_types=["full_attention", SLIDING]),
            "only in a ministral",
        ),
        (
            dict(model_type="ministral", sliding_window=-1, layer_types=[SLIDING] * 2),
            r"windows.0. -1",
        ),
        (dict(hidden_act="gelu"), "hidden_act 'gelu' is not supported, only 'silu' or 'swish'"),
        (dict(model_type="qwen2", use_sliding_window=1), "use_sliding_window 1 is not"),
        (
            dict(model_type="qwen2", use_sliding_window=True, max_window_layers="x"),
            "max_window_layers 'x' is no whole number",
        ),
        (dict(model_type="qwen3", attention_bias=True), "attention_bias True is not supported"),
        (dict(model_type="mistral", num_key_value_heads=None), "num_key_value_heads is missing"),
        (dict(model_type="gemma3"), "'gemma3' is none of gpt2, llama, mistral, ministral, qwen2"),
    ],
)
def test_what_config_cannot_say_is_refused(change, says):
    with pytest.raises(ValueError, match=rf"config.json: .*{says}|config.json: {says}"):
        read(LLAMA, **change)


@pytest.mark.parametrize(
    "change, says",
    [
        (dict(is_decoder=True), "is_decoder True is not supported"),
        (dict(position_embedding_type="relative_key"), "position_embedding_type 'relative_key'"),
        (dict(hidden_act="gelu_fast"), "hidden_act 'gelu_fast' is not supported"),
        (dict(type_vocab_size=None), "type_vocab_size is missing"),
    ],
)
def test_what_bert_cannot_say_is_refused(change, says):
    with pytest.raises(ValueError, match=f"config.json: {says}"):
        read(BERT, **change)


def test_mistral_has_a_window():
    values = written(dataclasses.replace(LLAMA, window=7))
    assert (values["model_type"], values["sliding_window"]) == ("mistral", 7)
    assert read_config(values, "").window == 7
    assert read_config({**values, "sliding_window": None}, "") == LLAMA
    del values["sliding_window"]
    assert read_config(values, "").window == 4096  # as transformers takes it
    assert read(LLAMA, model_type="qwen2", sliding_window=4096).window == 0


def test_phi3_joins_what_llama_has_apart(tmp_path):
    """Read from files of its own and from Llama's, written as the Llama or Mistral that it is."""
    params = random_params(LLAMA)
    save_folder(tmp_path, LLAMA, params)
    values, path = written(LLAMA), tmp_path / "model.safetensors"
    arrays, file = {}, TensorFile(path)
    for name in file.names():
        if "_proj" not in name or "o_proj" in name or "down_proj" in name:
            arrays[name] = np.array(file[name])
    for i in range(LLAMA.layers):
        arrays[f"model.layers.{i}.self_attn.qkv_proj.weight"] = params[f"h.{i}.attn.qkv.weight"]
        arrays[f"model.layers.{i}.mlp.gate_up_proj.weight"] = params[f"h.{i}.mlp.fc.weight"]
    write_tensors(path, arrays)
    write_json(tmp_path / "config.json", {**values, "model_type": "phi3"})
    config, loaded = load_folder(tmp_path)
    assert config == LLAMA and model_type(config) == "llama"
    for name, array in params.items():
        np.testing.assert_array_equal(loaded[name], array, err_msg=name)
    del arrays["model.layers.1.mlp.gate_up_proj.weight"]
    write_tensors(path, arrays)
    with pytest.raises(ValueError, match="'model.layers.1.mlp.gate_proj.weight' is missing"):
        load_folder(tmp_path)


def test_what_phi3_says():
    values = written(LLAMA) | dict(model_type="phi3")
    del values["rms_norm_eps"]
    assert LLAMA.norm_eps == 1e-5 and read_config(values, "") == LLAMA
    assert read(LLAMA, model_type="phi3", sliding_window=7).window == 7
    for kind in "su", "yarn", "longrope":
        scaling = dict(type=kind, short_factor=[1.0, 2.0], long_factor=[1.0, 2.0])
        assert read(LLAMA, model_type="phi3", rope_scaling=scaling).rope_divisors == (1.0, 2.0)
    for change, says in (
        (dict(partial_rotary_factor=0.75), "partial_rotary_factor 0.75 is not supported"),
        (dict(attention_bias=True), "attention_bias True is not supported"),
        (dict(sliding_window=7, layer_types=["full_attention", SLIDING]), "in a phi3 model"),
    ):
        with pytest.raises(ValueError, match=says):
            read(LLAMA, model_type="phi3", **change)


def test_longrope_ends_where_its_divisors_change():
    """Beyond, tokens that were already read would turn by other angles."""
    with pytest.warns(UserWarning, match="a context of 16 tokens, not 64: beyond it, long_factor"):
        c = read(LLAMA, **longrope([1.0, 2.0], [1.0, 8.0]))
    assert (c.context_length, c.rope_divisors) == (16, (1.0, 2.0))
    assert c.rope_attention == pytest.approx(np.sqrt(1 + np.log(4) / np.log(16)))
    c = read(LLAMA, **longrope([1.0, 2.0], [1.0, 2.0], attention_factor=1.5))
    assert (c.context_length, c.rope_attention) == (64, 1.5)
    c = read(LLAMA, **longrope([1.0, 2.0], [1.0, 8.0]) | dict(max_position_embeddings=16))
    assert (c.context_length, c.rope_attention) == (16, 1.0)


def test_windows_of_layers():
    qwen = dataclasses.replace(LLAMA, qkv_bias=True)
    for c, kind in ((LLAMA, "ministral"), (qwen, "qwen2")):
        c = dataclasses.replace(c, windows=(0, 7))
        values = written(c)
        assert values["model_type"] == kind and read_config(values, "") == c
        assert values["layer_types"] == ["full_attention", SLIDING]
    everywhere = dataclasses.replace(qwen, windows=[7, 7])
    assert everywhere.window == 7 and everywhere.windows == ()
    assert read_config(written(everywhere), "") == everywhere
    said = dict(model_type="qwen2", use_sliding_window=True, sliding_window=9)
    assert read(qwen, **said, max_window_layers=1).windows == (0, 9)
    assert read(qwen, **said).window == 0  # from layer 28 on, as transformers takes it
    several = dataclasses.replace(LLAMA, windows=(3, 7))  # which nobody else can say
    assert model_type(several) == "gptengine" and read_config(written(several), "") == several


def test_a_model_without_output_matrix_is_tied(tmp_path):
    tied = dataclasses.replace(LLAMA, tied=True)
    params = random_params(tied)
    save_folder(tmp_path, tied, params)
    path = tmp_path / "config.json"
    values = json.loads(path.read_text())
    for change in (dict(tie_word_embeddings=False), dict(tie_word_embeddings=True)):
        path.write_text(json.dumps({**values, **change}))
        config, loaded = load_folder(tmp_path)
        assert config == tied and loaded.keys() == params.keys()


def test_other_spellings_of_bert_are_read(tmp_path):
    """A prefix, TensorFlow's names of norms, and what is no part of the trunk."""
    params = random_params(BERT)
    save_folder(tmp_path, BERT, params)
    path = tmp_path / "model.safetensors"
    file, arrays = TensorFile(path), {}
    for name in file.names():
        old = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        arrays["bert." + old.replace("LayerNorm.bias", "LayerNorm.beta")] = np.array(file[name])
    heads = {"bert.pooler.dense.weight": np.ones((8, 8)), "cls.predictions.bias": np.ones(29)}
    positions = {"bert.embeddings.position_ids": np.arange(16)}
    write_tensors(path, arrays | heads | positions)
    config, loaded = load_folder(tmp_path)
    assert config == BERT
    for name in params:
        np.testing.assert_array_equal(loaded[name], params[name], err_msg=name)
    write_tensors(path, arrays | {"classifier.weight": np.ones((2, 8))})
    with pytest.raises(ValueError, match="'classifier.weight' is not part of a bert model"):
        load_folder(tmp_path)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_stored_types_are_read_to_float32(tmp_path, dtype):
    params = random_params(LLAMA)
    save_folder(tmp_path, LLAMA, params)
    path = tmp_path / "model.safetensors"
    file = TensorFile(path)
    write_tensors(path, {name: file[name].astype(dtype) for name in file.names()})
    for name, array in load_folder(tmp_path)[1].items():
        np.testing.assert_array_equal(array, params[name].astype(dtype).astype(np.float32))
    huge = {name: np.array(file[name], np.float64) for name in file.names()}
    huge["model.norm.weight"] = np.full(16, 1e300)
    write_tensors(path, huge)
    with pytest.raises(ValueError, match=r"'model.norm.weight' holds inf at index \(0,\)"):
        load_folder(tmp_path)


def test_loading_makes_no_second_copy(tmp_path):
    """Beside the weights themselves it needs less than a tenth of them, for checks of a tensor."""
    c = Config.llama(64, 16, 24, 4, 128, hidden_dim=256)
    save_folder(tmp_path, c, random_params(c), dtype="bfloat16")
    source = open_folder(tmp_path)
    params = {name: np.empty(s, np.float32) for name, s in c.parameter_shapes().items()}
    tracemalloc.start()
    source.read_into(params)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < sum(array.nbytes for array in params.values()) / 10
