"""What we write, tokenizers, transformers and tiktoken read with the same ids, and the reverse."""

import json
import os

import numpy as np
import pytest
from hypothesis import given

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
        assert hugging_face.stages.split_named(splits.PATTERNS[name]) == name
