"""What the engine finds for curation's filters is what their plain definitions in Python find."""

import dataclasses
import functools
import unicodedata

import numpy as np
import pytest
import spam_pages
from hypothesis import given
from hypothesis import strategies as st
from prose import DE, EN, MENU

from gptengine import _core
from gptengine.curate.document import Document
from gptengine.curate.host_lines import line_hashes
from gptengine.curate.perplexity import train
from gptengine.curate.personal.places import find_places
from gptengine.curate.phrases import likely
from gptengine.curate.policy_lines import PolicyLines
from gptengine.curate.presets import default_presets
from gptengine.curate.spam import list_share, phrases, placeholders
from gptengine.curate.word_hashes import ngram_hashes, word_hashes
from reference import filters
from text.texts import byte_texts, texts

PRESETS = default_presets()
HAND = [EN, DE, MENU, "", "\n", *spam_pages.EN, *spam_pages.DE]
HAND += ["ΣΑΣ Σ İSTANBUL Straße STRASSE ½ ① ٣ x\u0301 漢字。字 \U0001f600"]
HAND += ["Discount! DİSCOUNT discounts. \u212aLICKEN SIE HIER. Rabattcode, Rabatt; ſale"]
WANTED = ("sale", "buy now", "buy", "now", "#1", "strasse", "über uns", "k", "σας", "i", "100 %")
MARKS = [
    *filters.SEPARATORS,
    *WANTED,
    *("a b", "\n", " ", "word", "{city}", "{a|b}", "[Ort]", "%stadt%", "{{", "{", "[", "%", "x"),
    *("SALE", "Über Uns", "BUY  NOW", "\u212a", "ΣΑΣ", "ΣΑ", "İ", "ſ", "ẞ", "𝟘", "Ⅷ", "³", "_"),
]
DATA = (
    "@|(at)|[ at ]|{AT}|(ät|:|::|af0|://|.com/|x.de/|DE89|1|12.|123456|1.2.3.4| |.|/|-|\xa0|\u2011"
)
DATA = [*map(str.encode, DATA.split("|")), b"a", b"\xff", b"\n"]


def found_of(text, wanted):
    return likely(text, dataclasses.replace(PRESETS[""], policy_lines=wanted, spam_phrases=()))


def marked():
    return st.lists(st.sampled_from(MARKS) | texts(3), max_size=60).map("".join)


@pytest.mark.parametrize("text", HAND, ids=range(len(HAND)))
def test_texts_by_hand(text):
    check_words(text)
    for preset in PRESETS.values():
        check_phrases(text, preset.spam_phrases)
        check_policy_lines(text, preset)


@given(marked())
def test_any_text(text):
    check_words(text)
    check_phrases(text, WANTED)


def check_words(text):
    hashes = word_hashes(text)
    assert hashes.tolist() == filters.word_hashes(text)
    for n in (1, 2, 5):
        assert ngram_hashes(hashes, n).tolist() == filters.ngram_hashes(hashes.tolist(), n)


def check_phrases(text, wanted):
    assert phrases(text, wanted) == filters.phrases(text, wanted)
    assert {phrase for phrase in wanted if phrase in text.lower()} <= found_of(text, wanted)
    assert list_share(text) == filters.list_share(text)
    assert placeholders(text) == filters.placeholders(text)


PARTS = [*"12aAßẞ٣½²\x1c\u3000\n\n", "SS", "ſ", "Ü", "ü", "ﬁ", "fi", "\u212a", "k", "İ", "ΐ"]


@given(st.lists(st.sampled_from(PARTS), max_size=80), st.integers(0, 9))
def test_lines_are_equal_as_defined(parts, longest):
    text = "".join(parts)
    forms = list(filters.line_forms(text, longest))
    hashes = line_hashes("a.example", text, longest).tolist()
    assert [h == 0 for h in hashes] == [form is None for form in forms]
    assert [hashes.index(h) for h in hashes] == [forms.index(form) for form in forms]


