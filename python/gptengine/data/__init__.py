"""Text to token shards, and token shards to batches.

from gptengine.data import Loader, TokenShards, read_documents, write_shards

write_shards(read_documents(["novels.jsonl.gz"]), "data/novels", tok)
loader = Loader(TokenShards("data/novels", "train"), batch=8, context=256, seed=0)
inputs, targets = loader.next()  # (B, T) int32 each
"""

from gptengine.data.documents import find_files, read_documents
from gptengine.data.loader import Loader, sequential
from gptengine.data.mixture import MixtureLoader, open_loader
from gptengine.data.shards import TokenShards
from gptengine.data.write import write_shards

__all__ = [
    "Loader",
    "MixtureLoader",
    "TokenShards",
    "find_files",
    "open_loader",
    "read_documents",
    "sequential",
    "write_shards",
]
