"""What curation's filters look for in a text, written plainly: phrases, lists, hashes, places."""

import re

import numpy as np

from gptengine.curate.spam import PLACEHOLDER

SEPARATORS = (",", "|", "•", "·", ";", " / ", " - ", " – ", " » ", " > ", "✓", "★", "#")
LIST_ITEMS, LIST_WORDS = 8, 3.5
MASK = 2**64 - 1
BASE, SPREAD = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9
WIDE_PUNCTUATION = ((0x3000, 0x3004), (0x3008, 0x3020), (0xFF00, 0xFF10), (0xFF1A, 0xFF21))
SEPARATOR_BYTES = b" ./()-\xc2\xa0\xe2\x80\x91\x93\x89\xaf"  # within a number


def phrases(text, wanted):
    folded = text.lower()
    found = {}
    for phrase in wanted:
        bounds = (r"\b" * phrase[0].isalnum(), r"\b" * phrase[-1].isalnum())
        count = len(re.findall(bounds[0] + re.escape(phrase) + bounds[1], folded))
        if count:
            found[phrase] = count
    return found


def without_policy_lines(text, wanted, longest):
    about = lambda line: len(line) <= longest and any(p in line.lower() for p in wanted)
    return "\n".join(line for line in text.split("\n") if not about(line))


def list_share(text):
    total = inside = 0
    for line in text.split("\n"):
        items = 1 + max(map(line.count, SEPARATORS))
        total += len(line)
        if len(line) >= 3 * LIST_ITEMS and items >= LIST_ITEMS:
            inside += len(line) * (1 + line.count(" ") <= LIST_WORDS * items)
    return inside / total if total else 0.0


def line_forms(text, longest):
    """What of each line counts for a host's repeated ones; None: too long, or without a letter."""
    for line in text.split("\n"):
        if len(line) > longest:
            yield None
            continue
        line = re.sub(r"\s+", " ", re.sub(r"\d+", "0", line)).strip().casefold()
        yield line if any(map(str.isalpha, line)) else None


def placeholders(text):
    return PLACEHOLDER.findall(text)


def mixed(value):
    value ^= value >> 31
    value = value * SPREAD & MASK
    return value ^ value >> 29


def polynomial(values):
    """The first value times the highest power."""
    total = 0
    for value in values:
        total = (total * BASE + value) & MASK
    return total


def word_value(char):
    """What a character of lower case counts in the hash of its word; 0 if it is in none."""
    code = ord(char)
    if code >= 0x3000:
        return 0 if any(first <= code < end for first, end in WIDE_PUNCTUATION) else code
    if char.isdigit():
        return ord("0")
    return code if char.isalnum() or 0x300 <= code < 0x370 else 0


def word_hashes(text):
    hashes, word = [], []
    for value in [*map(word_value, text.lower()), 0]:
        if value:
            word.append(value)
        elif word:
            hashes.append(mixed(polynomial(word[::-1])))
            word = []
    return hashes


def ngram_hashes(words, n):
    return [mixed(polynomial(words[i : i + n])) for i in range(len(words) - n + 1)]


def readings(model, words):
    """log p(w | u v) and log p(w) of the words that a model has, by its formula."""
    tables = [{int(key): shares for key, *shares in t.full().tolist()} for t in model.tables]
    logs, alone = [], []
    for i, word in enumerate(words):
        if word not in tables[0]:
            continue
        p = single = tables[0][word][0] + model.unseen
        for n in (2, 3)[: min(i, 2)]:
            seen, _ = tables[n - 1].get(ngram_hashes(words[i - n + 1 : i + 1], n)[0], (0, 1))
            before = words[i - n + 1 : i]
            context = ngram_hashes(before, n - 1)[0] if n > 2 else before[0]
            _, rest = tables[n - 2].get(context, (0, 1))
            p = seen + rest * p
        logs.append(np.log(p))
        alone.append(np.log(single))
    return logs, alone


def personal_places(data):
    """By the names of gptengine.curate.personal.places.Places, of bytes."""
    starts = lambda pattern: [match.start() for match in re.finditer(pattern, data)]
    return dict(
        at_signs=starts(rb"@"),
        spelled=starts(rb"(?=[(\[{](?:at| at |AT|\xc3\xa4t))"),
        colons=starts(rb":[0-9A-Fa-f]{0,4}:"),
        schemes=starts(rb"://"),
        paths=starts(rb"\.(?:com|net|me|tv|de)/"),
        ibans=starts(rb"(?<![0-9A-Za-z\x80-\xff])(?=[A-Za-z]{2}[0-9]{2})"),
        groups=[place for group in groups(data) for place in group],
    )


def groups(data):
    """Digits with at most five separators between, six of them or three single dots between."""
    found = []
    for match in re.finditer(rb"[0-9]+", data):
        start, end = match.span()
        between = data[found[-1][1] : start] if found else b""
        if found and len(between) <= 5 and not between.strip(SEPARATOR_BYTES):
            found[-1][1] = end
            found[-1][2] += end - start
            found[-1][3] += between == b"."
        else:
            found.append([start, end, end - start, 0])
    return [(start, end) for start, end, digits, dots in found if digits >= 6 or dots >= 3]
