"""Pieces of text of more than 1024 bytes: what is learned from them."""

import pytest

from gptengine.tokenizer import Tokenizer


def test_a_million_of_one_letter_trains():
    tok = Tokenizer.train("a" * 10**6, vocab_size=286, special_tokens=[])
    assert tok.token_bytes(265) == b"a" * 1024


@pytest.mark.parametrize("split", ["gpt2", "words"])
def test_no_merge_is_learned_across_1024_bytes(split):
    for letters, learned in (1022, True), (1023, False):
        tok = Tokenizer.train([b"a" * letters + b"qz"] * 9, vocab_size=400, split=split)
        assert any(b"qz" in token for token in tok._vocabulary.tokens) == learned


def test_a_character_is_not_cut_in_two():
    tok = Tokenizer.train(["a" * 1023 + "é"] * 9, vocab_size=400)
    assert len(tok.encode("é")) == 1
