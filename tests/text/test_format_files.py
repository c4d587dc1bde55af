"""Formats other than tokenizer.json: written, read back, and what they cannot say."""

import base64
import json
import warnings

import numpy as np
import pytest

from gptengine.gguf import metadata as gguf
from gptengine.tokenizer import Tokenizer, formats, readings, splits
from gptengine.tokenizer.vocabulary import Vocabulary
from text.vocabularies import BYTE_LEVEL, EOT, TEXTS, USER, learned, of_words, tokenizer, vocabulary

SPECIALS = {EOT: 498, USER: 499}


def same_ids(tok, other):
    assert other.special_tokens == tok.special_tokens and other.eos_id == tok.eos_id
    for text in [*TEXTS, f"a{EOT}{USER} b"]:
        ids = tok.encode(text, specials="allow").tolist()
        assert other.encode(text, specials="allow").tolist() == ids
        assert other.decode(ids) == text


@pytest.mark.parametrize("split", BYTE_LEVEL)
def test_tiktoken(split, tmp_path):
    file = tmp_path / "ours.tiktoken"
    tok = tokenizer(split)
    tok.save(file)
    assert file.read_bytes().startswith(b"AA== 0\n")
    for path in (file, tmp_path):
        other = Tokenizer.load(path, split=split, special_tokens=SPECIALS)
        assert other.mode == "bpe" and other.ambiguous_tokens() == []
        with pytest.raises(ValueError, match="mode merges: a vocabulary of ranks has no list of"):
            other.encode("a", mode="merges")
        same_ids(tok, other)
    other.save(tmp_path / "again.tiktoken")
    assert (tmp_path / "again.tiktoken").read_bytes() == file.read_bytes()
    other.save(tmp_path / "as.json")  # its merges are those that the ids mean
    same_ids(tok, Tokenizer.load(tmp_path / "as.json"))


def test_tiktoken_does_not_say_all(tmp_path):
    file = tmp_path / "ours.tiktoken"
    tokenizer().save(file)
    for known in ({}, {"split": "gpt2"}, {"special_tokens": {}}):
        with pytest.raises(ValueError, match=r"ours\.tiktoken: .* neither its split nor its spec"):
            Tokenizer.load(file, **known)
    known = {"<a>": 499, "<b>": 502}
    tok = Tokenizer.load(file, split="gpt2", special_tokens=known)
    assert tok.vocab_size == 503  # the ids 498, 500 and 501 have no token
    assert tok.special_tokens["<|unused_500|>"] == 500
    for split in (None, "gpt2"):  # said behind its name too
        assert Tokenizer.load(f"{file}:gpt2", split=split, special_tokens=known) == tok
    with pytest.raises(ValueError, match="its split is given as 'gpt2' and as 'o200k'"):
        Tokenizer.load(f"{file}:gpt2", split="o200k", special_tokens={})
    with pytest.raises(ValueError, match=r"ours\.tiktoken: .* its special tokens: load"):
        Tokenizer.load(f"{file}:gpt2")
    with pytest.raises(ValueError, match="both have the id 7"):
        Tokenizer.load(file, split="gpt2", special_tokens={"<a>": 7})
    with pytest.raises(ValueError, match="split 'x' is not known"):
        Tokenizer.load(file, split="x", special_tokens={})
    with pytest.raises(ValueError, match="dict of ids by name"):
        Tokenizer.load(file, split="gpt2", special_tokens=[EOT])


@pytest.mark.parametrize("target", ["a", "a.json", "vocab.json", "a.gguf"])
def test_a_special_token_that_is_spelled_like_another_is_not_written(target, tmp_path):
    """In memory they are two, where a file would have one name for both."""
    ids = {bytes([b]): b for b in range(256)} | {b"ab": 256}
    vocab = Vocabulary.of_ids(ids, {"ab": 257, "é": 258}, [(97, 98)])
    assert Tokenizer(vocab).encode("ab", specials="text").tolist() == [256]
    with pytest.raises(ValueError, match="special token 'ab' is how files spell b'ab'"):
        Tokenizer(vocab).save(tmp_path / target)
    assert not [*tmp_path.iterdir()]


