"""The sampler keeps the tokens that its header says and draws them as often as they deserve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import ints, put, zeros
from reference.sampling import chi_square_score, kept_probabilities


def sampled(logits, samples, positions, **options):
    """(ids, logprobs) of rows that share their options."""
    return _core.sample(logits, samples, positions, [_core.Sampling(**options)])[:2]


def draw(z, count, **options):
    """count draws from one row, at positions 0, 1, ... of sample 3."""
    rows = np.tile(z.astype(np.float32), (count, 1))
    positions = np.arange(count, dtype=np.int32)
    return sampled(rows, np.full_like(positions, 3), positions, **options)[0]


OPTIONS = [
    dict(),
    dict(temperature=0.5),
    dict(temperature=3.0),
    dict(top_k=1),
    dict(top_k=7),
    dict(top_p=0.7),
    dict(min_p=0.2),
    dict(typical=0.7),
    dict(top_k=9, top_p=0.8, min_p=0.05, temperature=1.5),
    dict(top_k=12, typical=0.5, min_p=0.02, temperature=0.7),
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("V", [2, 17, 130])
def test_frequencies_pass_chi_square(V, options):
    z = np.random.default_rng(V).normal(size=V) * 1.5
    p = kept_probabilities(z, **options)
    count = 20_000
    seen = np.bincount(draw(z, count, **options), minlength=V)
    assert not seen[p == 0].any()
    assert chi_square_score(seen, p) < 4.5


@given(
    V=st.sampled_from([1, 2, 63, 64, 65, 1000, 9000]),
    top_k=st.sampled_from([0, 1, 2, 50, 500, 20_000]),
    top_p=st.sampled_from([1.0, 0.999, 0.9, 0.5, 1e-6]),
    min_p=st.sampled_from([0.0, 0.01, 1.0]),
    spread=st.sampled_from([0.0, 0.01, 1.0, 8.0]),
)
def test_only_kept_tokens_are_drawn(V, top_k, top_p, min_p, spread):
    """Also where all are equal, and where thousands have to be sorted to reach top_p."""
    z = np.random.default_rng([V, top_k]).normal(size=V) * spread
    options = dict(top_k=top_k, top_p=top_p, min_p=min_p)
    # The border token of top_p may fall to either side by rounding: shift it.
    wide = kept_probabilities(z, **{**options, "top_p": min(1, top_p * (1 + 1e-5))})
    assert wide[draw(z, 50, **options)].all()


@pytest.mark.parametrize("options", OPTIONS + [dict(temperature=0)], ids=str)
def test_probabilities_are_the_draws(options, rng):
    z = (1.5 * rng.normal(size=(3, 130))).astype(np.float32)
    z[1, rng.integers(130, size=40)] = -np.inf
    got = _core.probabilities(z, [_core.Sampling(**options)])
    for p, row in zip(got, z, strict=True):
        greedy = options.get("temperature") == 0
        want = np.eye(130)[row.argmax()] if greedy else kept_probabilities(row, **options)
        np.testing.assert_allclose(p, want, atol=1e-6)
        assert abs(p.sum() - 1) < 1e-12 and not p[row == -np.inf].any()
    with pytest.raises(ValueError, match="row 0: .* exclude every token"):
        bias = dict.fromkeys(range(130), -np.inf)
        _core.probabilities(z[:1], [_core.Sampling(logit_bias=bias)])


def test_ties_go_to_the_lower_id():
    z = np.zeros(300)
    z[[40, 70, 200, 299]] = 2
    assert set(draw(z, 200, top_k=2)) == {40, 70}
    assert set(draw(z, 20, temperature=0.0)) == {40}
    assert set(draw(z, 500, min_p=1.0)) == {40, 70, 200, 299}
    assert set(draw(np.zeros(300), 200, top_k=3)) == {0, 1, 2}
    assert set(draw(np.zeros(300), 2000, top_p=0.01)) == {0, 1, 2}


def test_draws_are_keyed_by_seed_sample_and_position(rng):
    z = rng.normal(size=(6, 500)).astype(np.float32)
    samples, positions = np.arange(6, dtype=np.int32), np.arange(6, dtype=np.int32) + 10
    ids, logprobs = sampled(z, samples, positions, seed=5)
    threads = _core.threads()
    try:
        _core.set_threads(3)
        for b in 5, 0, 3:  # alone, in any order
            one, logprob = sampled(z[b : b + 1], samples[b : b + 1], positions[b : b + 1], seed=5)
            assert one[0] == ids[b] and logprob[0] == logprobs[b]
    finally:
        _core.set_threads(threads)
    flat = np.zeros((2000, 500), np.float32)
    n = np.arange(2000, dtype=np.int32)
    runs = [
        sampled(flat, 0 * n, n, seed=5)[0],
        sampled(flat, 0 * n, n, seed=6)[0],
        sampled(flat, 0 * n + 1, n, seed=5)[0],
        sampled(flat, n, 0 * n, seed=5)[0],
    ]
    for i, a in enumerate(runs):
        for b in runs[:i]:
            assert (a == b).mean() < 0.02  # unrelated draws agree once in 500


def test_a_draw_has_numbers_of_its_own():
    """Of two equal tokens the second is drawn when the number is at least a half."""
    for seed, sample, position in (0, 0, 0), (5, 3, 70), (2**64 - 1, 2**31 - 1, 9):
        one = np.array([sample], np.int32), np.array([position], np.int32)
        for at in range(20):
            token, _ = sampled(np.zeros((1, 2), np.float32), one[0], one[1] + at, seed=seed)
            words = _core.philox(seed, 2 << 56 | sample, position + at)
            assert token[0] == words[0] >> 31


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_logprob_is_the_models_own_bit_for_bit(options, rng):
    """The same logits through linear_logprob: h is the identity, w their transpose."""
    B, V = 8, 700
    z = (2 * rng.normal(size=(B, V))).astype(np.float32)
    numbers = np.arange(B, dtype=np.int32)
    ids, logprobs = sampled(z, numbers, numbers, **options)
    logp, lse = zeros(B), zeros(B)
    _core.linear_logprob_forward(logp, lse, put(np.eye(B)), put(z.T), ints(ids), z.shape[1])
    assert np.array_equal(logprobs, logp.numpy())
    truth = z.astype(float)
    truth -= np.log(np.exp(truth).sum(-1, keepdims=True))
    np.testing.assert_allclose(logprobs, truth[numbers, ids], rtol=1e-5)


def test_excluded_tokens_are_never_drawn():
    z = np.full(200, -np.inf)
    z[[3, 150]] = 0.0, 1.0
    for options in (
        dict(),
        dict(top_k=50),
        dict(top_p=0.9999),
        dict(temperature=100.0),
        dict(min_p=1e-6),
    ):
        assert set(draw(z, 300, **options)) == {3, 150}


def test_cold_and_far_logits_stay_finite():
    z = np.array([1e30, -1e30, 0.0, 9e29])
    assert set(draw(z, 50, temperature=1e-6)) == {0}
    assert set(draw(z, 50, temperature=1e6, top_p=0.5)) == {0}


@pytest.mark.parametrize(
    "bad, says",
    [
        (np.nan, r"logits\[1, 2\] = -?nan must be finite"),
        (np.inf, r"logits\[1, 2\] = inf must be finite"),
    ],
)
def test_bad_logits_are_named(bad, says):
    z, n = np.zeros((2, 4), np.float32), np.zeros(2, np.int32)
    z[1, 2] = bad
    for options in dict(), dict(temperature=0.0), dict(top_k=2):
        with pytest.raises(ValueError, match=says):
            sampled(z, n, n, **options)
    with pytest.raises(ValueError, match=r"logits\[0\] exclude every token"):
        sampled(np.full((1, 4), -np.inf, np.float32), n[:1], n[:1])


@pytest.mark.parametrize(
    "options, says",
    [
        (dict(temperature=-1.0), "temperature -1 must be 0 or at least 1e-6"),
        (dict(temperature=float("nan")), "temperature -?nan must be"),
        (dict(top_k=-1), "top_k -1 must not be negative"),
        (dict(top_p=0.0), r"top_p 0 must be in \(0, 1\]"),
        (dict(min_p=1.5), r"min_p 1.5 must be in \[0, 1\]"),
        (dict(typical=0.0), r"typical 0 must be in \(0, 1\]"),
        (dict(repetition_penalty=0.0), "repetition_penalty 0 must be above 0"),
        (dict(logit_bias={3: np.nan}), "logit_bias -?nan of token 3 must be finite"),
        (dict(logit_bias={4: 1.0}), r"row 0: logit_bias of token 4 must be in \[0, 4\)"),
    ],
)
def test_wrong_options_are_named(options, says):
    n = np.zeros(1, np.int32)
    with pytest.raises(ValueError, match=says):
        sampled(np.zeros((1, 4), np.float32), n, n, **options)
    with pytest.raises(ValueError, match="2 samples must match 1 rows of logits"):
        sampled(np.zeros((1, 4), np.float32), np.zeros(2, np.int32), n)


def test_a_draw_allocates_nothing(rng):
    z, n = rng.normal(size=(4, 3000)).astype(np.float32), np.arange(4, dtype=np.int32)
    threads = _core.threads()
    try:
        _core.set_threads(1)  # with more, a thread that idled before may grow its scratch now
        sampled(z, n, n, top_p=0.9)
        before = _core.allocation_count()
        for options in dict(), dict(top_p=0.9999), dict(top_k=100), dict(typical=0.5):
            sampled(z, n, n, **options)
        assert _core.allocation_count() == before
    finally:
        _core.set_threads(threads)
