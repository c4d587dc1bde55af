"""What stands before a prompt: what the files of a tokenizer say, as transformers reads them."""

import dataclasses
import json

import pytest

from generate.setting import TINY, tiny
from gptengine import Tokenizer
from gptengine.cli.main import main
from gptengine.generate import prompt_ids, stream
from gptengine.gguf.metadata import read_metadata, write_metadata
from gptengine.tokenizer import stages

KEY = "tokenizer.ggml."
BEGIN, END = 256, 257


def tokenizer(before="<begin>", after=None, config=(("bos_token", "<begin>"),), split="gpt2"):
    """Of bytes, with a template of these tokens."""
    vocabulary = Tokenizer.bytes(special_tokens=("<begin>", "<end>"))._vocabulary
    template = stages.template(before, after, vocabulary.special_tokens)
    options = dict(template=template, split=split, ignore_merges=split == "llama3")
    return Tokenizer(dataclasses.replace(vocabulary, **options), "<end>", dict(config))


def prompt(tok, text="hi"):
    return prompt_ids(tok, text).tolist()


def test_what_stands_before_every_text_stands_before_a_prompt():
    text = [*b"hi"]
    assert prompt(tokenizer()) == [BEGIN, *text]
    assert prompt(tokenizer(None)) == text  # to have a bos_token is not to begin with it
    assert prompt(tokenizer(after="<end>")) == [BEGIN, *text]  # what ends a text ends no prompt
    assert prompt(tokenizer(None, "<end>")) == text
    assert prompt(tokenizer(), "<begin>") == [BEGIN, *b"<begin>"]  # no text is a control token


def test_an_empty_prompt_is_the_beginning_of_a_text():
    assert prompt(tokenizer(), "") == prompt(tokenizer(None), "") == [BEGIN]
    assert prompt(tokenizer(None, config=()), "") == [END]
    tok = Tokenizer(tokenizer(None)._vocabulary, None)
    with pytest.raises(ValueError, match="the prompt is empty and the tokenizer has no end-of"):
        prompt(tok, "")


def test_tokenizer_json_says_it_whatever_its_config(tmp_path):
    for made, want in (tokenizer(), [BEGIN, *b"hi"]), (tokenizer(None), [*b"hi"]):
        made.config["add_bos_token"] = len(want) == 2  # transformers passes over it, too
        made.save(tmp_path)
        assert prompt(Tokenizer.load(tmp_path)) == want


def test_the_config_says_it_for_files_that_do_not(tmp_path):
    tokenizer(None).save(tmp_path / "vocab.json")
    file = tmp_path / "tokenizer_config.json"
    values = json.loads(file.read_text())
    for said, want in ({}, False), (dict(add_bos_token=True), True), (dict(add_bos_token=0), False):
        file.write_text(json.dumps({**values, **said}))
        assert prompt(Tokenizer.load(tmp_path)) == [BEGIN] * want + [*b"hi"]
    file.write_text(json.dumps({**values, "add_bos_token": True, "bos_token": "a"}))
    with pytest.raises(ValueError, match="'a' goes around a text, but is no control token"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("split, begun", [("gpt2", False), ("llama3", True), ("tekken", True)])
def test_a_gguf_says_it_or_its_split_does(tmp_path, split, begun):
    """Files of Llama 3 say nothing, and llama.cpp begins their texts with bos."""
    file = tmp_path / "a.gguf"
    tokenizer(split=split).save(file)
    keys = read_metadata(file)
    for said, want in (True, True), (False, False), (None, begun):
        keys[f"{KEY}add_bos_token"] = said
        write_metadata(file, {key: value for key, value in keys.items() if value is not None})
        assert prompt(Tokenizer.load(file)) == [BEGIN] * want + [*b"hi"]
    del keys[f"{KEY}bos_token_id"], keys[f"{KEY}add_bos_token"]
    write_metadata(file, keys)
    assert prompt(Tokenizer.load(file)) == [*b"hi"]


def test_the_command_writes_what_follows_it(tmp_path, capsys):
    tok = tokenizer()
    model = tiny(dataclasses.replace(TINY, vocab_size=tok.vocab_size))
    model.save(tmp_path, tok)
    options = ["--temperature", "0", "--max-new-tokens", "12"]
    assert main(["generate", str(tmp_path), "ab", *options]) == 0
    [text] = model.generate([[BEGIN, *b"ab"]], max_new_tokens=12, temperature=0, stop=[END])
    assert capsys.readouterr().out == "ab" + tok.decode(text.tokens) + "\n"
    assert "".join(stream(model, tok, "ab", 12, 0)) == tok.decode(text.tokens)
    [other] = model.generate([[*b"ab"]], max_new_tokens=12, temperature=0, stop=[END])
    assert other.tokens.tolist() != text.tokens.tolist()


def test_a_prompt_may_spell_control_tokens(tmp_path, capsys):
    tok = tokenizer()
    ids = lambda specials: prompt_ids(tok, "<begin>a<end>", specials=specials).tolist()
    assert ids("text") == [BEGIN, *b"<begin>a<end>"]
    assert ids("allow") == [BEGIN, *b"a", END]  # what stands before every text stands there once
    with pytest.raises(ValueError, match="<begin>"):
        ids("refuse")
    model = tiny(dataclasses.replace(TINY, vocab_size=tok.vocab_size))
    model.save(tmp_path, tok)
    command = ["generate", str(tmp_path), "ä<end>", "--temperature", "0", "--max-new-tokens", "9"]
    for flags, specials, note in (
        ([], "text", "note: <end> at byte 2 of the prompt is taken as text: --specials allow"),
        (["--specials", "allow"], "allow", ""),
    ):
        assert main([*command, *flags]) == 0
        out, err = capsys.readouterr()
        assert (
            out == "ä<end>" + "".join(stream(model, tok, "ä<end>", 9, 0, specials=specials)) + "\n"
        )
        assert err.startswith(note) and err.count("\n") == bool(note)
    assert main([*command, "--specials", "refuse"]) == 2
    assert "the special token <end> stands at byte 2" in capsys.readouterr().err
