"""Texts with planted near-duplicates, by kind of edit and by how much they still share."""

import numpy as np

from reference import curation

HEAD = "Home | News | Sport | Login\nSubscribe to our newsletter\n"
FOOT = "\nCopyright 2024 Example Media. All rights reserved. Terms of use. Privacy policy.\n"
LETTERS = [*"etaoinshrdlucmfäöüß"]


def vocabulary(rng, size=3000):
    return ["".join(rng.choice(LETTERS, n)) for n in rng.integers(2, 10, size)]


def text(rng, words, length=400):
    """Sentences of words of which a few are frequent, as in a language."""
    chosen = (len(words) * rng.random(length) ** 3).astype(int)
    sentences = [" ".join(words[i] for i in chosen[at : at + 12]) for at in range(0, length, 12)]
    return "".join(f"{s[:1].upper()}{s[1:]}. " for s in sentences)


def substituted(share):
    def edit(rng, words, whole):
        drawn = rng.random(len(whole.split()))
        swap = lambda word, u: words[int(u / share * len(words))] if u < share else word
        return " ".join(map(swap, whole.split(), drawn))

    return edit


EDITS = {
    "exact": lambda rng, words, whole: whole,
    "case": lambda rng, words, whole: whole.replace("ß", "x").upper().replace("X", "ß"),
    "spaces": lambda rng, words, whole: whole.replace(". ", " !\n\n"),
    "frame": lambda rng, words, whole: HEAD + whole + FOOT,
    "cut": lambda rng, words, whole: whole[: len(whole) * 9 // 10],
    "half": lambda rng, words, whole: whole[: len(whole) // 2],
    **{f"{s}": substituted(s) for s in (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)},
}


def pairs(count, seed=0):
    """(texts, which base each is of, kind of edit, Jaccard with the base), bases first."""
    rng = np.random.default_rng(seed)
    words = vocabulary(rng)
    bases = [text(rng, words) for _ in range(count)]
    kinds = [[*EDITS][i % len(EDITS)] for i in range(count)]
    edited = [EDITS[kind](rng, words, base) for kind, base in zip(kinds, bases, strict=True)]
    jaccard = [overlap(a, b) for a, b in zip(bases, edited, strict=True)]
    return bases + edited, [*range(count)] * 2, kinds, np.array(jaccard)


def overlap(one, two, width=5):
    a, b = (
        {tuple(words[i : i + width]) for i in range(len(words) - width + 1)}
        for words in map(curation.folded_words, (one, two))
    )
    return len(a & b) / len(a | b)
