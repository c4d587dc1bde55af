"""Training a vocabulary with gptengine and its peers: what bench/tokenizer.py measures of them.

Each is a function from texts (bytes), one document each, and the size of a byte-level vocabulary
with GPT-2's split and one special token, to its merges: pairs of bytes in their order.
"""

import contextlib
import json
import os

SPECIAL = "<|endoftext|>"


def gptengine(texts, vocab_size):
    from gptengine.tokenizer import Tokenizer

    tok = Tokenizer.train(texts, vocab_size=vocab_size, special_tokens=[SPECIAL])
    tokens = [tok.token_bytes(i) for i in range(tok.vocab_size)]
    return [(tokens[left], tokens[right]) for left, right in tok._vocabulary.merges.tolist()]


def gigatoken(texts, vocab_size):
    import gigatoken

    with _silence():
        _, merges = gigatoken.train_bpe(SPECIAL.encode().join(texts), vocab_size, [SPECIAL])
    return [(bytes(left), bytes(right)) for left, right in merges]


def tokenizers(texts, vocab_size):
    import tokenizers
    from tokenizers import models, pre_tokenizers, trainers

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    peer = tokenizers.Tokenizer(models.BPE())
    peer.pre_tokenizer = byte_level
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=byte_level.alphabet(),
        special_tokens=[SPECIAL],
    )
    peer.train_from_iterator((text.decode() for text in texts), trainer)
    merges = json.loads(peer.to_str())["model"]["merges"]
    return [tuple(map(_unspell, m.split(" ") if isinstance(m, str) else m)) for m in merges]


def _unspell(token):
    from gptengine.tokenizer.vocabulary import unspell

    return unspell(token)


@contextlib.contextmanager
def _silence():
    """What a library prints by itself goes nowhere."""
    saved, nowhere = [os.dup(1), os.dup(2)], os.open(os.devnull, os.O_WRONLY)
    for to in (1, 2):
        os.dup2(nowhere, to)
    try:
        yield
    finally:
        for to, file in zip((1, 2), saved, strict=True):
            os.dup2(file, to)
            os.close(file)
        os.close(nowhere)
