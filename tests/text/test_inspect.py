"""Looking at tokenizers: trees of merges, facts, fertility and comparisons, against definitions."""

import collections
import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.tokenizer import Tokenizer
from gptengine.tokenizer.compare import compare, overlap
from gptengine.tokenizer.fertility import fertility, whole_characters
from gptengine.tokenizer.inspect import (
    facts,
    merge_trees,
    pieces,
    tokens,
    visible,
)
from gptengine.tokenizer.vocabulary import Vocabulary
from text.pieces import tokenizer as sentencepiece

TEXT = "Hausaufgaben machen im Haus, auf dem Haus; die Aufgaben aufgeben. " * 20
LETTERS = st.text(st.sampled_from([*"Hausfgbemnd ,.;\n", "ä", "漢", "́", "7", "😀"]), max_size=60)


@pytest.fixture(scope="module")
def tok():
    return Tokenizer.train(TEXT, vocab_size=300)


@pytest.fixture(scope="module")
def by_rank():
    """The same tokens, joined by their ids: some pieces are tokens that no join arrives at."""
    names = [bytes([b]) for b in range(256)] + [b"ab", b"bc", b"abcd", b" x"]
    merges = np.array([[97, 98], [98, 99]], np.uint32)
    return Tokenizer(Vocabulary(names, merges, {}, mode="bpe"))


def leaves(node):
    return leaves(node.left) + leaves(node.right) if node.left else [node]


def check_tree(tok, node):
    assert tok.token_bytes(node.id) == node.bytes
    if node.left:
        assert node.bytes == node.left.bytes + node.right.bytes
        assert all(c.rank is None or c.rank < node.rank for c in (node.left, node.right))
        check_tree(tok, node.left)
        check_tree(tok, node.right)


def test_the_classic_example_starts_with_l_o():
    tok = Tokenizer.train("low lower lowest", vocab_size=60, split="words", min_frequency=1)
    ((root,),) = merge_trees(tok, "lowest")
    assert root.bytes == b"lowest</w>"
    assert [n.bytes for n in leaves(root)] == [b"l", b"o", b"w", b"e", b"s", b"t</w>"]
    first = next(n for n in (root.left, root.left.left) if n.rank == 0)
    assert (first.left.bytes, first.right.bytes) == (b"l", b"o")
    (unknown,) = merge_trees(tok, "lox")
    assert [n.bytes for n in unknown] == [b"lo", b"<unk>"]


@given(LETTERS)
def test_trees_end_in_the_tokens_of_the_text(tok, text):
    trees = merge_trees(tok, text)
    found = [node for piece in trees for node in piece]
    assert [n.id for n in found] == tok.encode(text, specials="text").tolist()
    assert [t.id for t in tokens(tok, text)] == [n.id for n in found]
    assert b"".join(pieces(tok, text.encode())) == text.encode()
    for node in found:
        check_tree(tok, node)
        assert all(len(leaf.bytes) == 1 for leaf in leaves(node))


def test_every_special_token_is_a_piece_of_its_own():
    tok = Tokenizer.bytes(special_tokens=["<a>", "<a><b>", "<b>"])
    trees = merge_trees(tok, "<b>x<a><b><a><a>\n", specials="allow")
    assert [[node.bytes for node in piece] for piece in trees] == [
        [b"<b>"],
        [b"x"],
        [b"<a><b>"],
        [b"<a>"],
        [b"<a>"],
        [b"\n"],
    ]
    assert tok._core.find_specials(b"x<b><a><b>").tolist() == [1, 4, 258, 4, 10, 257]
    assert tok._core.find_specials(b"x<b><a><b>", 1).tolist() == [1, 4, 258]


def test_the_joins_of_a_piece(by_rank):
    ids, steps = by_rank._core.joins(b"xabcd", "bpe")
    assert ids.tolist() == [*b"xabcd"]
    assert steps.reshape(-1, 3).tolist() == [[1, 256, 256]]  # ab; nothing makes abcd
    with pytest.raises(ValueError, match="the mode greedy joins nothing"):
        by_rank._core.joins(b"ab", "greedy")


