"""WordPiece against its definition, and broken files of it."""

import json
import string
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptengine.tokenizer import WordPiece
from gptengine.tokenizer.bert_text import BertText
from text.texts import texts

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WHOLE = ["hello", "world", "un", "token", "the", "漢", "字", "café", "cafe", "'", ".", ",", "!"]
PARTS = ["##aff", "##able", "##s", "##ization", "##ize", "##n"]
LETTERS = [*string.ascii_letters, *string.digits]
VOCAB = [*SPECIALS, *WHOLE, *PARTS, *LETTERS, *(f"##{c}" for c in LETTERS), "é", "##é", "don", "t"]
VOCAB = [*dict.fromkeys(VOCAB)]


def file_of(vocab=VOCAB, **normalizer):
    """The contents of a tokenizer.json."""
    options = dict(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": name, **flags, "special": True} for i, name in enumerate(SPECIALS)
        ],
        "normalizer": {"type": "BertNormalizer", **options, **normalizer},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: i for i, token in enumerate(vocab)},
        },
    }


@pytest.fixture
def tok(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    return WordPiece.load(tmp_path)


def said(tok, text, **options):
    return [tok.token(i) for i in tok.encode(text, **options).tolist()]


def test_words_and_their_parts(tok):
    assert said(tok, "Hello,  WORLD!") == ["hello", ",", "world", "!"]
    assert said(tok, "unaffable tokenizations") == [
        *("un", "##aff", "##able", "token", "##ization", "##s"),
    ]
    assert said(tok, "Café the漢字 don't") == ["cafe", "the", "漢", "字", "don", "'", "t"]
    assert said(tok, "a€ ok " + "a" * 100) == ["[UNK]", "o", "##k", "a", *["##a"] * 99]
    assert said(tok, "a" * 101) == ["[UNK]"]
    assert said(tok, "x", template=True) == ["[CLS]", "x", "[SEP]"]
    assert said(tok, "") == [] and tok.count("Hello, world") == 3


def test_case_and_accents_may_stay(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    tok = WordPiece.load(tmp_path / "vocab.txt")
    assert said(tok, "Hé café") == ["H", "##é", "café"]


def test_special_tokens_by_policy(tok):
    with pytest.raises(ValueError, match=r"special token \[SEP\] stands at character 2"):
        tok.encode("a [SEP]")
    assert said(tok, "a[SEP]b", specials="allow") == ["a", "[SEP]", "b"]
    assert said(tok, "[SEP]", specials="text")[-2:] == ["##p", "[UNK]"]
    with pytest.raises(ValueError, match="specials='x' must be"):
        tok.encode("a", specials="x")


def test_ids_become_text(tok):
    ids = tok.encode("Hello, unaffable world! don't", template=True)
    assert tok.decode(ids) == "[CLS] hello, unaffable world! don ' t [SEP]"
    assert tok.decode(ids, skip_special_tokens=True) == "hello, unaffable world! don ' t"
    with pytest.raises(KeyError, match="token id 5000 at 1"):
        tok.decode([3, 5000])


@given(st.lists(texts(), max_size=5))
def test_a_batch_is_its_texts(batch):
    tok = WordPiece(VOCAB)
    ids, offsets = tok.encode_batch(batch, template=True)
    assert offsets[-1] == len(ids)
    for text, a, b in zip(batch, offsets, offsets[1:], strict=False):
        assert ids[a:b].tolist() == tok.encode(text, template=True).tolist()


def test_odd_characters():
    words = BertText().words
    assert words("a\x00b\u200bc\ufffd\ud800 d\u00a0e\x85f\x0bg\tx\n") == ["abc", "d", "efg", "x"]
    assert words("e\u0301 İ ΑΣ ﬁ ¡x") == ["e", "i", "ας"[:-1] + "σ", "ﬁ", "¡", "x"]
    assert words("a\u061db \u1734") == ["a\u061db"]  # punctuation and no accent since Unicode 8
    assert BertText(clean_text=False).words("a\x0bb\x1cc") == ["a", "b\x1cc"]
    assert BertText(chinese_chars=False).words("漢字 x") == ["漢字", "x"]


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr("gptengine.tokenizer.wordpiece.MOST_CACHED", 10)
    tok = WordPiece(VOCAB)
    text = " ".join(a + b for a in "abcdef" for b in "uvwxyz")
    assert tok.encode(text).tolist() == tok.encode(text).tolist()
    assert len(tok._cache) <= 10


def test_tokenizer_json_is_read(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps(file_of(lowercase=False)))
    tok = WordPiece.load(tmp_path)
    assert tok.special_tokens == {name: i for i, name in enumerate(SPECIALS)}
    assert said(tok, "Hé", template=True) == ["[CLS]", "H", "##é", "[SEP]"]


@pytest.mark.parametrize(
    "path, value, says",
    [
        ("model.type", "BPE", "model type is 'BPE', not 'WordPiece'"),
        ("model.vocab", [], "no vocab"),
        ("model.vocab.hello", 6, "'hello' and 'world' both have the id 6"),
        ("model.vocab.hello", 10**9, "no token has the id 5"),
        ("model.vocab.[SEP]", 7, "'un' both have the id 7|has the ids 7 and 3"),
        ("model.unk_token", "<unk>", "no token '<unk>' for unknown words"),
        ("model.unk_token", {}, "no token {} for unknown words"),
        ("model.continuing_subword_prefix", "@@", "continuing_subword_prefix is '@@'"),
        ("model.max_input_chars_per_word", 10**12, "max_input_chars_per_word is 1000000000000"),
        ("normalizer", None, "normalizer None: only BertNormalizer"),
        ("normalizer.lowercase", 3, "normalizer.lowercase is 3"),
        ("pre_tokenizer.type", "Whitespace", "pre_tokenizer .*Whitespace"),
        ("decoder", {"type": "Fuse"}, "decoder .*Fuse"),
        ("post_processor.sep", ["[SEP]", 4], r"post_processor.sep \['\[SEP\]', 4\] is not in"),
        ("post_processor.cls", 4, "post_processor.cls is 4"),
        ("post_processor.cls", ["[NO]", None], "post_processor.cls .*None.* is not in the vocab"),
        ("post_processor.type", "RobertaProcessing", "post_processor .*Roberta"),
        ("post_processor.type", [], "post_processor .*only ByteLevel"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, path, value, says):
    data = file_of()
    *keys, last = path.split(".")
    inside = data
    for key in keys:
        inside = inside[key]
    inside[last] = value
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=rf"tokenizer\.json: .*({says})"):
        WordPiece.load(tmp_path)


@pytest.mark.parametrize(
    "content, says",
    [
        (b"", r"no token '\[UNK\]'"),
        (b"a\n[UNK]\na\n", "tokens 0 and 2 are both 'a'"),
        (b"a\n\n[UNK]\n", "the token 1 is empty"),
        (b"\xff\n", "codec can't decode"),
    ],
)
def test_a_broken_list_is_refused(tmp_path, content, says):
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(ValueError, match=rf"vocab\.txt: .*{says}"):
        WordPiece.load(tmp_path)


def test_bytes_that_change(tmp_path):
    good = json.dumps(file_of()).encode()
    file = tmp_path / "tokenizer.json"
    byte = st.sampled_from(b'\x00 "+,-09:[]{}\x80\xff')

    @settings(max_examples=4 * settings().max_examples)
    @given(st.lists(st.tuples(st.integers(0, len(good) - 1), byte), max_size=3), st.floats(0, 2))
    def broken(changes, end):
        content = bytearray(good)
        for place, value in changes:
            content[place] = value
        file.write_bytes(content[: int(end * len(content))])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                WordPiece.load(file).encode("hello [x", template=True)
        except ValueError as error:
            assert str(file) in str(error)

    broken()


@pytest.mark.parametrize(
    "options",
    [
        {},
        dict(cleanup=False, longest_word=7, unknown="hello", template=([], [3, 3])),
        dict(text=BertText(lowercase=False, chinese_chars=False, clean_text=False)),
        dict(text=BertText(lowercase=True, strip_accents=False), special_tokens={"world": 6}),
    ],
)
def test_what_is_written_comes_back(tmp_path, options):
    tok = WordPiece(VOCAB, **options)
    tok.save(tmp_path / "t")
    again = WordPiece.load(tmp_path / "t")
    assert (again.template, again.special_tokens) == (tok.template, tok.special_tokens)
    for text in "Café, unaffable 漢字 worlds\u200d!", "hello worlds' xyz don't", "":
        ids = tok.encode(text, specials="allow", template=True)
        assert again.encode(text, specials="allow", template=True).tolist() == ids.tolist()
        assert again.decode(ids) == tok.decode(ids)
