"""Which language a text is in: a fast detector for plain cases, a careful one for the others."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from .document import Check, Document
from .optional import need

LOOKED_AT = 3000  # characters: half from the beginning, half from the middle
LOOKED_AT_CAREFULLY = 1000
SHORT = 400  # characters below which the fast detector is not asked
CLEAR = 0.1  # how much farther, as a share, the second language must be from the text


def detect(text: str) -> tuple[str, float]:
    """The language as ISO 639-1 and how sure that is, from 0 to 1; ("", 0.0) without any letter.

    Raises ValueError where gptengine[data] is not installed.
    """
    sample = _sample(text, LOOKED_AT)
    if not any(map(str.isalpha, sample)):
        return "", 0.0
    if len(sample) >= SHORT:
        nearest = _fast()(sample, n_results=2)
        if len(nearest) == 2:
            (code, distance), (_, second) = nearest
            lead = second / max(distance, 1) - 1
            if lead >= CLEAR:
                return code, min(1.0, 0.9 + lead / 2)
    code, confidence = _careful().classify(_sample(text, LOOKED_AT_CAREFULLY))
    return code, float(confidence)


def check_installed() -> None:
    """The ValueError of `detect`, before there is a text; the models are not loaded."""
    _fast()
    need("py3langid.langid", "detecting languages")


def _sample(text: str, length: int) -> str:
    """The beginning and the middle, with words whole enough for statistics of letters."""
    if len(text) <= length:
        return text
    half = length // 2
    middle = max(half, len(text) // 2)
    return text[:half] + " " + text[middle : middle + half]


@functools.cache
def _fast():
    return need("resiliparse.parse.lang", "detecting languages").detect_fast


@functools.cache
def _careful():
    module = need("py3langid.langid", "detecting languages")
    return module.LanguageIdentifier.from_model_file(module.MODEL_FILE, norm_probs=True)


@dataclass(frozen=True)
class LanguageFilter:
    """Keeps documents in some languages; without any named, those of which one was found.

    Reads `document.language` and what `detect` was sure of: `meta["language_confidence"]`.
    """

    languages: tuple[str, ...] = ()
    least_confidence: float = 0.5
    name: str = "language"

    def checks(self, document: Document) -> Iterator[Check]:
        code = document.language
        wanted = code in self.languages if self.languages else bool(code)
        yield Check("language.other", float(wanted), least=1.0, note=code)
        sure = float(document.meta.get("language_confidence", 1.0 if code else 0.0))
        yield Check("language.unsure", sure, least=self.least_confidence, note=code)
