"""Sampler prints, checks and keeps its settings; a step's rows go on by what they drew."""

import numpy as np
import pytest

from gptengine.draw import Row, chosen, draw, probabilities
from gptengine.sampler import Sampler


def test_it_prints_its_steps_in_their_order():
    bare, greedy = Sampler(), Sampler(temperature=0, top_k=3, repetition_penalty=1.1)
    assert str(bare) == "draw" and str(greedy) == "repetition_penalty 1.1 → greedy"
    full = Sampler(
        0.8,
        40,
        0.95,
        0.05,
        typical=0.9,
        repetition_penalty=1.1,
        presence_penalty=0.5,
        frequency_penalty=0.25,
        penalty_window=64,
        logit_bias={7: -1, 3: 2.5},
        forbidden=[9, 8],
        allowed=range(20, 23),
        forced={0: 5},
        logits=np.negative,
    )
    assert str(full) == (
        "logits negative → logit_bias 3: +2.5, 7: -1 → forbidden 8, 9 → "
        "repetition_penalty 1.1 over the last 64 → presence_penalty 0.5 over the last 64 → "
        "frequency_penalty 0.25 over the last 64 → allowed 20, 21, 22 → forced 0: 5 → "
        "temperature 0.8 → top_k 40 → top_p 0.95 → min_p 0.05 → typical 0.9 → draw"
    )


def test_many_ids_are_counted():
    assert str(Sampler(allowed=range(100))) == "allowed 0, 1, 2, 3, 4, 5, 6, 7, … (100) → draw"


def test_equal_samplers_are_equal():
    one, other = Sampler(logit_bias={1: 2, 0: 1}), Sampler(logit_bias={0: 1.0, 1: 2.0})
    assert one == other and hash(one) == hash(other)
    assert one != Sampler(forbidden=[0])


@pytest.mark.parametrize(
    "field, value, says",
    [
        ("temperature", -1, "temperature -1 must be 0, or 1e-6 or more"),
        ("temperature", 1e-7, "temperature 1e-07 must be 0, or 1e-6 or more"),
        ("temperature", float("nan"), "temperature nan must be 0"),
        ("temperature", "1", "temperature '1' must be a number"),
        ("top_k", -1, r"top_k -1 must be 0 \(off\) or more"),
        ("top_p", 0.0, "top_p 0.0 must be above 0 and at most 1"),
        ("min_p", 1.5, "min_p 1.5 must be from 0 to 1"),
        ("typical", 0, "typical 0 must be above 0 and at most 1"),
        ("repetition_penalty", 0, "repetition_penalty 0 must be above 0"),
        ("presence_penalty", float("inf"), "presence_penalty inf must be finite"),
        ("frequency_penalty", None, "frequency_penalty None must be a number"),
        ("penalty_window", 1.5, "penalty_window 1.5 must be a whole number"),
        ("logit_bias", {1: float("inf")}, "logit_bias inf must be finite, or -inf"),
        ("logit_bias", {"a": 1.0}, "logit_bias 'a' must be a whole number"),
        ("forbidden", [-1], "forbidden -1 must be an id, 0 or more"),
        ("forbidden", [2**31], "forbidden 2147483648 must be an id, at most 2147483647"),
        ("allowed", [], r"allowed \(\) must have an id at least"),
        ("forced", {-1: 3}, "forced -1 must be an id"),
        ("logits", 3, "logits 3 must be a function"),
    ],
)
def test_wrong_fields_are_named(field, value, says):
    with pytest.raises(ValueError, match=says):
        Sampler(**{field: value})


def run(sampler, z, steps, prompt=(), **row):
    """The ids that one row draws from the same logits, again and again."""
    one = Row(sampler, prompt, **row)
    return [int(draw(z[None].astype(np.float32), [one]).ids[0]) for _ in range(steps)]


def test_forced_allowed_and_forbidden(rng):
    z = rng.normal(size=50)
    ids = run(Sampler(forced={0: 7, 2: 9}, forbidden=range(10, 50)), z, 300)
    assert ids[0] == 7 and ids[2] == 9 and set(ids) == set(range(10))
    assert set(run(Sampler(allowed=[3, 40, 49]), z, 200)) == {3, 40, 49}


