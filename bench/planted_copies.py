"""Copies of texts, planted: exact ones among others, and near ones by kind of edit and likeness."""

import re

HOME = (
    "Home | News | Sport | Kontakt | Login | Subscribe to our newsletter | Cookie settings | Share"
)


def exact(rng, texts, share):
    """[(number of the text, what it is, text)] in a random order; that share of all are copies.

    A few texts have most of the copies, as on the web. What it is: "text", a "copy" that differs in
    white space at most, or "other", for one text in twenty: almost a copy and none.
    """
    count = round((len(texts) + len(texts) // 20) * share / (1 - share))
    found = [(i, "text", text) for i, text in enumerate(texts)]
    found += [(i, "other", almost(rng, texts[i])) for i in range(len(texts) // 20)]
    for i in (len(texts) * rng.random(count) ** 3).astype(int).tolist():
        found.append((i, "copy", spaced(rng, texts[i])))
    return [found[i] for i in rng.permutation(len(found))]


def spaced(rng, text):
    """The same but for white space, at the ends and where there was some."""
    between = rng.choice(["\n", " ", "  ", "\r\n", " \t"])
    before, after = rng.choice(["", " ", "\n\n", "\t"], 2)
    return before + (between.join(text.split()) if rng.random() < 0.5 else text) + after


def almost(rng, text):
    """One letter's case, one word or one mark is another."""
    words = text.split(" ")
    at = int(rng.integers(len(words)))
    words[at] = str(rng.choice([words[at].swapcase() + "x", words[at] + ",", words[at] + " so"]))
    return " ".join(words)


def edited(rng, kind, text, jaccard, vocabulary):
    """The text after an edit that leaves about this Jaccard similarity of sets of word 5-grams."""
    return EDITS[kind](rng, text.split(" "), jaccard, vocabulary)


def _deleted(rng, words, jaccard, vocabulary):
    kept = rng.random(len(words)) >= _share_of_words(jaccard)
    return " ".join(word for word, stays in zip(words, kept, strict=True) if stays)


def _cut(rng, words, jaccard, vocabulary):
    start = int(rng.integers(1 + len(words) - int(jaccard * len(words))))
    return " ".join(words[start : start + int(jaccard * len(words))])


def _inserted(rng, words, jaccard, vocabulary):
    more = rng.random(len(words)) < _share_of_words(jaccard)
    new = rng.choice(vocabulary, len(words))
    return " ".join(f"{w} {n}" if m else w for w, n, m in zip(words, new, more, strict=True))


def _substituted(rng, words, jaccard, vocabulary):
    other = rng.random(len(words)) < _share_of_words(jaccard)
    new = rng.choice(vocabulary, len(words))
    return " ".join(n if o else w for w, n, o in zip(words, new, other, strict=True))


def _reordered(rng, words, jaccard, vocabulary):
    """Each border between pieces is within 4 shingles, here and in the copy."""
    borders = min(len(words) - 1, round(len(words) * (1 - jaccard) / (4 + 4 * jaccard)))
    at = [0, *sorted(rng.choice(len(words) - 1, borders, replace=False) + 1), len(words)]
    pieces = [" ".join(words[a:b]) for a, b in zip(at, at[1:], strict=False)]
    return "\n\n".join(pieces[i] for i in rng.permutation(len(pieces)))


def _framed(rng, words, jaccard, vocabulary):
    """A menu and a footer, which all pages of a site have."""
    frame = HOME.split(" ") + [*vocabulary[:: max(1, len(vocabulary) // 400)]]
    size = round(len(words) * (1 / jaccard - 1))
    around = [frame[i % len(frame)] for i in range(size)]
    return " ".join([*around[: size // 2], "\n", *words, "\n", *around[size // 2 :]])


def _share_of_words(jaccard):
    """Of words changed one by one: a shingle stays if none of its 5 is among them."""
    return 1 - (2 * jaccard / (1 + jaccard)) ** 0.2


EDITS = {
    "words deleted": _deleted,
    "ends cut off": _cut,
    "words inserted": _inserted,
    "words substituted": _substituted,
    "pieces reordered": _reordered,
    "boilerplate added": _framed,
}


def overlap(one, two, width=5):
    """The Jaccard similarity of the sets of word 5-grams."""
    a, b = (
        {tuple(words[i : i + width]) for i in range(len(words) - width + 1)}
        for words in (re.findall(r"\w+", text.lower()) for text in (one, two))
    )
    return len(a & b) / max(1, len(a | b))
