"""Pages become their text, and what stands around it goes."""

import socket
import time

import pytest

from gptengine.curate import extract as extracting
from gptengine.curate.boilerplate import is_boilerplate, without_boilerplate
from gptengine.curate.document import Loss
from gptengine.curate.extract import DEEPEST, EXTRACTORS, ExtractOptions, extract
from gptengine.curate.page import facts

ARTICLE = [
    "Der Rat der Stadt hat am Dienstag beschlossen, die alte Brücke im Süden zu erneuern.",
    "Die Arbeiten beginnen im Mai und sollen, wenn das Wetter mitspielt, zwei Jahre dauern.",
    "Bis dahin bleibt die Brücke für Fußgänger und für Fahrräder in beiden Richtungen offen.",
]
PAGE = f"""<!DOCTYPE html><html lang="de"><head>
<meta charset="utf-8"><title>Br&uuml;cke &amp; Rat</title>
<meta name="robots" content="noindex, NOAI"><meta name="tdm-reservation" content="1">
<script>var x = "<p>nicht zu lesen</p>";</script></head><body>
<nav><ul><li><a href="/">Start</a></li><li><a href="/sport">Sport</a></li></ul></nav>
<article><h1>Neue Brücke</h1>{"".join(f"<p>{p}</p>" for p in ARTICLE)}
<p>Artikel teilen</p><p>Lesen Sie auch: Der neue Park</p></article>
<div class="cookie-banner"><p>Wir verwenden Cookies, um unsere Seite zu verbessern.</p></div>
<footer><p>© 2026 Zeitung. Alle Rechte vorbehalten</p>
<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC BY</a></footer></body>
</html>"""

pytest.importorskip("trafilatura")
pytest.importorskip("resiliparse")
each = pytest.mark.parametrize("extractor", EXTRACTORS)


@each
def test_the_article_stays_and_what_is_around_it_goes(extractor):
    page = extract(PAGE, ExtractOptions(extractor))
    for paragraph in ARTICLE:
        assert paragraph in page.text
    for gone in ("Sport", "nicht zu lesen", "teilen", "Lesen Sie auch", "Cookies", "©"):
        assert gone not in page.text


def test_what_a_page_says_of_itself():
    found = {
        "title": "Brücke & Rat",
        "robots": "noindex, noai, tdm-reservation:1",
        "licence": "https://creativecommons.org/licenses/by/4.0/",
    }
    assert extract(PAGE).facts == facts(PAGE) == found
    assert facts("no HTML") == {}


