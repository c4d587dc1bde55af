"""Model folders and training state: what is written comes back; what is broken is named."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from gptengine.checkpoint import (
    atomic_folder,
    atomic_write,
    find_model,
    find_model_folder,
    load,
    load_folder,
    load_state,
    open_model,
    recover,
    save,
    save_folder,
    save_state,
)
from gptengine.config import Config
from gptengine.files import explained, folder_in_use, locked
from gptengine.huggingface import model_type
from gptengine.tensorfile import TensorFile, from_bfloat16, to_bfloat16, write_tensors
from gptengine.tokenizer import Tokenizer

GPT2 = Config(vocab_size=29, context_length=16, layers=2, heads=2, model_dim=8)
LLAMA = Config.llama(29, 16, 2, 4, 16, kv_heads=2, hidden_dim=24)
SHAPES = {
    "gpt2": GPT2,
    "llama": LLAMA,
    "qwen2": Config.llama(29, 16, 2, 4, 16, kv_heads=2, qkv_bias=True, tied=True),
    "qwen3": Config.qwen3(29, 16, 2, 4, 16, kv_heads=2, head_dim=8),
    "gptengine": Config(29, 16, 2, 2, 8, position="alibi", norm_order="post", qk_norm=True),
}


def random_params(config, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in config.parameter_shapes().items()
    }


@pytest.mark.parametrize("kind", SHAPES)
def test_a_folder_comes_back_bit_for_bit(tmp_path, kind):
    config, params = SHAPES[kind], random_params(SHAPES[kind])
    assert model_type(config) == kind
    save_folder(tmp_path / "m", config, params)
    again, loaded = load_folder(tmp_path / "m")
    assert again == config
    assert list(loaded) == list(params)
    for name in params:
        np.testing.assert_array_equal(loaded[name], params[name], err_msg=name)
    assert json.loads((tmp_path / "m/config.json").read_text())["model_type"] == kind


def test_gpt2_matrices_are_transposed_and_llama_heads_split(tmp_path):
    params = random_params(GPT2)
    save_folder(tmp_path / "g", GPT2, params)
    file = TensorFile(tmp_path / "g/model.safetensors")
    np.testing.assert_array_equal(
        file["transformer.h.1.attn.c_attn.weight"], params["h.1.attn.qkv.weight"].T
    )
    assert "lm_head.weight" not in file
    params = random_params(LLAMA)
    save_folder(tmp_path / "l", LLAMA, params)
    file = TensorFile(tmp_path / "l/model.safetensors")
    qkv, gate_up = params["h.0.attn.qkv.weight"], params["h.0.mlp.fc.weight"]
    prefix = "model.layers.0"
    np.testing.assert_array_equal(file[f"{prefix}.self_attn.k_proj.weight"], qkv[16:24])
    np.testing.assert_array_equal(file[f"{prefix}.mlp.up_proj.weight"], gate_up[24:])


def test_bfloat16_folder_holds_rounded_weights(tmp_path):
    params = random_params(GPT2)
    save_folder(tmp_path / "m", GPT2, params, dtype="bfloat16")
    _, loaded = load_folder(tmp_path / "m")
    for name in params:
        np.testing.assert_array_equal(loaded[name], from_bfloat16(to_bfloat16(params[name])))


def broken(tmp_path, change):
    """Save a tiny GPT-2, let `change` edit its stored tensors, return the folder."""
    save_folder(tmp_path / "m", GPT2, random_params(GPT2))
    path = tmp_path / "m/model.safetensors"
    file = TensorFile(path)
    arrays = {name: np.array(file[name]) for name in file.names()}
    change(arrays)
    write_tensors(path, arrays)
    return tmp_path / "m"


def test_a_missing_tensor_is_named(tmp_path):
    folder = broken(tmp_path, lambda a: a.pop("transformer.h.1.ln_2.bias"))
    with pytest.raises(ValueError, match=r"model.safetensors.*h.1.ln_2.bias.*missing"):
        load_folder(folder)


def test_a_foreign_tensor_is_named(tmp_path):
    folder = broken(tmp_path, lambda a: a.update({"transformer.h.2.ln_1.bias": np.zeros(8)}))
    with pytest.raises(ValueError, match=r"h.2.ln_1.bias.*not part of a gpt2 model with 2 layers"):
        load_folder(folder)


def test_a_wrong_shape_is_named_with_both(tmp_path):
    folder = broken(tmp_path, lambda a: a.update({"transformer.wte.weight": np.zeros((28, 8))}))
    with pytest.raises(ValueError, match=r"wte.weight.*\(28, 8\).*\(29, 8\)"):
        load_folder(folder)


def test_a_nan_is_named_with_its_place(tmp_path):
    folder = broken(tmp_path, lambda a: a["transformer.wpe.weight"].__setitem__((3, 1), np.nan))
    with pytest.raises(ValueError, match=r"wpe.weight.*nan at index \(3, 1\)"):
        load_folder(folder)


def test_integers_are_refused(tmp_path):
    folder = broken(tmp_path, lambda a: a.update({"transformer.ln_f.bias": np.zeros(8, np.int32)}))
    with pytest.raises(ValueError, match=r"ln_f.bias.*I32"):
        load_folder(folder)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_truncated_file_is_refused(tmp_path, keep):
    save_folder(tmp_path / "m", GPT2, random_params(GPT2))
    path = tmp_path / "m/model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"model.safetensors.*(truncated|bytes)"):
        load_folder(tmp_path / "m")


def test_a_foreign_file_is_refused(tmp_path):
    save_folder(tmp_path / "m", GPT2, random_params(GPT2))
    (tmp_path / "m/model.safetensors").write_bytes(b"PK\x03\x04 this is a pickle in a zip" * 9)
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_folder(tmp_path / "m")


@pytest.mark.parametrize(
    "change, match",
    [
        (dict(model_type="mamba"), "'mamba' is none of"),
        (dict(n_head=3), "model_dim 8 is not a multiple of heads 3"),
        (dict(n_layer=None), "n_layer is missing"),
        (dict(activation_function="tanh"), "activation_function 'tanh' is not supported"),
    ],
)
def test_an_impossible_config_is_refused(tmp_path, change, match):
    save_folder(tmp_path / "m", GPT2, random_params(GPT2))
    path = tmp_path / "m/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=rf"config.json: .*{match}"):
        load_folder(tmp_path / "m")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere: no such model folder"):
        load_folder(tmp_path / "nowhere")


def test_bad_parameters_are_not_saved(tmp_path):
    params = random_params(GPT2)
    params["wpe"][0, 0] = np.inf
    with pytest.raises(ValueError, match="'wpe' holds inf"):
        save_folder(tmp_path / "m", GPT2, params)
    assert list(tmp_path.iterdir()) == []


def test_old_gpt2_names_and_buffers_are_read(tmp_path):
    def change(arrays):
        for name in list(arrays):
            arrays[name.removeprefix("transformer.")] = arrays.pop(name)
        arrays["h.0.attn.bias"] = np.ones((1, 1, 16, 16))
        arrays["lm_head.weight"] = arrays["wte.weight"]

    _, loaded = load_folder(broken(tmp_path, change))
    np.testing.assert_array_equal(loaded["wte"], random_params(GPT2)["wte"])


def test_a_model_in_several_files_is_read(tmp_path):
    params = random_params(LLAMA)
    save_folder(tmp_path / "m", LLAMA, params)
    path = tmp_path / "m/model.safetensors"
    file = TensorFile(path)
    half = len(file.names()) // 2
    split = {"a.safetensors": file.names()[:half], "b.safetensors": file.names()[half:]}
    for name, tensors in split.items():
        write_tensors(tmp_path / "m" / name, {t: file[t] for t in tensors})
    path.unlink()
    index = {"weight_map": {t: name for name, tensors in split.items() for t in tensors}}
    (tmp_path / "m/model.safetensors.index.json").write_text(json.dumps(index))
    _, loaded = load_folder(tmp_path / "m")
    for name in params:
        np.testing.assert_array_equal(loaded[name], params[name])


def test_state_comes_back(tmp_path):
    arrays = {"exp_avg.wte": np.arange(4, dtype=np.float32)}
    save_state(tmp_path / "s", arrays, {"step": 3, "loss": [0.1, 1e-17]})
    loaded, metadata = load_state(tmp_path / "s")
    np.testing.assert_array_equal(loaded["exp_avg.wte"], arrays["exp_avg.wte"])
    assert metadata == {"step": 3, "loss": [0.1, 1e-17]}


def test_a_failed_write_leaves_the_old_file(tmp_path):
    atomic_write(tmp_path / "f", b"old")

    def fail(file):
        file.write(b"half")
        raise RuntimeError("pulled the plug")

    with pytest.raises(RuntimeError):
        atomic_write(tmp_path / "f", fail)
    assert (tmp_path / "f").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    with atomic_folder(tmp_path / "d") as partial:
        (partial / "x").write_text("old")
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "d") as partial:
        (partial / "x").write_text("new")
        raise RuntimeError
    assert (tmp_path / "d/x").read_text() == "old"
    with atomic_folder(tmp_path / "d", replaces=["x"]) as partial:
        (partial / "y").write_text("new")
    assert [p.name for p in tmp_path.rglob("*")] == ["d", "y"]


def test_a_crash_between_the_two_renames_is_recovered(tmp_path):
    save_folder(tmp_path / "best", GPT2, random_params(GPT2))
    os.rename(tmp_path / "best", tmp_path / ".best.old")
    assert find_model_folder(tmp_path) == tmp_path / "best"
    load_folder(tmp_path / "best")
    (tmp_path / ".best.old").mkdir()
    recover(tmp_path / "best")
    assert [p.name for p in tmp_path.iterdir()] == ["best"]


def test_a_folder_with_one_file_is_that_model(tmp_path):
    params = random_params(LLAMA)
    save(tmp_path / "x/a.gguf", LLAMA, params)
    assert find_model(tmp_path / "x") == find_model(tmp_path / "x/a.gguf") == tmp_path / "x/a.gguf"
    config, loaded = load(tmp_path / "x")
    assert config == LLAMA and open_model(tmp_path / "x").config == LLAMA
    np.testing.assert_array_equal(loaded["wte"], params["wte"])
    save(tmp_path / "x/b.gguf", LLAMA, params)
    with pytest.raises(ValueError, match="x: holds the models a.gguf, b.gguf: give the one"):
        load(tmp_path / "x")
    save(tmp_path / "x", LLAMA, params)
    assert find_model(tmp_path / "x") == tmp_path / "x"


def test_what_is_no_model_is_told_what_it_is(tmp_path):
    (tmp_path / "book.txt").write_text("Once")
    (tmp_path / "empty").mkdir()
    Tokenizer.bytes().save(tmp_path / "tok.gguf")
    for name, says in [
        ("book.txt", "book.txt: neither a model folder nor a .gguf file"),
        ("org/name", "no such model folder or .gguf file; .*, nothing is downloaded"),
        ("tok.gguf", "tok.gguf: no model: the file has no tensors, at most a tokenizer"),
        ("empty", "config.json: no such file, so .* is not a model folder"),
    ]:
        with pytest.raises(ValueError, match=says):
            load(tmp_path / name)


def test_kills_while_replacing_never_leave_nothing(tmp_path):
    """A child replaces a folder for ever and is killed; the folder is whole every time."""
    child = (
        "import sys\nfrom gptengine.checkpoint import atomic_folder\n"
        "for i in range(10**9):\n"
        "    with atomic_folder(sys.argv[1]) as partial:\n"
        "        (partial / 'a').write_text(str(i))\n"
        "        (partial / 'b').write_text(str(i))\n"
        "    print(i, flush=True)\n"
    )
    rng = np.random.default_rng(0)
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", child, str(tmp_path / "d")], stdout=subprocess.PIPE
        )
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.005, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        recover(tmp_path / "d")
        assert (tmp_path / "d/a").read_text() == (tmp_path / "d/b").read_text()
    with atomic_folder(tmp_path / "d", replaces=["b"]) as partial:
        (partial / "a").write_text("end")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "d"]


@pytest.mark.parametrize(
    "number, says",
    [
        (errno.EROFS, "read-only file system: choose a folder that you can write to"),
        (errno.EACCES, "permission denied: choose a folder that you can write to"),
        (errno.ENOTDIR, "a file stands where a folder should be: choose another folder"),
    ],
)
def test_what_a_disk_refuses_is_explained(tmp_path, number, says):
    with pytest.raises(ValueError, match=f"cannot write .*run: {says}"), explained("some/run"):
        raise OSError(number, os.strerror(number), "x")


def test_folders_made_for_nothing_go_again(tmp_path):
    with (
        pytest.raises(ValueError, match="no"),
        folder_in_use(tmp_path / "a/b/c"),
        locked(tmp_path / "a/b/c"),
    ):
        raise ValueError("no")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="no"), folder_in_use(tmp_path / "a/b") as folder:
        (folder / "kept").touch()
        raise ValueError("no")
    assert [p.name for p in tmp_path.rglob("*")] == ["a", "b", "kept"]


def test_a_full_disk_is_explained_and_harmless(tmp_path):
    """A limit on file size stands for a full disk: the write fails half way."""
    save_folder(tmp_path / "m", GPT2, random_params(GPT2))
    before = (tmp_path / "m/model.safetensors").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(ValueError, match=r"cannot write .*bytes free.*untouched"):
            save_folder(tmp_path / "m", GPT2, random_params(GPT2, seed=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "m/model.safetensors").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("kind", [k for k in SHAPES if k != "gptengine"])
def test_transformers_opens_the_folder(tmp_path, kind, rng):
    """Every weight arrives in transformers, none missing or left over, and gives our logits."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    config, params = SHAPES[kind], random_params(SHAPES[kind])
    save_folder(tmp_path / "m", config, params)
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "m", output_loading_info=True, dtype=torch.float32
    )
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert sum(p.numel() for p in model.parameters()) == config.num_parameters
    if kind != "gpt2":
        assert model.config.rope_parameters["rope_theta"] == config.rope_theta
    from gptengine import Model

    tokens = rng.integers(config.vocab_size, size=(3, 16), dtype=np.int32)
    with torch.no_grad():
        want = model(torch.from_numpy(tokens).long()).logits.reshape(48, -1).double().numpy()
    logits = Model.load(tmp_path / "m").logits(tokens, last_only=False)
    assert np.linalg.norm(logits - want) <= 1e-5 * np.linalg.norm(want)
    model.save_pretrained(tmp_path / "again")
    again, loaded = load_folder(tmp_path / "again")
    assert again == config
    for name in params:
        np.testing.assert_array_equal(loaded[name], params[name], err_msg=name)
