"""Evaluation texts are found in documents by runs of words, and the set is named."""

import numpy as np
import pytest
from prose import DE, EN

from gptengine.curate.decontaminate import Decontaminate, index, overlap
from gptengine.curate.document import Document
from gptengine.curate.word_hashes import ngram_hashes, word_hashes

QUESTION = (
    "How many apples does Anna have left if she gives four of her nine apples away?"  # 16 words
)
SHORT = "Wie weit ist es von Köln nach Bonn?"  # 8 words
SETS = index({"sums": [QUESTION, "Too short."], "places": iter([SHORT, QUESTION])})


def checks(text, **settings):
    document = Document("0", "web", text)
    return [(c.value, c.passed, c.note) for c in Decontaminate(SETS, **settings).checks(document)]


def test_a_question_in_a_document():
    assert checks(EN) == [(0, True, ""), (0.0, True, "")]
    (count, passed, note), (share, _, _) = checks(f"{EN} {QUESTION.upper()} {EN}")
    assert (count, passed, note) == (4, False, "sums"), "16 words have 4 runs of 13"
    assert share == 16 / (16 + 2 * len(word_hashes(EN)))


def test_a_short_text_counts_as_a_whole():
    (count, passed, note), _ = checks(f"{DE} Wie  weit ist es\nvon köln nach BONN! {DE}")
    assert (count, passed, note) == (1, False, "places")
    assert checks("Wie weit ist es von Köln nach Essen?")[0] == (0, True, "")
    assert SETS.too_short == {"sums": 1, "places": 0}


def test_limits():
    assert checks(QUESTION, most=4)[0][1] and not checks(QUESTION, most=3)[0][1]
    assert not checks(QUESTION, most=9, most_share=0.99)[1][1]
    half = " ".join(QUESTION.split()[:12])
    assert checks(half)[0] == (0, True, ""), "12 words of 16 are no run of 13"
    assert overlap("", SETS) == (0, 0.0, "")
    with pytest.raises(ValueError, match="least 9 is not between 1 and words 8"):
        index({}, words=8, least=9)
    assert overlap(half, index({"a": [QUESTION]}, words=8))[0] == 5


def test_no_sets():
    assert overlap(EN, index({})) == (0, 0.0, "")


def test_words_are_hashed_by_what_they_are():
    same = word_hashes("Straße straße, STRASSE x1 X7 „Köln“ don't")
    assert len(same) == 8, "don t are two"
    assert same[0] == same[1] != same[2]
    assert same[3] == same[4], "digits are alike"
    assert same[5] == word_hashes("köln")[0]
    assert len(word_hashes("你好。世界 \U0001f600a \ud800b")) >= 4
    assert len(word_hashes("")) == len(word_hashes(" .,")) == 0
    words = word_hashes(EN)
    assert len(np.unique(words)) == len({w.strip(".,:").lower() for w in EN.split()})


def test_ngrams():
    words = word_hashes("a b c a b c")
    assert len(ngram_hashes(words, 7)) == 0 and len(ngram_hashes(words, 6)) == 1
    grams = ngram_hashes(words, 3)
    assert grams[0] == grams[3] and len(set(grams.tolist())) == 3
    assert (words == word_hashes("a b c a b c")).all(), "the words stay as they were"


def test_a_word_is_one_however_long():
    assert len(word_hashes("x" * 200_000 + " y")) == 2
