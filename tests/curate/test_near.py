"""Near-duplicates: planted ones are found, others are not, and nothing else decides."""

import os

import numpy as np
import pytest

from curate import planted
from gptengine.curate.near import NearGroups, NearOptions, near_groups, signatures

COUNT = 360
LEAST = 1 << 20  # bytes, the smallest memory


@pytest.fixture(scope="module")
def plants():
    texts, base, kinds, jaccard = planted.pairs(COUNT)
    return texts, base, np.array(kinds), jaccard, signatures(texts)


def found(groups):
    """Of each planted copy, whether it was put to its base."""
    return groups.keeper[:COUNT] == groups.keeper[COUNT:]


def test_planted_copies_are_found_by_how_alike_they_are(plants):
    *_, kinds, jaccard, signed = plants
    hit = found(near_groups(signed))
    for kind in planted.EQUAL:
        assert jaccard[kinds == kind].min() == 1 and hit[kinds == kind].all(), kind
    assert hit[jaccard >= 0.9].mean() > 0.98
    assert hit[(jaccard >= 0.8) & (jaccard < 0.9)].mean() > 0.8
    assert hit[jaccard < 0.7].mean() < 0.05
    for kind in planted.EDITS:  # each of its own, where nothing but chance is in the way
        mine = kinds == kind
        assert hit[mine & (jaccard >= 0.9)].all() and not hit[mine & (jaccard < 0.65)].any(), kind
    # Less alike ones are copies where that is what was asked for.
    looser = found(near_groups(signed, options=NearOptions(jaccard=0.5)))
    assert looser[(jaccard >= 0.7) & (jaccard < 0.8)].mean() > 0.5


def test_different_texts_stay_apart(plants):
    _, base, *_, signed = plants
    for options in (NearOptions(), NearOptions(jaccard=0.5)):
        groups = near_groups(signed, options=options)
        assert all(base[i] == base[k] for i, k in enumerate(groups.keeper))


def test_number_tables_stay_apart():
    rng = np.random.default_rng(0)
    rows = lambda: "".join(f"| {a} | {b},50 | EUR |\n" for a, b in rng.integers(0, 999, (60, 2)))
    groups = near_groups(signatures([rows() for _ in range(40)]))
    assert np.array_equal(groups.keeper, np.arange(40))


def test_estimates_are_near_the_truth(plants):
    *_, jaccard, signed = plants
    groups = near_groups(signed)
    mine = groups.pairs[:, 1] == groups.pairs[:, 0] + COUNT
    assert mine.all()
    error = groups.jaccard - jaccard[groups.pairs[:, 0]]
    assert abs(error).max() < 0.16 and abs(error).mean() < 0.03
    assert len(groups.pairs) == sum(groups.sizes() - 1) == found(groups).sum()
    assert groups.candidates >= len(groups.pairs) and groups.crowded == 0


def test_the_first_by_order_is_kept_wherever_the_texts_stand(plants):
    *_, signed = plants
    rng = np.random.default_rng(1)
    rank = rng.permutation(len(signed))
    order = np.argsort(rank)
    groups = near_groups(signed, order)
    assert (rank[groups.keeper] <= rank).all()
    assert (rank[groups.pairs[:, 0]] < rank[groups.pairs[:, 1]]).all()
    place = rng.permutation(len(signed))  # the same texts, stored elsewhere
    where = np.argsort(place)
    moved = near_groups(np.ascontiguousarray(signed[place]), where[order])
    assert np.array_equal(place[moved.keeper], groups.keeper[place])
    assert np.array_equal(place[moved.pairs], groups.pairs)
    assert np.array_equal(moved.jaccard, groups.jaccard)


def test_what_does_not_fit_goes_to_a_file_that_does_not_stay(tmp_path):
    rng = np.random.default_rng(0)
    signed = rng.integers(0, 2**32 - 1, (12_000, 112), np.uint32)
    signed[6000:7000] = signed[:1000]
    signed[6000:7000, :20] = 7
    signed[6000:7000, 0] = np.arange(1000)
    inside = near_groups(signed)
    outside = near_groups(signed, memory_bytes=LEAST, folder=str(tmp_path))
    assert len(inside.pairs) == 1000
    for one, two in zip(inside, outside, strict=True):
        assert np.array_equal(one, two)
    assert os.listdir(tmp_path) == []
    with pytest.raises(OSError, match="none"):
        near_groups(signed, memory_bytes=LEAST, folder=str(tmp_path / "none"))


def test_groups_that_meet_become_one():
    one = np.arange(112, dtype=np.uint32)
    three = one.copy()
    three[:32] += 1000
    two = one.copy()
    two[:16] += 1000
    groups = near_groups(np.stack([one, three, two]))
    assert groups.keeper.tolist() == [0, 0, 0] and groups.sizes().tolist() == [3]
    apart = near_groups(np.stack([one, three]))
    assert apart.keeper.tolist() == [0, 1] and apart.candidates > 0


def test_a_crowded_bucket_is_told_and_does_not_take_its_square():
    rng = np.random.default_rng(0)
    signed = rng.integers(0, 2**32 - 1, (5000, 112), np.uint32)
    signed[:, :8] = 3  # all share a band and nothing else
    groups = near_groups(signed)
    assert groups.crowded == 5000 - 64 and groups.candidates < 5000 * 64
    assert np.array_equal(groups.keeper, np.arange(5000))


def test_texts_without_words_are_no_copies():
    groups = near_groups(signatures(["", "...", "a", "A!"]))
    assert groups.keeper.tolist() == [0, 1, 2, 2]
    nothing = near_groups(signatures([]))
    assert isinstance(nothing, NearGroups) and len(nothing.keeper) == len(nothing.sizes()) == 0


@pytest.mark.parametrize(
    "signed, order, how, says",
    [
        (np.zeros((2, 111), np.uint32), None, {}, "111 places, not 14 x 8"),
        (np.zeros((2, 112), np.int64), None, {}, "int64, not uint32"),
        (np.zeros((2, 112), np.uint32), [0], {}, "order has 1 texts, 2 have"),
        (np.zeros((2, 112), np.uint32), [0, 0], {}, "order has 0 twice"),
        (np.zeros((2, 112), np.uint32), [0, 2], {}, r"order\[1\] is 2"),
        (np.zeros((2, 112), np.uint32), None, dict(memory_bytes=9), "memory_bytes 9 is less"),
    ],
)
def test_what_is_wrong_is_named(signed, order, how, says):
    with pytest.raises(ValueError, match=says):
        near_groups(signed, order, **how)
