"""Blocks are shared, reused, evicted and given back as they should be, against a plain model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine.kv_blocks import BLOCK, WIDTH, Blocks, blocks_for


def text(*tokens):
    return np.array(tokens, np.int32).tobytes()


def ids(n, start=0):
    return text(*range(start, start + n))


class Memory:
    """The cache as a list: what each row of each block was computed from, its whole text so far."""

    def __init__(self, count):
        self.rows = [[None] * BLOCK for _ in range(count)]
        self.copies = 0
        self.blocks = Blocks(count, self.copy)

    def copy(self, source, target):
        assert source != target
        self.copies += 1
        self.rows[target] = list(self.rows[source])

    def read(self, path, text, upto):
        """Compute what is missing before `upto`, and check everything before it."""
        for t in range(path.computed, upto):
            self.rows[path.table[t // BLOCK]][t % BLOCK] = bytes(text[: (t + 1) * WIDTH])
        self.blocks.fill(path, text, upto)
        for t in range(upto):
            row = self.rows[path.table[t // BLOCK]][t % BLOCK]
            assert row == text[: (t + 1) * WIDTH]


def test_two_texts_share_full_blocks_and_copy_the_next():
    memory = Memory(9)
    first = ids(BLOCK * 2 + 30)
    path = memory.blocks.open(first)
    assert path.computed == 0 and len(path.table) == 3
    memory.read(path, first, BLOCK * 2 + 30)
    second = first[: (BLOCK * 2 + 20) * WIDTH] + ids(70, 1000)
    other = memory.blocks.open(second)
    assert other.computed == BLOCK * 2 + 20 and memory.copies == 1
    assert other.table[:2] == path.table[:2] and not set(other.table[2:]) & set(path.table)
    memory.read(other, second, len(second) // WIDTH)
    memory.read(path, first, BLOCK * 2 + 30)  # untouched
    assert memory.blocks.available == 9 - 3 - 2
    memory.blocks.close(path)
    memory.blocks.close(other)
    assert memory.blocks.available == 9 and memory.blocks.idle == 5


def test_the_last_token_is_always_computed_again():
    memory, whole = Memory(4), ids(BLOCK * 2)
    path = memory.blocks.open(whole)
    memory.read(path, whole, BLOCK * 2)
    again = memory.blocks.open(whole)
    assert again.computed == BLOCK * 2 - 1
    memory.read(again, whole, BLOCK * 2)
    assert again.table == path.table and memory.blocks.available == 2  # the copy was given back


def test_a_text_may_take_the_block_that_it_copies():
    """All blocks are idle but needed: the source of the copy is the one that has to go."""
    memory, whole = Memory(3), ids(BLOCK * 2 + 30)
    path = memory.blocks.open(whole)
    memory.read(path, whole, BLOCK * 2 + 30)
    memory.blocks.close(path)
    longer = whole + ids(20, 500)
    path = memory.blocks.open(longer)
    assert path.computed == BLOCK * 2 + 30 and memory.copies == 0
    memory.read(path, longer, BLOCK * 2 + 50)


def test_too_few_blocks_change_nothing():
    memory = Memory(3)
    path = memory.blocks.open(ids(BLOCK * 2))
    assert memory.blocks.open(ids(BLOCK * 2)) is None
    assert not memory.blocks.grow(path, BLOCK * 3 + 1) and len(path.table) == 2
    assert memory.blocks.grow(path, BLOCK * 3) and memory.blocks.available == 0
    memory.blocks.close(path)
    assert memory.blocks.available == 3 and memory.blocks.idle == 0  # nothing was computed


def test_the_longest_unused_goes_first():
    memory = Memory(4)
    for start in 0, 1000, 2000, 0:  # the first is used again
        one = ids(BLOCK, start)
        path = memory.blocks.open(one)
        memory.read(path, one, BLOCK)
        memory.blocks.close(path)
    memory.blocks.close(memory.blocks.open(ids(BLOCK * 2, 3000)))
    kept = [memory.blocks.open(ids(BLOCK, start)).computed for start in (0, 2000, 1000)]
    assert kept == [BLOCK - 1, BLOCK - 1, 0]


@given(st.data())
def test_every_row_is_that_of_its_text(data):
    """Texts over two letters begin alike all the time; they open, grow, close in any order."""
    memory = Memory(data.draw(st.integers(3, 8)))
    count, open_paths = memory.blocks.count, []
    for _ in range(data.draw(st.integers(1, 40))):
        action = data.draw(st.sampled_from(["open", "grow", "close", "forget"]))
        if action == "open":
            # whole blocks of one letter, so that few draws make long texts
            letters = data.draw(st.lists(st.sampled_from([0, 1]), min_size=1, max_size=5))
            cut = data.draw(st.integers(1, BLOCK))
            words = np.repeat(np.array(letters, np.int32), BLOCK // 2)
            new = bytearray(words[: max(1, len(words) - cut)].tobytes())
            if path := memory.blocks.open(new):
                assert path.computed < len(new) // WIDTH
                upto = data.draw(st.integers(path.computed, len(new) // WIDTH))
                memory.read(path, new, upto)
                open_paths.append((path, new))
        elif action == "grow" and open_paths:
            path, old = data.draw(st.sampled_from(open_paths))
            longer = old + np.full(data.draw(st.integers(1, BLOCK)), 1, np.int32).tobytes()
            if memory.blocks.grow(path, len(longer) // WIDTH):
                old[:] = longer
                memory.read(path, old, len(old) // WIDTH)
        elif action == "close" and open_paths:
            path, _ = open_paths.pop(data.draw(st.integers(0, len(open_paths) - 1)))
            memory.blocks.close(path)
        elif action == "forget":
            memory.blocks.forget()
            assert memory.blocks.idle == 0
        for path, old in open_paths:
            memory.read(path, old, path.computed)
        used = {block for path, _ in open_paths for block in path.table}
        assert memory.blocks.available == count - len(used)
    for path, _ in open_paths:
        memory.blocks.close(path)
    assert memory.blocks.available == count
    memory.blocks.forget()
    path = memory.blocks.open(ids(count * BLOCK))
    assert path.computed == 0 and sorted(path.table) == list(range(count))


@pytest.mark.parametrize("tokens, blocks", [(1, 1), (BLOCK, 1), (BLOCK + 1, 2)])
def test_blocks_for(tokens, blocks):
    assert blocks_for(tokens) == blocks