def test_special_tokens_are_those_of_a_file_that_says_them(tmp_path):
    tokenizer().save(tmp_path / "a.json")
    same_ids(tokenizer(), Tokenizer.load(tmp_path / "a.json", special_tokens=SPECIALS))
    for wrong, says in (({EOT: 7}, "has the id 498, not 7"), ({"<a>": 498}, "is none of its spec")):
        with pytest.raises(ValueError, match=says):
            Tokenizer.load(tmp_path / "a.json", special_tokens=wrong)


@pytest.mark.parametrize("name", ["ours.tiktoken", "vocab.json"])
@pytest.mark.parametrize("other", ["words", "sentencepiece:every:words"])
def test_a_split_of_characters_is_no_split_of_bytes(name, other, tmp_path):
    tokenizer().save(tmp_path / name)
    with pytest.raises(ValueError, match=f"{name}: .*has tokens of bytes, and not .* '{other}'"):
        Tokenizer.load(tmp_path / name, split=other, special_tokens=SPECIALS)


@pytest.mark.parametrize("split", ["gpt2", "qwen2"])
def test_vocab_and_merges(split, tmp_path):
    tok = tokenizer(split, nfc=split == "qwen2")
    tok.save(tmp_path / "vocab.json")
    assert (tmp_path / "merges.txt").read_text().startswith("#version: 0.2\n")
    for path in (tmp_path, tmp_path / "vocab.json", tmp_path / "merges.txt"):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            other = Tokenizer.load(path)
        said = [str(warning.message) for warning in said]
        assert ["must be NFC" in message for message in said] == [True] * (split == "qwen2")
        assert other.fingerprint == tok.fingerprint
        assert other._vocabulary.nfc == tok._vocabulary.nfc
        same_ids(tok, other)


def test_what_vocab_and_merges_cannot_say(tmp_path):
    template = formats.ggml_keys.stages.template(None, EOT, SPECIALS)
    for tok, says in (
        (tokenizer("qwen2"), "are a Qwen2Tokenizer's, which normalizes text to NFC"),
        (tokenizer(nfc=True), "are a GPT2Tokenizer's, which does not normalize text to NFC"),
        (tokenizer(template=template), "cannot say what is put around a text"),
    ):
        with pytest.raises(ValueError, match=says):
            tok.save(tmp_path / "vocab.json")
    assert not [*tmp_path.iterdir()]


def test_vocab_and_merges_alone(tmp_path):
    tokenizer().save(tmp_path / "merges.txt")
    (tmp_path / "tokenizer_config.json").unlink()
    assert Tokenizer.load(tmp_path).special_tokens == {EOT: 498}
    (tmp_path / "added_tokens.json").write_text(json.dumps({USER: 499, "<more>": 500}))
    tok = Tokenizer.load(tmp_path)
    assert tok.special_tokens == {EOT: 498, USER: 499, "<more>": 500}
    tok = Tokenizer.load(tmp_path, special_tokens=SPECIALS, split="llama3")
    same_ids(tokenizer("llama3"), tok)
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(ValueError, match=r"vocab\.json: there is no merges\.txt"):
        Tokenizer.load(tmp_path)


GGUF_KINDS = [("gpt2", False), ("llama3", False), ("llama3", True), ("qwen2", False)]


