"""Made-up texts with planted near-duplicates, by kind of edit and by how much they still share."""

import sys
from pathlib import Path

import numpy as np

from reference import curation

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench.planted_copies import EDITS, edited

LETTERS = [*"etaoinshrdlucmfäöüß"]
EQUAL = {  # edits that leave all words
    "exact": lambda whole: whole,
    "case": lambda whole: whole.replace("ß", "x").upper().replace("X", "ß"),
    "spaces": lambda whole: whole.replace(". ", " !\n\n"),
}
KINDS = [*EQUAL, *EDITS]


def vocabulary(rng, size=3000):
    return ["".join(rng.choice(LETTERS, n)) for n in rng.integers(2, 10, size)]


def text(rng, words, length=400):
    """Sentences of words of which a few are frequent, as in a language."""
    chosen = (len(words) * rng.random(length) ** 3).astype(int)
    sentences = [" ".join(words[i] for i in chosen[at : at + 12]) for at in range(0, length, 12)]
    return "".join(f"{s[:1].upper()}{s[1:]}. " for s in sentences)


def pairs(count, seed=0):
    """(texts, which base each is of, kind of edit, Jaccard with the base), bases first."""
    rng = np.random.default_rng(seed)
    words = vocabulary(rng)
    bases = [text(rng, words) for _ in range(count)]
    kinds = [KINDS[i % len(KINDS)] for i in range(count)]
    wanted = 0.5 + 0.5 * rng.random(count)
    copies = [
        EQUAL[kind](base) if kind in EQUAL else edited(rng, kind, base, share, words)
        for kind, base, share in zip(kinds, bases, wanted.tolist(), strict=True)
    ]
    jaccard = [overlap(a, b) for a, b in zip(bases, copies, strict=True)]
    return bases + copies, [*range(count)] * 2, kinds, np.array(jaccard)


def overlap(one, two, width=5):
    a, b = (
        {tuple(words[i : i + width]) for i in range(len(words) - width + 1)}
        for words in map(curation.folded_words, (one, two))
    )
    return len(a & b) / len(a | b)