@each
def test_extraction_opens_no_socket(extractor, monkeypatch):
    def refused(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert ARTICLE[0] in extract(PAGE, ExtractOptions(extractor)).text


@each
def test_the_same_page_gives_the_same_text_whatever_came_before(extractor):
    options = ExtractOptions(extractor)
    first = extract(PAGE, options)
    for _ in range(3):
        extract(PAGE.replace("Brücke", "Straße"), options)
        assert extract(PAGE, options) == first


@each
def test_a_fragment_and_an_old_declaration(extractor):
    options = ExtractOptions(extractor)
    assert extract(f"<p>{ARTICLE[0]}</p>", options).text == ARTICLE[0]
    old = '<?xml version="1.0" encoding="iso-8859-1"?>\n' + PAGE
    assert ARTICLE[0] in extract(old, options).text
    assert ARTICLE[0] in extract(PAGE.replace("Neue", "Neue\0"), options).text


def nested(depth, tag="div"):
    text = "<p>" + " ".join(ARTICLE) + "</p>"
    return f"<html><body>{f'<{tag}>' * depth}{text}{f'</{tag}>' * depth}</body></html>"


def too_deep(html):
    return extracting.too_deep(html.encode(), extracting._opens(html.encode()))


@each
def test_pages_nested_too_deeply_are_a_loss(extractor):
    options = ExtractOptions(extractor)
    assert ARTICLE[0] in extract(nested(DEEPEST - 60), options).text
    for depth in (DEEPEST + 10, 100_000):
        lost = extract(nested(depth), options, "here")
        assert lost == Loss(
            "extract.too_deep", "here", f"more than {DEEPEST} elements within each other"
        )


def test_elements_that_close_themselves_are_not_deep():
    assert not too_deep("<ul>" + "<li>one<br>two" * 5000 + "</ul>")
    assert not too_deep("<IMG src=x><meta a><hr/>" * 500) and too_deep("<metadata>" * 500)
    assert not too_deep("<p>x" * 5000) and not too_deep("</p>" * 1000 + PAGE)
    assert too_deep("</p>" * 1000 + nested(300))
    assert not too_deep("<script>" + "if (a<b) c();" * 500 + "</script>")


@each
def test_a_page_that_is_too_long_is_a_loss(extractor):
    lost = extract(PAGE, ExtractOptions(extractor, most_characters=100))
    assert lost.reason == "extract.too_long" and lost.detail.endswith("characters, at most 100")


BOMBS = [
    "<",
    "<a ",
    "<!--",
    "</p>",
    "<b><p>",
    "<table>",
    "<svg><path>",
    "&#0;",
    "<title>",
    "\0",
    "\ud800",
]


CELLS = "<td>1</td>"
BEYOND = {
    "siblings": "<p>x</p>" * 100_000,
    "unclosed": "<p>word " * 100_000,
    "one row": f"<table><tr>{CELLS * 100_000}</tr></table>",
    "attributes": f"<p {' '.join(f'a{i}=1' for i in range(100_000))}>text</p>",
    "attributes by quotes": "<p " + "".join(f"a{i}='>'" for i in range(100_000)) + ">text</p>",
    "several tags": f"<p {'a/' * 20_000}>" * 3,
}


@each
@pytest.mark.parametrize("page", BEYOND)
def test_what_extractors_would_take_long_for_is_a_loss(page, extractor):
    lost = extract(f"<html><body>{BEYOND[page]}</body></html>", ExtractOptions(extractor), "here")
    assert lost.reason == "extract.too_many" and lost.detail.endswith(", at most 30,000")


def test_a_table_of_5_megabytes_is_a_loss():
    assert extract("<table>" + "<tr><td>1</td></tr>" * 300_000).reason == "extract.too_long"


WITHIN = {
    "one row": f"<table><tr>{CELLS * 29_900}</tr></table>",
    "unclosed": "<p>word " * 29_900,
    "articles": "<article><p>A word.</p></article>" * 14_900,
    "attributes": f"<p {' '.join(f'a{i}=1' for i in range(29_900))}>",
    "one attribute": f"<img src='data:image/png;base64,{'A' * 1_900_000}'>",
    "one script": "<script>" + "if (a < b) c();" * 100_000 + "</script>",
    "attributes of the head": "<head>" + f"<meta {'x' * 990}>" * 1900 + "</head>",
}


@each
@pytest.mark.parametrize("page", WITHIN)
def test_the_worst_within_the_bounds_ends_soon(page, extractor):
    start = time.process_time()
    found = extract(f"<html>{WITHIN[page]}<p>{ARTICLE[0]}</p></html>", ExtractOptions(extractor))
    assert isinstance(found.text, str)
    assert time.process_time() - start < 30


def test_pages_with_much_between_attributes_are_read():
    long = f"<p class='{'a ' * 40_000}' data-x=\"{'/' * 40_000}\">{ARTICLE[0]}</p>"
    assert ARTICLE[0] in extract(long).text


@each
@pytest.mark.parametrize("bomb", BOMBS)
def test_hostile_pages_end_soon(bomb, extractor):
    start = time.process_time()
    result = extract(bomb * (40_000 // len(bomb)), ExtractOptions(extractor))
    assert isinstance(result[0], str)
    assert time.process_time() - start < 5


def test_an_extractor_that_fails_is_a_loss(monkeypatch):
    import trafilatura

    def fails(*args, **kwargs):
        raise AttributeError("no such element")

    monkeypatch.setattr(trafilatura, "extract", fails)
    assert extract(PAGE) == Loss("extract.failed", "", "AttributeError: no such element")


def test_options_are_checked():
    with pytest.raises(ValueError, match="extractor 'x' is none of trafilatura, resiliparse"):
        ExtractOptions("x")


FURNITURE = [
    "Teilen",
    "| Artikel drucken |",
    "Auf Facebook teilen",
    "Share on Twitter",
    "Wir verwenden Cookies, um Inhalte zu personalisieren.",
    "By continuing to browse you agree to our use of cookies.",
    "© 2026 Example Media",
    "Alle Rechte vorbehalten.",
    "Mehr zum Thema:",
    "Lesen Sie auch: Was nun?",
    "Related articles",
    "3 Kommentare",
    "View comments",
    "Impressum",
    "Loading...",
    "Subscribe now to our newsletter",
]
WRITTEN = [
    "Wir teilen die Meinung des Rates nicht.",
    "Wir backen heute Cookies mit Nüssen.",
    "Cookies schmecken sehr gut",
    "Viele Seiten verwenden Cookies, und das Gericht hat entschieden, wann sie fragen müssen.",
    "The contact was lost at noon.",
    "Share prices fell by 3 percent.",
    "Kommentare der Leser sind das Herz der Zeitung.",
    "He wanted to print it.",
    "copyright in them. And the last one always tells wonderfully.",
    "",
]


@pytest.mark.parametrize("line", FURNITURE)
def test_furniture_goes(line):
    assert is_boilerplate(line)


@pytest.mark.parametrize("line", WRITTEN)
def test_what_somebody_wrote_stays(line):
    assert not is_boilerplate(line)


def test_only_lines_go():
    text = "\n".join(w + "\n" + f for w, f in zip(WRITTEN, FURNITURE, strict=False))
    assert without_boilerplate(text) == "\n".join(WRITTEN)
