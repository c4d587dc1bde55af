"""What curation counts of a text and how it signs it, written from the headers' definitions.

Slow and short: cpp/text/text_statistics.h, folded_words.h and minhash.h, with Python's own tables
of characters.
"""

import itertools
import unicodedata
from collections import Counter

import numpy as np

from reference.split import kind

BULLETS = "•‣⁃▪▫●○◦■□▶►"
SPACED_BULLETS = "-*+–—·"
CLOSERS = "\"'’”“‘»«›‹)]}」』）"
TERMINAL = ".!?…‼‽⁇⁈⁉؟۔।॥。！．？｡"
FIRST_HASH = 0x243F6A8885A308D3
MASK = 2**64 - 1


def folded(char):
    """Simple case folding: the full one where that is one character, else what Unicode says."""
    full = char.casefold()
    if len(full) == 1:
        return full
    return {"\u1fd3": "\u0390", "\u1fe3": "\u03b0", "ﬅ": "ﬆ"}.get(
        char, char.lower() if len(char.lower()) == 1 else char
    )


def spans(text):
    """Start and end of each word."""
    inside = [kind(c) in "UlLMN" for c in text]
    for i in range(1, len(text) - 1):
        joins = text[i] in "'’-" and kind(text[i - 1]) in "UlLM" and kind(text[i + 1]) in "UlL"
        inside[i] = inside[i] or joins
    start = 0
    for is_word, run in itertools.groupby(inside):
        end = start + len(list(run))
        if is_word:
            yield start, end
        start = end


def folded_words(text):
    return ["".join(map(folded, text[a:b])).replace("’", "'") for a, b in spans(text)]


def trimmed(line):
    visible = [i for i, c in enumerate(line) if kind(c) != "S"]
    return line[visible[0] : visible[-1] + 1] if visible else ""


def ends_sentence(line):
    while line and line[-1] in CLOSERS:
        line = line[:-1]
    return line[-1:] in {*TERMINAL}


def begins_with_bullet(line):
    spaced = len(line) > 1 and line[0] in SPACED_BULLETS and kind(line[1]) == "S"
    return line[0] in BULLETS or spaced


def repeated(items):
    seen = set()
    return [item for item in items if item in seen or seen.add(item)]


def urls(text):
    count = 0
    for a, b in spans(text):
        word, rest = text[a:b].lower(), text[b:]
        count += word in ("http", "https") and text[a:b].isascii() and rest.startswith("://")
        count += text[a:b] in WWW and rest.startswith(".") and text[a - 1 : a] != "/"
    return count


WWW = {"".join(w) for w in itertools.product("wW", repeat=3)}


def sentences(text):
    followed = zip(text, text[1:] + " ", strict=False)
    return sum(c in "。！？" or (c in ".!?…" and kind(after) == "S") for c, after in followed)


def top_ngram_characters(words, n):
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    most = max(counts.values(), default=0)
    covers = [most * len(" ".join(gram)) for gram, count in counts.items() if count == most]
    return max(covers) if most > 1 else 0


def duplicate_ngram_characters(words, n):
    seen, covered = set(), set()
    for i in range(len(words) - n + 1):
        gram = tuple(words[i : i + n])
        if gram in seen:
            covered.update(range(i, i + n))
        seen.add(gram)
    return sum(len(words[i]) for i in covered)


def statistics(data, stop_words=()):
    """By name, of bytes."""
    text = data.decode("utf-8", "replace")
    kinds = Counter(map(kind, text))
    words = folded_words(text)
    lines = [trimmed(line) for line in text.split("\n")]
    blocks = (list(run) for full, run in itertools.groupby(lines, bool) if full)
    paragraphs = [tuple(block) for block in blocks]
    lines = [line for line in lines if line]
    again, paragraphs_again = repeated(lines), repeated(paragraphs)
    return dict(
        bytes=len(data),
        characters=len(text),
        letters=sum(kinds[k] for k in "UlL"),
        digits=kinds["N"],
        whitespace=kinds["S"],
        uppercase=kinds["U"],
        punctuation=sum(unicodedata.category(c).startswith("P") for c in text),
        symbols_hash=text.count("#"),
        curly_brackets=text.count("{") + text.count("}"),
        newlines=text.count("\n"),
        ellipses=text.count("…") + text.count("..."),
        sentences=sentences(text),
        urls=urls(text),
        words=len(words),
        word_characters=sum(map(len, words)),
        words_with_letter=sum(any(kind(c) in "UlL" for c in word) for word in words),
        distinct_words=len(set(words)),
        longest_word=max(map(len, words), default=0),
        top_word_count=max(Counter(words).values(), default=0),
        stop_words=sum(word in stop_words for word in words),
        distinct_stop_words=len(set(words) & set(stop_words)),
        lines=len(lines),
        line_characters=sum(map(len, lines)),
        longest_line=max(map(len, lines), default=0),
        short_lines=sum(len(line) <= 30 for line in lines),
        bullet_lines=sum(map(begins_with_bullet, lines)),
        ellipsis_lines=sum(line.endswith(("…", "...")) for line in lines),
        terminal_punctuation_lines=sum(map(ends_sentence, lines)),
        duplicate_lines=len(again),
        duplicate_line_characters=sum(map(len, again)),
        paragraphs=len(paragraphs),
        duplicate_paragraphs=len(paragraphs_again),
        duplicate_paragraph_characters=sum(
            len(line) for block in paragraphs_again for line in block
        ),
        top_ngram_characters={n: top_ngram_characters(words, n) for n in (2, 3, 4)},
        duplicate_ngram_characters={n: duplicate_ngram_characters(words, n) for n in range(5, 11)},
    )


def mix(a, b):
    product = ((a ^ 0x9E3779B97F4A7C15) & MASK) * ((b ^ 0xD6E8FEB86659FD93) & MASK)
    return (product & MASK) ^ (product >> 64)


def word_hash(word):
    data, value = word.encode(), FIRST_HASH
    for at in range(0, len(data), 8):
        value = mix(value, int.from_bytes(data[at : at + 8], "little"))
    return mix(value, len(data))


def without_numbers(word):
    """Each run of numbers as one 0."""
    runs = itertools.groupby(word, lambda c: kind(c) == "N")
    return "".join("0" if number else "".join(run) for number, run in runs)


def signature(data, permutations, width, seed):
    """The place values of a text in bytes, by the formula."""
    digits = sum(b in b"0123456789" for b in data)
    others = sum(bytes([b]).isalpha() or b >= 0xC0 for b in data)
    words = folded_words(data.decode("utf-8", "replace"))
    if digits * 5 <= digits + others:
        words = map(without_numbers, words)
    hashes = [word_hash(word) for word in words]
    sums = set()
    for i in range(max(len(hashes) - width + 1, min(len(hashes), 1))):
        total = 0
        for value in hashes[i : i + width]:
            total = (total * 0x9E3779B97F4A7C15 + value) & MASK
        sums.add(mix(total, 0) & 0xFFFFFFFF)
    places = []
    for k in range(permutations):
        times = mix(mix(seed, 2 * k), 1) & 0xFFFFFFFF | 1
        plus = mix(mix(seed, 2 * k + 1), 2)
        places.append(min(((times * x + plus) & 0xFFFFFFFF for x in sums), default=0xFFFFFFFF))
    return np.array(places, np.uint32)
