"""Loading, encoding and decoding with gptengine and its peers: what bench/tokenizer.py measures.

Each is a function from a folder with tokenizer.json and ranks.tiktoken, and the pattern that
splits, to a Coder.
"""

import dataclasses
import time
from collections.abc import Callable

import numpy as np

# name: (one unit of the text, repeated); every one is a single piece, or nearly
HOSTILE = {
    "a letter": "a",
    "two letters": "ab",
    "random letters": None,
    "spaces": " ",
    "newlines": "\n",
    "space, newline": " \n",
    "punctuation": "!?",
    "two-byte letters": "é",
    "three-byte letters": "漢",
}


@dataclasses.dataclass(frozen=True)
class Coder:
    """encode: from texts (bytes) to the ids of all, uint32; decode: from ids, as `given` makes
    them of such an array before the clock runs, to their text, str or bytes."""

    encode: Callable
    decode: Callable
    given: Callable = np.asarray


def gptengine(folder, split):
    from gptengine.tokenizer import Tokenizer

    tok = Tokenizer.load(folder / "tokenizer.json")
    encode = lambda texts: tok.encode_batch(texts, specials="text")[0]
    return Coder(encode, tok.decode_bytes)


def gigatoken(folder, split):
    import gigatoken

    peer = gigatoken.Tokenizer.from_json((folder / "tokenizer.json").read_bytes())
    encode = lambda texts: np.asarray(peer.encode_batch(texts, parallel=False).layout.content.data)
    return Coder(encode, peer.decode)


def tiktoken(folder, split):
    """It reads no tokenizer.json, and knows no special token here: it encodes text alone."""
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    ranks = load_tiktoken_bpe(str(folder / "ranks.tiktoken"))
    peer = tiktoken.Encoding("peer", pat_str=split, mergeable_ranks=ranks, special_tokens={})
    encode = lambda texts: _joined(peer.encode_ordinary(text.decode()) for text in texts)
    return Coder(encode, peer.decode_bytes, np.ndarray.tolist)


def tokenizers(folder, split):
    import tokenizers

    peer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts_of = lambda texts: [text.decode() for text in texts]
    encode = lambda texts: _joined(e.ids for e in peer.encode_batch_fast(texts_of(texts)))
    decode = lambda ids: peer.decode(ids, skip_special_tokens=False)
    return Coder(encode, decode, np.ndarray.tolist)


def _joined(lists):
    return np.concatenate([np.array(ids, np.uint32) for ids in lists])


def rates(coder, texts, rounds=4):
    """MB of text a CPU second, cold and warm, each the best of some rounds; and the ids.

    Cold is the first pass of what coder() makes anew; warm are later passes of the last of them.
    """
    megabytes, cold, warm = sum(map(len, texts)) / 1e6, [], []
    while len(cold) < rounds and max(cold, default=0) < 1:  # slow ones vary little
        encode = coder().encode
        encode([b"word"])  # what a program does once, when it is first called
        cold.append(timed(time.process_time, encode, texts)[0])
    for _ in range(rounds):
        seconds, ids = timed(time.process_time, encode, texts)
        warm.append(seconds)
    return megabytes / min(cold), megabytes / min(warm), ids


def wall_rates(encode, texts, threads, rounds=8):
    """MB of text a second of the clock, by number of threads of our engine, which take turns.

    It takes a few rounds until each thread has met every text, and so is warm. The texts come
    four times a round, beside which the waking of a thread is short.
    """
    from gptengine import _core

    before, seconds = _core.threads(), {n: [] for n in threads}
    for _ in range(rounds):
        for n in threads:
            _core.set_threads(n)
            seconds[n].append(timed(time.perf_counter, encode, 4 * texts)[0])
    _core.set_threads(before)
    return {n: 4 * sum(map(len, texts)) / 1e6 / min(seconds[n]) for n in threads}


def timed(clock, encode, texts):
    """The seconds that it takes, and the ids."""
    start = clock()
    ids = encode(texts)
    return clock() - start, ids


def decode_rate(coder, ids, text, rounds=4):
    """MB of text a CPU second out of the decoder, which must be what went in."""
    ids, seconds = coder.given(ids), []
    for _ in range(rounds):
        start = time.process_time()
        back = coder.decode(ids)
        seconds.append(time.process_time() - start)
    assert (back.encode() if isinstance(back, str) else back) == text
    return len(text) / 1e6 / min(seconds)


def load_seconds(load, rounds=5):
    """CPU seconds from files to a tokenizer that has encoded a word, the best of some rounds."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        load().encode([b"word"])
        seconds.append(time.process_time() - start)
    return min(seconds)


def hostile_coders(folder):
    """By name, our encoders in every mode, with dropout, and with a name nearly all of the text.

    Each with the length of the shorter text: those beside the default are measured on less.
    """
    from gptengine.tokenizer import Tokenizer

    tok = Tokenizer.load(folder / "tokenizer.json")
    named = Tokenizer.bytes(special_tokens=[letter * 1000 + "!" for letter in "a\n é漢"])
    ways = {
        "merges": (tok, dict(specials="text"), 80_000),
        "bpe": (tok, dict(specials="text", mode="bpe"), 20_000),
        "greedy": (tok, dict(specials="text", mode="greedy"), 20_000),
        "dropout": (tok, dict(specials="text", dropout=0.1), 20_000),
        "long special tokens": (named, dict(specials="allow"), 20_000),
    }
    return {
        name: (lambda texts, tok=tok, how=how: tok.encode_batch(texts, **how)[0], n)
        for name, (tok, how, n) in ways.items()
    }


def growths(encode, n, rounds=5):
    """Of each hostile family of texts, time(4n) / time(n); 4 is linear, 16 would be quadratic."""
    letters = "".join(np.random.default_rng(0).choice([*"abcdefgh"], 4 * n))
    growth = {}
    for name, unit in HOSTILE.items():
        whole = letters if unit is None else unit * (4 * n // len(unit))
        seconds = []
        for text in (whole[:n], whole):
            best, texts = np.inf, [text.encode()]
            for _ in range(rounds):
                start = time.process_time()
                encode(texts)
                best = min(best, time.process_time() - start)
            seconds.append(best)
        growth[name] = seconds[1] / seconds[0]
    return growth
