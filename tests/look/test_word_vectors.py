"""Neighbours, analogies and the map of words, in tables of embeddings made for it."""

import numpy as np
import pytest

from gptengine import Model, Tokenizer
from gptengine.look import analogy, frequent_words, neighbours, plane, read_word
from gptengine.look.embedding import embeddings, parse
from gptengine.tokenizer.inspect import visible
from model.cases import small

WORDS = ["king", "queen", "man", "woman"]


@pytest.fixture(scope="module")
def tok():
    tok = Tokenizer.train(" king queen man woman" * 50, vocab_size=320)
    assert all(len(tok.encode(" " + word)) == 1 for word in WORDS)
    return tok


@pytest.fixture
def model(tok):
    """Axes 0 to 3: royal, male, female, everything else."""
    model = Model(small(vocab_size=tok.vocab_size + 3, model_dim=30), seed=0)
    table = model.parameters()["wte"]
    table[:] = 0
    table[:, 3] = 1
    sides = {"king": (1, 1, 0), "queen": (1, 0, 1), "man": (0, 1, 0), "woman": (0, 0, 1)}
    for word, side in sides.items():
        table[tok.encode(" " + word)[0], :3] = side
        table[tok.encode(" " + word)[0]] *= 1 + len(word)  # lengths do not count
    model.weights_changed()
    return model


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_table_of_a_model_that_is_not_trainable(dtype, tmp_path):
    tok = Tokenizer.bytes()
    Model(small(vocab_size=300)).save(tmp_path / "m", tok, weights="BF16")
    one, other = (Model.load(tmp_path / "m", dtype=dtype, trainable=t) for t in (True, False))
    np.testing.assert_array_equal(embeddings(one, tok), embeddings(other, tok))


def test_a_word_has_few_tokens_and_says_when_it_is_a_mean(tok):
    assert read_word(tok, "king").text == read_word(tok, " king").text == " king"
    assert str(read_word(tok, "king")) == "·king"
    many = read_word(tok, "kingxman")
    assert many.text == "kingxman" or many.text == " kingxman"
    assert str(many).endswith(f"(mean of {len(many.ids)} tokens)") and len(many.ids) > 2
    assert read_word(tok, "x").text == "x"  # alone one token, with a space before it two
    with pytest.raises(ValueError, match="word '': there is no token"):
        read_word(tok, "")


def test_neighbours_are_ordered_by_cosine(tok, model):
    word, found = neighbours(model, tok, "king", 3)
    assert word.text == " king" and [n.text for n in found][0] in ("·queen", "·man")
    table = model.parameters()["wte"]
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    for n in found:
        assert n.cosine == pytest.approx(float(unit[n.id] @ unit[word.ids[0]]), abs=1e-6)
        assert n.text == visible(tok.token_bytes(n.id))
    assert [n.cosine for n in found] == sorted((n.cosine for n in found), reverse=True)
    _, everything = neighbours(model, tok, "king", 10**6)
    assert len(everything) == tok.vocab_size - 1  # not the word itself, no row without a token


def test_the_mean_of_several_tokens(tok, model):
    table = model.parameters()["wte"]
    word, found = neighbours(model, tok, "kingxman", 10**6)
    mean = table[list(word.ids)].mean(0)
    for n in found[:5]:
        cosine = table[n.id] @ mean / np.linalg.norm(table[n.id]) / np.linalg.norm(mean)
        assert n.cosine == pytest.approx(float(cosine), abs=1e-6)
    assert not {n.id for n in found} & set(word.ids)


def test_rows_of_zeros_have_no_direction(tok, model):
    model.parameters()["wte"][tok.encode(" man")[0]] = 0
    _, found = neighbours(model, tok, "king", 10**6)
    assert "·man" not in [n.text for n in found] and np.isfinite([n.cosine for n in found]).all()


def test_king_minus_man_plus_woman(tok, model):
    found = analogy(model, tok, "king - man + woman", 4)
    assert found.found[0].text == "·queen" and str(found) == "·king - ·man + ·woman"
    assert not {"·king", "·man", "·woman"} & {n.text for n in found.found}
    for wrong, says in [
        ("king - king", "cancel out"),
        ("king -", "a word is missing after '-'"),
        ("king + - man", "a word is missing after"),
        ("king", "write it as 'king - man"),
        ("", "'': a word is missing"),
        ("a b", "write it as 'king - man"),
    ]:
        with pytest.raises(ValueError, match=says):
            analogy(model, tok, wrong)
    assert parse("− New York + well-being") == [(-1.0, "New York"), (1.0, "well-being")]


def test_the_plane_is_that_of_the_largest_variance(tok, model, rng):
    model.parameters()["wte"][:] = rng.normal(size=model.parameters()["wte"].shape)
    names = ["king", "queen", "man", "woman", "xyz", "king"]
    found = plane(model, tok, names)
    assert [w.text for w in found.words] == [" king", " queen", " man", " woman", "xyz"]
    rows = np.stack([model.parameters()["wte"][list(w.ids)].mean(0) for w in found.words])
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    values, axes = np.linalg.eigh(np.cov(rows.T.astype(np.float64)))
    np.testing.assert_allclose(found.shares, values[[-1, -2]] / values.sum(), rtol=1e-5)
    points = (rows - rows.mean(0)) @ axes[:, [-1, -2]]
    np.testing.assert_allclose(np.abs(found.points), np.abs(points), atol=1e-5)
    assert (found.points.max(0) >= -found.points.min(0)).all()
    for few in (["king", "man"], [f"w{i}" for i in range(501)]):
        with pytest.raises(ValueError, match=f"{len(few)} words must be from 3 to 500"):
            plane(model, tok, few)


def test_words_that_are_all_the_same_lie_on_one_point(tok, model):
    model.parameters()["wte"][:] = 1
    assert not plane(model, tok, WORDS).points.any()


def test_the_most_frequent_words(tok, model):
    """Of the tokens in order, those after which the model expects no letter."""
    tokens = [tok.token_bytes(i).decode("latin-1") for i in range(256, tok.vocab_size)]
    full = [t for t in tokens if t[0] == " " and len(t) > 3]
    assert len(full) > 4
    model.parameters()["wte"][:] = 0  # every next token is as likely: few begin with a letter
    model.weights_changed()
    assert frequent_words(model, tok) == full and frequent_words(model, tok, 2) == full[:2]
    kept = small(vocab_size=tok.vocab_size, model_dim=30, layers=1, position="alibi", tied=False)
    model = Model(kept, seed=0)
    p = model.parameters()
    for name, array in p.items():
        array[:] = 0 if "norm" not in name or "bias" in name else 1
    p["wte"][:, 0], p["wte"][tok.encode(full[0])[0]] = 1, -np.eye(30)[0]  # it alone: "a" comes next
    p["lm_head.weight"][ord("a"), 0] = -100
    model.weights_changed()
    assert frequent_words(model, tok) == full[1:]
    everything = Model(small(vocab_size=257), seed=0)
    assert frequent_words(everything, Tokenizer.bytes(), 3) == ["!", '"', "#"]
    assert [w.text for w in plane(model, tok).words] == full[1:]


def test_tables_that_cannot_be_read(tok):
    with pytest.raises(ValueError, match=f"{tok.vocab_size} tokens, the model's vocabulary only 9"):
        neighbours(Model(small(vocab_size=9)), tok, "king")
    c = small(vocab_size=320, head_dim=32, hidden_dim=64, model_dim=64)
    with pytest.raises(ValueError, match="q4 weights"):
        neighbours(Model(c, quantize="q4"), tok, "king")