@pytest.mark.parametrize("split, whole", [*GGUF_KINDS, ("o200k", False), ("tekken", True)])
def test_gguf(split, whole, tmp_path):
    config = {"chat_template": "{{ x }}", "bos_token": USER}
    tok = Tokenizer(vocabulary(split, ignore_merges=whole, shown=frozenset([USER])), EOT, config)
    tok.save(tmp_path / "ours.gguf")
    keys = gguf.read_metadata(tmp_path / "ours.gguf")
    assert keys["tokenizer.ggml.tokens"][-2:] == [EOT, USER]
    assert keys["tokenizer.ggml.token_type"][-3:].tolist() == [1, 3, 4]
    assert keys["tokenizer.ggml.bos_token_id"] == 499
    assert keys["tokenizer.ggml.add_bos_token"] is False
    for path in (tmp_path, tmp_path / "ours.gguf"):
        other = Tokenizer.load(path)
        assert other.fingerprint == tok.fingerprint
        assert other.config == config | {"eos_token": EOT}
        same_ids(tok, other)


def test_gguf_puts_tokens_around_a_text(tmp_path):
    template = formats.ggml_keys.stages.template(USER, EOT, SPECIALS)
    tok = Tokenizer(vocabulary("llama3", ignore_merges=True, template=template))
    tok.save(tmp_path / "ours.gguf")
    assert gguf.read_metadata(tmp_path / "ours.gguf")["tokenizer.ggml.add_bos_token"] is True
    other = Tokenizer.load(tmp_path)
    assert other._vocabulary.template == template
    assert other.encode("a").tolist() == tok.encode("a").tolist()  # here they are not put


def tekken_file():
    ranks = [t for t in learned().tokens if t not in (EOT.encode(), USER.encode())]
    return {
        "config": {
            "pattern": splits.PATTERNS["tekken"],
            "num_vocab_tokens": len(ranks),
            "default_vocab_size": 20 + 450,
            "default_num_special_tokens": 20,
            "version": "v3",
        },
        "vocab": [
            {"rank": i, "token_bytes": base64.b64encode(t).decode(), "token_str": None}
            for i, t in enumerate(ranks)
        ],
        "special_tokens": [
            {"rank": i, "token_str": name, "is_control": True}
            for i, name in enumerate(["<unk>", "<s>", "</s>", "[INST]"])
        ],
    }


def test_tekken(tmp_path):
    data = tekken_file()
    (tmp_path / "tekken.json").write_text(json.dumps(data))
    tok = Tokenizer.load(tmp_path)
    assert tok.vocab_size == 470 and tok.eos_id == 2 and tok.mode == "bpe"
    assert tok.special_tokens["<SPECIAL_19>"] == 19
    assert tok.token_bytes(20 + 65) == b"A"
    for text in TEXTS:
        assert tok.decode(tok.encode(text)) == text
    del data["special_tokens"]
    (tmp_path / "tekken.json").write_text(json.dumps(data))
    assert Tokenizer.load(tmp_path).special_tokens["[TOOL_CONTENT]"] == 19


def test_subword_nmt(tmp_path):
    words = formats.subword_nmt.from_text("#version: 0.2\nl o\nlo w</w>\nlo w\ne r</w>\nl o\n")
    assert [t.decode() for t in words.tokens[-5:]] == ["lo", "low</w>", "low", "er</w>", "<unk>"]
    assert words.tokens[:4] == [b"e", b"e</w>", b"l", b"l</w>"]
    assert len(words.merges) == 4 and words.split == "words"
    (tmp_path / "codes.txt").write_text("#version: 0.2\nl o\nlo w</w>\nlo w\ne r</w>\n")
    tok = Tokenizer.load(tmp_path / "codes.txt")
    said = [tok.token_bytes(i).decode() for i in tok.encode("low lower z")]
    assert said == ["low</w>", "low", "er</w>", "<unk>"]


def test_words_are_written_and_read(tmp_path):
    words = of_words()
    formats.write(tmp_path, words, {}, EOT)
    again, _ = formats.read(formats.located(tmp_path))
    assert again.tokens == words.tokens and again.merges.tolist() == words.merges.tolist()
    assert again.special_tokens == words.special_tokens and again.split == "words"
    tok = Tokenizer.load(tmp_path)
    assert tok.fingerprint == Tokenizer(words).fingerprint
    assert tok.encode("low  lowé").tolist() == Tokenizer(words).encode("low lowé").tolist()
    for name in ("a.tiktoken", "vocab.json", "a.gguf"):
        with pytest.raises(ValueError, match="words"):
            formats.write(tmp_path / name, words, {}, EOT)


