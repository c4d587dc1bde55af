"""Text ends before a stop string wherever it lies, and nothing of it is shown before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import Tokenizer
from gptengine.text_stream import TextStream

TOK = Tokenizer.bytes()


def pieces(text, stop):
    stream, out = TextStream(TOK, stop), []
    for token in TOK.encode(text).tolist():
        out.append(stream.push(token))
    return [*out, stream.flush()], stream.stopped


@pytest.mark.parametrize(
    "text, stop, want",
    [
        ("one two three", ["two"], "one "),
        ("one two three", ["four"], "one two three"),
        ("aaab", ["aab"], "a"),  # its beginning comes again inside it
        ("héllo wörld", ["ö"], "héllo w"),
        ("abc", ["abc", "b"], "a"),  # the one that is complete first
        ("one tw", ["two"], "one tw"),  # held back, and given in the end
        ("stop", ["stop"], ""),
        ("x\n\nUser: y", ["\n\nUser:", "\n\nBot:"], "x"),
    ],
)
def test_cuts(text, stop, want):
    got, stopped = pieces(text, stop)
    assert "".join(got) == want and stopped == (want != text)


def test_what_may_begin_a_stop_string_is_held_back():
    got, _ = pieces("a<b<end>", ["<end>"])
    assert got == ["a", "", "<b", "", "", "", "", "", ""]


@given(st.text(alphabet="abé", max_size=12), st.lists(st.text("abé", min_size=1), max_size=3))
def test_letter_by_letter_and_at_once_agree(text, stop):
    got, stopped = pieces(text, stop)
    ends = [(text.find(s) + len(s), text.find(s)) for s in stop if s in text]
    assert "".join(got) == (text[: min(ends)[1]] if ends else text)
    assert stopped == bool(ends)
    whole = TextStream(TOK, stop)
    assert whole._add(text) + whole.flush() == "".join(got)


def test_half_a_character_at_the_end():
    stream = TextStream(TOK, ["\ufffdx"])
    assert [stream.push(0xC3), stream.flush()] == ["", "\ufffd"]
