"""Misread text is read again, what is invisible goes, and what is right stays as it is."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptengine.curate.mojibake import HIGH, undo
from gptengine.curate.repair import repair


def misread(text, latin1=False):
    """The text's UTF-8 as a reader of Windows-1252, or Latin-1, saw it."""
    return "".join(chr(b) if latin1 else HIGH.get(b, chr(b)) for b in text.encode())


RIGHT = [
    "Für Österreich – „groß“ und ‚klein‘, 5 € für Ähren, Übel, ß.",
    "déjà vu à Paris\N{NO-BREAK SPACE}: œuvre, « été », cœur, naïf, Noël, ÇA.",
    "“It’s fine,” she said — 100 °C … §",
    "привет, мир",
    "żółć, łódź, ąę; čšž; ğış",
    "😀 → ✓",
    "日本語の文章",
]


@pytest.mark.parametrize("text", RIGHT)
@pytest.mark.parametrize("latin1", [False, True])
def test_misread_once_and_twice(text, latin1):
    assert repair(text) == (text, {})
    once = misread(text, latin1)
    assert repair(once).text == text and repair(once).counts["repair.mojibake"] > 0
    assert repair(misread(once, latin1)).text == text


STAYS = [
    "„Das ist groß“, sagte er. „Wie heiß“",
    "GROẞ, FUSSBALL, Fuß… Maß– Ruß™ Gruß’ ß“ ß” ß» ß²",
    "« le passé…» l’été…» CAFÉ” DÉJÀ » À » É” ÎLE… Ü“ Ä–Ü Ö… NÖ” Ä“",
    "voilà»… né…» ç”»",
    "10 Â, Ã, Â und Ã allein; São Paulo, AÇÃO, MAÇÔ",
    "ÅSA” Å“ Ø» Ñ”",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_right_stays(text):
    assert undo(text) == (text, 0)


def test_a_span_is_undone_among_right_text():
    assert undo("schön, aber fÃ¼r und grÃ¼n: â€žjaâ€œ") == ("schön, aber für und grün: „ja“", 4)


def test_each_kind_is_counted():
    text, counts = repair("\ufeffa\r\nb\rc\u2028d\x0ce\xadf\u200bg\x00h\x07i u\u0308\n\u200d👩")
    assert text == "a\nb\nc\nd\nefghi ü\n\u200d👩"
    assert counts == {
        "repair.line_ends": 4,
        "repair.invisible": 3,
        "repair.controls": 2,
        "repair.nfc": 1,
    }


def test_right_text_is_not_copied_or_counted():
    text = "Ein Text,\n\tmit Tabulator und Grüßen. " * 50
    assert repair(text).text is text


PARTS = st.sampled_from(
    [*RIGHT, *STAYS, *map(misread, RIGHT), "\xad", "\u200b", "\r", "\n", "\x85", "\0"]
)
SEAMS = st.text("ÃÂâÅð€™œž“”\xa0\xad\x80\x9d\u0303\u0308uaA¼Ÿ\u200b\r\n", max_size=12)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(PARTS, SEAMS, st.text(max_size=9)), max_size=6).map("".join))
def test_repaired_again_it_stays_the_same(text):
    once = repair(text)
    assert repair(once.text) == (once.text, {})
    assert unicodedata.is_normalized("NFC", once.text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(max_codepoint=0x7F), max_size=50))
def test_ascii_keeps_what_can_be_seen(text):
    assert repair(text).text.replace("\n", "") == "".join(
        c for c in text if c >= " " and c != "\x7f" or c == "\t"
    )
