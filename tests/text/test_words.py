"""Classic byte-pair encoding of words, </w> and <unk>, against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.tokenizer import Tokenizer
from reference import modes


@pytest.fixture(scope="module")
def tok():
    text = "low low low low low lower lower newest newest newest newest widest widest é漢 é漢"
    return Tokenizer.train(text, vocab_size=60, split="words")


def test_the_classic_example():
    tok = Tokenizer.train("low lower lowest", vocab_size=60, split="words", min_frequency=1)
    left, right = tok._vocabulary.merges[0]
    assert (tok.token_bytes(int(left)), tok.token_bytes(int(right))) == (b"l", b"o")
    ids = tok.encode("lower low")
    assert [tok.token_bytes(int(i)) for i in ids][-1] == b"low</w>"
    assert tok.decode(ids) == "lower low"


@given(
    st.lists(st.sampled_from([*"lowernstidé漢x ", "  ", "\n", "\u3000"]), max_size=40).map("".join)
)
def test_words_equal_the_reference(tok, text):
    tokens = [tok.token_bytes(i) for i in range(tok.vocab_size)]
    merges = [tuple(pair) for pair in tok._vocabulary.merges.tolist()]
    want = modes.words(text, tokens, merges, tok.special_tokens["<unk>"])
    assert tok.encode(text).tolist() == want
    assert tok.count(text) == len(want)
    decoded = tok.decode(want)
    stream = tok.stream_decoder()
    assert "".join([stream.push(i) for i in want] + [stream.flush()]) == decoded


def test_known_words_come_back(tok):
    assert tok.decode(tok.encode("lowest  widest\nlow")) == "lowest widest low"
    assert tok.decode(tok.encode("")) == ""
    unknown = tok.special_tokens["<unk>"]
    assert tok.encode("loz").tolist()[-1] == unknown
    dropped = tok.encode("lowest low", dropout=1.0)
    assert len(dropped) == 9 and tok.decode(dropped) == "lowest low"


def test_threads_and_files_give_the_same(tok, tmp_path):
    text = "low lower newest widest\n" * 60_000
    want = tok.encode(text)
    before = _core.threads()
    try:
        _core.set_threads(3)
        assert np.array_equal(tok.encode_batch([text])[0], want)
    finally:
        _core.set_threads(before)
    (tmp_path / "text").write_text(text)
    tok.encode_file(tmp_path / "text", tmp_path / "ids")
    assert np.array_equal(np.fromfile(tmp_path / "ids", np.uint16), want)


def test_what_words_cannot_do(tok):
    with pytest.raises(ValueError, match="vocabulary of words has the mode merges and no other"):
        tok.encode("low", mode="greedy")
    with pytest.raises(ValueError, match="vocabulary of words has no offsets"):
        tok.encode_with_offsets("low")
    with pytest.raises(ValueError, match="vocabulary of words does not keep"):
        tok.truncate("low", 1)
    with pytest.raises(ValueError, match="special token <unk> stands at character 4"):
        tok.encode("low <unk>")
    with pytest.raises(ValueError, match="cannot be continued: it has the characters of the text"):
        Tokenizer.train("new", vocab_size=90, split="words", base=tok)


def test_an_unknown_character_needs_its_token():
    core = _core.Bpe([b"a", b"a</w>"], np.empty((0, 2), np.uint32), [], "words")
    how = (True, [], "merges", 0.0, 0, False)
    assert core.encode("a aa", how).tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="no token for b</w>, and none for what is unknown"):
        core.encode("a b", how)


def test_a_space_stands_between_words_only(tok):
    ids = tok.encode("low lower\nnewest").tolist()
    assert tok.decode(ids) == "low lower newest"
    assert tok.decode_bytes(ids) == b"low lower newest"
    unknown = tok.special_tokens["<unk>"]
    for end in ([], [unknown]):
        stream = tok.stream_decoder()
        parts = [stream.push(i) for i in ids + end]
        assert not parts[0].endswith(" ")  # a word's space comes with what follows it
        assert "".join([*parts, stream.flush()]) == tok.decode(ids + end)
        stream = tok.stream_decoder()
        parts = [stream.push(ids[:1]), stream.push([]), stream.push(ids[1:] + end), stream.flush()]
        assert "".join(parts) == tok.decode(ids + end)
    assert tok.decode([*ids, unknown]) == "low lower newest <unk>"
    stream.push(ids)
    assert stream.flush() == "" and stream.push(ids) == "low lower newest"


def test_streams_go_on_from_a_prompt(tok):
    low, start = tok.encode("low").tolist(), tok.encode("lowe", dropout=1.0).tolist()[:2]
    assert tok.stream_decoder(after=low).push(low) == " low"
    assert tok.stream_decoder(after=start).push(low) == tok.decode([*start, *low])[2:] == "low"


@given(st.lists(st.sampled_from(["</w>", "</", "w>", "a", "b", " ", "<"]), min_size=1).map("".join))
def test_text_that_spells_the_end_of_a_word_is_text(text):
    """Neither what is learned nor what is encoded takes it for the end."""
    if not text.split():
        return
    tok = Tokenizer.train(f"{text} " * 9, vocab_size=200, split="words")
    ids = tok.encode(text)
    assert tok.decode(ids) == " ".join(text.split())
    ends = [tok.token_bytes(i).endswith(b"</w>") for i in ids.tolist()]
    assert sum(ends) == len(text.split()) and ends[-1]


def test_merges_of_letters_do_not_make_the_end_of_a_word():
    tokens = [*b"a b < / w > </ </w </w> a</w> ></w> b</w>".split()]
    merges = [(2, 3), (6, 4), (7, 5), (0, 8)]
    core = _core.Bpe(tokens, np.array(merges, np.uint32), [], "words")
    how = (True, [], "merges", 0.0, 0, False)
    assert core.encode("a</w>b", how).tolist() == [0, 7, 5, 11]
    assert core.encode("a", how).tolist() == [9]
    assert core.decode(core.encode("a</w>b a", how), "strict") == "a</w>b a"
