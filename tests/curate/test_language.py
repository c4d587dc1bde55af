"""Languages are told apart on short and on long texts, without a socket."""

import socket

import pytest

from gptengine.curate.document import Document
from gptengine.curate.language import LanguageFilter, detect

pytest.importorskip("py3langid")
pytest.importorskip("resiliparse")

SENTENCES = {
    "de": [
        "Der Zug nach Hamburg fährt heute leider mit einer Stunde Verspätung ab.",
        "Wenn es morgen regnet, bleiben wir zu Hause und lesen ein gutes Buch.",
        "Die Kinder haben im Garten einen alten Schlüssel gefunden.",
        "Niemand wusste, warum das Licht in der Küche noch brannte.",
    ],
    "en": [
        "The train to London leaves one hour late today because of the storm.",
        "If it rains tomorrow we will stay at home and read a good book.",
        "The children found an old key in the garden behind the house.",
        "Nobody knew why the light in the kitchen was still on.",
    ],
    "fr": ["Le train pour Paris partira avec une heure de retard à cause de la tempête."],
    "es": ["El tren a Madrid saldrá hoy con una hora de retraso por culpa de la tormenta."],
    "ru": ["Поезд в Москву сегодня отправится с опозданием на один час из-за бури."],
}


@pytest.mark.parametrize("code", SENTENCES)
def test_single_sentences(code):
    for sentence in SENTENCES[code]:
        found, confidence = detect(sentence)
        assert (found, confidence > 0.8) == (code, True), (sentence, confidence)


@pytest.mark.parametrize("code", ["de", "en"])
def test_long_texts_need_only_the_fast_detector(code, monkeypatch):
    monkeypatch.setattr("gptengine.curate.language._careful", lambda: pytest.fail("was asked"))
    text = " ".join(SENTENCES[code] * 30)
    assert detect(text)[0] == code and 0.9 < detect(text)[1] <= 1.0


def test_what_has_no_letters_has_no_language():
    for text in ("", " \n", "12345 67.8", "!?" * 500):
        assert detect(text) == ("", 0.0)


def test_the_sample_is_bounded_and_sees_the_middle():
    menu = "Home Login Contact " * 80
    assert detect(menu + " ".join(SENTENCES["de"] * 100))[0] == "de"
    assert detect(" ".join(SENTENCES["de"] * 10) * 1000)[0] == "de"


def test_no_socket_is_opened(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *a, **k: pytest.fail("a socket was opened"))
    detect(SENTENCES["de"][0])
    detect(SENTENCES["en"][0] * 20)


def test_the_filter_keeps_what_is_wanted_and_sure():
    def failed(filter, language, confidence=0.9):
        document = Document(
            "0", "s", "t", language=language, meta={"language_confidence": confidence}
        )
        return [c.reason for c in filter.checks(document) if not c.passed]

    both = LanguageFilter(("de", "en"))
    assert failed(both, "de") == [] and failed(both, "fr") == ["language.other"]
    assert failed(both, "de", 0.2) == ["language.unsure"]
    assert failed(LanguageFilter(), "fr") == [] and "language.other" in failed(LanguageFilter(), "")
