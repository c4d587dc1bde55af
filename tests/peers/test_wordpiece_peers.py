"""WordPiece against tokenizers: every character, and texts of many."""

import itertools
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.tokenizer import WordPiece
from gptengine.tokenizer.bert_text import BertText
from text.test_wordpiece import VOCAB, file_of
from text.texts import BLANKS, WORDS, texts

tokenizers = pytest.importorskip("tokenizers")
OPTIONS = [*itertools.product([True, False], [True, False], [None, True, False], [True, False])]
KEYS = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")


def their_words(options):
    normalizer = tokenizers.normalizers.BertNormalizer(**dict(zip(KEYS, options, strict=True)))
    cut = tokenizers.pre_tokenizers.BertPreTokenizer()

    def words(text):
        return [word for word, _ in cut.pre_tokenize_str(normalizer.normalize_str(text))]

    return words


def same_everywhere(char):
    """Whether this Python, its Unicode being older or newer, knows the character as they do."""
    lower = tokenizers.normalizers.Lowercase().normalize_str(char) == char.lower()
    parts = unicodedata.normalize("NFD", char)
    return lower and tokenizers.normalizers.NFD().normalize_str(char) == parts


@pytest.mark.parametrize("options", [(True, True, None, True), (False, False, True, False)])
def test_every_character(options):
    clean, chinese, accents, lower = options
    ours = BertText(
        clean_text=clean, chinese_chars=chinese, strip_accents=accents, lowercase=lower
    ).words
    theirs = their_words(options)
    different = []
    for start in range(0, 0x110000, 256):
        chars = [chr(c) for c in range(start, start + 256) if not 0xD800 <= c < 0xE000]
        texts = [f"a{char}b {char}" for char in chars]
        if ours(" ".join(texts)) != theirs(" ".join(texts)):  # which?
            pairs = zip(chars, texts, strict=True)
            different += [c for c, t in pairs if ours(t) != theirs(t) and same_everywhere(c)]
    assert different == []


@pytest.mark.parametrize("options", OPTIONS)
def test_texts(options):
    data = file_of(**dict(zip(KEYS, options, strict=True)))
    theirs = tokenizers.Tokenizer.from_str(json.dumps(data))
    parts = st.sampled_from([*WORDS, *BLANKS, *"Éç,.'!?-漢Ａ\x0b\x85\u0301", "[SEP]", "Hello"])

    @given(st.lists(parts, max_size=30).map("".join) | texts())
    def same(text):
        if not all(map(same_everywhere, text)):
            return
        want = theirs.encode(text)
        ids = tok.encode(text, specials="allow", template=True)
        assert ids.tolist() == want.ids
        assert tok.decode(ids) == theirs.decode(want.ids, skip_special_tokens=False)
        assert tok.decode(ids, skip_special_tokens=True) == theirs.decode(want.ids)

    tok = WordPiece(**_from(data))
    same()


def _from(data):
    from gptengine.tokenizer import wordpiece

    return wordpiece._from_json(data)


@pytest.mark.parametrize("lowercase", [True, False])
def test_vocab_txt(lowercase, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lowercase}))
    theirs = tokenizers.BertWordPieceTokenizer(str(tmp_path / "vocab.txt"), lowercase=lowercase)
    tok = WordPiece.load(tmp_path)

    @given(texts())
    def same(text):
        if all(map(same_everywhere, text)):
            want = theirs.encode(text).ids
            assert tok.encode(text, specials="allow", template=True).tolist() == want

    same()


def test_their_file_is_read(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n", encoding="utf-8")
    theirs = tokenizers.BertWordPieceTokenizer(str(tmp_path / "vocab.txt"))
    theirs.save(str(tmp_path / "tokenizer.json"))
    tok = WordPiece.load(tmp_path)
    text = "Hello, unaffable Café!"
    assert tok.encode(text, template=True).tolist() == theirs.encode(text).ids