def test_every_character_is_folded_in_lines_as_defined():
    """Beside its own fold, in texts of a few, of which some need Python and others do not."""
    chars = [chr(c) for c in range(0x110000) if c != 10]
    for start in range(0, len(chars), 256):
        some = chars[start : start + 256]
        text = "".join(f"x{c}x\nx{c.casefold()}X\n" for c in some)
        hashes = line_hashes("a.example", text, 9)
        apart = [line_hashes("a.example", line, 9)[0] for line in text.split("\n")[::2]]
        assert (hashes[:-1:2] == hashes[1::2]).all() and hashes[::2].tolist() == apart


def check_policy_lines(text, preset):
    rule = PolicyLines()
    change = rule.change(Document("0", "web", text, language=preset.language))
    assert change.text == filters.without_policy_lines(text, preset.policy_lines, rule.longest)


def test_a_line_about_policy_is_found_in_any_case():
    text = "ſite uses cookies\nUSES COOKİES\nuses cookies\nUSES COO\u212aIES" + "\n" + "x" * 300
    check_policy_lines(text, PRESETS["en"])
    assert "USES COO\u212aIES" not in PolicyLines().change(
        Document("0", "web", text, language="en")
    ).text  # fmt: skip


def test_every_letter_is_found_by_its_lower_case():
    changed = [c for c in map(chr, range(0x110000)) if c.lower() != c]
    wanted = tuple(sorted({c.lower() for c in changed}))
    for char in changed:
        if unicodedata.category(char) != "Cs":
            assert char.lower() in found_of(f"x{char}y", wanted), hex(ord(char))
    assert len(changed) > 1300


def test_phrases_within_phrases_are_all_found():
    wanted = ("abc", "bc", "c", "bcd", "abcde", "x", "bc")
    assert found_of("zABCd", wanted) == {"abc", "bc", "c", "bcd"}
    assert found_of("", wanted) == found_of("abc", ()) == frozenset()
    with pytest.raises(ValueError, match="empty phrase"):
        found_of("abc", ("a", ""))


def test_every_character_counts_in_words_as_defined():
    lower = [low for code in range(0x110000) for low in chr(code).lower()]
    lower = [char for char in lower if unicodedata.category(char) != "Cs"]
    alone = [filters.mixed(value) for value in map(filters.word_value, lower) if value]
    assert word_hashes(" ".join(lower)).tolist() == alone
    text = "".join(chr(code) for code in range(0x3100))
    assert word_hashes(text).tolist() == filters.word_hashes(text)


@given(st.lists(st.sampled_from(EN.split() + ["zzz"]), max_size=40))
def test_probabilities(words):
    model = trained()
    text = " ".join(words)
    tables = [table.plain() for table in model.tables]
    p, alone = _core.word_probabilities(tables, model.unseen, word_hashes(text))
    logs, single = filters.readings(model, word_hashes(text).tolist())
    np.testing.assert_allclose(np.log(p), logs, rtol=1e-12)
    np.testing.assert_allclose(np.log(alone), single, rtol=1e-12)


@functools.cache
def trained():
    return train([EN * 9, DE * 9])


def test_tables_that_do_not_fit_are_refused():
    table, words = trained().tables[0], word_hashes(EN)
    for wrong in (table._replace(homes=len(table.slots)), table._replace(slots=table.slots[:-1])):
        with pytest.raises(ValueError, match="are no slots of"):
            wrong.find(words)
    with pytest.raises(ValueError, match="2 tables, not 3"):
        _core.word_probabilities([table.plain()] * 2, 0.0, words)


@given(
    st.lists(st.sampled_from(DATA) | st.binary(max_size=3), max_size=40).map(b"".join)
    | byte_texts()
)
def test_places_of_personal_data(data):
    assert find_places(data)._asdict() == filters.personal_places(data)
