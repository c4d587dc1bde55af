"""A mixture's blocks in its order, as the token files that nanoGPT and Megatron-LM read.

nanoGPT's `train.bin` is uint16 tokens and nothing else. Megatron's `train.bin` is tokens of the
type that `train.idx` names; the index has a sequence a block.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from gptengine.data.shards import INDEX, MIXTURE, TokenShards
from gptengine.files import atomic_folder, read_json

MEGATRON = b"MMIDIDX\x00\x00"
MEGATRON_TYPES = {np.dtype("<u2"): 8, np.dtype("<i4"): 4}
FORMATS = ("nanogpt", "megatron")


def export(tokens, out, kind: str) -> Path:
    """Write the mixture in the folder `tokens` into the folder `out`, val beside train.

    kind: "nanogpt" or "megatron". nanoGPT's files hold ids below 65,536 alone.
    """
    if kind not in FORMATS:
        raise ValueError(f"export: {kind!r} is none of {', '.join(FORMATS)}")
    tokens = Path(tokens)
    length = read_json(tokens / MIXTURE)["length"]
    splits = {"train": TokenShards(tokens, "train")}
    if any(tokens.glob("val-*.tok")):
        splits["val"] = TokenShards(tokens, "val")
    vocab = splits["train"].vocab_size
    if kind == "nanogpt" and vocab > 1 << 16:
        raise ValueError(f"export: nanoGPT's tokens have 16 bits, the vocabulary {vocab:,} ids")
    dtype = np.dtype("<u2" if vocab <= 1 << 16 else "<i4")
    with atomic_folder(out, ("*.bin", "*.idx")) as folder:
        for split, shards in splits.items():
            if split == "train":
                blocks = np.load(tokens / INDEX, mmap_mode="r")
                pieces = ((shards.arrays[s], a, a + length) for s, a in blocks)
            else:
                pieces = ((array, 0, len(array)) for array in shards.arrays)
            sizes = []
            with open(folder / f"{split}.bin", "wb") as file:
                for array, begin, end in pieces:
                    file.write(array[begin:end].astype(dtype).tobytes())
                    sizes.append(end - begin)
            if kind == "megatron":
                (folder / f"{split}.idx").write_bytes(megatron_index(sizes, dtype))
    return Path(out)


def megatron_index(sizes: list[int], dtype: np.dtype) -> bytes:
    """The .idx file: version, type, counts, then lengths, first bytes and document borders."""
    n = len(sizes)
    lengths = np.array(sizes, "<i4")
    begins = (np.cumsum(lengths, dtype="<i8") - lengths) * dtype.itemsize
    head = MEGATRON + struct.pack("<QBQQ", 1, MEGATRON_TYPES[dtype], n, n + 1)
    documents = np.arange(n + 1, dtype="<i8")
    return head + lengths.tobytes() + begins.astype("<i8").tobytes() + documents.tobytes()
