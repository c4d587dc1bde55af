"""A model knows the tokenizer that lies in its folder or file, and keeps it when it is saved."""

import json

import pytest

from gptengine import Config, Model, Tokenizer

TOK = Tokenizer.bytes()
LLAMA = Config.llama(TOK.vocab_size, 16, 1, 2, 8)


@pytest.fixture(params=["m", "m.gguf"])
def path(request, tmp_path):
    Model(LLAMA, seed=1).save(tmp_path / request.param, TOK)
    return tmp_path / request.param


@pytest.mark.parametrize("target", ["n", "n.gguf"])
def test_it_is_used_and_saved_again(path, target, tmp_path):
    model = Model.load(path)
    assert model.tokenizer == TOK and model.tokenizer is model.tokenizer
    assert model.encode(["ab"]).tobytes() == model.encode(["ab"], TOK).tobytes()
    model.save(tmp_path / target)
    assert Tokenizer.load(tmp_path / target) == TOK
    model.tokenizer = None
    model.save(tmp_path / f"without-{target}")
    assert Model.load(tmp_path / f"without-{target}").tokenizer is None


@pytest.mark.parametrize("name", ["none", "none.gguf"])
def test_a_model_without_one_says_so(name, tmp_path):
    model = Model(LLAMA)
    model.save(tmp_path / name)
    for without in model, Model.load(tmp_path / name):
        assert without.tokenizer is None
        with pytest.raises(ValueError, match="no tokenizer of its own"):
            without.encode(["a"])


def test_one_that_cannot_be_read_is_named_where_it_is_wanted(tmp_path):
    Model(LLAMA).save(tmp_path / "m", TOK)
    file = tmp_path / "m/tokenizer.json"
    file.write_text(json.dumps({"model": {"type": "Unigram", "vocab": []}}))
    model = Model.load(tmp_path / "m")  # whoever has ids needs none
    for wants in lambda: model.encode(["a"]), lambda: model.save(tmp_path / "n"):
        with pytest.raises(ValueError, match="tokenizer.json: .*; model.tokenizer = None leaves"):
            wants()
    model.tokenizer = None
    model.save(tmp_path / "n")
    assert not (tmp_path / "n/tokenizer.json").exists()
