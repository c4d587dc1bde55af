"""The n-gram model is the one of its definition, and tells prose from words in any order."""

import math
import pickle
import random

import numpy as np
import pytest
from prose import DE, EN, MENU

from gptengine.curate.document import Document
from gptengine.curate.hash_table import HashTable
from gptengine.curate.perplexity import Perplexity, load, train
from gptengine.curate.word_hashes import ngram_hashes, word_hashes

SUBJECTS = "the farmer,a tall woman,my old uncle,the builder,her sister,our teacher".split(",")
VERBS = "walked to,looked at,talked about,came back from,wrote about,dreamt of".split(",")
PLACES = "the bridge,the river,a small village,the red house,the sea,that island".split(",")
TIMES = "in the morning,every day,last summer,after the war,at night,on Sunday".split(",")


def story(seed, sentences=60):
    r = random.Random(seed)
    parts = (SUBJECTS, VERBS, PLACES, TIMES)
    return ". ".join(" ".join(map(r.choice, parts)) for _ in range(sentences))


STORIES = [story(seed) for seed in range(60)]


@pytest.fixture(scope="module")
def model():
    return train(STORIES)


def test_probabilities_of_all_words_sum_to_one(model):
    """After any two words: the vocabulary and one unknown word share everything."""
    vocabulary = model.tables[0].full()["key"]
    unknown = np.uint64(12345)
    assert unknown not in vocabulary
    seen = word_hashes(STORIES[0])
    for u, v in [(seen[0], seen[1]), (seen[1], seen[0]), (unknown, seen[0]), (seen[0], unknown)]:
        total = 0.0
        for w in vocabulary:
            total += math.exp(_log_p(model, np.array([u, v, w])))
        rest = _rest(model, u, v)
        assert total + rest * model.unseen == pytest.approx(1, abs=1e-5)


def _log_p(model, words):
    """log p(w | u v), by how the perplexity of known words changes with one more."""
    one = model.tables[0]
    whole, known = model.read_words(words), one.find(words) < len(one.slots) - 1
    before = model.read_words(words[:2])
    sums = [
        -math.log(r.perplexity) * n if n else 0.0
        for r, n in ((whole, known.sum()), (before, known[:2].sum()))
    ]
    return sums[0] - sums[1]


def _rest(model, u, v):
    one, two = model.tables[:2]
    rest = 1.0
    for table, key in ((one, np.array([v])), (two, ngram_hashes(np.array([u, v]), 2))):
        rest *= float(table.slots["rest"][table.find(key)[0]])
    return rest


def test_kneser_ney_by_hand():
    """b follows two words and d one: b is more likely after others, though as frequent as d."""
    text = " ".join(["x a b y c b"] * 200 + ["x c d"] * 400)
    model = train([text])
    table = model.tables[0]
    b, d = (float(table.slots["seen"][table.find(word_hashes(word))[0]]) for word in "bd")
    assert b > 1.4 * d


def test_order_of_texts_and_copies_change_nothing(model, tmp_path):
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    model.save(paths[0])
    train(iter(STORIES[::-1] + STORIES[:5])).save(paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_few_words_are_chosen_whatever_the_order():
    most = 5000
    models = [train(texts, most_words=most) for texts in (STORIES, STORIES[::-1])]
    assert 1000 < models[0].words == models[1].words <= most
    first, second = (model.tables for model in models)
    assert all((a.slots == b.slots).all() for a, b in zip(first, second, strict=True))


def test_a_saved_model_is_the_same(model, tmp_path):
    model.save(tmp_path / "m.npz")
    again = load(tmp_path / "m.npz")
    assert again.read(STORIES[0]) == model.read(STORIES[0])
    assert again.quantile(0.5) == model.quantile(0.5) and again.words == model.words
    assert pickle.loads(pickle.dumps(model)).read(EN) == model.read(EN)  # noqa: S301, a worker's
    (tmp_path / "x.npz").write_bytes(b"no model")
    with pytest.raises(ValueError, match="x.npz: not an n-gram model"):
        load(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", words=1)
    with pytest.raises(ValueError, match="y.npz: not an n-gram model"):
        load(tmp_path / "y.npz")


def test_prose_is_told_from_other_things(model):
    rule = Perplexity({"en": model})
    words = story(99).split()
    random.Random(1).shuffle(words)
    failed = lambda text: [
        c.reason for c in rule.checks(Document("0", "", text, language="en")) if not c.passed
    ]
    assert failed(story(99)) == []
    assert "perplexity.context_gain" in failed(" ".join(words))
    assert "perplexity.unknown_words" in failed(DE) and failed(MENU)
    strict = Perplexity({"en": model}, lower=0.999, upper=1.0, slack=1.0)
    checks = strict.checks(Document("0", "", STORIES[0], language="en"))
    assert "perplexity.too_regular" in [c.reason for c in checks if not c.passed]
    assert list(rule.checks(Document("0", "", DE, language="de"))) == [], "no model, no opinion"
    assert list(rule.checks(Document("0", "", "Too short.", language="en"))) == []


def test_readings(model):
    text = story(5)
    perplexity, unknown, gain = model.read(text)
    assert 1 < perplexity < 30 and unknown == 0 and gain > 1
    assert model.read(text + " zzz" * 10).unknown == pytest.approx(10 / (10 + len(text.split())))
    assert model.read("") == model.read("zzz qqq") == (math.inf, 1.0, 0.0)
    assert model.quantile(0) <= model.quantile(0.5) <= model.quantile(1)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="n-gram model: 3 words in the texts, at least 800 needed"):
        train(["only three words"])
    with pytest.raises(ValueError, match="lower 0.9 and upper 0.5"):
        Perplexity(lower=0.9, upper=0.5)
    with pytest.raises(ValueError, match="slack 0.5 must be at least 1"):
        Perplexity(slack=0.5)


def test_hash_table():
    keys = np.unique(np.random.default_rng(1).integers(0, 2**64 - 1, 1000, np.uint64))
    alike = np.arange(50, dtype=np.uint64)  # and some that begin alike, at both ends
    keys = np.unique(np.concatenate([keys, alike, np.uint64(2**64 - 2) - alike]))
    values = np.arange(len(keys))
    table = HashTable.of(keys, {"value": values}, (-1,))
    places = table.find(keys)
    assert (table.slots["key"][places] == keys).all()
    assert (table.slots["value"][places] == values).all()
    assert (table.full()["key"] == keys).all()
    others = np.append(np.setdiff1d(keys + np.uint64(1), keys), np.uint64(2**64 - 1))
    assert (table.slots["value"][table.find(others)] == -1).all()
    none = HashTable.of(keys[:0], {"value": values[:0]}, (-1,))
    assert (none.slots["value"][none.find(keys)] == -1).all()
    with pytest.raises(ValueError, match="stands for a gap"):
        HashTable.of(np.array([2**64 - 1], np.uint64), {"value": values[:1]})
