"""Long texts are cut at the best border, and nothing but space is lost."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptengine.curate.document import Document
from gptengine.curate.pieces import split_document, split_text

SPACE = re.compile(r"\s+")


@pytest.mark.parametrize(
    "border, text",
    [
        ("paragraph", "Eins ist da.\nZwei. Und drei.\n\nVier ist da."),
        ("line", "Eins. Zwei. Drei. Vier.\nFünf ist da. Sechs ist da."),
        ("sentence", "Eins und zwei und drei sind „da.“ Vier und fünf und sechs"),
        ("word", "Eins und zwei und drei und vier und fünf und sechs"),
    ],
)
def test_the_best_border_is_taken(border, text):
    first = next(split_text(text, 40))
    wanted = {
        "paragraph": "Eins ist da.\nZwei. Und drei.",
        "line": "Eins. Zwei. Drei. Vier.",
        "sentence": "Eins und zwei und drei sind „da.“",
        "word": "Eins und zwei und drei und vier und fünf",
    }
    assert first == wanted[border]


def test_a_text_without_a_border_is_cut_anyway():
    assert list(split_text("x" * 25, 10)) == ["x" * 10, "x" * 10, "x" * 5]
    assert list(split_text("", 10)) == [""]
    with pytest.raises(ValueError, match="at most 0 characters"):
        list(split_text("x", 0))


@settings(max_examples=300, deadline=None)
@given(st.text("ab. \n\t!ä”", max_size=200), st.integers(1, 40))
def test_nothing_but_space_is_lost(text, most):
    pieces = list(split_text(text, most))
    assert all(len(piece) <= most for piece in pieces)
    assert SPACE.sub("", "".join(pieces)) == SPACE.sub("", text)
    if len(text) > most and text.strip():
        place = 0
        for piece in pieces:  # in order, with nothing but space between
            found = text.index(piece, place)
            assert not text[place:found].strip()
            place = found + len(piece)
        assert not text[place:].strip()


def test_pieces_have_ids_of_their_own_that_repeat():
    document = Document("f" * 32, "web", "Ein Absatz.\n\n" * 20, url="http://a/", meta={"k": 1})
    pieces = split_document(document, 50)
    assert len({piece.id for piece in pieces}) == len(pieces) > 4
    assert pieces == split_document(document, 50)
    assert pieces[2].meta == {"k": 1, "piece_of": document.id, "piece": 2}
    assert pieces[2].url == "http://a/" and len(pieces[2].id) == 32
    assert split_document(document, 10_000) == [document]
