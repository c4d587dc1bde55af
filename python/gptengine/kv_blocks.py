"""Which block of the KV cache holds what: shared by count, kept for reuse, evicted by age.

A block holds `_core.CACHE_BLOCK` positions. Blocks with the tokens that they hold form a tree: a
path from the root spells a text from its beginning, because keys and values depend on all tokens
before them. A text that begins like another one shares its full blocks and copies the rows that
agree of the next one; nothing is ever written to a block that two texts share. What a finished text
leaves stays in the tree until the memory is needed, the longest unused first. Tokens themselves are
compared, never their hashes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from gptengine import _core

BLOCK = _core.CACHE_BLOCK
KV_DTYPES = ("float32", "bfloat16", "q8")  # what a cache keeps keys and values in
WIDTH = 4  # bytes of a token: texts are bytes of int32, which compare and slice fast


def blocks_for(tokens: int) -> int:
    """How many blocks hold so many tokens."""
    return -(-tokens // BLOCK)


class Node:
    """A block and the tokens whose keys and values it holds."""

    __slots__ = ("block", "parent", "tokens", "users", "children")

    def __init__(self, block: int):
        self.block = block
        self.parent: Node | None = None  # once it holds a token
        self.tokens = bytearray()  # up to BLOCK of them; those of a full node never change
        self.users = 1  # paths that it is on
        self.children: dict[bytes, list[Node]] = {}  # by their first token

    @property
    def full(self) -> bool:
        return len(self.tokens) == BLOCK * WIDTH


class Path:
    """The blocks of one text, and how many of its tokens they already hold."""

    __slots__ = ("nodes", "computed")

    def __init__(self, nodes: list[Node]):
        self.nodes, self.computed = nodes, 0

    @property
    def table(self) -> list[int]:
        return [node.block for node in self.nodes]


class Blocks:
    """All blocks of a cache. `copy(source, target)` copies what a block holds.

    Every block is free, or on the path of a text that is being written, or idle: kept for reuse.
    """

    def __init__(self, count: int, copy: Callable[[int, int], None]):
        self.count, self._copy = count, copy
        self._root = Node(-1)
        self._free = list(range(count))[::-1]
        # From the longest unused. A path is left from its end, and whoever uses a node uses its
        # parents: children therefore come before their parents, and the first has no child.
        self._idle: OrderedDict[Node, None] = OrderedDict()

    @property
    def available(self) -> int:
        """Blocks that a path could get now."""
        return len(self._free) + len(self._idle)

    @property
    def idle(self) -> int:
        """Blocks that nobody needs, kept because a text may begin like theirs."""
        return len(self._idle)

    def open(self, text: bytes) -> Path | None:
        """A path with room for a text, or None when there are too few blocks.

        It shares what the tree has of the text's beginning, apart from the last token: what comes
        after it is known only by computing it again.
        """
        shared, source, rows = self._longest(text[:-WIDTH])
        fresh = blocks_for(len(text) // WIDTH) - len(shared)
        if fresh > self.available - sum(not node.users for node in shared):
            return None
        for node in shared:
            self._use(node)
        blocks = [self._take() for _ in range(fresh)]
        if rows and source.block in blocks:  # it was idle and had to go, but still holds its rows
            blocks.remove(source.block)
            blocks.insert(0, source.block)
        elif rows:
            self._copy(source.block, blocks[0])
        path = Path(shared + [Node(block) for block in blocks])
        path.computed = len(shared) * BLOCK
        self.fill(path, text, path.computed + rows)
        return path

    def grow(self, path: Path, tokens: int) -> bool:
        """Make room for so many tokens in all; False, with nothing changed, when it lacks."""
        more = blocks_for(tokens) - len(path.nodes)
        if more <= 0:
            return True
        if more > self.available:
            return False
        path.nodes += [Node(self._take()) for _ in range(more)]
        return True

    def fill(self, path: Path, text: bytes, upto: int) -> None:
        """Say that the path's blocks now hold the text's tokens before `upto`."""
        while path.computed < upto:
            i = path.computed // BLOCK
            node, end = path.nodes[i], min(upto, (i + 1) * BLOCK)
            new = text[path.computed * WIDTH : end * WIDTH]
            if not node.tokens:
                node.parent = path.nodes[i - 1] if i else self._root
                node.parent.children.setdefault(bytes(new[:WIDTH]), []).append(node)
            node.tokens += new
            path.computed = end
            if node.full:
                path.nodes[i] = self._only_one(node)

    def close(self, path: Path) -> None:
        """Leave a path's blocks to whoever needs them, or begins alike."""
        for node in reversed(path.nodes):
            node.users -= 1
            if not node.users and node.tokens:
                self._idle[node] = None
            elif not node.users:
                self._free.append(node.block)
        path.nodes = []

    def forget(self) -> None:
        """Free all idle blocks."""
        while self._idle:
            self._free.append(self._evict())

    def _longest(self, text: bytes) -> tuple[list[Node], Node | None, int]:
        """The full nodes that begin the text, then the node that goes on best and for how long."""
        node, shared = self._root, []
        while True:
            at = len(shared) * BLOCK * WIDTH
            node, rows = _closest(node, text[at : at + BLOCK * WIDTH])
            if rows < BLOCK:
                return shared, node, rows
            shared.append(node)

    def _only_one(self, node: Node) -> Node:
        """The node, or the one that has the same parent and tokens in its place."""
        for twin in node.parent.children[bytes(node.tokens[:WIDTH])]:
            if twin is not node and twin.tokens == node.tokens:
                self._use(twin)
                self._detach(node)
                self._free.append(node.block)
                return twin
        return node

    def _use(self, node: Node) -> None:
        node.users += 1
        self._idle.pop(node, None)

    def _take(self) -> int:
        return self._free.pop() if self._free else self._evict()

    def _evict(self) -> int:
        node, _ = self._idle.popitem(last=False)
        assert not node.children
        self._detach(node)
        return node.block

    def _detach(self, node: Node) -> None:
        first = bytes(node.tokens[:WIDTH])
        alike = node.parent.children[first]
        alike.remove(node)
        if not alike:
            del node.parent.children[first]