def two_readings():
    """'abc' merged from a and bc, but ab has a smaller id than bc has."""
    nothing = vocabulary().of_bytes(np.empty((0, 2), np.uint32), [])
    merges = np.array([[98, 99], [97, 98], [97, 256]], np.uint32)
    return nothing.extended(merges, [])  # bc 256, ab 257, abc 258


def test_two_readings_are_told_apart(tmp_path):
    assert tokenizer().ambiguous_tokens() == []
    assert Tokenizer(two_readings()).ambiguous_tokens() == []
    tok = Tokenizer(two_readings())
    merges = np.array([[97, 98], [98, 99], [97, 256]], np.uint32)  # ab before bc
    other = Tokenizer(type(tok._vocabulary)(tok._vocabulary.tokens, merges, {}))
    assert other.ambiguous_tokens() == [256]  # bc comes too late
    assert other.encode("abc").tolist() == [257, 99]
    assert other.encode("abc", mode="bpe").tolist() == [258]
    with pytest.raises(ValueError, match="makes 1 tokens otherwise"):
        other.save(tmp_path / "a.tiktoken")
    assert readings.unreachable(other._vocabulary) == [258]


def test_a_split_by_rules_has_no_name_in_files_of_others(tmp_path):
    rules = splits.rules([("L", 1, None)], [("S", 1, None)])
    tok = tokenizer(rules)
    for name in ("vocab.json", "a.gguf"):
        with pytest.raises(ValueError, match="the split 'rules:"):
            tok.save(tmp_path / name)
    assert not any(tmp_path.iterdir())
    tok.save(tmp_path / "a.tiktoken")
    same_ids(tok, Tokenizer.load(tmp_path / "a.tiktoken", split=rules, special_tokens=SPECIALS))


def test_what_a_format_cannot_say(tmp_path):
    with pytest.raises(ValueError, match="GGUF has no name for the split 'cl100k'"):
        tokenizer("cl100k").save(tmp_path / "a.gguf")
    with pytest.raises(ValueError, match="cannot say the split 'o200k'"):
        tokenizer("o200k").save(tmp_path / "vocab.json")
    with pytest.raises(ValueError, match="cannot say that a piece"):
        tokenizer(ignore_merges=True).save(tmp_path / "vocab.json")
    tok = Tokenizer(two_readings())
    lone = type(tok._vocabulary)(tok._vocabulary.tokens, tok._vocabulary.merges[:2], {})
    tok = Tokenizer(lone)
    assert readings.unreachable(lone) == [258]
    tok.save(tmp_path / "b.gguf")
    assert Tokenizer.load(tmp_path / "b.gguf").fingerprint == tok.fingerprint
    whole = Tokenizer(type(lone)(lone.tokens, lone.merges, {}, ignore_merges=True))
    with pytest.raises(ValueError, match="cannot be never merged .* 'gpt2'.*b'abc'"):
        whole.save(tmp_path / "c.gguf")
    assert not (tmp_path / "c.gguf").exists()


def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="the path is empty: give a file or a folder"):
        tokenizer().save("")
    assert not [*tmp_path.iterdir()]
    tokenizer().save(".")
    assert Tokenizer.load(".") == tokenizer()
    with pytest.raises(ValueError, match="the path is empty: give a file or a folder"):
        Tokenizer.load("")


@pytest.mark.parametrize("name", ["tekken.json", "tokenizer_config.json", "config.json"])
def test_names_of_other_formats_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match=f"{name} would be a tokenizer.json under the name of"):
        tokenizer().save(tmp_path / "new" / name)
    assert not [*tmp_path.iterdir()]