def test_trees_of_ranks(by_rank):
    ((whole,),) = merge_trees(by_rank, "abcd")
    assert (whole.bytes, whole.left, whole.rank) == (b"abcd", None, None)
    (piece,) = merge_trees(by_rank, "abcdx")
    assert [n.bytes for n in piece] == [b"ab", b"c", b"d", b"x"]
    assert piece[0].rank == 256 and piece[0].left.bytes == b"a"


def test_trees_of_the_longest_tokens():
    names = [bytes([b]) for b in range(256)] + [b"abc"]
    tok = Tokenizer(Vocabulary(names, np.empty((0, 2), np.uint32), {}, mode="greedy"))
    assert [[n.bytes for n in piece] for piece in merge_trees(tok, "abca")] == [[b"abc", b"a"]]


def test_a_piece_too_long_for_a_tree(tok):
    with pytest.raises(ValueError, match="piece of the text has 1,001 bytes; .* at most 1,000"):
        merge_trees(tok, "a" * 1001)


def test_special_tokens_are_told_apart(tok):
    text = "Haus<|endoftext|>"
    assert tokens(tok, text, specials="allow")[-1].special
    assert not any(t.special for t in tokens(tok, text, specials="text"))
    for look in (tokens, merge_trees, lambda tok, text: fertility(tok, [text])):
        with pytest.raises(ValueError, match="endoftext"):
            look(tok, text)
    ids = [node.id for trees in merge_trees(tok, text, specials="allow") for node in trees]
    assert ids == tok.encode(text, specials="allow").tolist()
    merged = next(t for t in tokens(tok, text, specials="text") if len(t.bytes) > 1)
    assert merged.rank == merged.id - 256


def test_facts(tok, by_rank):
    found = facts(tok, longest=3)
    assert (found.vocab_size, found.split, found.mode) == (tok.vocab_size, "gpt2", "merges")
    assert found.merges == tok.vocab_size - 257 and found.special_tokens == tok.special_tokens
    sizes = sorted((len(tok.token_bytes(i)) for i in range(tok.vocab_size - 1)), reverse=True)
    assert [len(t.bytes) for t in found.longest] == sizes[:3]
    assert found.ambiguous == []
    listed = dataclasses.replace(by_rank._vocabulary, mode="merges")
    assert facts(Tokenizer(listed)).ambiguous == [259]  # " x" is in no merge


def test_nothing_invisible_is_shown():
    assert visible(b"a b\n\t\r") == "a·b⏎→␍"
    assert visible("é漢😀".encode()) == "é漢😀"
    assert visible(b"\xe2\x82") == "\\xe2\\x82"
    assert visible(b"\x1b[31m\x00\x7f") == "\\x1b[31m\\x00\\x7f"
    assert visible("\u202e\u200d\u00a0".encode()) == "\\u202e\\u200d\\xa0"


def slow_fertility(tok, texts):
    """By its definition: words are runs of letters and marks, tokens are those that reach in."""
    words, word_tokens, whole = 0, 0, 0
    for text in texts:
        _, spans = tok.encode_with_offsets(text, specials="text")
        for match in re.finditer(r"[^\W\d_]([^\W\d_]|\u0301)*|\u0301([^\W\d_]|\u0301)*", text):
            start, end = (len(text[:i].encode()) for i in match.span())
            inside = sum(a < end and b > start for a, b in spans.tolist())
            words, word_tokens, whole = words + 1, word_tokens + inside, whole + (inside == 1)
    return words, word_tokens, whole


@given(st.lists(LETTERS, max_size=4))
def test_fertility_equals_its_definition(tok, texts):
    found = fertility(tok, texts)
    assert (found.words, found.word_tokens, found.whole_words) == slow_fertility(tok, texts)
    assert found.tokens == sum(tok.count(text) for text in texts)
    assert found.bytes == sum(len(text.encode()) for text in texts)
    assert found.characters == sum(map(len, texts))
    assert found.uses.sum() == found.tokens and found.used == np.count_nonzero(found.uses)


