"""Mixtures: shares to a block, epochs, order, batches of two sources, a loader of one number."""

import json

import numpy as np
import pytest
import small_corpora as corpora

from gptengine.curate import mix, run
from gptengine.curate.mixture import apportion, order, share_out, source_blocks
from gptengine.data import MixtureLoader, TokenShards, open_loader
from gptengine.files import locked

WEIGHTS = {"web": 0.5, "guides": 0.3, "books": 0.15, "chat": 0.05}


def test_parts_are_within_one_and_sum_up():
    for total in (0, 1, 7, 100, 12345):
        counts = apportion(WEIGHTS, total)
        assert sum(counts.values()) == total
        assert all(abs(counts[n] - total * w) < 1 for n, w in WEIGHTS.items())


def test_the_scarcest_source_decides():
    shares, limited = share_out(WEIGHTS, dict(web=1000, guides=1000, books=30, chat=1000))
    assert limited == "books" and shares["books"].blocks in (29, 30)
    assert all(s.shortfall == 0 for s in shares.values())
    total = sum(s.blocks for s in shares.values())
    assert all(abs(shares[n].blocks - total * w) < 1 for n, w in WEIGHTS.items())


def test_what_is_missing_is_said_and_shares_stay():
    shares, limited = share_out(WEIGHTS, dict(web=1000, guides=1000, books=30, chat=1000), 1000)
    assert limited == "" and shares["books"] == (150, 30) and shares["books"].shortfall == 120
    assert shares["web"].blocks == 500


def test_blocks_of_epochs():
    """Every block once an epoch, all inside their shards, later epochs cut elsewhere."""
    sizes, length = [101, 55, 3], 10
    once = 10 + 5
    blocks = source_blocks(sizes, 2 * once + 4, length, 7, 0)
    assert (blocks[:, 1] + length < np.array(sizes)[blocks[:, 0]]).all()
    first = {tuple(b) for b in blocks[:once].tolist()}
    assert first == {(s, i * length) for s, n in ((0, 10), (1, 5)) for i in range(n)}
    assert len({tuple(b) for b in blocks[once : 2 * once].tolist()}) == once
    assert any(start % length for _, start in blocks[once : 2 * once].tolist())
    assert (source_blocks(sizes, 9, length, 7, 0) == source_blocks(sizes, 9, length, 7, 0)).all()
    assert (source_blocks(sizes, once, length, 8, 0) != blocks[:once]).any()


def test_any_stretch_has_the_shares():
    sources = order([500, 300, 150, 50], seed=3, batch=32, least_sources=2)
    assert np.bincount(sources).tolist() == [500, 300, 150, 50]
    for start in range(0, 800, 100):
        counts = np.bincount(sources[start : start + 200], minlength=4)
        assert (abs(counts - [100, 60, 30, 10]) <= 5).all()
    assert (order([500, 300, 150, 50], 4, 32, 2) != sources).any()


@pytest.mark.parametrize("counts", [[100, 25], [100, 13], [100, 3], [90, 1, 1], [64, 64], [50]])
def test_batches_have_two_sources_where_they_can(counts):
    batch = 8
    sources = order(counts, seed=1, batch=batch, least_sources=2)
    assert np.bincount(sources).tolist() == counts
    whole = sources[: len(sources) // batch * batch].reshape(-1, batch)
    mixed = (whole != whole[:, :1]).any(1).sum()
    others = (whole != np.argmax(counts)).sum()  # each can serve one batch
    assert mixed == min(len(whole), others)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    recipe = corpora.three_sources(folder / "texts")
    run(recipe, folder / "out", workers=1)
    return recipe, folder / "out", mix(recipe, folder / "out")


def test_a_mixture_of_documents(mixed):
    recipe, out, mixture = mixed
    assert {n: s["shortfall"] for n, s in mixture["sources"].items()} == {"books": 0, "web": 0}
    assert abs(mixture["sources"]["web"]["reached"] - 0.6) <= 1 / mixture["blocks"]
    assert mixture["sources"]["books"]["epochs"] <= 3
    assert mixture["single_source_batches"] == 0
    assert json.loads((out / "report.json").read_text())["mixed"] == mixture
    assert "reached" in (out / "report.html").read_text()
    again = mix(recipe, out)
    assert again == mixture


def test_documents_are_not_exchanged_while_they_are_mixed(mixed):
    recipe, out, _ = mixed
    with locked(out, "curating"), pytest.raises(ValueError, match="another process is curating"):
        mix(recipe, out)


def test_documents_end_in_end_of_text_and_stay_on_their_side(mixed):
    _, out, mixture = mixed
    for split in ("train", "val"):
        if not any((out / "tokens").glob(f"{split}-*.tok")):
            continue
        shards = TokenShards(out / "tokens", split)
        ends = sum(int((array == shards.eos_id).sum()) for array in shards.arrays)
        assert ends == shards.documents
    kept = sum(len(corpora.kept_ids(out, name)) for name in ("web", "books"))
    train = sum(s["documents"] for s in mixture["sources"].values())
    assert train <= kept


def test_the_loader_gives_the_index_and_resumes_by_one_number(mixed):
    _, out, mixture = mixed
    shards = TokenShards(out / "tokens")
    index = np.load(out / "tokens/index.npy")
    loader = open_loader(shards, batch=4, context=64, seed=5)
    assert isinstance(loader, MixtureLoader)
    batches = [loader.next() for _ in range(2 * mixture["blocks"] // 4)]
    for place, (shard, start) in enumerate(index[:8].tolist()):
        row = batches[place // 4]
        assert (row[0][place % 4] == shards.arrays[shard][start : start + 64]).all()
        assert (row[1][place % 4] == shards.arrays[shard][start + 1 : start + 65]).all()
    for step in (0, 1, mixture["blocks"] // 4 + 3):
        other = open_loader(shards, 4, 64, 5)
        other.load_state({"blocks": 4 * step})
        assert (other.next()[0] == batches[step][0]).all()
        assert other.state() == {"blocks": 4 * step + 4}
    first, second = (
        np.concatenate([b[0] for b in part])
        for part in (batches[: mixture["blocks"] // 4], batches[mixture["blocks"] // 4 :])
    )
    assert (first[: len(second)] != second[: len(first)]).any()  # read again in another order


def test_what_does_not_fit_a_mixture(mixed, tmp_path):
    import shutil

    recipe, out, _ = mixed
    shards = TokenShards(out / "tokens")
    with pytest.raises(ValueError, match="blocks have 64 tokens, context is 32"):
        open_loader(shards, 4, 32, 0)
    copy = tmp_path / "tokens"
    shutil.copytree(out / "tokens", copy)
    before = TokenShards(copy).fingerprint
    np.save(copy / "index.npy", np.load(copy / "index.npy")[::-1].copy())
    assert TokenShards(copy).fingerprint != before
    np.save(copy / "index.npy", np.array([[0, 10**9]]))
    with pytest.raises(ValueError, match="blocks that the shards do not have"):
        open_loader(TokenShards(copy), 4, 64, 0)
    np.save(copy / "index.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"float64 \(3,\), not int64"):
        open_loader(TokenShards(copy), 4, 64, 0)
    with pytest.raises(ValueError, match="no documents of 'books'"):
        mix(recipe, tmp_path)
    recipe = {**recipe, "blocks": {"tokenizer": "bytes", "length": 10**6}}
    with pytest.raises(ValueError, match="a block of length 1000000 needs 1000001"):
        mix(recipe, out)
    with pytest.raises(ValueError, match="none.json is neither bpe nor bytes"):
        mix({**recipe, "blocks": {"tokenizer": "none.json"}}, out)
