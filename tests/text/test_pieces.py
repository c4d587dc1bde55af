"""Tokenizers of SentencePiece against their definition: ids, offsets, streams, cuts, files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.tokenizer import Tokenizer, inspect, spaces
from gptengine.tokenizer.encode_file import encode_parts
from text.pieces import CONTROL, JOINED, TEXTS, reference, tokenizer, vocabulary

KINDS = [("never", "merges"), ("first", "merges"), ("always", "bpe"), ("every", "bpe")]
PARTS = [*"lowersthaïn漢१1234 \n\x00", "  ", "▁", "low", " the", *CONTROL, "<0x0A>", "aaaa"]
TEXT = st.lists(
    st.one_of(st.sampled_from(PARTS).map(str.encode), st.binary(max_size=3)), max_size=30
).map(b"".join)


def lost(tok, text):
    """What comes back: ▁ is a space, and before some a space is no other than the one put there."""
    data = text.replace("▁".encode(), b" ")
    prefix = spaces.parts(tok._vocabulary.split)[0]
    return data[1:] if prefix in ("first", "always") and data[:1] == b" " else data


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("prefix, mode", KINDS)
def test_ids_are_those_of_the_definition(prefix, mode, each):
    if each and prefix == "every":
        return  # no file says both
    tok = tokenizer(prefix, mode=mode, each=each)

    @given(TEXT)
    def same(text):
        want = reference(tok._vocabulary, text)
        for _ in range(2):  # what was not known, then what is
            assert tok.encode(text, specials="allow").tolist() == want
        assert tok.count(text, specials="allow") == len(want)
        plain = reference(tok._vocabulary, text, specials=False)
        assert tok.encode(text, specials="text").tolist() == plain
        assert tok.decode_bytes(plain) == lost(tok, text)
        stream = tok.stream_decoder()
        pieces = [stream.push(i) for i in want] + [stream.flush()]
        assert "".join(pieces) == tok.decode(want)

    same()
    for text in TEXTS:
        assert tok.encode(text, specials="allow").tolist() == reference(
            tok._vocabulary, text.encode()
        )


@given(TEXT.filter(lambda t: "▁".encode() not in t))
def test_any_bytes_come_back(text):
    for prefix in ("never", "every"):
        tok = tokenizer(prefix)
        assert tok.decode_bytes(tok.encode(text, specials="allow")) == text


@pytest.mark.parametrize("prefix, mode", KINDS)
def test_offsets_tile_the_text(prefix, mode):
    tok = tokenizer(prefix, mode=mode)

    @given(TEXT)
    def tile(text):
        ids, spans = tok.encode_with_offsets(text, specials="allow")
        ends = [0, *spans[:, 1].tolist()]
        assert spans[:, 0].tolist() == ends[:-1] and ends[-1] == len(text)
        for i, (start, end) in zip(ids.tolist(), spans.tolist(), strict=True):
            said = text[start:end].replace("▁".encode(), b" ")
            if i < len(CONTROL):
                assert said == CONTROL[i].encode()
            else:
                token = tok.token_bytes(i)
                assert said in (token, token.removeprefix(b" "))
        _, chars = tok.encode_with_offsets(text, specials="allow", unit="chars")
        assert chars.shape == spans.shape and (np.diff(chars, axis=1) >= 0).all()
        assert not len(ids) or chars[-1, 1] == len(text.decode("utf-8", "replace"))

    tile()


@pytest.mark.parametrize("prefix, mode", KINDS)
def test_truncation_is_the_longest(prefix, mode):
    tok = tokenizer(prefix, mode=mode)

    @given(TEXT, st.integers(0, 12))
    def longest(text, n):
        got = tok.truncate(text, n, specials="allow")
        fits = [
            k
            for k in range(len(text) + 1)
            if (k == len(text) or text[k] & 0xC0 != 0x80)
            and tok.count(text[:k], specials="allow") <= n
        ]
        assert len(got) == max(fits)

    longest()


def test_streams_go_on_from_a_prompt():
    tok = tokenizer()
    low = tok.encode("low").tolist()
    assert tok.stream_decoder().push(low) == "low"
    assert tok.stream_decoder(after=low).push(low) == " low"
    assert tok.stream_decoder(after=[1]).push(low) == "low"  # behind a control token
    assert tok.decode([*low, 2, *low]) == "low</s>low"
    assert tokenizer("first").stream_decoder(after=[1]).push(low) == " low"


def test_segments_are_the_text():
    for prefix, mode in KINDS:
        tok = tokenizer(prefix, mode=mode)
        whole = tok.encode("<s>low low</s>the", specials="allow")
        assert np.array_equal(tok.encode_segments([1, "low low", 2, "the"]), whole)
        assert np.array_equal(tok.encode_segments(["low", " low"]), tok.encode("low low"))
        for before in [], [1]:
            want = tok.encode_segments([*before, "low"])
            assert np.array_equal(tok.encode_segments([*before, "", "low", b""]), want)


def test_ids_of_tokens():
    tok = tokenizer()
    for i in range(len(CONTROL), tok.vocab_size):
        token = tok.token_bytes(i)
        found = tok.token_id(token)
        letter = i < len(CONTROL) + 256 and found != i  # one that stands for itself
        assert found == i or (letter and tok.token_bytes(found) == token)
    assert tok.token_id(" low") == tok.encode("low")[0] and tok.token_id("</s>") == 2
    assert [tok.token_id("\n")] == tok.encode("\n")[1:].tolist()
    for missing in ("<0x0A>", " lo", b"</s>"):
        with pytest.raises(KeyError, match="is no token of this vocabulary"):
            tok.token_id(missing)


def test_threads_files_and_pieces_of_a_text_give_the_same(tmp_path):
    text = "low lower  the漢 lowest\n<s>the low " * 40_000
    before = _core.threads()
    for prefix, mode in KINDS:
        tok = tokenizer(prefix, mode=mode)
        want = tok.encode(text, specials="allow")
        try:
            _core.set_threads(3)
            assert np.array_equal(tok.encode_batch([text], specials="allow")[0], want)
        finally:
            _core.set_threads(before)
        (tmp_path / "text").write_text(text)
        with open(tmp_path / "text", "rb") as file:
            parts = [*encode_parts(tok, file, specials="allow", block=1 << 14)]
        assert len(parts) > 2 and np.array_equal(np.concatenate(parts), want)


def test_a_file_may_be_cut_behind_a_control_token(tmp_path):
    """Where a space follows one, the space before it belongs to what follows."""
    text = ("low<s>" * 50 + "low<s> low") * 20
    for prefix, mode in KINDS:
        tok = tokenizer(prefix, mode=mode)
        (tmp_path / "text").write_text(text)
        for block in (300, 310, 317):
            with open(tmp_path / "text", "rb") as file:
                parts = [*encode_parts(tok, file, specials="allow", block=block)]
            want = tok.encode(text, specials="allow")
            assert len(parts) > 1 and np.array_equal(np.concatenate(parts), want)


def test_tokens_over_the_borders_of_words():
    """Where one has a space behind a letter, a text is one piece, however long."""
    joined = [*JOINED, "w▁", "w▁l"]
    tok = tokenizer(joined=joined)
    assert spaces.parts(tok._vocabulary.split) == ["every", "text"]
    for text in TEXTS:
        assert tok.encode(text, specials="allow").tolist() == reference(
            tok._vocabulary, text.encode()
        )
    text = "low low the " * 50_000
    assert tok.decode(tok.encode(text)) == text


def test_dropout_and_modes():
    tok = tokenizer()
    ids = tok.encode("low lower", dropout=1.0)
    assert len(ids) == len(" low lower") and tok.decode(ids) == "low lower"
    assert tok.decode(tok.encode("low lower", dropout=0.5, seed=3)) == "low lower"
    with pytest.raises(ValueError, match="vocabulary of SentencePiece has no mode greedy"):
        tok.encode("low", mode="greedy")
    with pytest.raises(ValueError, match="is only read: train with another"):
        Tokenizer.train("low", vocab_size=300, split=tok._vocabulary.split)


def test_trees_show_what_is_encoded():
    for prefix, mode in KINDS:
        tok = tokenizer(prefix, mode=mode)
        for text in TEXTS:
            trees = inspect.merge_trees(tok, text, specials="allow")
            ids = [node.id for piece in trees for node in piece]
            assert ids == tok.encode(text, specials="allow").tolist()


def test_what_a_vocabulary_must_have():
    good = vocabulary()
    nothing = np.empty((0, 2), np.uint32)
    for missing, says in ((b"<0x41>", "no token for byte 65"), ("▁".encode(), "no token for the")):
        tokens = [b"?" if t == missing else t for t in good.tokens]
        with pytest.raises(ValueError, match=says):
            _core.Bpe(tokens, nothing, [0, 1, 2], good.split)
    byte, letter = good.tokens.index(b"<0x41>"), good.tokens.index(b"l")
    with pytest.raises(ValueError, match="special token or stands for a byte"):
        _core.Bpe(good.tokens, np.array([[byte, letter]], np.uint32), [0, 1, 2], good.split)
