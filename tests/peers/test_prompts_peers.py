"""The prompts of transformers and llama.cpp, of the same folder or file: what they begin with."""

import dataclasses
import json
import os

import pytest

from gptengine.generate import prompt_ids
from gptengine.tokenizer import Tokenizer, stages
from text import pieces
from text.vocabularies import EOT, USER, tokenizer

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
TEXTS = ["low lower", " the token's 12\n", "a"]


def begun(tok, before, after=None):
    """The same tokenizer with a template of these tokens."""
    vocabulary = tok._vocabulary
    template = stages.template(before, after, vocabulary.special_tokens)
    return Tokenizer(
        dataclasses.replace(vocabulary, template=template),
        tok.eos_token,
        {"bos_token": before or USER},
    )


MAKERS = {
    "none": lambda: tokenizer(),
    "bos": lambda: begun(tokenizer(), EOT),
    "llama3": lambda: begun(tokenizer("llama3", ignore_merges=True), USER),
    "named-only": lambda: begun(tokenizer("qwen2"), None),
    "pieces": lambda: begun(pieces.tokenizer("first", mode="merges"), "<s>"),
    "pieces-every": lambda: begun(pieces.tokenizer("every", mode="merges"), "<s>"),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("said", [None, False, True])
def test_a_folder_of_ours(kind, said, tmp_path):
    """add_bos_token beside a tokenizer.json changes nothing, in their reading and in ours."""
    transformers = pytest.importorskip("transformers")
    MAKERS[kind]().save(tmp_path)
    if said is not None:
        file = tmp_path / "tokenizer_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "add_bos_token": said}))
    tok, other = Tokenizer.load(tmp_path), transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        assert prompt_ids(tok, text).tolist() == other(text).input_ids


@pytest.mark.parametrize("said", [None, False, True])
def test_a_folder_without_tokenizer_json(said, tmp_path):
    transformers = pytest.importorskip("transformers")
    made = tokenizer()
    made.config |= {"bos_token": USER} | ({} if said is None else {"add_bos_token": said})
    made.save(tmp_path / "vocab.json")
    tok, other = Tokenizer.load(tmp_path), transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        assert prompt_ids(tok, text).tolist() == other(text).input_ids


@pytest.mark.parametrize("kind", ["none", "bos", "llama3", "named-only", "pieces-every"])
def test_a_gguf_of_ours(kind, tmp_path):
    llama_cpp = pytest.importorskip("llama_cpp")
    MAKERS[kind]().save(tmp_path / "a.gguf")
    tok = Tokenizer.load(tmp_path / "a.gguf")
    other = llama_cpp.Llama(str(tmp_path / "a.gguf"), vocab_only=True, verbose=False)
    for text in TEXTS:
        theirs = other.tokenize(text.encode(), add_bos=True, special=False)
        assert prompt_ids(tok, text).tolist() == theirs
