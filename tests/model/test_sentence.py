"""Texts to vectors: the pooling's definition, whatever the company, and errors by name."""

import dataclasses
import json

import numpy as np
import pytest

from gptengine import Config, Model, Tokenizer
from gptengine.encode import groups
from gptengine.sentence import Pooling, read_pooling
from gptengine.tokenizer import WordPiece
from model.engine import bits, engine
from reference import model as ref

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh", "##a", "##b", "##c"]
BERT = Config(
    vocab_size=len(WORDS),
    context_length=24,
    layers=2,
    heads=2,
    model_dim=12,
    norm_order="post",
    norm_eps=1e-12,
    activation="gelu",
    causal=False,
    embedding_norm=True,
    token_types=2,
)
TEXTS = ["a b c", "", "abc h", "g " * 15, "[CLS] x", "a b c"]


@pytest.fixture
def encoder(rng):
    model = engine(BERT, ref.random_parameters(BERT, rng))
    model.tokenizer, model.pooling = WordPiece(WORDS), Pooling(max_length=20)
    return model


def truth(model, text, mode):
    """One text by itself, in float64."""
    tok = model.tokenizer
    ids = tok.encode(text, specials="text", template=True).astype(np.int32)
    hidden = model.hidden(ids).astype(np.float64)
    vector = dict(mean=hidden.mean(0), cls=hidden[0], last=hidden[-1])[mode]
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("mode", ["mean", "cls", "last"])
def test_each_text_is_pooled(encoder, mode):
    got = encoder.encode(TEXTS, pooling=mode)
    assert got.dtype == np.float32 and got.shape == (len(TEXTS), BERT.model_dim)
    want = [truth(encoder, text, mode) for text in TEXTS]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)
    raw = encoder.encode(TEXTS, pooling=Pooling(mode, normalize=False))
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1)[:, None], got, atol=1e-6)


def test_company_changes_no_bit(encoder):
    together = encoder.encode(TEXTS * 40)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert bits(together) == bits(np.tile(alone, (40, 1)))
    assert encoder.encode([]).shape == (0, BERT.model_dim)


def test_groups_hold_each_text_once():
    lengths = [3, 9, 1, 4, 4, 30, 2]
    found = list(groups(lengths, 10))
    assert sorted(i for group in found for i in group) == list(range(7))
    assert all(sum(lengths[i] for i in group) <= 10 or len(group) == 1 for group in found)
    assert [lengths[i] for group in found for i in group] == sorted(lengths, reverse=True)


def test_long_texts_are_refused_or_cut(encoder):
    with pytest.raises(ValueError, match=r"text 1 has 32 tokens, at most 20 are allowed"):
        encoder.encode(["a", "a " * 30])
    cut = encoder.encode(["a " * 30], truncate=True)
    assert bits(cut) == bits(encoder.encode(["a " * 18]))  # and the two around it
    with pytest.raises(ValueError, match=r"has 27 tokens, at most 24"):  # of the context
        encoder.encode(["a " * 25], pooling=Pooling())


def test_a_decoder_encodes_too(rng):
    tok = Tokenizer.bytes()
    c = Config.llama(tok.vocab_size, 16, 1, 2, 8)
    model = engine(c, ref.random_parameters(c, rng))
    with pytest.raises(ValueError, match="no tokenizer of its own"):
        model.encode(["abc"])
    for mode in ("mean", "last"):
        [got] = model.encode(["abc"], tok, pooling=mode)
        hidden = model.hidden(tok.encode("abc").astype(np.int32)).astype(np.float64)
        want = hidden.mean(0) if mode == "mean" else hidden[-1]
        np.testing.assert_allclose(got, want / np.linalg.norm(want), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="text 1 has no tokens"):
        model.encode(["a", ""], tok)


def test_nonsense_is_named(encoder):
    with pytest.raises(ValueError, match="for one, give a list of it"):
        encoder.encode("abc")
    with pytest.raises(ValueError, match="'max' is none of mean, cls, last"):
        encoder.encode(["abc"], pooling="max")
    with pytest.raises(ValueError, match="tokenizer has 257 tokens, the model's .* only 16"):
        encoder.encode(["abc"], Tokenizer.bytes())


def test_folders_come_back(encoder, tmp_path):
    encoder.pooling = Pooling("cls", normalize=False, max_length=9)
    encoder.save(tmp_path / "m")
    again = Model.load(tmp_path / "m")
    assert again.pooling == encoder.pooling and again.config == BERT
    assert bits(again.encode(["a b", "c"])) == bits(encoder.encode(["a b", "c"]))
    written = json.loads((tmp_path / "m/config.json").read_text())
    assert (written["model_type"], written["architectures"]) == ("bert", ["BertModel"])
    assert not (tmp_path / "m/generation_config.json").exists()  # it writes no text
    encoder.pooling = None  # saved as a plain model, it is no encoder any more
    encoder.save(tmp_path / "m")
    assert Model.load(tmp_path / "m").pooling is None


@pytest.mark.parametrize(
    "file, values, says",
    [
        ("modules.json", {"a": 1}, "not a list of modules"),
        ("modules.json", [{"type": "x.Transformer", "path": ""}], "modules Transformer are not"),
        (
            "modules.json",
            [{"type": f"x.{kind}", "path": ""} for kind in ("Transformer", "Pooling", "Dense")],
            "Transformer, Pooling, Dense are not supported",
        ),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "max_tokens is not supported"),
        ("1_Pooling/config.json", {}, "the pooling  is not supported"),
        (
            "1_Pooling/config.json",
            {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
            "cls_token, mean_tokens is not supported",
        ),
        ("sentence_bert_config.json", {"max_seq_length": "9"}, "max_length '9' must be a whole"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "do_lower_case is for the tok"),
        (
            "config_sentence_transformers.json",
            {"default_prompt_name": "query"},
            "default_prompt_name 'query' is not supported",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(encoder, tmp_path, file, values, says):
    encoder.save(tmp_path)
    (tmp_path / file).write_text(json.dumps(values))
    with pytest.raises(ValueError, match=says):
        read_pooling(tmp_path)


def test_newer_files_have_one_word(encoder, tmp_path):
    encoder.save(tmp_path)
    for word, mode in (("lasttoken", "last"), (["mean"], "mean")):
        (tmp_path / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode": word}))
        assert read_pooling(tmp_path) == dataclasses.replace(encoder.pooling, mode=mode)
    (tmp_path / "sentence_bert_config.json").write_text("{}")  # the length is elsewhere
    for written, length in ((17, 17), (10**30, 0)):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": written}))
        assert read_pooling(tmp_path).max_length == length
