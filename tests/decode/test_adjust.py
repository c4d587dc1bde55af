"""What a row's settings change before the draw: bias, penalties, masks; rows of mixed batches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from reference.sampling import adjusted, chi_square_score, kept_probabilities

ADJUST = dict(repetition="repetition_penalty", presence="presence_penalty", bias="logit_bias")
ADJUST["frequency"] = "frequency_penalty"


def settings(seed=0, **options):
    return _core.Sampling(seed=seed, **{ADJUST.get(k, k): v for k, v in options.items()})


def words(allowed):
    """(V,) booleans as int32 words."""
    padded = np.zeros((len(allowed) + 31) // 32 * 32, bool)
    padded[: len(allowed)] = allowed
    return np.packbits(padded, bitorder="little").view(np.int32)


def histories(parts, prompts):
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    ids = np.concatenate([np.array(part, np.int32) for part in parts])
    return ids, offsets, np.array(prompts, np.int32)


def draw(z, count, options, *, history=(), prompt=0, allowed=None):
    """count draws from one row, at positions 0, 1, ... of sample 3."""
    n = np.arange(count, dtype=np.int32)
    rows = np.tile(z.astype(np.float32), (count, 1))
    masks = None if allowed is None else np.tile(words(allowed), (count, 1))
    past = histories([history] * count, [prompt] * count) if history else None
    one = [settings(**options)]
    return _core.sample(rows, np.full_like(n, 3), n, one, masks=masks, history=past)[0]


STAGES = [
    dict(bias={3: 2.0, 5: -1.0, 9: -np.inf}),
    dict(repetition=1.8),
    dict(repetition=0.5, bias={2: 1.0}),
    dict(presence=1.5),
    dict(frequency=0.7),
    dict(repetition=1.3, presence=0.4, frequency=-0.3, bias={1: 3.0}),
]


@pytest.mark.parametrize("cuts", [dict(), dict(top_k=9, typical=0.8), dict(top_p=0.7)], ids=str)
@pytest.mark.parametrize("stage", STAGES, ids=str)
def test_frequencies_pass_chi_square(stage, cuts):
    V, count, history, prompt = 45, 20_000, [1, 2, 2, 30, 5, 5, 5, 2, 44], 4
    rng = np.random.default_rng(1)
    z, allowed = rng.normal(size=V).astype(np.float32) * 1.5, rng.random(V) < 0.8
    for mask in None, allowed:
        y = adjusted(z, history=history, prompt=prompt, **stage)
        p = kept_probabilities(y if mask is None else np.where(mask, y, -np.inf), **cuts)
        ids = draw(z, count, stage | cuts, history=history, prompt=prompt, allowed=mask)
        seen = np.bincount(ids, minlength=V)
        assert not seen[p == 0].any()
        assert chi_square_score(seen, p) < 4.5


@given(
    V=st.sampled_from([1, 2, 31, 32, 33, 64, 100, 3000]),
    density=st.sampled_from([0.01, 0.5, 0.99]),
    options=st.sampled_from([dict(), dict(temperature=0.0), dict(top_k=3), dict(typical=0.5)]),
)
def test_masked_tokens_are_never_drawn(V, density, options):
    rng = np.random.default_rng([V, int(100 * density)])
    allowed = rng.random(V) < density
    allowed[rng.integers(V)] = True
    z = rng.normal(size=V)
    ids = draw(z, 50, options, allowed=allowed)
    assert allowed[ids].all()
    if options == dict(temperature=0.0):
        assert set(ids) == {np.where(allowed, z.astype(np.float32), -np.inf).argmax()}


@given(spread=st.sampled_from([0.0, 0.3, 2.0, 9.0]), typical=st.sampled_from([1e-6, 0.2, 0.9]))
def test_only_typical_tokens_are_drawn(spread, typical):
    """Where thousands are equally typical too."""
    z = (np.random.default_rng(4).normal(size=5000) * spread).astype(np.float32)
    wide = kept_probabilities(z, typical=min(1, typical * (1 + 1e-4)))
    ids = draw(z, 60, dict(typical=typical))
    assert wide[ids].all()


def test_greedy_takes_the_largest_adjusted_logit():
    z = np.array([1.0, 3.0, 2.9, -1.0])
    assert set(draw(z, 5, dict(temperature=0.0, bias={0: 9.0}))) == {0}
    assert set(draw(z, 5, dict(temperature=0.0, repetition=1.1), history=[1])) == {2}
    assert set(draw(z, 5, dict(temperature=0.0, presence=0.2), history=[1], prompt=1)) == {1}
    assert set(draw(z, 5, dict(temperature=0.0, presence=0.2), history=[1], prompt=0)) == {2}


def mixed_batch(rng, V=333):
    """Rows of unlike settings: what _core.sample is given for a list of them."""
    kinds = [
        dict(),
        dict(temperature=0.0, repetition=1.2),
        dict(top_k=5, bias={7: 4.0, 8: -np.inf}),
        dict(typical=0.4, presence=0.5, frequency=0.1),
        dict(top_p=0.8, min_p=0.01, temperature=0.6),
    ]
    B = 2 * len(kinds)
    z = rng.normal(size=(B, V)).astype(np.float32) * 2
    made = [settings(seed=b % 3, **kinds[b % len(kinds)]) for b in range(B)]
    masks = np.stack([words(rng.random(V) < 0.5) for _ in range(B)])
    masks[::3] = -1
    past = [rng.integers(V, size=b * 3) for b in range(B)]

    def run(rows):
        numbers = np.array(rows, np.int32)
        history = histories([past[b] for b in rows], [len(past[b]) // 2 for b in rows])
        own = [made[b] for b in rows]
        return _core.sample(
            z[rows], numbers, numbers + 50, own, masks=masks[rows], history=history, top=4
        )

    return B, run


def test_rows_do_not_see_each_other(rng):
    B, run = mixed_batch(rng)
    want, threads = run(list(range(B))), _core.threads()
    try:
        for n in 1, 3:
            _core.set_threads(n)
            for rows in [[b] for b in range(B)] + [list(range(B))[::-1], [4, 2]]:
                for got, all_rows in zip(run(rows), want, strict=True):
                    assert np.array_equal(got, all_rows[rows])
    finally:
        _core.set_threads(threads)


def test_alternatives_are_the_models_own(rng):
    """Before bias, mask and cuts, with the bits of the drawn token's log-probability."""
    z = np.round(rng.normal(size=(5, 90)), 1).astype(np.float32)  # with equal ones
    n, mask = np.arange(5, dtype=np.int32), np.tile(words(np.arange(90) == 33), (5, 1))
    one = [settings(top_k=1, bias={33: 5.0})]
    for top in 0, 1, 7, 90:
        ids, logprobs, top_ids, top_logprobs = _core.sample(z, n, n, one, masks=mask, top=top)
        order = np.array([np.lexsort((np.arange(90), -row)) for row in z])[:, :top]
        assert np.array_equal(top_ids, order) and set(ids) == {33}
        truth = z - np.log(np.exp(z.astype(float)).sum(-1, keepdims=True))
        np.testing.assert_allclose(
            top_logprobs, np.take_along_axis(truth, order, -1), rtol=1e-5, atol=1e-6
        )
    at = np.argwhere(top_ids == 33)[:, 1]
    assert np.array_equal(top_logprobs[n, at], logprobs)


