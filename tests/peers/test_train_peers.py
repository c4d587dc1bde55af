"""The merges of the trainer of tokenizers, all of them; `bench/tokenizer.py --equal` on 64 MB."""

import inspect
import json
import pydoc_data.topics
import random

import pytest

from gptengine.tokenizer import Tokenizer
from gptengine.tokenizer.splits import PATTERNS
from gptengine.tokenizer.vocabulary import spell
from text.texts import BLANKS, ODD, WORDS

tokenizers = pytest.importorskip("tokenizers")
SPECIAL = "<|endoftext|>"


def topics():
    """Half a megabyte of English that comes with Python, in pieces."""
    return [*pydoc_data.topics.topics.values()]


def traps():
    rng = random.Random(0)
    return ["".join(rng.choices([*WORDS, *BLANKS, *ODD[:2]], k=400)) for _ in range(60)]


def sources():
    return [inspect.getsource(module) for module in (inspect, json, random, pytest, tokenizers)]


def theirs(texts, vocab_size, min_frequency, split):
    pre = tokenizers.pre_tokenizers
    pattern = tokenizers.Regex(PATTERNS[split])
    peer = tokenizers.Tokenizer(tokenizers.models.BPE())
    peer.pre_tokenizer = pre.Sequence(
        [
            pre.Split(pattern, "isolated"),
            pre.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        show_progress=False,
        initial_alphabet=pre.ByteLevel.alphabet(),
        special_tokens=[SPECIAL],
    )
    peer.train_from_iterator(texts, trainer)
    return [tuple(merge) for merge in json.loads(peer.to_str())["model"]["merges"]]


def ours(texts, vocab_size, min_frequency, split):
    tok = Tokenizer.train(
        texts,
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        split=split,
        special_tokens=[SPECIAL],
    )
    spelled = [spell(token) for token in tok._vocabulary.tokens]
    return [(spelled[left], spelled[right]) for left, right in tok._vocabulary.merges.tolist()]


@pytest.mark.parametrize("split", [name for name in PATTERNS if name != "words"])
@pytest.mark.parametrize("texts", [topics, traps, sources])
def test_all_merges_are_equal(texts, split):
    texts = texts()
    for vocab_size, min_frequency in ((4000, 2), (700, 9), (100_000, 3)):
        merges = ours(texts, vocab_size, min_frequency, split)
        assert len(merges) > 100
        assert merges == theirs(texts, vocab_size, min_frequency, split)
