"""Models in GGUF files: what is written comes back; what is broken or foreign is named."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

from gptengine import Model, Tokenizer, checkpoint
from gptengine.config import Config
from gptengine.files import read_json
from gptengine.gguf import names
from gptengine.gguf.blocks import FORMATS
from gptengine.gguf.model import ModelFile, load, planned, save
from gptengine.gguf.tensors import Entry, GgufFile, write

LLAMA = Config.llama(64, 16, 2, 4, 32, kv_heads=2, hidden_dim=96)
SHAPES = {
    "gpt2": Config(64, 16, 2, 2, 32),
    "gpt2-untied": Config(64, 16, 2, 2, 32, tied=False, norm_eps=1e-6, hidden_dim=64),
    "llama": LLAMA,
    "llama-bias": dataclasses.replace(LLAMA, bias=True, qkv_bias=True, tied=True),
    "llama-wide-heads": dataclasses.replace(LLAMA, head_dim=16, rope_theta=5e5, layers=1),
    "qwen2": Config.llama(64, 16, 2, 4, 32, kv_heads=2, qkv_bias=True, tied=True, norm_eps=1e-6),
    "qwen3": Config.qwen3(64, 16, 2, 4, 32, kv_heads=2, head_dim=16),
}


def random_params(config, seed=0):
    rng = np.random.default_rng(seed)
    shapes = config.parameter_shapes().items()
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes}


def tokenizer(**config):
    tok = Tokenizer.bytes(special_tokens=("<|endoftext|>",))
    tok.config.update(config)
    return tok


def contents(path):
    """The keys, and the tensors as entries to be written again."""
    file = GgufFile(path)
    entries = {
        name: Entry(name, t.shape, FORMATS["F32"], lambda b, e, name=name: file[name][b:e])
        for name, t in file.tensors.items()
    }
    return dict(file.metadata), entries


@pytest.mark.parametrize("kind", SHAPES)
def test_a_file_comes_back_bit_for_bit(tmp_path, kind):
    config, params = SHAPES[kind], random_params(SHAPES[kind])
    save(tmp_path / "m.gguf", config, params)
    again, loaded = load(tmp_path / "m.gguf")
    assert again == config and list(loaded) == list(params)
    for name in params:
        np.testing.assert_array_equal(loaded[name], params[name], err_msg=name)
    file = GgufFile(tmp_path / "m.gguf")
    assert file.metadata["general.architecture"] == kind.split("-")[0]
    assert ("output.weight" in file.tensors) is not config.tied


def test_rows_of_llamas_heads_are_interleaved(tmp_path):
    """Row 2j + s of a head there is row j of its half s here; Qwen's stay as they are."""
    for kind, order in ("llama", [0, 4, 1, 5, 2, 6, 3, 7]), ("qwen2", range(8)):
        params = random_params(SHAPES[kind])
        save(tmp_path / "m.gguf", SHAPES[kind], params)
        file, qkv = GgufFile(tmp_path / "m.gguf"), params["h.1.attn.qkv.weight"]
        for name, begin in ("attn_q", 8), ("attn_k", 32):
            rows = file[f"blk.1.{name}.weight"][begin % 32 : begin % 32 + 8]
            np.testing.assert_array_equal(rows, qkv[begin : begin + 8][[*order]])
        np.testing.assert_array_equal(file["blk.1.attn_v.weight"], qkv[48:])
        gate_and_up, F = params["h.1.mlp.fc.weight"], SHAPES[kind].hidden_dim
        np.testing.assert_array_equal(file["blk.1.ffn_up.weight"], gate_and_up[F:])


@pytest.mark.parametrize("weights, most", [("BF16", 2**-8), ("Q8_0", 5e-3), ("Q4_0", 0.126)])
def test_matrices_are_stored_as_asked_and_vectors_as_float32(tmp_path, weights, most):
    for config in SHAPES["gpt2"], LLAMA:
        params = random_params(config)
        save(tmp_path / "m.gguf", config, params, weights=weights)
        again, loaded = load(tmp_path / "m.gguf")
        assert again == config
        for name, array in params.items():
            if array.ndim == 1 or name == "wpe":
                np.testing.assert_array_equal(loaded[name], array)
            else:
                error = np.abs(loaded[name] - array).max() / np.abs(array).max()
                assert 0 < error < most, name
        size = sum(entry.size for entry in planned(config, weights))
        file = GgufFile(tmp_path / "m.gguf")
        assert size == sum(tensor.size for tensor in file.tensors.values())


