"""nanoGPT's and Megatron's files, read by readers written here from what these programs do."""

import struct

import numpy as np
import pytest
import small_corpora as corpora

from gptengine.curate import export, mix, run
from gptengine.data import TokenShards


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    recipe = corpora.three_sources(folder / "texts")
    recipe["blocks"] = {**recipe["blocks"], "held_out": 0.2}
    run(recipe, folder / "out", workers=1)
    mix(recipe, folder / "out")
    return folder / "out/tokens"


def blocks_of(tokens):
    shards, index = TokenShards(tokens), np.load(tokens / "index.npy")
    return [np.asarray(shards.arrays[s][a : a + 64]) for s, a in index]


def read_megatron(prefix):
    """The sequences, as IndexedDataset maps them."""
    raw = prefix.with_suffix(".idx").read_bytes()
    assert raw[:9] == b"MMIDIDX\0\0"
    version, code, count, documents = struct.unpack_from("<QBQQ", raw, 9)
    assert (version, documents) == (1, count + 1)
    at = 9 + struct.calcsize("<QBQQ")
    lengths = np.frombuffer(raw, "<i4", count, at)
    begins = np.frombuffer(raw, "<i8", count, at + 4 * count)
    borders = np.frombuffer(raw, "<i8", documents, at + 12 * count)
    assert len(raw) == at + 12 * count + 8 * documents
    assert borders.tolist() == list(range(count + 1))
    dtype = {8: np.dtype("<u2"), 4: np.dtype("<i4")}[code]
    data = prefix.with_suffix(".bin").read_bytes()
    return [np.frombuffer(data, dtype, n, b) for n, b in zip(lengths.tolist(), begins, strict=True)]


def test_nanogpt(tokens, tmp_path):
    export(tokens, tmp_path / "nano", "nanogpt")
    flat = np.fromfile(tmp_path / "nano/train.bin", np.uint16)
    assert (flat == np.concatenate(blocks_of(tokens))).all()
    val = np.fromfile(tmp_path / "nano/val.bin", np.uint16)
    assert (val == np.concatenate(TokenShards(tokens, "val").arrays)).all()


def test_megatron(tokens, tmp_path):
    export(tokens, tmp_path / "mega", "megatron")
    sequences, blocks = read_megatron(tmp_path / "mega/train"), blocks_of(tokens)
    assert len(sequences) == len(blocks)
    assert all((a == b).all() for a, b in zip(sequences, blocks, strict=True))
    assert sum(map(len, read_megatron(tmp_path / "mega/val"))) == TokenShards(tokens, "val").tokens


def test_what_cannot_be_exported(tokens, tmp_path):
    with pytest.raises(ValueError, match="'mds' is none of nanogpt, megatron"):
        export(tokens, tmp_path / "x", "mds")
    with pytest.raises(OSError):
        export(tmp_path, tmp_path / "x", "nanogpt")
