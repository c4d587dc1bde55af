"""Lines about cookies go, prose about them stays; obscene words are counted in a thousand."""

import pytest
from prose import DE, EN

from gptengine.curate.bad_words import BadWords, default_words, density, load_words
from gptengine.curate.document import Document
from gptengine.curate.policy_lines import PolicyLines


def document(text, language):
    return Document("0", "web", text, language=language)


@pytest.mark.parametrize(
    "language, prose, line",
    [
        ("en", EN, "This site uses cookies. Accept all cookies?"),
        ("en", EN, "Please enable JavaScript to view the comments."),
        ("en", EN, "© 2020 Us. All rights reserved. | Privacy Policy"),
        ("de", DE, "Diese Website verwendet Cookies. Mehr in der Datenschutzerklärung."),
        ("de", DE, "Bitte aktivieren Sie JavaScript in Ihrem Browser!"),
        ("de", DE, "ZUM INHALT SPRINGEN"),
    ],
)
def test_a_line_about_the_site_goes(language, prose, line):
    change = PolicyLines().change(document(f"{line}\n{prose}{line}", language))
    assert change == (prose.removesuffix("\n"), {"policy_lines.line": 2})


@pytest.mark.parametrize(
    "language, text",
    [
        ("en", EN),
        ("de", DE),
        ("en", "JavaScript is a language; a cookie is a small file, or a biscuit.\n"),
        ("en", "A court held that the privacy policy " + "of the firm was void " * 20),
        ("", "This site uses cookies.\n"),
    ],
)
def test_other_lines_stay(language, text):
    assert PolicyLines().change(document(text, language)) == (text, {})


def test_density():
    words = frozenset({"damn", "Fluß"})
    assert density("damn " + "fine " * 99, words) == 10.0
    assert density("DAMN fluß", words) == 1000 * 2 / 50, "a short text counts as 50 words"
    assert density("damnation", words) == density("", words) == 0.0


def test_one_word_in_a_novel_stays_and_a_page_of_them_goes():
    rule = BadWords()
    dropped = lambda text, language: [
        c.reason for c in rule.checks(document(text, language)) if not c.passed
    ]
    assert dropped(EN * 3 + "shit", "en") == []
    assert dropped("Free porn, hardcore sex and sexcam. " + EN, "en") == ["bad_words.density"]
    assert dropped("Porno, Sexcam und Telefonsex gratis. " + DE, "de") == ["bad_words.density"]
    assert dropped("porno sexcam " * 9, "it") == ["bad_words.density"], "a language without a list"
    assert BadWords(words={}).checks(document("porno", "de")).__next__().passed


def test_lists():
    lists = default_words()
    assert lists[""] == lists["en"] | lists["de"]
    assert not lists["en"] & {"ass", "cock", "dick", "the"}, "words with a harmless sense"


def test_own_lists(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("# mine\nfoo\nbar # a bar\n")
    assert load_words(path) == {"foo", "bar"}
    assert load_words("de", path) == default_words()["de"] | {"foo", "bar"}
    path.write_text("two words\n")
    with pytest.raises(ValueError, match="own.txt: 'two words' is not one word"):
        load_words(path)