def test_rows_without_whole_blocks_stay_float32(tmp_path):
    config = Config.llama(64, 16, 1, 2, 32, hidden_dim=40)
    with pytest.warns(UserWarning, match="1 matrices stay in F32, such as blk.0.ffn_down.weight"):
        save(tmp_path / "m.gguf", config, random_params(config), weights="Q8_0")
    forms = {name: t.form.name for name, t in GgufFile(tmp_path / "m.gguf").tensors.items()}
    assert forms["blk.0.ffn_down.weight"] == "F32" and forms["blk.0.ffn_up.weight"] == "Q8_0"


def test_model_and_tokenizer_are_one_file(tmp_path):
    """A folder becomes a file and a folder again: the same weights, ids and chat template."""
    config = dataclasses.replace(LLAMA, vocab_size=300)
    model, tok = Model(config, seed=3), tokenizer(chat_template="{{ messages }}")
    model.save(tmp_path / "folder", tok)
    first = Model.load(tmp_path / "folder")
    first.save(tmp_path / "m.gguf", Tokenizer.load(tmp_path / "folder"))
    second, tok2 = Model.load(tmp_path / "m.gguf"), Tokenizer.load(tmp_path / "m.gguf")
    assert second.config == config
    assert (
        tok2 == tok and tok2.vocab_size == 257 and tok2.config["chat_template"] == "{{ messages }}"
    )
    second.save(tmp_path / "again", tok2)
    for name in "config.json", "model.safetensors", "tokenizer.json", "generation_config.json":
        want = (tmp_path / "folder" / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == want, name
    # llama.cpp counts the tokens, not the rows of the embedding
    keys = GgufFile(tmp_path / "m.gguf").metadata
    assert len(keys["tokenizer.ggml.tokens"]) == len(keys["tokenizer.ggml.token_type"]) == 300


def test_a_folder_has_the_ends_of_its_file(tmp_path):
    """As SmolLM2, which begins texts with another token than it ends them with."""
    vocabulary = Tokenizer.bytes(special_tokens=("<end>", "<begin>"))._vocabulary
    for named, want in (("<begin>", 257), ({"content": "<begin>"}, 257), (None, 256)):
        tok = Tokenizer(vocabulary, "<end>", {"bos_token": named} if named else {})
        Model(dataclasses.replace(LLAMA, vocab_size=258)).save(tmp_path / "m.gguf", tok)
        model, tok = Model.load(tmp_path / "m.gguf"), Tokenizer.load(tmp_path / "m.gguf")
        assert (tok.bos_id, tok.eos_id) == (257 if named else None, 256)
        model.save(tmp_path / "folder", tok)
        for name in "config.json", "generation_config.json":
            values = read_json(tmp_path / "folder" / name)
            assert (values["bos_token_id"], values["eos_token_id"]) == (want, 256)
        again = Tokenizer.load(tmp_path / "folder")
        assert (again.bos_id, again.eos_id) == (tok.bos_id, 256)


def test_a_chat_template_in_a_file_of_its_own_is_converted(tmp_path):
    tokenizer(chat_template="old").save(tmp_path)
    (tmp_path / "chat_template.jinja").write_text("{{ naïve }}", encoding="utf-8")
    keys = Tokenizer.load(tmp_path).gguf_keys(257)
    assert keys["tokenizer.chat_template"] == "{{ naïve }}"


def test_what_lies_beside_a_file_is_not_its(tmp_path):
    """Files of several models often share a folder."""
    tokenizer(chat_template="mine").save(tmp_path / "a.gguf")
    tokenizer(chat_template="other").save(tmp_path)
    assert Tokenizer.load(tmp_path / "a.gguf").config["chat_template"] == "mine"


def test_chat_templates_by_name_come_back(tmp_path):
    """The default has a key without a name, the others one each, as llama.cpp looks for them."""
    said = [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]
    for templates in said, said[1:]:
        tok = tokenizer(chat_template=templates)
        tok.save(tmp_path / "tok.gguf")
        assert Tokenizer.load(tmp_path / "tok.gguf").config["chat_template"] == templates
        assert tok.gguf_keys(300)["tokenizer.chat_template.tool_use"] == "b"
    for bad in 5, [{"name": "default"}], ["a"]:
        with pytest.raises(ValueError, match="chat_template .* is neither a text nor a list"):
            tokenizer(chat_template=bad).save(tmp_path / "bad.gguf")


@pytest.mark.parametrize(
    "change, says",
    [
        (dict(position="alibi"), "a model of the type 'gptengine' .*'alibi'.* is none of gpt2"),
        (dict(activation="relu"), "gpt2 file cannot say activation 'relu': it .* as 'gelu_tanh'"),
        (dict(head="value"), "head 'value'"),
    ],
)
def test_what_has_no_architecture_is_refused(tmp_path, change, says):
    config = dataclasses.replace(SHAPES["gpt2"], **change)
    with pytest.raises(ValueError, match=f"gguf: .*{says}"):
        Model(config).save(tmp_path / "m.gguf")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_saved_is_refused(tmp_path):
    model = Model(LLAMA)
    with pytest.raises(ValueError, match="weights 'Q2_K' is none of F32, BF16, Q8_0, Q4_0"):
        model.save(tmp_path / "m.gguf", weights="Q2_K")
    with pytest.raises(ValueError, match="a folder cannot hold weights 'Q8_0', only F32, BF16"):
        model.save(tmp_path / "m", weights="Q8_0")
    with pytest.raises(
        ValueError, match="tokenizer has 257 tokens, the model's vocabulary only 64"
    ):
        model.save(tmp_path / "m.gguf", tokenizer())
    model.parameters()["wte"][3, 5] = np.nan
    with pytest.raises(ValueError, match=r"'wte' holds nan at index \(3, 5\)"):
        model.save(tmp_path / "m.gguf")
    assert not list(tmp_path.iterdir())


KEYS = [
    ({"general.architecture": "mamba"}, "general.architecture 'mamba' is not supported, only gpt2"),
    ({"general.architecture": None}, "general.architecture None is not supported"),
    ({"llama.block_count": None}, "the key llama.block_count is missing"),
    ({"llama.block_count": "2"}, "llama.block_count is '2', not a number"),
    ({"llama.block_count": np.array([2, 2])}, "llama.block_count is array"),
    ({"llama.block_count": 3}, "the tensor 'blk.2.attn_q.weight' is missing"),
    ({"llama.block_count": 1}, r"the tensor 'blk.1.\w+.weight' is not supported in a llama model"),
    ({"llama.block_count": 65535}, "65535 layers are said, but there are 21 tensors"),
    ({"llama.embedding_length": 64}, r"'token_embd.weight' has the shape \(64, 32\).*\(64, 64\)"),
    ({"llama.attention.head_count": 0}, "heads must be a whole number above 0, not 0"),
    ({"llama.rope.dimension_count": 4}, "rope.dimension_count 4 is not supported.* head, 8"),
    ({"llama.attention.value_length": 4}, "attention.value_length 4 is not supported"),
    ({"llama.rope.scaling.type": "longrope"}, "rope.scaling.type 'longrope' is not supported"),
    ({"llama.rope.scaling.type": "yarn"}, "rope_scaling 'yarn' needs rope_context, which is 0"),
    ({"llama.rope.scaling.yarn_beta_fast": 16.0}, "yarn_beta_fast 16.0 is not supported, only 32"),
    ({"llama.expert_count": 8}, "the key llama.expert_count 8 is not supported, only 0"),
    ({"llama.attention.sliding_window": 4096}, "attention.sliding_window 4096 is not supported"),
    ({"llama.new": 1}, "the key llama.new 1 is not supported"),
    ({"llama.new": np.array([1, 2])}, "the key llama.new array.* is not supported"),
    ({"split.count": 3}, "split.count is 3: the model is in several files"),
    ({"llama.rope.freq_base": np.float64(1e300)}, "rope_theta inf must be finite"),
]  # fmt: skip


@pytest.mark.parametrize("change, says", KEYS)
def test_keys_that_we_cannot_obey_are_named(tmp_path, change, says):
    save(tmp_path / "m.gguf", LLAMA, random_params(LLAMA))
    keys, entries = contents(tmp_path / "m.gguf")
    keys = {key: value for key, value in {**keys, **change}.items() if value is not None}
    write(tmp_path / "n.gguf", keys, list(entries.values()))
    with pytest.raises(ValueError, match=rf"n\.gguf: .*{says}"):
        ModelFile(tmp_path / "n.gguf")


def test_tensors_that_do_not_belong_are_named(tmp_path):
    save(tmp_path / "m.gguf", LLAMA, random_params(LLAMA))
    keys, entries = contents(tmp_path / "m.gguf")

    def refused(entries, says):
        write(tmp_path / "n.gguf", keys, entries)
        with pytest.raises(ValueError, match=rf"n\.gguf: .*{says}"):
            load(tmp_path / "n.gguf")

    one = lambda name: Entry(name, (32,), FORMATS["F32"], lambda b, e: np.zeros(32, np.float32))
    every = list(entries.values())
    refused([*every, one("rope_freqs.weight")], "'rope_freqs.weight' is not that of Llama 3.x")
    refused([*every, one("blk.0.attn_q.bias")], "'blk.0.attn_k.bias' is missing")
    refused([e for e in every if e.name != "blk.1.ffn_up.weight"], "'blk.1.ffn_up.weight' is miss")
    refused([e for e in every if e.name != "token_embd.weight"], "token_embd.weight is missing")
    bad = np.full((32,), np.inf, np.float32)
    norm = entries["output_norm.weight"]._replace(read=lambda b, e: bad)
    entries["output_norm.weight"] = norm
    refused(list(entries.values()), "'output_norm.weight' has 32 values not finite")


def test_keys_that_change_nothing_are_passed_over(tmp_path):
    save(tmp_path / "m.gguf", LLAMA, random_params(LLAMA))
    keys, entries = contents(tmp_path / "m.gguf")
    keys |= {"llama.expert_count": 0, "llama.rope.scaling.type": "none", "quantize.imatrix": "x"}
    del keys["llama.vocab_size"], keys["llama.attention.key_length"]
    del keys["llama.rope.dimension_count"], keys["llama.attention.value_length"]
    keys |= {
        "llama.rope.freq_base": 10000,
        "llama.attention.layer_norm_rms_epsilon": np.float64(1e-5),
    }
    write(tmp_path / "n.gguf", keys, list(entries.values()))
    assert ModelFile(tmp_path / "n.gguf").config == LLAMA


def test_numbers_are_those_of_float32(tmp_path):
    """However a file spells them, so that what is read can be written with the same bits."""
    save(tmp_path / "m.gguf", LLAMA, random_params(LLAMA))
    keys, entries = contents(tmp_path / "m.gguf")
    write(tmp_path / "n.gguf", keys | {"llama.rope.freq_base": 1 << 62}, list(entries.values()))
    config, params = load(tmp_path / "n.gguf")
    save(tmp_path / "again.gguf", config, params)
    assert load(tmp_path / "again.gguf")[0] == config


def test_every_parameter_has_a_name_of_its_own():
    for config in SHAPES.values():
        found = [part.name for pieces in names.parts(config).values() for part in pieces]
        assert len(found) == len(set(found))


@pytest.mark.parametrize("source", ["a.gguf", "a"])
@pytest.mark.parametrize("target", ["b.gguf", "b"])
def test_a_model_passes_from_file_to_file_a_matrix_at_a_time(tmp_path, source, target):
    """With the same bits, and less in memory than a fourth of its weights."""
    config = Config.llama(64, 16, 24, 4, 128, hidden_dim=256)
    params, told = random_params(config), []
    checkpoint.save(tmp_path / source, config, params)
    tracemalloc.start()
    weights = checkpoint.Weights(
        checkpoint.open_model(tmp_path / source), lambda *a: told.append(a)
    )
    checkpoint.save(tmp_path / target, config, weights)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < config.num_parameters  # of the 4 bytes each
    again, loaded = checkpoint.load(tmp_path / target)
    assert again == config and [*weights] == [*params] and len(weights) == len(params)
    for name, array in params.items():
        np.testing.assert_array_equal(loaded[name], array, err_msg=name)
    assert told == sorted(told) and told[0][0] == 0 and len(told) == len(params)
    assert all(done < total == 4 * config.num_parameters for done, total in told)
