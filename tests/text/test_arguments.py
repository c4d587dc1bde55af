"""What is no good argument is a ValueError that names it."""

import pytest

from gptengine.tokenizer import Tokenizer, WordPiece, arguments, splits

TOK = Tokenizer.bytes()
WORDS = WordPiece(["[UNK]", "a"])
TRAIN = dict(vocab_size=300)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: TOK.encode("a", seed=-1), "seed is -1 and must be at least 0"),
        (lambda: TOK.encode("a", seed=1 << 64), r"seed is 18446744073709551616 .* below 2\*\*64"),
        (lambda: TOK.encode("a", seed=2.5), "seed is 2.5 and must be an integer"),
        (lambda: TOK.encode("a", dropout="x"), "dropout is 'x' and must be a number"),
        (lambda: TOK.encode("a", dropout=None), "dropout is None and must be a number"),
        (lambda: TOK.encode("a", mode=5), "mode 5 must be merges, bpe or greedy"),
        (lambda: TOK.encode("a", specials=None), "specials is None and must be a list"),
        (lambda: TOK.encode("a", specials=[["a"]]), r"specials: \['a'\] is not one of"),
        (lambda: TOK.encode_batch(None), "texts is None and must be a list"),
        (lambda: TOK.encode_segments(None), "segments is None and must be a list"),
        (lambda: TOK.truncate("a", 2.5), "n is 2.5 and must be an integer"),
        (lambda: TOK.stream_decoder().push(1 << 70), "ids must be a list of integers"),
        (lambda: setattr(TOK, "cache_bytes", "64MB"), "cache_bytes is '64MB' and must be an int"),
        (lambda: Tokenizer.bytes(special_tokens=None), "special_tokens is None and must be a list"),
        (lambda: Tokenizer.train("a", weights=5, **TRAIN), "weights is 5 and must be a list"),
        (lambda: Tokenizer.train("a", forbidden=5, **TRAIN), "forbidden is 5 and must be a list"),
        (lambda: Tokenizer.train("a", base=5, **TRAIN), "base is 5 and must be a Tokenizer"),
        (lambda: Tokenizer.train("a", vocab_size=10**5000), r"vocab_size is of \d+ bits and must"),
        (lambda: Tokenizer.train("a", memory="9" * 400, **TRAIN), "memory='99.* must be bytes or"),
        (
            lambda: Tokenizer.train("a", memory="99999999T", **TRAIN),
            "memory is 9+0+4096 and must be",
        ),
        (lambda: WORDS.encode(b"a"), "a text must be str, not bytes"),
        (lambda: WORDS.encode_batch(None), "texts is None and must be a list"),
        (lambda: WORDS.decode(None), "ids must be a list of integers"),
        (lambda: splits.rules(5), "a rule is 5 and must be a list"),
        (lambda: splits.rules([5]), "a run of a rule is 5, not"),
        (lambda: splits.rules([("L", 1.5, None)]), "the least of a run is 1.5 and must be an int"),
        (lambda: splits.rules([("L", 3, 2)]), "the most of a run is 2 and must be at least 3"),
        (lambda: splits.rules([("L]{1}|[N",)]), "a run of a rule has the characters"),
        (lambda: splits.rules([("L", 0, 0)]), "split: in the rules"),
    ],
)
def test_bad_arguments_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_good_arguments_are_taken():
    assert TOK.encode("ab", seed=(1 << 64) - 1, dropout=1).tolist() == [97, 98]
    assert arguments.bytes_of("1.5 GiB") == 3 << 29 and arguments.bytes_of(1 << 20) == 1 << 20
    assert splits.rules([("L",), ("N", 0), ("S", 0, None)]) == "rules:[L]{1,1}[N]{0,1}[S]{0,}"