def _closest(parent: Node, text: bytes) -> tuple[Node | None, int]:
    """The child that begins most like the text, and how many tokens of it agree."""
    best, rows = None, 0
    for node in parent.children.get(bytes(text[:WIDTH]), ()):
        if text[: (rows + 1) * WIDTH] != node.tokens[: (rows + 1) * WIDTH]:
            continue  # not better than the best so far; most end here
        low, high = rows, min(len(text), len(node.tokens)) // WIDTH
        while low < high:
            middle = (low + high + 1) // 2
            if text[: middle * WIDTH] == node.tokens[: middle * WIDTH]:
                low = middle
            else:
                high = middle - 1
        if low > rows:
            best, rows = node, low
    return best, rows


def kept_dtype(dtype: str, kv_dtype: str | None) -> str:
    """What a cache for a model of this dtype keeps: kv_dtype, or where it is None the dtype."""
    if kv_dtype not in (None, *KV_DTYPES):
        raise ValueError(f"kv_dtype {kv_dtype!r} must be one of {', '.join(KV_DTYPES)}")
    return kv_dtype or dtype


def new_cache(model, kv_dtype: str | None, blocks: int) -> _core.KVCache:
    """A cache for a model."""
    return _core.KVCache(model.engine_config, kept_dtype(model.dtype, kv_dtype), blocks)


def block_bytes(model, kv_dtype: str | None) -> int:
    """What one block takes of all layers' keys and values."""
    return _core.cache_bytes(model.engine_config, kept_dtype(model.dtype, kv_dtype), 1)


def block_count(model, slots: int, kv_tokens: int | None, memory: int | None, one: int) -> int:
    """How many blocks of `one` bytes a generator of these options gets."""
    if kv_tokens is not None and memory is not None:
        raise ValueError(f"generate: give kv_tokens {kv_tokens} or memory {memory}, not both")
    if memory is not None:
        if memory < one:
            raise ValueError(f"generate: memory {memory} must be at least a block's {one} bytes")
        return memory // one
    if kv_tokens is None:
        return slots * blocks_for(model.config.context_length)
    if kv_tokens < 1:
        raise ValueError(f"generate: kv_tokens {kv_tokens} must be at least 1")
    return blocks_for(kv_tokens)


def tables(paths: list[Path]) -> np.ndarray:
    """The block tables of some paths, (B, T) int32, filled up with zeros."""
    rows = [path.table for path in paths]
    out = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for row, blocks in zip(out, rows, strict=True):
        row[: len(blocks)] = blocks
    return out
