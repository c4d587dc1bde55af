"""`mix`: curated documents to token shards by source and an index of blocks, ready to train on.

A source's documents lie one after another in an order that the seed decides, an end of text after
each, and are cut into blocks wherever these end. The index, and not the tokens, is shuffled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gptengine.data.loader import mix as random
from gptengine.data.shards import INDEX, MIXTURE, read_header
from gptengine.data.write import REPLACED, ShardWriter
from gptengine.files import atomic_folder, locked, read_json, write_json

from .mixture import Share, blocks_of, order, share_out, source_blocks
from .pipeline import save_report
from .recipe import Blocks, Recipe, load_recipe

FOLDER = "tokens"  # below the folder of a run
FILES = 4  # the stream of random numbers that orders a source's files
TRAINED_ON = 256 << 20  # bytes of text that a vocabulary is learned from


def mix(recipe, out, *, progress: Callable[[str, int, int], None] | None = None) -> dict:
    """Make `out`/tokens of the documents that `run` left in `out`; what mixture.json says.

    The folder is for `gptengine pretrain`, with blocks.length as the context. Reports what was
    reached in `out`/report.json and .html.
    """
    recipe, base = load_recipe(recipe)
    out, blocks = Path(out), recipe.blocks
    weights = {n: s.weight for n, s in sorted(recipe.sources.items()) if s.weight > 0}
    if not weights:
        raise ValueError("mix: every source has weight 0")
    files = {name: documents_of(out, name) for name in weights}
    told = Told(progress, sum(p.stat().st_size for paths in files.values() for p in paths))
    with locked(out, "curating"):  # a run would exchange the documents
        tok = make_tokenizer(blocks, base, files, told)
        with atomic_folder(out / FOLDER, REPLACED) as folder:
            for name, paths in files.items():
                write_source(folder, name, paths, tok, blocks, told)
            mixture = index_of(recipe, folder, weights)
            tok.save(folder)
        report_path = out / "report.json"
        if report_path.is_file():
            save_report(out, read_json(report_path) | {"mixed": mixture})
    return mixture


class Told:
    """Adds up what is done for a progress callback."""

    def __init__(self, progress, total: int):
        self.progress, self.total, self.done = progress, total, 0

    def add(self, stage: str, size: int) -> None:
        self.done += size
        if self.progress:
            self.progress(stage, self.done, self.total)


def documents_of(out: Path, name: str) -> list[Path]:
    paths = sorted((out / "documents").glob(f"{name}-[0-9]*.jsonl"))
    paths = [p for p in paths if p.stem.rpartition("-")[0] == name]
    if not any(p.stat().st_size for p in paths):
        raise ValueError(
            f"mix: {out / 'documents'} has no documents of {name!r}: run `gptengine curate run` "
            f"first, or give it weight 0"
        )
    return paths


def make_tokenizer(blocks: Blocks, base, files: dict[str, list[Path]], told: Told):
    """The tokenizer that the recipe names, or a vocabulary learned from an equal part of each."""
    from gptengine.tokenizer import Tokenizer

    if blocks.tokenizer == "bytes":
        return Tokenizer.bytes()
    if blocks.tokenizer != "bpe":
        path = Path(base) / blocks.tokenizer
        if not path.exists():
            raise ValueError(f"blocks.tokenizer: {path} is neither bpe nor bytes nor a tokenizer")
        return Tokenizer.load(path)
    told.add("vocabulary", 0)
    texts = (t for paths in files.values() for t in beginning(paths, TRAINED_ON // len(files)))
    return Tokenizer.train(texts, vocab_size=blocks.vocab_size)


def beginning(paths: list[Path], size: int) -> Iterator[str]:
    """About the first `size` bytes of text of some files: ids are random, so are these texts."""
    for path in paths:
        with open(path, "rb") as file:
            for line in file:
                if size <= 0:
                    return
                size -= len(line)
                yield json.loads(line)["text"]


def write_source(folder: Path, name: str, paths, tok, blocks: Blocks, told: Told) -> None:
    """The shards train-NAME-00000.tok, ..., and val-NAME-00000.tok of what is held out."""
    writers = {split: ShardWriter(folder, f"{split}-{name}", tok) for split in ("train", "val")}
    for path in shuffled_files(paths, blocks.seed):
        lines = path.read_bytes().splitlines(keepends=True)
        for line in sorted(lines, key=lambda line: _key(line, blocks.seed)):
            document = json.loads(line)
            held = is_held_out(document, blocks.held_out)
            writers["val" if held else "train"].add(document["text"].encode(), True)
            told.add("tokens", len(line))
    for writer in writers.values():
        writer.close()


def shuffled_files(paths: list[Path], seed: int) -> list[Path]:
    keys = random(seed, 0, FILES, np.arange(len(paths)))
    return [paths[i] for i in np.argsort(keys, kind="stable")]


def _key(line: bytes, seed: int) -> bytes:
    salt = (seed % (1 << 64)).to_bytes(8, "little")
    return hashlib.blake2b(line, digest_size=16, salt=salt).digest()


def is_held_out(document: dict, share: float) -> bool:
    """By the id, of all pieces of a text alike: so a text is on one side, whatever the recipe."""
    key = document["meta"].get("piece_of", document["id"])
    return int(hashlib.blake2b(key.encode(), digest_size=4).hexdigest(), 16) < share * 2**32


def index_of(recipe: Recipe, folder: Path, weights: dict[str, float]) -> dict:
    """Write index.npy and mixture.json for the shards in a folder; what the latter says."""
    b = recipe.blocks
    shards = sorted(folder.glob("train-*.tok"))
    headers = {
        name: {i: read_header(p) for i, p in enumerate(shards) if _owner(p) == name}
        for name in weights
    }
    sizes = {name: [h.tokens for h in headers[name].values()] for name in weights}
    once = {name: sum(blocks_of(n, b.length) for n in sizes[name]) for name in weights}
    for name, n in once.items():
        if not n:
            raise ValueError(
                f"mix: {name!r} has {sum(sizes[name])} tokens, a block of length {b.length} needs "
                f"{b.length + 1}: give it weight 0 or shorter blocks"
            )
    most = {name: int(once[name] * recipe.sources[name].max_epochs) for name in weights}
    shares, limited = share_out(weights, most, b.tokens // b.length)
    if not sum(s.blocks for s in shares.values()):
        raise ValueError(f"mix: {b.tokens} tokens are less than a block of {b.length}")
    found = []
    for number, name in enumerate(weights):
        blocks = source_blocks(sizes[name], shares[name].blocks, b.length, b.seed, number)
        found.append(np.array(list(headers[name]))[blocks[:, 0]])
        found[-1] = np.stack([found[-1], blocks[:, 1]], axis=1)
    sources = order([len(f) for f in found], b.seed, b.batch, b.least_sources)
    index = np.empty((len(sources), 2), np.int64)
    for number, blocks in enumerate(found):
        index[sources == number] = blocks
    np.save(folder / INDEX, index)
    mixture = described(b, shares, limited, weights, headers, once)
    mixture["shards"] = [p.name for p in shards]
    mixture["recipe_digest"] = recipe.digest()
    mixture["single_source_batches"] = alone(sources, b.batch)
    write_json(folder / MIXTURE, mixture, sort_keys=True)
    return mixture


def _owner(path: Path) -> str:
    return path.stem.removeprefix("train-").rpartition("-")[0]


def alone(sources: np.ndarray, batch: int) -> int:
    """Whole batches that have blocks of one source alone."""
    whole = sources[: len(sources) // batch * batch].reshape(-1, batch)
    return int((whole == whole[:, :1]).all(1).sum()) if batch > 1 else 0


def described(
    b: Blocks, shares: dict[str, Share], limited: str, weights, headers, once: dict[str, int]
) -> dict:
    total, whole = sum(s.blocks for s in shares.values()), sum(weights.values())
    return dict(
        length=b.length,
        batch=b.batch,
        seed=b.seed,
        blocks=total,
        tokens=total * b.length,
        limited_by=limited,
        sources={
            name: dict(
                wanted=weights[name] / whole,
                reached=share.blocks / total,
                blocks=share.blocks,
                shortfall=share.shortfall,
                epochs=round(share.blocks / once[name], 4),
                tokens=sum(h.tokens for h in headers[name].values()),
                documents=sum(h.documents for h in headers[name].values()),
                text_bytes=sum(h.text_bytes for h in headers[name].values()),
            )
            for name, share in shares.items()
        },
    )