def test_changed_rows_are_drawn_and_the_models_are_told(rng):
    z, n = rng.normal(size=(3, 40)).astype(np.float32), np.arange(3, dtype=np.int32)
    changed = z.copy()
    changed[:, 17] = 50
    ids, logprobs, *_ = _core.sample(z, n, n, [settings()], changed=changed)
    truth = z - np.log(np.exp(z.astype(float)).sum(-1, keepdims=True))
    assert set(ids) == {17}
    np.testing.assert_allclose(logprobs, truth[:, 17], rtol=1e-5)


@pytest.mark.parametrize(
    "options, given, says",
    [
        (dict(), dict(masks=np.zeros((1, 1), np.int32)), "row 0: the mask allows no token"),
        (
            dict(bias={1: -np.inf}),
            dict(masks=np.full((1, 1), 2, np.int32)),
            "row 0: the mask allows no token that logit_bias leaves",
        ),
        (
            dict(bias=dict.fromkeys(range(4), -np.inf)),
            dict(),
            "row 0: logit_bias and penalties exclude every token",
        ),
        (dict(bias={2: 3e38}), dict(), "row 0: logit_bias and penalties make a logit infinite"),
        (
            dict(),
            dict(changed=np.full((1, 4), -np.inf, np.float32)),
            "row 0: the changed logits exclude every token",
        ),
        (
            dict(),
            dict(changed=np.full((1, 4), np.nan, np.float32)),
            r"changed logits\[0, 0\] = -?nan must be finite",
        ),
        (dict(), dict(masks=np.zeros((1, 2), np.int32)), r"masks \(1, 2\) must be \(1, 1\)"),
        (dict(), dict(top=5), "the top 5 of 4 tokens"),
        (dict(), dict(history=histories([[4]], [0])), r"history\[0\] = 4 must be in \[0, 4\)"),
        (dict(), dict(history=histories([[1]], [2])), r"prompts\[0\] = 2 must be from 0 to"),
    ],
)
def test_what_cannot_be_drawn_is_named(options, given, says):
    n, z = np.zeros(1, np.int32), np.full((1, 4), 3e38, np.float32)
    for temperature in 0.0, 1.0:
        with pytest.raises(ValueError, match=says):
            own = [settings(temperature=temperature, **options)]
            _core.sample(z, n, n, own, **given)
