"""What the class Tokenizer promises: special tokens, odd text, files to train on, errors."""

import contextlib
import copy
import dataclasses
import threading

import numpy as np
import pytest

from gptengine.tokenizer import Tokenizer

EOT = "<|endoftext|>"


@pytest.fixture(scope="module")
def tok():
    text = "the cat and the dog and the cat " * 9
    return Tokenizer.train(text, vocab_size=300, special_tokens=[EOT, "<|user|>", "<|user|>x"])


def test_bytes_come_first_and_special_tokens_last(tok):
    assert [tok.token_bytes(i) for i in range(256)] == [bytes([i]) for i in range(256)]
    assert tok.token_bytes(256) == b"he"  # as frequent as "th", but of smaller ids
    n = tok.vocab_size
    assert n < 300  # there is nothing more to learn
    assert tok.special_tokens == {EOT: n - 3, "<|user|>": n - 2, "<|user|>x": n - 1}
    assert (tok.eos_token, tok.eos_id) == (EOT, n - 3)
    assert len(tok) == n


def test_vocab_size_counts_all_tokens():
    assert Tokenizer.train("abcabcabc", vocab_size=259).vocab_size == 259
    assert Tokenizer.train("abcabcabc", vocab_size=257).vocab_size == 257


def test_text_is_never_a_control_token_unless_asked(tok):
    text = f"é the {EOT} cat"
    with pytest.raises(ValueError, match=r"<\|endoftext\|> stands at character 6 \(byte 7\)"):
        tok.encode(text)
    with pytest.raises(ValueError, match=r"<\|endoftext\|> .*6 \(byte 7\) of text 1"):
        tok.encode_batch(["fine", text])
    with pytest.raises(ValueError, match=r"<\|endoftext\|>"):
        tok.encode(text, specials={"<|user|>"})
    as_text = tok.encode(text, specials="text")
    assert tok.eos_id not in as_text and tok.decode(as_text) == text
    ids = tok.encode(text, specials="allow").tolist()
    assert ids == [*tok.encode("é the "), tok.eos_id, *tok.encode(" cat")]
    assert tok.encode(text, specials={EOT}).tolist() == ids
    assert tok.decode(ids) == text


def test_the_longest_special_token_wins(tok):
    ids = tok.encode("<|user|>x<|user|>y<|user|>x", specials="allow").tolist()
    short, long = tok.special_tokens["<|user|>"], tok.special_tokens["<|user|>x"]
    assert ids == [long, short, ord("y"), long]


def test_nothing_is_learned_from_special_tokens():
    text = "ab<|endoftext|>" * 9
    tok = Tokenizer.train(text, vocab_size=300)
    assert [tok.token_bytes(i) for i in range(256, tok.vocab_size)] == [b"ab", EOT.encode()]


def test_a_byte_vocabulary():
    tok = Tokenizer.bytes(special_tokens=["<|a|>"])
    assert tok.vocab_size == 257 and tok.eos_id is None
    assert tok.encode("aé\x00<|a|>", specials="allow").tolist() == [97, 195, 169, 0, 256]
    assert Tokenizer.bytes().eos_id == 256
    assert Tokenizer.train("text", vocab_size=256, special_tokens=[]).vocab_size == 256


@pytest.mark.parametrize(
    "text, same",
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udc80", "\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\x00", "\x00"),
        ("", ""),
    ],
)
def test_odd_strings(tok, text, same):
    assert tok.decode(tok.encode(text)) == same
    assert tok.encode_batch([text])[0].tolist() == tok.encode(same).tolist()


def test_nothing_in_nothing_out(tok):
    ids, offsets = tok.encode_batch([])
    assert ids.shape == (0,) and offsets.tolist() == [0]
    assert tok.encode_batch(["", ""])[1].tolist() == [0, 0, 0]
    assert tok.decode([]) == "" and tok.decode_bytes(np.array([])) == b""


