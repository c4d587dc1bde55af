"""Training goes on from a vocabulary that is there, whose tokens keep their ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.tokenizer import Tokenizer, training
from gptengine.tokenizer.vocabulary import Vocabulary
from reference import bpe


def train(texts, merges, **options):
    options = dict(special_tokens=[], min_frequency=1) | options
    return Tokenizer.train(texts, vocab_size=256 + merges, **options)


def merges_of(tok):
    return [tuple(pair) for pair in tok._vocabulary.merges.tolist()]


few_letters = st.lists(st.text("ab c", max_size=60).map(str.encode), min_size=1, max_size=4)
ties = st.sampled_from(training.TIES)


@given(few_letters.filter(any), st.integers(0, 8))
def test_continuing_equals_one_training(corpus, first):
    whole = train(corpus, 20)
    base = train(corpus, first)
    assert train(corpus, 20, base=base).fingerprint == whole.fingerprint


@given(few_letters.filter(any), few_letters.filter(any), ties)
def test_continuing_on_other_text_equals_the_reference(corpus, other, ties):
    base = train(corpus, 8)
    more = train(other, 20, base=base, ties=ties)
    room = 20 - len(merges_of(base))
    want = bpe.train(other, room, ties=ties, base=merges_of(base))
    tokens = [*base._vocabulary.tokens]
    if all(len(set(bpe_tokens(merges_of(base) + want))) == 256 + i for i in [len(want)]):
        assert merges_of(more) == merges_of(base) + want
    assert more._vocabulary.tokens[: len(tokens)] == tokens
    assert len(set(more._vocabulary.tokens)) == more.vocab_size


def bpe_tokens(merges):
    return [bpe.decode([256 + i], merges) for i in range(len(merges))]


def test_a_continued_vocabulary_keeps_its_ids():
    base = train("low lower lowest", 4, special_tokens=["<|a|>"])
    more = train("new newer", 10, base=base, special_tokens=["<|b|>"])
    old = base._vocabulary.tokens
    assert more._vocabulary.tokens[: len(old)] == old
    assert more.special_tokens == {"<|a|>": base.special_tokens["<|a|>"], "<|b|>": 265}
    assert base.encode("low lo").tolist() == more.encode("low lo").tolist()
    assert more.vocab_size == 266 and len(more.encode("new")) < len(base.encode("new"))
    for text in ("low new <|a|><|b|>", "lowest newest"):
        assert more.decode(more.encode(text, specials="allow")) == text


def test_a_vocabulary_that_lacks_a_byte_is_not_continued():
    ids = {bytes([b]): b - 1 for b in range(256) if b != 0} | {b"lo": 255}
    base = Tokenizer(Vocabulary.of_ids(ids, {}, [(ids[b"l"], ids[b"o"])]))
    says = "the base has 256 tokens, but none for the byte 0: only a vocabulary of all bytes"
    with pytest.raises(ValueError, match=says):
        train("low lower", 10, base=base)
