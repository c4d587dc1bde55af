"""SentencePiece, tokenizers, transformers and llama.cpp give the ids that we do, file by file."""

import json
import os
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.tokenizer import Tokenizer, hugging_face
from text.pieces import TEXTS, tokenizer
from text.vocabularies import corpus

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
tokenizers = pytest.importorskip("tokenizers")

OPTIONS = [("never", "merges"), ("first", "merges"), ("always", "merges"), ("every", "merges")]
OPTIONS += [("never", "bpe"), ("first", "bpe"), ("every", "bpe")]
LETTERS = [*"lowersthaïn漢१12 \n\t", "  ", " the", " low", "aaaa", "token's", " abab", "漢字", "▁"]
TEXT = st.lists(st.sampled_from(LETTERS), max_size=40).map("".join)


def theirs(vocabulary):
    return tokenizers.Tokenizer.from_str(json.dumps(hugging_face.to_json(vocabulary)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that SentencePiece trained, as Llama 2's was, and its file."""
    sentencepiece = pytest.importorskip("sentencepiece")
    folder = tmp_path_factory.mktemp("spm")
    lines = "\n".join(corpus()).split("\n")
    (folder / "text").write_text("\n".join(lines * 3 + [*string.printable]))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text"),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=700,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        character_coverage=0.99,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    file = folder / "tokenizer.model"
    return sentencepiece.SentencePieceProcessor(model_file=str(file)), file


def test_the_ids_of_sentencepiece(model):
    processor, file = model
    tok = Tokenizer.load(file)
    assert tok.vocab_size == processor.vocab_size() and tok.eos_token == "</s>"
    assert Tokenizer.load(file.parent) == tok

    @given(TEXT)
    def same(text):
        assert tok.encode(text).tolist() == processor.encode(text)

    same()
    for text in [*TEXTS, *corpus()]:
        ids = processor.encode(text)
        assert tok.encode(text, specials="text").tolist() == ids
        assert tok.decode(ids) == text.replace("▁", " ")


@pytest.mark.parametrize("target", ["tokenizer.json", "a.gguf"])
def test_a_model_is_written_in_other_formats(model, target, tmp_path):
    tok = Tokenizer.load(model[1])
    tok.save(tmp_path / target)
    again = Tokenizer.load(tmp_path / target)
    for text in [*TEXTS, *corpus()]:
        ids = tok.encode(text, specials="allow").tolist()
        assert again.encode(text, specials="allow").tolist() == ids
    back = "a.gguf" if target != "a.gguf" else "tokenizer.json"
    again.save(tmp_path / back)  # the merges of the list and the scores agree
    third = Tokenizer.load(tmp_path / back)
    assert [*map(len, map(third.encode, corpus()))] == [*map(len, map(tok.encode, corpus()))]


def test_transformers_makes_the_same_of_a_model(model, tmp_path):
    transformers = pytest.importorskip("transformers")
    processor, file = model
    made = Tokenizer.load(file)
    made.save(tmp_path / "ours")
    other = transformers.AutoTokenizer.from_pretrained(tmp_path / "ours")
    for text in ["low lower  lowest", "  the token's 12\n漢字 é😀", *corpus()[:3]]:
        ids = processor.encode(text)
        assert other(text, add_special_tokens=False)["input_ids"] == ids
        assert other.decode(ids) == made.decode(ids) == text


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("prefix, mode", OPTIONS)
def test_tokenizers_reads_and_writes_ours(prefix, mode, each, tmp_path):
    if each and prefix == "every":
        return
    tok = tokenizer(prefix, mode=mode, each=each)
    other = theirs(tok._vocabulary)
    other.save(str(tmp_path / "tokenizer.json"))
    again = Tokenizer.load(tmp_path)

    @given(TEXT)
    def same(text):
        ids = other.encode(text).ids
        assert tok.encode(text, specials="allow").tolist() == ids
        assert again.encode(text, specials="allow").tolist() == ids
        assert other.decode(ids) == tok.decode(ids)

    same()
    for text in TEXTS:
        assert other.encode(text).ids == again.encode(text, specials="allow").tolist()


@pytest.mark.parametrize("scheme", ["first", "always", "never"])
def test_a_tokenizer_that_tokenizers_trained(scheme, tmp_path):
    """Its merges are one for each token, and its text is cut before each space."""
    made = tokenizers.Tokenizer(
        tokenizers.models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme=scheme, split=True)
    decoders = tokenizers.decoders
    strip = [] if scheme == "never" else [decoders.Strip(" ", 1, 0)]
    stages = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    made.decoder = decoders.Sequence(stages)
    names = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256))]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=500, special_tokens=names, show_progress=False
    )
    made.train_from_iterator(corpus(), trainer)
    data = json.loads(made.to_str())
    data["added_tokens"] = data["added_tokens"][:3]
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    made = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tok = Tokenizer.load(tmp_path)

    @given(TEXT)
    def same(text):
        ids = made.encode(text).ids
        assert tok.encode(text).tolist() == ids
        assert made.decode(ids) == tok.decode(ids)

    same()
    for text in [*TEXTS, *corpus()]:
        ids = tok.encode(text, specials="allow").tolist()
        assert made.encode(text).ids == ids
    with pytest.raises(ValueError, match="GGUF has no name for the split 'sentencepiece:"):
        tok.save(tmp_path / "a.gguf")


def test_llama_cpp_reads_our_gguf(model, tmp_path):
    llama_cpp = pytest.importorskip("llama_cpp")
    for name, tok in {"spm": Tokenizer.load(model[1]), "never": tokenizer("never")}.items():
        path = tmp_path / f"{name}.gguf"
        tok.save(path)
        other = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
        assert (other.token_bos(), other.token_eos()) == (1, 2) or name == "never"
        for text in [*TEXTS, *corpus()]:
            if "<" in text:
                continue
            ids = other.tokenize(text.encode(), add_bos=False, special=False)
            assert ids == tok.encode(text).tolist(), text
        ids = other.tokenize(b"low</s>low", add_bos=False, special=True)
        assert ids == tok.encode("low</s>low", specials="allow").tolist()
        assert np.array_equal(Tokenizer.load(path).encode("low"), tok.encode("low"))
