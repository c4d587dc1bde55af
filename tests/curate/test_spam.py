"""Bait is told from prose, in both languages and by every rule."""

import pytest
import spam_pages
from prose import DE, EN

from gptengine.curate.document import Document
from gptengine.curate.spam import RULES, Spam, list_share, phrases


def failed(text, language):
    checks = list(Spam().checks(Document("0", "web", text, language=language)))
    return [c.reason.removeprefix("spam.") for c in checks if not c.passed]


PAGES = [(page, "en") for page in spam_pages.EN] + [(page, "de") for page in spam_pages.DE]


@pytest.mark.parametrize("page, language", PAGES, ids=lambda v: v[:20])
def test_bait_is_dropped(page, language):
    assert failed(page, language)


def test_every_rule_drops_something():
    assert len(PAGES) == 30
    assert {rule for page, language in PAGES for rule in failed(page, language)} == set(RULES)


GOOD = [
    (EN, "en"),
    (DE, "de"),
    ("Buy now? I asked the man for a discount, and he laughed. " + EN, "en"),
    ("They had apples, pears, plums, figs, nuts, bread, wine, cheese and salt. " + EN, "en"),
    ("Wir kauften Äpfel, Birnen, Pflaumen, Feigen, Nüsse, Brot, Wein, Käse und Salz. " + DE, "de"),
    ("An array a[i] is 50% of {b}; see https://docs.example/a and www.example. " + EN, "en"),
    ("§ 1 Bundesrepublik Deutschland\n" + DE, "de"),
    (EN, "fr"),
]


@pytest.mark.parametrize("text, language", GOOD)
def test_prose_stays(text, language):
    assert failed(text, language) == []


def test_only_the_beginning_is_looked_at():
    long = DE * 100
    assert len(long) > 50_000
    assert failed(long + spam_pages.DE[0] * 10, "de") == []


def test_parts():
    assert list_share("a, b, c, d, e, f, g, h, i, j") == 1.0
    assert list_share("a | b\n" + "word and more words, " * 8) == 0.0
    assert list_share("") == 0.0
    assert phrases("Museo seo, SEO! buy nowhere", ("seo", "buy now", "#1")) == {"seo": 2}
    assert phrases("we are #1 now", ("#1",)) == {"#1": 1}


def test_what_was_found_is_said():
    checks = {
        c.reason: c for c in Spam().checks(Document("0", "", spam_pages.EN[-1], "", "", "en"))
    }
    assert "free shipping" in checks["spam.phrases"].note
    checks = Spam().checks(Document("0", "", "in {{ city }} and %KEYWORD%", "", "", "en"))
    assert next(checks).note == "{{ city }}, %KEYWORD%"
