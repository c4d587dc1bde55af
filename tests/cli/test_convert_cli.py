"""`gptengine convert`: both ways, what it says, and what it refuses."""

import numpy as np
import pytest

from gptengine import Config, Model, Tokenizer
from gptengine.checkpoint import load, load_folder
from gptengine.cli.main import main
from gptengine.files import read_json, write_json
from gptengine.gguf.tensors import GgufFile
from gptengine.huggingface import model_type
from gptengine.sentence import Pooling
from gptengine.tensorfile import TensorFile
from gptengine.tokenizer import WordPiece


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model folder `m` in the current folder."""
    monkeypatch.chdir(tmp_path)
    config = Config.llama(300, 16, 1, 2, 32, hidden_dim=64)
    tok = Tokenizer.bytes()
    tok.config["chat_template"] = "{{ messages }}"
    Model(config).save(tmp_path / "m", tok)
    return tmp_path / "m"


def convert(*args):
    return main(["convert", *map(str, args)])


def test_a_folder_becomes_a_file_and_a_folder_again(model, capsys):
    assert convert("m", "sub/m.gguf") == 0
    out = capsys.readouterr().out
    assert "plan     llama, 1 layers of 32, context 16, " in out and "a chat template" in out
    assert "to       sub/m.gguf: F32, 0.1 MB" in out and "saved    sub/m.gguf" in out
    assert "next     gptengine generate sub/m.gguf" in out
    assert convert("sub/m.gguf", "again") == 0
    for name in "config.json", "model.safetensors", "tokenizer.json":
        again = model.with_name("again") / name
        assert again.read_bytes() == (model / name).read_bytes(), name
    assert main(["generate", "sub/m.gguf", "a", "--max-new-tokens", "2"]) == 0


@pytest.mark.parametrize("weights", ["f32", "bf16", "q8_0", "q4_0"])
def test_weights_are_stored_as_asked(model, weights, capsys):
    assert convert("m", "m.gguf", "--weights", weights) == 0
    file = GgufFile("m.gguf")
    assert file.tensors["blk.0.ffn_up.weight"].form.name == weights.upper()
    assert f"m.gguf: {weights.upper()}, " in capsys.readouterr().out


def test_bf16_stays_bf16_unless_it_is_said(model):
    assert convert("m", "b", "--weights", "bf16") == 0
    assert convert("b", "b.gguf") == 0 and convert("b.gguf", "b2") == 0
    assert convert("b", "f", "--weights", "f32") == 0
    dtype = lambda folder: TensorFile(f"{folder}/model.safetensors").dtype("lm_head.weight")
    assert [dtype(folder) for folder in ("b", "b2", "f")] == ["BF16", "BF16", "F32"]
    assert GgufFile("b.gguf").tensors["output.weight"].form.name == "BF16"
    (config, b), (_, b2) = load_folder("b"), load_folder("b2")
    assert model_type(config) == "llama"
    for name in b:
        np.testing.assert_array_equal(b[name], b2[name])


def test_a_tied_model_whose_config_does_not_say_so(model):
    config = Config.llama(300, 16, 1, 2, 32, hidden_dim=64, tied=True)
    Model(config).save("tied", Tokenizer.bytes())
    values = read_json("tied/config.json")
    write_json("tied/config.json", values | {"tie_word_embeddings": False})
    assert convert("tied", "tied.gguf") == 0
    assert load("tied.gguf")[0] == config


def test_a_sentence_encoder_stays_one(model, capsys):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcd"]
    options = dict(norm_order="post", causal=False, embedding_norm=True, token_types=2)
    encoder = Model(Config(len(words), 16, 1, 2, 8, **options))
    encoder.tokenizer, encoder.pooling = WordPiece(words), Pooling("cls", max_length=9)
    encoder.save("encoder")
    assert convert("encoder", "half", "--weights", "bf16") == 0
    out = capsys.readouterr().out
    assert "with     9 tokens of WordPiece" in out and "next" not in out
    again = Model.load("half")
    assert again.pooling == encoder.pooling
    np.testing.assert_allclose(again.encode(["a b"]), encoder.encode(["a b"]), atol=0.01)
    assert convert("encoder", "encoder.gguf") == 2
    assert "type 'bert'" in capsys.readouterr().err


def test_what_stays_in_float32_is_said(model, capsys):
    config = Config.llama(300, 16, 1, 2, 32, hidden_dim=40)
    Model(config).save("odd", Tokenizer.bytes())
    assert convert("odd", "odd.gguf", "--weights", "q4_0") == 0
    assert "warning: odd.gguf: 1 matrices stay in F32" in capsys.readouterr().err


def test_without_a_tokenizer(model, capsys):
    Model(Config.llama(300, 16, 1, 2, 32, hidden_dim=64)).save("bare")
    assert convert("bare", "bare.gguf") == 2
    assert "--no-tokenizer converts the model without it" in capsys.readouterr().err
    assert convert("bare", "bare.gguf", "--no-tokenizer") == 0
    out = capsys.readouterr().out
    assert "with     no tokenizer" in out and "next" not in out
    assert convert("bare.gguf", "bare2", "--no-tokenizer") == 0


@pytest.mark.parametrize(
    "args, says",
    [
        (("m", "m"), "convert: m is there already: give another name, or remove it"),
        (("m", "there.gguf"), "convert: there.gguf is there already"),
        (("m", "x.safetensors"), "must be a folder, or a file that ends in .gguf"),
        (("m", "x", "--weights", "q8_0"), "weights q8_0 go into a .gguf file, not into a folder"),
        (("nothing", "x"), "nothing: no such model folder"),
        (("nothing.gguf", "x"), "nothing.gguf: no such file"),
        (("there.gguf", "x"), "there.gguf: not a GGUF file"),
    ],
)
def test_what_cannot_be_is_refused(model, args, says, capsys):
    model.with_name("there.gguf").write_bytes(b"mine")
    before = sorted(model.parent.rglob("*"))
    assert convert(*args) == 2
    out, err = capsys.readouterr()
    assert out == "" and says in err and err.count("\n") == 1
    assert sorted(model.parent.rglob("*")) == before