def test_decode_takes_any_integers(tok):
    for dtype in (np.uint8, np.uint16, np.int32, np.int64, np.uint64):
        assert tok.decode(np.array([104, 105], dtype)) == "hi"
    assert tok.decode(np.arange(97, 107)[::3]) == "adgj"
    assert tok.decode((104, 105)) == "hi"


def test_ids_of_tokens():
    tok = Tokenizer.train("äh äh", vocab_size=260, special_tokens=["<|é|>"], min_frequency=1)
    specials = tok.special_tokens.values()
    for i in range(tok.vocab_size):
        token = tok.token_bytes(i)
        assert tok.token_id(token.decode() if i in specials else token) == i
    assert tok.token_id("äh") == tok.token_id("äh".encode()) == tok.encode("äh")[0]
    for missing in ("ähä", b"\xc3h", "", "<|é|>".encode()):  # bytes are no name
        with pytest.raises(KeyError) as found:
            tok.token_id(missing)
        assert found.value.args == (f"{missing!r} is no token of this vocabulary",)
    with pytest.raises(ValueError, match="must be str or bytes, not int"):
        tok.token_id(5)
    words = Tokenizer.train("low lower", vocab_size=60, split="words", min_frequency=1)
    assert words.token_id("low</w>") == words.encode("low")[0]


@pytest.mark.parametrize("bad", [-1, 10**6, 2**32, 2**62])
def test_bad_ids_are_named(tok, bad):
    for decode in (tok.decode, tok.decode_bytes, tok.stream_decoder().push):
        says = f"token id {bad} at 1 is not in the vocabulary of {tok.vocab_size}"
        with pytest.raises(KeyError, match=says):
            decode([104, bad])
        with pytest.raises(KeyError, match=f"token id {bad} at 0 is not"):
            decode([bad])
    with pytest.raises(KeyError, match=f"token id {bad} at 0"):
        tok.token_bytes(bad)
    with pytest.raises(KeyError, match=f"token id {bad} at 0"):
        tok.stream_decoder().push(bad)


@pytest.mark.parametrize("bad", [[0.5], [[1, 2]], "abc", [True], [2**70]])
def test_what_is_not_a_list_of_ids_is_refused(tok, bad):
    with pytest.raises(ValueError, match="ids must be a list of integers"):
        tok.decode(bad)


@pytest.mark.parametrize("bad", [3, None, ["a"], bytearray(b"a")])
def test_what_is_not_text_is_refused(tok, bad):
    for encode in (tok.encode, tok.count, lambda x: tok.encode_batch([x])):
        with pytest.raises(ValueError, match="text must be str or bytes"):
            encode(bad)


@pytest.mark.parametrize(
    "options, says",
    [
        (dict(vocab_size=256), "vocab_size 256 must be at least 257"),
        (dict(vocab_size=300, split="gpt3"), "split 'gpt3' is not known"),
        (dict(vocab_size=300, special_tokens=["<|a|>", "<|a|>"]), "repeat a name"),
        (dict(vocab_size=300, special_tokens=EOT), "must be a list of names"),
        (dict(vocab_size=300, special_tokens=[""]), "has an empty name"),
        (dict(vocab_size=300, special_tokens=["é"]), "is how files spell"),
        (dict(vocab_size=300, min_frequency=0), "min_frequency is 0"),
    ],
)
def test_bad_options_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        Tokenizer.train("some text", **options)


def test_no_text_is_refused(tmp_path):
    empty = tmp_path / "empty.txt"
    empty.touch()
    for nothing in ([], "", [""], empty):
        with pytest.raises(ValueError, match="no text to train on"):
            Tokenizer.train(nothing, vocab_size=300)


def test_specials_must_be_known(tok):
    with pytest.raises(ValueError, match="must be refuse, text, allow or a set"):
        tok.encode("a", specials="ignore")
    with pytest.raises(ValueError, match=r"'<\|no\|>' is not one of"):
        tok.encode("a", specials={"<|no|>"})