def test_fertility_of_words_between_spaces():
    tok = Tokenizer.train("low lower lowest", vocab_size=60, split="words", min_frequency=1)
    found = fertility(tok, ["low  lowes", "low"])
    assert (found.documents, found.words, found.whole_words) == (2, 3, 2)
    assert found.word_tokens == found.tokens == 2 + tok.count("lowes")
    assert (found.bytes, found.characters) == (13, 13)


def test_fertility_of_little_and_of_much(tok):
    nothing = fertility(tok, [])
    assert nothing.tokens == 0 and np.isnan(nothing.tokens_per_word + nothing.bytes_per_token)
    assert fertility(tok, ["", b""]).tokens == 0
    part = fertility(tok, ["äää", "Haus"], most=3)
    assert (part.bytes, part.documents) == (2, 1)
    assert fertility(tok, [b"a\xff\xc3"]).bytes == len("a\ufffd\ufffd".encode())
    assert [whole_characters("aä漢".encode(), n) for n in range(8)] == [0, 1, 1, 3, 3, 3, 6, 6]


@given(LETTERS)
def test_differences_lie_between_common_cuts(tok, text):
    other = Tokenizer.bytes()
    found = compare(tok, other, [text])
    cuts = [set(np.cumsum([len(t.bytes) for t in tokens(x, text)])) for x in (tok, other)]
    assert cuts[0] <= cuts[1]
    stretches = collections.Counter(t.bytes for t in tokens(tok, text) if len(t.bytes) > 1)
    assert {d.text: d.count for d in found.differences} == dict(stretches.most_common(10))
    apart = sum(len(text) * n for text, n in stretches.items())
    if text:
        assert found.same == pytest.approx(1 - apart / len(text.encode()))
    for d in found.differences:
        for side, x in ((d.a, tok), (d.b, other)):
            assert b"".join(t.bytes for t in side) == d.text
            assert all(x.token_bytes(t.id) == t.bytes for t in side)


def test_comparing_with_itself_and_with_words(tok):
    same = compare(tok, tok, [TEXT], names=("x", "y"))
    assert same.same == 1.0 and same.differences == []
    assert (same.a.name, same.b.name) == ("x", "y") and same.a.tokens == same.b.tokens
    assert same.overlap.share == 1.0 and same.overlap.same_id == tok.vocab_size - 1
    words = Tokenizer.train("low lower lowest", vocab_size=60, split="words", min_frequency=1)
    found = compare(tok, words, [TEXT])
    assert found.same is None and found.differences == []


@pytest.mark.parametrize("mode", ["merges", "bpe"])
def test_tokens_of_sentencepiece_are_looked_at_as_they_are_read(mode):
    tok, other = sentencepiece(mode=mode), Tokenizer.train("low low low", vocab_size=260)
    byte, low = tokens(tok, "\x01 low")[1:]
    assert (byte.bytes, byte.rank) == (b"\x01", None) and low.bytes == b" low"
    for piece in merge_trees(tok, "low\n漢1"):
        for node in piece:
            check_tree(tok, node)
            assert all(leaf.rank is None for leaf in leaves(node))
    assert tokens(tok, "漢")[1].rank is None  # a letter, of three bytes
    found = overlap(tok, other)
    ours, theirs = (
        {t.token_bytes(i) for i in range(t.vocab_size)} - {n.encode() for n in t.special_tokens}
        for t in (tok, other)
    )
    assert found.common == len(ours & theirs) > 256
    assert (found.only_a, found.only_b) == (len(ours - theirs), len(theirs - ours))
    assert facts(tok, longest=1).longest[0].bytes == b" lowest"


def test_overlap_counts_tokens():
    a = Tokenizer.train("ababab", vocab_size=257, special_tokens=[], min_frequency=1)
    b = Tokenizer.train("cdcdcdcdabab", vocab_size=258, special_tokens=[], min_frequency=1)
    found = overlap(a, b)
    both = {a.token_bytes(i) for i in range(257)} & {b.token_bytes(i) for i in range(258)}
    assert (found.common, found.only_a, found.only_b) == (
        len(both),
        257 - len(both),
        258 - len(both),
    )
    assert 256 <= found.same_id <= found.common
