"""What we write, tokenizers, transformers and tiktoken read with the same ids, and the reverse."""

import base64
import json
import os
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.tokenizer import Tokenizer, hugging_face, splits
from text.texts import texts
from text.vocabularies import BYTE_LEVEL, EOT, TEXTS, of_words, tokenizer, vocabulary

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
tokenizers = pytest.importorskip("tokenizers")


def theirs(vocabulary):
    return tokenizers.Tokenizer.from_str(json.dumps(hugging_face.to_json(vocabulary)))


@pytest.mark.parametrize("ignore_merges", [False, True])
@pytest.mark.parametrize("split", BYTE_LEVEL)
def test_tokenizers_reads_every_split(split, ignore_merges):
    tok = tokenizer(split, ignore_merges=ignore_merges)
    other = theirs(tok._vocabulary)

    @given(texts())
    def same(text):
        ids = tok.encode(text, specials="allow").tolist()
        assert other.encode(text).ids == ids
        assert other.decode(ids, skip_special_tokens=False) == text

    same()
    for text in TEXTS:
        assert other.encode(text).ids == tok.encode(text).tolist()


@pytest.mark.parametrize("split", BYTE_LEVEL)
def test_we_read_what_tokenizers_writes(split, tmp_path):
    tok = tokenizer(split)
    other = theirs(tok._vocabulary)
    other.save(str(tmp_path / "tokenizer.json"))
    assert Tokenizer.load(tmp_path).fingerprint == tok.fingerprint


def test_tokenizers_reads_words():
    words = of_words()
    other = theirs(words)
    ids = other.encode("low lower  newest zé").ids
    names = [token.decode() for token in words.tokens]
    said = [names[i] for i in ids]
    assert said[:3] == ["low</w>", "low", "e"] and said[-2:] == ["<unk>", "é</w>"]
    assert other.decode(other.encode("low lowest").ids) == "low lowest"
    tok = Tokenizer(words)

    @given(st.lists(st.sampled_from([*"lowernstid é漢z\t\n", EOT, "<unk>", "low", "newest"])))
    def same(parts):
        text = "".join(parts)
        assert tok.encode(text, specials="allow").tolist() == other.encode(text).ids

    same()


@pytest.mark.parametrize("split", BYTE_LEVEL)
def test_transformers_reads_our_folder(split, tmp_path):
    transformers = pytest.importorskip("transformers")
    template = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": EOT, "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {EOT: {"id": EOT, "ids": [498], "tokens": [EOT]}},
    }
    tok = Tokenizer(vocabulary(split, template=template))
    tok.save(tmp_path)
    assert Tokenizer.load(tmp_path)._vocabulary.template == template
    other = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        ids = tok.encode(text).tolist()
        assert other(text)["input_ids"] == [tok.eos_id, *ids]
        assert other.decode(ids) == text


@pytest.mark.parametrize("split", BYTE_LEVEL)
def test_tokenizers_joins_by_rank_as_we_do(split):
    tok = tokenizer(split, mode="bpe", merges=np.empty((0, 2), np.uint32))
    other = theirs(tok._vocabulary)
    for text in TEXTS:
        assert other.encode(text).ids == tok.encode(text).tolist()


def test_the_patterns_are_read_as_they_are_written():
    for name in BYTE_LEVEL:
        assert splits.from_pattern(splits.PATTERNS[name]) == name


@pytest.mark.parametrize("split", BYTE_LEVEL)
def test_tiktoken_reads_our_ranks(split, tmp_path):
    tiktoken = pytest.importorskip("tiktoken")
    tok = tokenizer(split)
    tok.save(tmp_path / "ours.tiktoken")
    lines = (tmp_path / "ours.tiktoken").read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}
    pattern = splits.PATTERNS[split]
    specials = tok.special_tokens
    other = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials)
    ours = Tokenizer.load(tmp_path / "ours.tiktoken", split=split, special_tokens=specials)
    for text in TEXTS:
        ids = other.encode_ordinary(text)
        assert ours.encode(text).tolist() == tok.encode(text).tolist() == ids


def test_tokenizers_and_transformers_read_vocab_and_merges(tmp_path):
    transformers = pytest.importorskip("transformers")
    tok = tokenizer()
    tok.save(tmp_path / "vocab.json")
    model = tokenizers.models.BPE.from_file(
        str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt")
    )
    other = tokenizers.Tokenizer(model)
    other.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    slow = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        assert other.encode(text).ids == slow(text)["input_ids"] == tok.encode(text).tolist()
    assert slow(EOT)["input_ids"] == [tok.eos_id]
    tok = tokenizer("qwen2", nfc=True)
    tok.save(tmp_path / "q" / "vocab.json")
    slow = transformers.AutoTokenizer.from_pretrained(tmp_path / "q")
    for text in [*TEXTS, "e\u0301", "\u212b"]:
        same = tok.encode(unicodedata.normalize("NFC", text)).tolist()
        assert slow(text)["input_ids"] == same


@pytest.mark.parametrize(
    "split, whole",
    [("gpt2", False), ("llama3", False), ("llama3", True), ("qwen2", False)]
    + [("o200k", False), ("tekken", True), ("smollm", False)],
)
def test_llama_cpp_reads_our_gguf(split, whole, tmp_path):
    """Its patterns know fewer characters than ours, but for GPT-2's."""
    llama_cpp = pytest.importorskip("llama_cpp")
    tok = tokenizer(split, ignore_merges=whole)
    tok.save(tmp_path / "ours.gguf")
    other = llama_cpp.Llama(str(tmp_path / "ours.gguf"), vocab_only=True, verbose=False)
    plain = ["the token's 12345 aaaa\n\n  x  \n y\r\n//", "then ization abab?! é"]
    for text in TEXTS[1:] if split == "gpt2" else plain:
        ids = other.tokenize(text.encode(), add_bos=False, special=False)
        assert ids == tok.encode(text).tolist(), text


def test_others_refuse_a_split_by_rules(tmp_path):
    transformers = pytest.importorskip("transformers")
    tokenizer("rules:[L]{1,}").save(tmp_path / "tok")
    with pytest.raises(Exception, match="PreTokenizer|GptengineRules|untagged enum"):
        tokenizers.Tokenizer.from_file(str(tmp_path / "tok/tokenizer.json"))
    with pytest.raises(Exception, match="PreTokenizer|GptengineRules|untagged enum"):
        transformers.AutoTokenizer.from_pretrained(tmp_path / "tok")