def test_training_on_files_equals_training_on_texts(tmp_path):
    texts = ["the cat\nsat on the mat\n" * 5, "the other file " * 5]
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    want = Tokenizer.train(texts, vocab_size=280).fingerprint
    assert Tokenizer.train(paths, vocab_size=280).fingerprint == want
    assert Tokenizer.train((t.encode() for t in texts), vocab_size=280).fingerprint == want
    for names in (str(paths[0]), [str(p) for p in paths], ["a text", str(paths[1])]):
        with pytest.raises(ValueError, match="a str is a text"):
            Tokenizer.train(names, vocab_size=280)
    with pytest.raises(ValueError, match="missing: no such file"):
        Tokenizer.train(tmp_path / "missing", vocab_size=280)
    with pytest.raises(ValueError, match="missing: no such file"):
        Tokenizer.train([tmp_path / "missing"], vocab_size=280, progress=print)


def test_fingerprints_tell_vocabularies_apart(tok):
    assert Tokenizer.bytes().fingerprint == Tokenizer.bytes().fingerprint != tok.fingerprint
    assert Tokenizer.bytes(special_tokens=[]).fingerprint != Tokenizer.bytes().fingerprint
    vocabulary = Tokenizer.bytes(special_tokens=["<a>", "<b>"])._vocabulary
    turned = dataclasses.replace(vocabulary, special_tokens={"<b>": 257, "<a>": 256})
    assert Tokenizer(vocabulary) == Tokenizer(turned)


def test_a_tokenizer_travels_to_other_processes():
    tok = Tokenizer.train(["the theme of them"] * 9, vocab_size=270)
    tok.cache_bytes = 0
    for other in copy.copy(tok), copy.deepcopy(tok):
        assert other.cache_bytes == 0
        assert other == tok and hash(other) == hash(tok)
        assert other.encode("them").tolist() == tok.encode("them").tolist()
    assert tok != Tokenizer.bytes() and tok != "a text"


def test_one_text_is_no_batch():
    with pytest.raises(ValueError, match="several texts"):
        Tokenizer.bytes().encode_batch("a text")


@pytest.mark.parametrize("name", ["a/b/vocab.json", "a/b/tok.json", "a/b/folder"])
def test_save_makes_folders(tmp_path, name):
    Tokenizer.bytes().save(tmp_path / name)
    assert Tokenizer.load(tmp_path / name) == Tokenizer.bytes()


def test_ids_of_any_type_are_checked(tok):
    for bad in 300, np.int64(300), np.uint32(300):
        with pytest.raises(KeyError, match="300"):
            tok.encode_segments(["a", bad])
        with pytest.raises(KeyError, match="300"):
            tok.token_bytes(bad)


def test_ids_may_change_while_they_are_decoded(tok):
    ids, stop = np.full(200_000, 97, np.uint32), threading.Event()

    def write():
        while not stop.is_set():
            ids[-1000:] = 2**31
            ids[-1000:] = 97

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(200):
        with contextlib.suppress(KeyError):
            tok.decode_bytes(ids)
    stop.set()
    thread.join()


def test_files_that_are_not_plain_text_and_names_of_files_are_not_learned_from(tmp_path):
    for name in ("x.jsonl", "x.jsonl.gz", "x.txt.gz"):
        (tmp_path / name).write_bytes(b"text " * 99)
        with pytest.raises(ValueError, match=f"{name} is not plain text: .*read_documents"):
            Tokenizer.train(tmp_path / name, vocab_size=300)
    for name in ("no/such.txt", "such.jsonl", "such.gz"):
        with pytest.raises(ValueError, match="a str is a text"):
            Tokenizer.train(["a text", name], vocab_size=300)
    Tokenizer.train("see such.txt, see such.txt", vocab_size=258)