def test_penalties_see_prompt_and_text_as_they_should():
    """Greedy on falling logits: a penalty large enough moves it to the next id."""
    z = np.array([5.0, 4.5, 4.0, 3.5, 3.0, 2.5])
    greedy = lambda **options: Sampler(temperature=0, **options)
    assert run(greedy(repetition_penalty=9.0), z, 4, prompt=[0, 2]) == [1, 3, 4, 5]
    assert run(greedy(presence_penalty=9.0), z, 3, prompt=[0, 2]) == [0, 1, 2]
    assert run(greedy(frequency_penalty=0.3), z, 4, prompt=[0]) == [0, 0, 1, 0]
    assert run(greedy(presence_penalty=9.0, penalty_window=2), z, 5) == [0, 1, 2, 0, 1]
    assert run(greedy(repetition_penalty=9.0, penalty_window=1), z, 3, prompt=[5, 0]) == [1, 0, 1]


def test_a_function_of_the_logits_changes_the_draw_alone(rng):
    z = rng.normal(size=(2, 20)).astype(np.float32)
    before = z.copy()

    def in_place(row):
        row[11] = 100

    def new_row(row):
        return np.where(np.arange(20) == 12, 0, -np.inf)

    rows = [Row(Sampler(logits=f), [], sample=i) for i, f in enumerate([in_place, new_row])]
    drawn = draw(z, rows)
    assert list(drawn.ids) == [11, 12] and np.array_equal(z, before)
    truth = z - np.log(np.exp(z).sum(-1, keepdims=True))
    np.testing.assert_allclose(drawn.logprobs, truth[[0, 1], [11, 12]], rtol=1e-5)
    with pytest.raises(ValueError, match=r"logits returned shape \(3,\), of a row of \(20,\)"):
        draw(z[:1], [Row(Sampler(logits=lambda row: row[:3]), [])])


def test_rows_come_and_go(rng):
    """Three rows of unlike samplers, each alone or in a batch that others leave."""
    samplers = [
        Sampler(top_k=9, repetition_penalty=1.3),
        Sampler(typical=0.6, forced={4: 2}),
        Sampler(allowed=range(5, 30)),
    ]
    z = rng.normal(size=(12, 3, 64)).astype(np.float32)
    make = lambda i: Row(samplers[i], [1, 2, i], sample=i, seed=7)
    alone = []
    for i in range(3):
        row = make(i)
        alone.append([int(draw(step[i : i + 1], [row]).ids[0]) for step in z])
    rows, got = [make(i) for i in range(3)], [[], [], []]
    for t, step in enumerate(z):
        here = [i for i in (2, 0, 1) if t < 6 + 3 * i]
        ids = draw(np.ascontiguousarray(step[here]), [rows[i] for i in here]).ids
        for i, token in zip(here, ids, strict=True):
            got[i].append(int(token))
    assert got == [tokens[: 6 + 3 * i] for i, tokens in enumerate(alone)]


def test_what_leaves_no_token_is_named():
    z = np.zeros((1, 10), np.float32)
    both = Sampler(allowed=[1], forced={0: 2})
    with pytest.raises(ValueError, match="constraint, allowed and forced at place 0 of sample 4"):
        draw(z, [Row(both, [], sample=4)])
    with pytest.raises(ValueError, match="row 0: the mask allows no token that logit_bias leaves"):
        draw(z, [Row(Sampler(allowed=[1], forbidden=[1]), [])])
    with pytest.raises(ValueError, match="allowed id 10 must be below 10, of the logits"):
        draw(z, [Row(Sampler(allowed=[10]), [])])


def test_what_is_told_of_chosen_tokens_is_what_a_draw_tells(rng):
    z = rng.normal(size=(5, 100)).astype(np.float32)
    drawn = draw(z, [Row(Sampler(), [], sample=i) for i in range(5)], 4)
    for one, other in zip(drawn, chosen(z, drawn.ids, 4), strict=True):
        assert one.tobytes() == other.tobytes()
    with pytest.raises(ValueError, match=r"logits\[3, 7\] = -?nan must be finite"):
        z[3, 7] = np.nan
        chosen(z, drawn.ids)


def test_copies_of_a_row_go_on_by_themselves(rng):
    z = rng.normal(size=(1, 30)).astype(np.float32)
    sampler = Sampler(repetition_penalty=3.0, frequency_penalty=1.0, forced={3: 8})
    row, twin = (Row(sampler, [5, 6], seed=2) for _ in range(2))
    for one in row, twin:
        draw(z, [one])
    fork = row.copy()
    for token in 1, 2:
        fork.add(token)
    assert probabilities(z, [fork])[0].argmax() == 8  # forced at place 3
    assert np.array_equal(probabilities(z, [row]), probabilities(z, [twin]))
    assert row.position == 3 and fork.position == 5
