"""Documents, shards and the loader: nothing is lost, everything repeats, damage is named."""

import gzip
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.byte_tokenizer import ByteTokenizer
from gptengine.data import (
    Loader,
    TokenShards,
    documents,
    read_documents,
    sequential,
    write,
    write_shards,
)
from gptengine.data.shards import LAYOUT

TEXT = "".join(f"line {i} of a text with ümlauts\n" for i in range(300))


@pytest.fixture
def shards(tmp_path):
    write_shards([TEXT], tmp_path / "s", ByteTokenizer())
    return tmp_path / "s"


def tokens(folder, split):
    return np.concatenate([np.asarray(a) for a in TokenShards(folder, split).arrays])


def test_documents_of_every_kind_of_file(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\r\n\xff")
    (tmp_path / "b.jsonl").write_text('{"text": "two"}\n\n{"text": "thr\\u00e9e"}\n')
    with gzip.open(tmp_path / "c.jsonl.gz", "wt") as file:
        file.write(json.dumps({"text": "four"}))
    (tmp_path / "ignored.md").write_text("no")
    want = [b"one\r\n\xff", b"two", "thrée".encode(), b"four"]
    assert list(read_documents(tmp_path)) == want
    assert (
        list(read_documents([tmp_path / "b.jsonl", str(tmp_path / "a.txt")]))
        == want[1:3] + want[:1]
    )


@pytest.mark.parametrize(
    "name, content, match",
    [
        ("a.jsonl", b'{"text": "x"}\n{"text', "a.jsonl: line 2: not JSON"),
        ("a.jsonl", b'{"body": "x"}', "line 1 has no field 'text', only .'body'."),
        ("a.jsonl", b'{"text": 3}', "line 1: field 'text' is int"),
        ("a.txt.gz", b"not gzip", "a.txt.gz: broken gzip"),
        ("a.txt.gz", gzip.compress(b"x" * 1000)[:-9], "a.txt.gz: broken gzip"),
        ("b.txt.gz", gzip.compress(b"x")[:-1] + b"y", "b.txt.gz: broken gzip"),
        ("a.pdf", bytes(range(256)), "ends in none of .*: 50% of its .* binary data"),
        ("a.pdf.gz", gzip.compress(bytes(range(256))), "ends in none of .*: 50% of its"),
        ("a.dat.gz", b"not gzip", "a.dat.gz: broken gzip"),
        ("a.json", b"[]", "rename it to .jsonl if each line is one"),
    ],
)
def test_broken_files_are_named(tmp_path, name, content, match):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=match):
        list(read_documents(tmp_path / name))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere.txt: no such file"):
        list(read_documents([tmp_path / "nowhere.txt"]))
    with pytest.raises(ValueError, match="holds no .txt"):
        list(read_documents(tmp_path))


def test_a_named_file_is_text_whatever_its_suffix(tmp_path):
    (tmp_path / "README.md").write_text("# A")
    with gzip.open(tmp_path / "b.md.gz", "wt") as file:
        file.write("# B")
    (tmp_path / "c").write_text("C")
    named = [tmp_path / name for name in ("README.md", "b.md.gz", "c")]
    assert [*read_documents(named)] == [b"# A", b"# B", b"C"]
    (tmp_path / ".hidden").touch()
    says = "not read: README.md, b.md.gz, c (3 in all): name what is text"
    assert documents.not_read(tmp_path) == says
    with pytest.raises(ValueError, match=f"holds no .txt.*; {re.escape(says)}"):
        next(read_documents(tmp_path))


def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    assert [*read_documents(".")] == [b"a"]
    for paths in ("", ["a.txt", ""]):
        with pytest.raises(ValueError, match="a path of the texts is empty"):
            next(read_documents(paths))


@pytest.mark.parametrize(
    "data, looks",
    [
        (TEXT.encode("latin-1"), "Latin-1 or another encoding of one byte"),
        (TEXT.encode("utf-16"), "UTF-16;"),
        (TEXT.encode("utf-16-be"), "UTF-16;"),
        (TEXT.encode("utf-32"), "UTF-32;"),
        (("漢" * 40).encode() + b"\xe6\xbc" * 2, "damaged UTF-8;"),
        (bytes(range(256)), "binary data;"),
    ],
)
def test_strange_text_is_told_what_it_looks_like(data, looks, tmp_path):
    for name, pack in (("a.txt", bytes), ("a.txt.gz", gzip.compress)):
        (tmp_path / name).write_bytes(pack(data))
        assert f"not UTF-8: it looks like {looks}" in documents.strange(tmp_path / name)
        (tmp_path / name).write_bytes(pack(TEXT.encode() + b"\xff"))
        assert documents.strange(tmp_path / name) == ""


