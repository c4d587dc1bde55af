"""Encoding and decoding with gptengine and its peers: what bench/tokenizer.py measures of them.

Each peer is a function from a tokenizer.json to one from texts (bytes) to ids as a NumPy array.
"""

import time

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


def gptengine(path, split):
    from gptengine import _core
    from gptengine.tokenizer import Tokenizer

    tok = Tokenizer.load(path)

    def encode(texts, threads=1):
        before = _core.threads()
        _core.set_threads(threads)
        try:
            return tok.encode_batch(texts, specials="text")[0]
        finally:
            _core.set_threads(before)

    return encode


def gigatoken(path, split):
    import gigatoken

    peer = gigatoken.Tokenizer.from_json(path.read_bytes())
    return lambda texts: np.asarray(peer.encode_batch(texts, parallel=False).layout.content.data)


def tiktoken(path, split):
    import tiktoken

    from gptengine.tokenizer import Tokenizer

    tok = Tokenizer.load(path)
    specials = set(tok.special_tokens.values())
    ranks = {tok.token_bytes(i): i for i in range(tok.vocab_size) if i not in specials}
    peer = tiktoken.Encoding(
        "peer", pat_str=split, mergeable_ranks=ranks, special_tokens=tok.special_tokens
    )
    return lambda texts: _joined(peer.encode_ordinary(text.decode()) for text in texts)


def tokenizers(path, split):
    import tokenizers

    peer = tokenizers.Tokenizer.from_file(str(path))
    return lambda texts: _joined(
        e.ids for e in peer.encode_batch_fast([text.decode() for text in texts])
    )


def _joined(lists):
    return np.concatenate([np.array(ids, np.uint32) for ids in lists])


def rates(encode, texts, rounds=4):
    """MB of text a CPU second: of the first pass, and the best of the later ones; and the ids."""
    megabytes, seconds = sum(map(len, texts)) / 1e6, []
    for _ in range(rounds):
        start = time.process_time()
        ids = encode(texts)
        seconds.append(time.process_time() - start)
    return megabytes / seconds[0], megabytes / min(seconds[1:]), ids


def wall_rate(encode, texts, threads, rounds=5):
    """MB of text a second of the clock."""
    megabytes, seconds = sum(map(len, texts)) / 1e6, []
    for _ in range(rounds):
        start = time.perf_counter()
        encode(texts, threads)
        seconds.append(time.perf_counter() - start)
    return megabytes / min(seconds)


def worst_growth(tok, n=80_000, rounds=5):
    """Of each hostile family of texts, time(4n) / time(n); 4 is linear, 16 would be quadratic."""
    letters = "".join(np.random.default_rng(0).choice([*"abcdefgh"], 4 * n))
    growth = {}
    for name, unit in HOSTILE.items():
        whole = letters if unit is None else unit * (4 * n // len(unit))
        seconds = []
        for text in (whole[:n], whole):
            best = np.inf
            for _ in range(rounds):
                start = time.process_time()
                tok.encode(text, specials="text")
                best = min(best, time.process_time() - start)
            seconds.append(best)
        growth[name] = seconds[1] / seconds[0]
    return growth


def decode_rate(tok, texts, rounds=4):
    """MB of text a CPU second out of decode_bytes, which must be what went in."""
    text = b"".join(texts)
    ids, seconds = tok.encode(text, specials="text"), []
    for _ in range(rounds):
        start = time.process_time()
        back = tok.decode_bytes(ids)
        seconds.append(time.process_time() - start)
    assert back == text
    return len(text) / 1e6 / min(seconds)
