"""What is hostile takes no more work than its size explains: counted, or as it grows."""

import base64
import io
import json
import struct
import time

import numpy as np
import pytest

from gptengine.gguf import metadata as gguf
from gptengine.tokenizer import Tokenizer, WordPiece, encode_file
from gptengine.tokenizer.encode_file import encode_parts
from text import pieces
from text.test_wordpiece import file_of

MOST = 10  # times as long for four times as much: 4 where work is linear, 16 where it is quadratic


def growth(work, n):
    """How many times as long work(4 * n) takes as work(n), the best of some of each."""

    def seconds(n):
        start = time.process_time()
        work(n)
        return time.process_time() - start

    return min(seconds(4 * n) for _ in range(3)) / min(seconds(n) for _ in range(3))


class CountedFile(io.BytesIO):
    """Keeps how much was to be read at a time."""

    def __init__(self, text):
        super().__init__(text)
        self.sizes = []

    def read(self, size):
        self.sizes.append(size)
        return super().read(size)


def test_a_long_token_is_saved(tmp_path):
    def save(n):
        tokens = [*(bytes([b]) for b in range(256)), b"ab", b"ab" * n]
        lines = [b"%s %d\n" % (base64.b64encode(token), i) for i, token in enumerate(tokens)]
        (tmp_path / "a.tiktoken").write_bytes(b"".join(lines))
        tok = Tokenizer.load(tmp_path / "a.tiktoken", split="gpt2", special_tokens={})
        assert tok._vocabulary.listed_merges().tolist() == [[97, 98]]

    assert growth(save, 8000) < MOST


@pytest.mark.parametrize(
    "tokens, says",
    [
        ([b"a" * 65_537], "token 256 has 65537 bytes; at most 65536"),
        ([b"%03d" % i * 20_000 for i in range(300)], "[0-9]+ bytes together; at most 16777216"),
    ],
)
def test_tokens_too_long_for_any_use(tmp_path, tokens, says):
    tokens = [*(bytes([b]) for b in range(256)), *tokens]
    lines = [b"%s %d\n" % (base64.b64encode(token), i) for i, token in enumerate(tokens)]
    (tmp_path / "a.tiktoken").write_bytes(b"".join(lines))
    with pytest.raises(ValueError, match=rf"a\.tiktoken: .*{says}"):
        Tokenizer.load(tmp_path / "a.tiktoken", split="gpt2", special_tokens={})


def test_listed_merges_are_those_of_every_cut():
    rng = np.random.default_rng(0)
    tokens = [bytes([b]) for b in range(256)]
    tokens += {bytes(rng.choice([97, 98], rng.integers(2, 30)).tolist()) for _ in range(300)}
    tokens += {b"a" * n for n in range(30, 60)}
    vocabulary = Tokenizer.bytes()._vocabulary.of_ids(
        {token: i for i, token in enumerate(tokens)}, {}, mode="bpe"
    )
    ids, expected = {token: i for i, token in enumerate(tokens)}, []
    for token in tokens:
        cuts = [(token[:k], token[k:]) for k in range(1, len(token))]
        expected += sorted([ids[a], ids[b]] for a, b in cuts if a in ids and b in ids)
    assert vocabulary.listed_merges().tolist() == expected


def test_long_words_of_wordpiece(tmp_path):
    tok = WordPiece(["[UNK]", "a", "##a", "##aa"], longest_word=64_000)
    assert len(tok.encode("a" * 4000)) == 2001  # a, 1999 times ##aa, ##a
    assert growth(lambda n: tok.encode("a" * n), 16_000) < MOST
    data = file_of()
    data["model"]["max_input_chars_per_word"] = 1001
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match="max_input_chars_per_word is 1001, not 1 to 1000"):
        WordPiece.load(tmp_path)


def test_text_without_a_cut_is_not_looked_through_for_each_block(monkeypatch):
    tok, looked_at = Tokenizer.bytes(), []
    cut = encode_file._cut
    monkeypatch.setattr(
        encode_file,
        "_cut",
        lambda tok, text, end: looked_at.append(len(text)) or cut(tok, text, end),
    )
    text = b"a" * (1 << 22)
    parts = list(encode_parts(tok, io.BytesIO(text), block=1 << 12))
    assert sum(map(len, parts)) == len(text) and sum(looked_at) < 3 * len(text)


def test_blocks_are_read_one_at_a_time_where_there_are_cuts():
    file = CountedFile(b"the words of a text\n" * 10_000)
    parts = list(encode_parts(Tokenizer.bytes(), file, block=1 << 14))
    assert sum(map(len, parts)) == 200_000 and max(file.sizes) == 1 << 14


@pytest.mark.parametrize("line", [1 << 17, 300_000])
def test_no_more_is_held_than_long_lines_need(line):
    file = CountedFile((b"a" * (line - 1) + b"\n") * 20)
    parts = list(encode_parts(Tokenizer.bytes(), file, block=1 << 17))
    most = max(line, 1 << 17)
    assert sum(map(len, parts)) == 20 * line and max(file.sizes) <= 2 * most
    assert max(map(len, parts)) <= 4 * most


@pytest.mark.parametrize(
    "tok, text",
    [
        (pieces.tokenizer(), "\n \n"),
        (Tokenizer.train("  a b", vocab_size=258, split="rules:S|L+"), " "),
    ],
)
def test_white_space_is_truncated(tok, text):
    assert growth(lambda n: tok.truncate(text * n, n // 2), 30_000 // len(text)) < MOST


def test_many_names_are_allowed():
    cores = {
        n: Tokenizer.bytes(special_tokens=map("<{}>".format, range(n)))._core
        for n in (5000, 20_000)
    }

    def find(n):
        how = (False, [*range(256, 256 + n)], "merges", 0.0, 0, False)
        text = f"<{n - 1}>".encode() * 200_000
        assert cores[n].count(text, how) == 200_000
        assert cores[n].find_across(text, len(text) + 1, how[1]) is None

    assert growth(find, 5000) < 2


def gguf_of(path, code, count, items):
    """A file of one array."""
    head = gguf.MAGIC + struct.pack("<IQQ", 3, 0, 1)
    array = struct.pack("<IIQ", gguf.ARRAY, code, count)
    path.write_bytes(head + struct.pack("<Q", 1) + b"k" + array + items)
    return path


@pytest.mark.parametrize(
    "code, count, size, says",
    [
        (gguf.ARRAY, 1 << 21, 12, "'k' brings the arrays in arrays to 2097152; at most 65536"),
        (gguf.BOOL, 1 << 26, 1, "'k' brings the items of lists to 67108864; at most 4194304"),
        (gguf.STRING, 1 << 23, 8, "'k' brings the items of lists to 8388608; at most 4194304"),
    ],
)
def test_a_gguf_file_of_many_small_items(tmp_path, code, count, size, says):
    with pytest.raises(ValueError, match=says):
        gguf.read_metadata(gguf_of(tmp_path / "a.gguf", code, count, b"\0" * (size * count)))


def test_a_gguf_file_may_have_arrays_in_arrays(tmp_path):
    path = gguf_of(tmp_path / "a.gguf", gguf.ARRAY, 3, b"\0" * 36)
    assert [len(item) for item in gguf.read_metadata(path)["k"]] == [0, 0, 0]
