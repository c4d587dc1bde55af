"""Files of SentencePiece's tokenizers: written, read back, and refused where ids would change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.gguf.metadata import read_metadata, write_metadata
from gptengine.tokenizer import Tokenizer, hugging_face, readings, splits
from text.pieces import (
    CONTROL,
    JOINED,
    LETTERS,
    TEXTS,
    protobuf,
    tokenizer,
    vocabulary,
)

KINDS = [("never", "merges"), ("first", "merges"), ("always", "bpe"), ("every", "merges")]
KINDS += [("never", "bpe"), ("every", "bpe")]


def same(a, b):
    for text in TEXTS:
        ids = a.encode(text, specials="allow")
        assert np.array_equal(ids, b.encode(text, specials="allow")), text
        assert a.decode(ids) == b.decode(ids)


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("prefix, mode", KINDS)
def test_tokenizer_json_comes_back(prefix, mode, each, tmp_path):
    if each and prefix == "every":
        return
    tok = tokenizer(prefix, mode=mode, each=each)
    tok.save(tmp_path / "a")
    again = Tokenizer.load(tmp_path / "a")
    assert again._vocabulary.split == tok._vocabulary.split and again.eos_token == "</s>"
    same(tok, again)
    again.save(tmp_path / "b")
    texts = [(tmp_path / f / "tokenizer.json").read_text() for f in "ab"]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("mode", ["merges", "bpe"])
@pytest.mark.parametrize("prefix", ["never", "every"])
def test_gguf_comes_back(prefix, mode, tmp_path):
    tok = tokenizer(prefix, mode=mode)
    tok.save(tmp_path / "a.gguf")
    keys = read_metadata(tmp_path / "a.gguf")
    assert keys["tokenizer.ggml.model"] == "llama" and keys["tokenizer.ggml.unknown_token_id"] == 0
    assert set(np.asarray(keys["tokenizer.ggml.token_type"]).tolist()) == {1, 3, 6}
    again = Tokenizer.load(tmp_path / "a.gguf")
    same(tok, again)
    more = again.gguf_keys(tok.vocab_size + 7)  # of a model with a longer embedding
    write_metadata(tmp_path / "b.gguf", more)
    assert Tokenizer.load(tmp_path / "b.gguf").fingerprint == again.fingerprint


@pytest.mark.parametrize("prefix", ["never", "every"])
def test_a_model_file_is_read(prefix, tmp_path):
    tok = tokenizer(prefix)
    (tmp_path / "tokenizer.model").write_bytes(protobuf(tok._vocabulary))
    again = Tokenizer.load(tmp_path)
    assert again == tok and again._vocabulary.template is None
    assert again.config == {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    (tmp_path / "tokenizer_config.json").write_text('{"add_bos_token": true}')
    single = Tokenizer.load(tmp_path)._vocabulary.template["single"]
    assert single[0]["SpecialToken"]["id"] == "<s>" and len(single) == 2


def test_what_a_model_file_may_not_say(tmp_path):
    vocab, file = vocabulary(), tmp_path / "a.model"
    for raw, says in (
        (protobuf(vocab, kind=1), "the model is 'unigram', not 'bpe': a unigram model"),
        (protobuf(vocab, drop=[3]), "the model is 'unigram', not 'bpe'"),  # the default
        (protobuf(vocab, kind=4), "the model is 'char', not 'bpe'"),
        (protobuf(vocab, drop=[35]), "its byte_fallback is 0, not 1: not supported"),
        (protobuf(vocab, drop=[4]), "its remove_extra_whitespaces is 1, not 0"),
        (protobuf(vocab, trainer={24: 1}), "its treat_whitespace_as_suffix is 1, not 0"),
        (
            protobuf(vocab, normalizer={2: b"xy", 1: b"nmt_nfkc"}),
            "its precompiled_charsmap is b'xy', not b'', of the rule b'nmt_nfkc'",
        ),
        (protobuf(vocab, trainer={41: b"x"}), "field 41 is b'x'"),
        (
            protobuf(vocab, types={260: 4, 261: 4}),
            "260, '▁l', is user-defined, and so are 1 others",
        ),
        (protobuf(vocab, types={270: 5}), "the token 270, 'th', is unused, and so are 0 others"),
        (b"\x0a\xff\xff\xff\xff\x0f", "the file has 6 bytes, but field 1 at 6 needs 4294967295"),
        (b"\x0a" + b"\x80" * 12, "the file has no number at 1"),
        (b"\x0b", "the file has a field of kind 3 at 1"),
        (b"{}", "no sentencepiece model: "),
        (protobuf(vocab) + b"\x08\x05", "no sentencepiece model: piece 289 is 5"),
        (protobuf(vocab) + b"\x0a\x03\x12\x01a", "piece 289: its score has 1 bytes, not 4"),
    ):
        file.write_bytes(raw)
        with pytest.raises(ValueError, match="a.model: ") as error:
            Tokenizer.load(file)
        assert says in str(error.value)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=3), st.floats(0.5, 1))
def test_broken_model_files(tmp_path_factory, changes, end):
    file = tmp_path_factory.getbasetemp() / "broken.model"
    raw = bytearray(protobuf(vocabulary()))
    for where, byte in changes:
        raw[int(where * (len(raw) - 1))] = byte
    file.write_bytes(raw[: int(end * len(raw))])
    try:
        Tokenizer.load(file)
    except ValueError as error:
        assert str(file) in str(error)


def changed(**stages):
    data = hugging_face.to_json(vocabulary("first"))
    return data | stages


def test_what_a_tokenizer_json_may_not_say():
    good = changed()
    metaspace, model = good["pre_tokenizer"], good["model"]
    every = hugging_face.to_json(vocabulary("every"))
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "_"}
    normalized = [entry | {"normalized": True} for entry in every["added_tokens"]]
    for data, says in (
        (changed(pre_tokenizer=metaspace | {"replacement": "_"}), "only '▁' replaces a space"),
        (changed(pre_tokenizer=metaspace | {"prepend_scheme": "x"}), "prepend_scheme is not known"),
        (changed(normalizer={"type": "NFC"}), "Metaspace is only supported alone"),
        (changed(decoder=None), "decoder []: for this split only Replace, ByteFallback, Fuse, S"),
        (changed(model=model | {"byte_fallback": False}), "byte_fallback must be true"),
        (changed(model=model | {"ignore_merges": True}), "model.ignore_merges is True"),
        (every | {"normalizer": replace}, "only a space becomes '▁'"),
        (every | {"added_tokens": normalized}, "is normalized: not supported"),
        (every | {"normalizer": {"type": "Lowercase"}}, "pre_tokenizer None: only ByteLevel"),
    ):
        with pytest.raises(ValueError) as error:
            hugging_face.from_json(data)
        assert says in str(error.value)
    vocab = {k: i for k, i in model["vocab"].items() if k != "<0x41>"}
    with pytest.raises(ValueError, match="no token for byte 65"):
        Tokenizer(hugging_face.from_json(changed(model=model | {"vocab": vocab})))


def test_merges_that_make_a_control_token_are_left_out():
    data = changed()
    vocab = dict(data["model"]["vocab"]) | {"</": 800, "s>": 801}
    vocab |= {c: 802 + i for i, c in enumerate("</>")}
    merges = [*data["model"]["merges"], "< /", "s >", "</ s>"]
    vocab = {name: i for i, name in enumerate(vocab)}
    data["model"] |= dict(vocab=vocab, merges=merges)
    tok = Tokenizer(hugging_face.from_json(data))
    assert len(tok.encode("</s>", specials="text")) == 3  # ▁</ s>, not the control token
    assert tok.encode("</s>", specials="allow").tolist() == [2]


@pytest.mark.parametrize("white", ["\n", " "])
def test_merges_of_white_space_come_back(white, tmp_path):
    """Whose names have what stands between the merges of a file, or between the two names."""
    letters = LETTERS + white
    tok = tokenizer("first", joined=[*JOINED, white * 2], letters=letters, mode="merges")
    tok.save(tmp_path / "a")
    again = Tokenizer.load(tmp_path / "a")
    assert np.array_equal(again._vocabulary.merges, tok._vocabulary.merges)
    text = "low\n\n\nlower\n"
    assert again.encode(text).tolist() == tok.encode(text).tolist()


def test_older_metaspace():
    cut = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    assert hugging_face.from_json(changed(pre_tokenizer=cut)).split == "sentencepiece:always:each"


def test_what_gguf_cannot_say(tmp_path):
    for prefix, each in (("first", False), ("always", False), ("never", True)):
        with pytest.raises(ValueError, match="GGUF has no name for the split 'sentencepiece:"):
            tokenizer(prefix, each=each).save(tmp_path / "a.gguf")
    vocab = vocabulary(mode="merges")
    turned = vocabulary(mode="merges")
    turned = hugging_face.from_json(hugging_face.to_json(turned))
    object.__setattr__(turned, "merges", vocab.merges[::-1].copy())
    assert readings.differences(vocab) == [] and readings.differences(turned)
    with pytest.raises(ValueError, match="joined in the order of their ids, which makes"):
        Tokenizer(turned).save(tmp_path / "a.gguf")
    for name in ("a.tiktoken", "vocab.json"):
        with pytest.raises(ValueError, match="split 'sentencepiece:every:words'"):
            Tokenizer(vocab).save(tmp_path / name)


def test_gguf_that_is_refused(tmp_path):
    keys = {"general.architecture": "llama", **tokenizer().gguf_keys(0)}
    key = "tokenizer.ggml."
    scores, types = keys[key + "scores"], keys[key + "token_type"]
    other = types.copy()
    other[3] = 1
    for change, says in (
        ({"scores": scores[:-1]}, "scores has .* entries, but tokenizer.ggml.tokens"),
        ({"scores": -scores}, "not below that of"),
        ({"token_type": other}, "'<0x00>', has the type 1: is it a byte"),
        ({"precompiled_charsmap": np.ones(3, np.int8)}, "precompiled_charsmap changes texts"),
        ({"model": "t5"}, "neither 'gpt2' nor 'llama'"),
    ):
        write_metadata(tmp_path / "a.gguf", keys | {key + k: v for k, v in change.items()})
        with pytest.raises(ValueError, match=says):
            Tokenizer.load(tmp_path / "a.gguf")
    del keys[key + "add_bos_token"]
    keys[key + "bos_token_id"] = 1
    write_metadata(tmp_path / "a.gguf", keys)  # llama.cpp puts one where nothing is said
    single = Tokenizer.load(tmp_path / "a.gguf")._vocabulary.template["single"]
    assert single[0]["SpecialToken"]["id"] == CONTROL[1]


def test_names_of_splits():
    for name in ("sentencepiece:", "sentencepiece:x:words", "sentencepiece:first:x"):
        with pytest.raises(ValueError, match="split"):
            splits.check(name)