def test_one_text_holds_out_its_end(shards):
    tok = ByteTokenizer()
    train, val = tokens(shards, "train"), tokens(shards, "val")
    assert tok.decode_bytes(np.append(train, val)) == TEXT.encode() + b"<|endoftext|>"
    assert train[-1] == ord("\n") and 0.09 < len(val) / len(TEXT.encode()) < 0.11
    assert TokenShards(shards, "train").arrays[0].dtype == np.uint16


def test_held_out_documents_of_ones_own(tmp_path):
    write_shards(["abc", "de"], tmp_path / "s", ByteTokenizer(), held_out=["fgh", b"i"])
    held_out = ByteTokenizer().decode_bytes(tokens(tmp_path / "s", "val"))
    assert held_out == b"fgh<|endoftext|>i<|endoftext|>"


def test_documents_begin_as_prompts_do(tmp_path, monkeypatch):
    monkeypatch.setattr("gptengine.data.write.BATCH", 100)
    tok = ByteTokenizer(before=[1, 2])
    write_shards([TEXT, "short"], tmp_path / "s", tok, held_out=["abc", "de"])
    end = b"<|endoftext|>"
    want = b"\1\2" + TEXT.encode() + end + b"\1\2short" + end
    assert tok.decode_bytes(tokens(tmp_path / "s", "train")) == want
    want = b"\1\2abc" + end + b"\1\2de" + end
    assert tok.decode_bytes(tokens(tmp_path / "s", "val")) == want


@given(st.integers(10, 60), st.integers(0, 9))
def test_one_document_in_ten_is_held_out(tmp_path_factory, count, seed):
    folder = tmp_path_factory.mktemp("s") / "s"
    documents = [f"document {i}" for i in range(count)]
    summary = write_shards(documents, folder, ByteTokenizer(), seed=seed)
    assert count // 10 <= summary["val"]["documents"] <= -(-count // 10)
    ids = np.append(tokens(folder, "train"), tokens(folder, "val"))
    again = ByteTokenizer().decode_bytes(ids).decode().split("<|endoftext|>")[:-1]
    assert sorted(again) == sorted(documents)
    assert summary["train"]["text_bytes"] + summary["val"]["text_bytes"] == sum(map(len, documents))


def test_long_texts_are_cut_and_shards_fill_up(tmp_path, monkeypatch):
    monkeypatch.setattr("gptengine.data.write.BATCH", 100)
    summary = write_shards(
        [TEXT, "short"], tmp_path / "s", ByteTokenizer(), held_out=0, shard_tokens=1000
    )
    train = TokenShards(tmp_path / "s")
    assert len(train.arrays) > 5 and train.tokens == summary["train"]["tokens"]
    want = TEXT.encode() + b"<|endoftext|>short<|endoftext|>"
    assert ByteTokenizer().decode_bytes(tokens(tmp_path / "s", "train")) == want
    with pytest.raises(ValueError, match="no val-"):
        TokenShards(tmp_path / "s", "val")


@pytest.mark.parametrize("text", [b"\x80" * 300, "ü".encode() * 300, b"a" + b"\x80" * 300])
@pytest.mark.parametrize("batch", [2, 5, 100])
def test_a_text_without_lines_is_cut(tmp_path, monkeypatch, text, batch):
    monkeypatch.setattr("gptengine.data.write.BATCH", batch)
    write_shards([text], tmp_path / "s", ByteTokenizer(), held_out=0)
    ids = tokens(tmp_path / "s", "train")
    assert ByteTokenizer().decode_bytes(ids) == text + b"<|endoftext|>"


def test_characters_are_not_cut():
    text = "aü€😀".encode() * 3
    for start in range(len(text)):
        for end in range(start + 4, len(text) + 1):
            cut = write._cut(text, end, start)
            assert start < cut <= end
            text[cut:].decode()


def test_new_shards_replace_old_shards_alone(shards):
    (shards / "train-00001.tok").touch()
    (shards / "sources.json").write_text("{}")
    (shards / "notes.txt").write_text("mine")
    write_shards([TEXT], shards, ByteTokenizer())
    names = sorted(p.name for p in shards.iterdir())
    assert "notes.txt" in names and "train-00000.tok" in names
    assert "train-00001.tok" not in names and "sources.json" not in names


def test_a_share_that_is_almost_nothing(tmp_path):
    summary = write_shards(["a", "b"], tmp_path / "s", ByteTokenizer(), held_out=1e-320)
    assert summary["train"]["text_bytes"] == 2


def test_large_vocabularies_take_four_bytes(tmp_path):
    write_shards([TEXT], tmp_path / "s", ByteTokenizer(extra=1 << 16))
    assert TokenShards(tmp_path / "s").arrays[0].dtype == np.uint32


