"""How many tokens a tokenizer makes of texts: by word, by byte, by language.

fertility(tok, [text, ...]).tokens_per_word
"""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Iterable, Iterator

import numpy as np

from gptengine import _core
from gptengine.tokenizer.arguments import utf8

MOST = 1 << 23  # bytes of text that are looked at: enough for three digits
BATCH = 1 << 22  # bytes
LETTERS = (1, 2, 3, 4)  # of _core.char_classes(): upper, lower, without case, marks


@dataclasses.dataclass(frozen=True)
class Fertility:
    """What was counted in a text.

    A word is a run of letters and marks, and has the tokens that reach into it; for the split
    "words" it is what stands between white space. Writing without spaces has few and long words:
    compare such languages by bytes_per_token or characters_per_token.
    """

    name: str
    documents: int
    bytes: int
    characters: int
    tokens: int
    words: int
    word_tokens: int  # tokens of words: one that reaches into two words counts in both
    whole_words: int  # words of one token
    uses: np.ndarray = dataclasses.field(repr=False, compare=False)  # (V,) how often each token was

    @property
    def tokens_per_word(self) -> float:
        return _ratio(self.word_tokens, self.words)

    @property
    def bytes_per_token(self) -> float:
        return _ratio(self.bytes, self.tokens)

    @property
    def characters_per_token(self) -> float:
        return _ratio(self.characters, self.tokens)

    @property
    def whole(self) -> float:
        """The share of words that stay whole."""
        return _ratio(self.whole_words, self.words)

    @property
    def used(self) -> int:
        """How many different tokens there were."""
        return int(np.count_nonzero(self.uses))


def fertility(
    tok,
    documents: Iterable[str | bytes],
    *,
    name="",
    most: int | None = MOST,
    specials="refuse",
) -> Fertility:
    """Count in documents, in at most the first `most` bytes (None: in all).

    specials as for Tokenizer.encode; what is not UTF-8 counts as U+FFFD.
    """
    sums = collections.Counter()
    uses = np.zeros(tok.vocab_size, np.int64)
    measure = _words_between_spaces if tok._vocabulary.split == "words" else _words_of_letters
    sizes = token_sizes(tok)
    for texts in batches(documents, most):
        ids, _ = tok.encode_batch(texts, specials=specials)
        uses += np.bincount(ids, minlength=tok.vocab_size)
        if tok._core.prefixed:  # tokens of spaces that are not there
            spans = [tok.encode_with_offsets(text, specials=specials)[1] for text in texts]
            lengths = np.concatenate([s[:, 1] - s[:, 0] for s in spans])
        else:
            lengths = sizes[ids]
        sums += measure(tok, texts, lengths, specials)
        sums["tokens"] += len(ids)
        sums["documents"] += len(texts)
    names = [f.name for f in dataclasses.fields(Fertility)[1:-1]]
    return Fertility(name, *(sums[n] for n in names), uses=uses)


def batches(documents: Iterable[str | bytes], most: int | None) -> Iterator[list[bytes]]:
    """Documents as valid UTF-8, some MB at a time, `most` bytes in all."""
    waiting, size, left = [], 0, most
    for document in documents:
        data = utf8(document)
        if left is not None:
            data = data[: whole_characters(data, left)]
            left -= len(data)
        data = data.decode("utf-8", "replace").encode()
        if data:
            waiting.append(data)
            size += len(data)
        if size >= BATCH:
            yield waiting
            waiting, size = [], 0
        if left is not None and left <= 3:  # what is left may be half a character
            break
    if waiting:
        yield waiting


def whole_characters(data: bytes, end: int) -> int:
    """The end of the last character that ends at `end` or before."""
    if end >= len(data):
        return len(data)
    start = end
    while start > max(0, end - 3) and data[start] & 0xC0 == 0x80:
        start -= 1
    return start


def token_sizes(tok) -> np.ndarray:
    """The length in bytes of each token."""
    if tok._vocabulary.split == "words":
        return np.array([len(token) for token in tok._vocabulary.tokens], np.int64)
    return np.array([len(tok.token_bytes(i)) for i in range(tok.vocab_size)], np.int64)


def _words_of_letters(tok, texts, sizes, specials):
    text = b"".join(texts)
    codes = np.frombuffer(text.decode().encode("utf-32-le"), np.uint32)
    widths = 1 + (codes > 0x7F) + (codes > 0x7FF) + (codes > 0xFFFF)
    starts = np.concatenate([[0], np.cumsum(widths)])  # of characters, in bytes
    letter = _is_letter()[codes]
    first = np.zeros(len(codes) + 1, bool)  # of a document: no word goes on there
    first[np.searchsorted(starts, np.cumsum([0, *map(len, texts)]))] = True
    before, after = np.append(False, letter[:-1]), np.append(letter[1:], False)
    begin = starts[:-1][letter & (~before | first[:-1])]
    end = starts[1:][letter & (~after | first[1:])]
    token_ends = np.cumsum(sizes)
    tokens = np.searchsorted(token_ends, end - 1, "right")
    tokens = tokens - np.searchsorted(token_ends, begin, "right") + 1
    return _counted(len(text), len(codes), tokens, np.ones_like(tokens))


def _words_between_spaces(tok, texts, sizes, specials):
    text = "\n".join(text.decode() for text in texts)
    words = collections.Counter(text.split())
    _, ends = tok.encode_batch(list(words), specials=specials)
    counts = np.array([*words.values()], np.int64)
    size = sum(map(len, texts))
    return _counted(size, len(text) - len(texts) + 1, np.diff(ends), counts)


def _counted(size, characters, tokens, counts):
    return collections.Counter(
        bytes=size,
        characters=characters,
        words=int(counts.sum()),
        word_tokens=int((tokens * counts).sum()),
        whole_words=int(counts[tokens == 1].sum()),
    )


@functools.cache
def _is_letter():
    return np.isin(_core.char_classes(), LETTERS)


def _ratio(a, b) -> float:
    return a / b if b else float("nan")