def test_no_text_is_an_error_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="no text to write"):
        write_shards(["", ""], tmp_path / "s", ByteTokenizer())
    assert not list(tmp_path.iterdir())


def test_another_tokenizer_is_refused(shards):
    with pytest.raises(ValueError, match="vocabulary of 257 tokens, the tokenizer 300"):
        TokenShards(shards).check_tokenizer(ByteTokenizer(extra=43))
    other = ByteTokenizer()
    other.fingerprint = "0123456789abcdef"
    with pytest.raises(ValueError, match=r"another tokenizer.*this one's 0123456789ab"):
        TokenShards(shards).check_tokenizer(other)


def test_damaged_shards_are_refused(shards):
    path = shards / "train-00000.tok"
    good = path.read_bytes()
    cases = {
        good[:-2]: "bytes, but .* tokens need .*truncated",
        b"PK" + good[2:]: "not a token shard",
        good[:60]: "not a token shard",
        good[:-2] + b"\0\0": "SHA-256",
        good[:-2] + b"\xff\xff": "token 65535 at .* not in the vocabulary of 257",
        good[:8] + b"\x09" + good[9:]: "shard format 9, this program reads 1",
    }
    for content, match in cases.items():
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"train-00000.tok: .*{match}"):
            TokenShards(shards)
    assert len(good) == LAYOUT.size + 2 * len(good[LAYOUT.size :]) // 2


def test_an_epoch_visits_every_block_once(shards):
    loader = Loader(TokenShards(shards), batch=1, context=16, seed=3)
    train = tokens(shards, "train")
    blocks = (len(train) - 1) // 16
    seen = []
    for _ in range(blocks):
        inputs, targets = loader.next()
        assert inputs.dtype == np.int32 and inputs.shape == (1, 16)
        np.testing.assert_array_equal(inputs[0, 1:], targets[0, :-1])
        seen.append(tuple(inputs[0]))
    assert loader.state() == {"epoch": 0, "index": blocks}
    want = [tuple(train[i * 16 : (i + 1) * 16]) for i in range(blocks)]
    assert sorted(seen) == sorted(want) and seen != want
    loader.next()
    assert loader.state()["epoch"] == 1


@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 99), st.integers(0, 3))
def test_the_loader_resumes_anywhere(tmp_path_factory, batch, context, steps, seed):
    folder = tmp_path_factory.mktemp("s") / "s"
    write_shards([TEXT[:700]], folder, ByteTokenizer(), shard_tokens=200)
    one = Loader(TokenShards(folder), batch, context, seed)
    for _ in range(steps):
        one.next()
    two = Loader(TokenShards(folder), batch, context, seed)
    two.load_state(json.loads(json.dumps(one.state())))
    for _ in range(3):
        for a, b in zip(one.next(), two.next(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_seeds_and_epochs_differ(shards):
    first = [Loader(TokenShards(shards), 4, 16, seed).next()[0] for seed in (0, 1)]
    assert not np.array_equal(*first)
    loader = Loader(TokenShards(shards), 4, 16)
    epochs = []
    for epoch in range(2):
        loader.load_state({"epoch": epoch, "index": 0})
        epochs.append(loader.next()[0])
    assert not np.array_equal(*epochs)


def test_blocks_stay_in_their_shard(tmp_path):
    write_shards(
        ["a" * 100, "b" * 100], tmp_path / "s", ByteTokenizer(), held_out=0, shard_tokens=100
    )
    loader = Loader(TokenShards(tmp_path / "s"), 1, 30)
    for _ in range(20):
        inputs, _ = loader.next()
        assert len(set(inputs.ravel()) - {256}) == 1


def test_too_little_text_for_a_block(shards):
    with pytest.raises(ValueError, match=r"has \d+ tokens, a block of context 9999 needs 10000"):
        Loader(TokenShards(shards), 1, 9999)


def test_sequential_covers_the_text_once(shards):
    val = tokens(shards, "val")
    batches = list(sequential(TokenShards(shards, "val"), 3, 16))
    inputs = np.concatenate([x.ravel() for x, _ in batches])
    targets = np.concatenate([y.ravel() for _, y in batches])
    n = (len(val) - 1) // 16 * 16
    np.testing.assert_array_equal(inputs, val[:n])
    np.testing.assert_array_equal(targets, val[1 : n + 1])
    some = list(sequential(TokenShards(shards, "val"), 3, 16, most_tokens=100))
    assert sum(x.size for x, _ in some) == 96
    ((inputs, _),) = sequential(TokenShards(shards, "val"), 3, 10**6)
    assert inputs.shape == (1, len(val) - 1)
