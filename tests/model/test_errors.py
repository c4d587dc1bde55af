"""What a caller does wrong is a ValueError that names the thing and both values."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gptengine import Config, Model, _core
from gptengine.beam import beam_search
from gptengine.model_memory import planned_memory
from gptengine.quickstart import QuickstartConfig
from gptengine.train.pretrain import PretrainConfig
from model.cases import small

CONTEXT, VOCAB = 40, 67


@pytest.fixture
def model():
    return Model(small(context_length=CONTEXT, vocab_size=VOCAB))


def ids(*shape, dtype=np.int32):
    return np.zeros(shape, dtype)


def segments(*borders):
    return np.array(borders, np.int32)


BAD_BATCHES = {
    "empty tokens": (ids(0), ids(0), None, "0"),
    "empty batch": (ids(0, 8), ids(0, 8), None, "0"),
    "three axes": (ids(2, 2, 2), ids(2, 2, 2), None, r"\(2, 2, 2\)"),
    "float tokens": (ids(8, dtype=np.float32), ids(8), None, "float32"),
    "targets of another length": (ids(8), ids(7), None, "7.*8|8.*7"),
    "token too large": (ids(8) + VOCAB, ids(8), None, f"{VOCAB}"),
    "token below 32 bits": (ids(8, dtype=np.int64) - 2**32, ids(8), None, "-4294967296"),
    "target below 32 bits": (ids(8), ids(8, dtype=np.int64) - 2**32, None, "-4294967296"),
    "token above 32 bits": (ids(8, dtype=np.uint64) + 2**32, ids(8), None, "4294967296"),
    "a number": (ids(), ids(), None, r"\(\)"),
    "token negative": (ids(8) - 1, ids(8), None, "-1"),
    "target too large": (ids(8), ids(8) + VOCAB, None, f"{VOCAB}"),
    "longer than the context": (ids(CONTEXT + 1), ids(CONTEXT + 1), None, "41.*40|40.*41"),
    "row longer than the context": (ids(2, 41), ids(2, 41), None, "41.*40|40.*41"),
    "segments do not start at 0": (ids(8), ids(8), segments(1, 8), "1"),
    "segments do not end at N": (ids(8), ids(8), segments(0, 7), "7.*8|8.*7"),
    "segments go back": (ids(8), ids(8), segments(0, 5, 3, 8), "5.*3|3.*5"),
    "segments are floats": (ids(8), ids(8), np.array([0.0, 8.0]), "float64"),
}


def test_text_is_to_be_encoded_first(model):
    for wrong in (
        lambda: model.generate("Hi"),
        lambda: model.generate(["Hi", b"Ho"]),
        lambda: model.logits("Hi"),
        lambda: beam_search(model, "Hi"),
    ):
        with pytest.raises(ValueError, match="tokens: .*Hi.* is text: encode it first"):
            wrong()


@pytest.mark.parametrize("case", BAD_BATCHES)
@pytest.mark.parametrize("how", ["forward", "logprob", "forward_backward"])
def test_bad_batches(model, case, how):
    tokens, targets, borders, says = BAD_BATCHES[case]
    extra = [np.zeros(tokens.size, np.float32)] if how == "forward_backward" else []
    with pytest.raises(ValueError, match=says):
        getattr(model, how)(tokens, targets, *extra, segments=borders)


@pytest.mark.parametrize("how", ["logits", "hidden"])
@pytest.mark.parametrize("case", [name for name in BAD_BATCHES if "target" not in name])
def test_bad_tokens(model, case, how):
    tokens, _, borders, says = BAD_BATCHES[case]
    with pytest.raises(ValueError, match=says):
        getattr(model, how)(tokens, segments=borders)


def test_a_refused_batch_leaves_the_model_as_it_was(model):
    tokens, targets = ids(8), ids(8)
    before = model.logprob(tokens, targets).copy()
    with pytest.raises(ValueError):
        model.forward(tokens + VOCAB, targets)
    np.testing.assert_array_equal(model.logprob(tokens, targets), before)
    assert model.grad_norm() == 0


@pytest.mark.parametrize("bad", [(VOCAB, 0), (0, VOCAB)], ids=["token", "target"])
def test_backward_after_a_refused_batch_is_that_of_the_last_one(model, bad, rng):
    tokens, targets = rng.integers(VOCAB, size=(2, 8), dtype=np.int32)
    dlogp = rng.normal(size=8).astype(np.float32)
    model.forward(tokens, targets)
    model.backward(dlogp)
    want = {name: g.copy() for name, g in model.gradients().items()}
    model.zero_grad()
    model.forward(tokens, targets)
    with pytest.raises(ValueError):
        model.forward(ids(8) + bad[0], ids(8) + bad[1])
    model.backward(dlogp)
    for name, g in model.gradients().items():
        np.testing.assert_array_equal(g, want[name], name)


def test_the_norm_is_that_of_the_gradients_as_they_are(model):
    model.forward(ids(8), ids(8))
    model.backward(np.ones(8, np.float32))
    norm = model.grad_norm()
    for g in model.gradients().values():
        g *= 2
    assert model.grad_norm() == pytest.approx(2 * norm)
    assert model.step(lr=0) == pytest.approx(2 * norm)


def test_bad_steps(model):
    weights = {name: array.copy() for name, array in model.parameters().items()}
    for options, says in [
        (dict(lr=float("nan")), "lr nan"),
        (dict(lr=-1.0), "lr -1"),
        (dict(lr=1e-3, weight_decay=float("inf")), "weight_decay inf"),
        (dict(lr=1e-3, clip=float("nan")), "clip nan"),
    ]:
        with pytest.raises(ValueError, match=says):
            model.step(**options)
    assert model.optimizer_state()["step"] == 0
    for name, array in model.parameters().items():
        np.testing.assert_array_equal(array, weights[name])


def test_a_cache_of_another_model(model):
    other = Model(small(context_length=CONTEXT, vocab_size=VOCAB, layers=1))
    cache = _core.KVCache(other.engine_config, "float32", 1)
    logits, one = np.empty((1, VOCAB), np.float32), ids(1)
    with pytest.raises(ValueError, match="cache of 1 layers must match the model's"):
        model.engine.decode(logits, cache, one, segments(0, 1), one[None], one, one)


def test_threads_take_turns(model, rng):
    """Two threads on one model: each gets what it would get alone."""
    batches = [rng.integers(VOCAB, size=(2, n), dtype=np.int32) for n in (37, 8)]
    want = [model.logprob(*batch) for batch in batches]

    def many(i):
        return [model.logprob(*batches[i]) for _ in range(50)]

    with ThreadPoolExecutor(2) as pool:
        for i, results in enumerate(pool.map(many, range(2))):
            for got in results:
                np.testing.assert_array_equal(got, want[i])


def test_backward_needs_its_forward(model):
    dlogp = np.zeros(8, np.float32)
    model.logprob(ids(8), ids(8))
    with pytest.raises(ValueError, match="forward"):
        model.backward(dlogp)
    model.forward(ids(8), ids(8))
    with pytest.raises(ValueError, match="7.*8|8.*7"):
        model.backward(dlogp[:7])


@pytest.mark.parametrize("training", [True, False])
def test_backward_after_its_activations_moved(model, training):
    model.forward(ids(8), ids(8))
    model.reserve(1000, training=training)
    with pytest.raises(ValueError, match="forward"):
        model.backward(np.zeros(8, np.float32))
    value = Model(small(head="value", context_length=CONTEXT))
    value.values(ids(8), keep=True)
    value.reserve(1000, training=training)
    with pytest.raises(ValueError, match="forward"):
        value.backward(dvalue=np.zeros(8, np.float32))


def test_targets_and_gradients_have_the_shape_of_the_tokens(model):
    tokens, flat = ids(2, 3), np.zeros(6, np.float32)
    for targets in ids(3, 2), ids(1, 6), ids(6, 1):
        says = rf"targets: shape \({targets.shape[0]}, {targets.shape[1]}\) .* \(2, 3\)"
        for call in model.forward, model.logprob:
            with pytest.raises(ValueError, match=says):
                call(tokens, targets)
        with pytest.raises(ValueError, match=says):
            model.forward_backward(tokens, targets, flat)
    with pytest.raises(ValueError, match=r"dlogp: shape \(3, 2\) .* \(2, 3\)"):
        model.forward_backward(tokens, tokens, flat.reshape(3, 2))
    model.forward(tokens, ids(6))
    with pytest.raises(ValueError, match=r"dlogp: shape \(3, 2\) .* \(2, 3\)"):
        model.backward(flat.reshape(3, 2))
    model.backward(flat.reshape(2, 3))
    value = Model(small(head="value"))
    value.values(tokens, keep=True)
    with pytest.raises(ValueError, match=r"dvalue: shape \(3, 2\) .* \(2, 3\)"):
        value.backward(dvalue=flat.reshape(3, 2))
    value.backward(dvalue=flat)


def test_a_plan_beyond_all_memory_names_its_sizes():
    sizes = dict(context_length=8, heads=1, head_dim=64, tied=False, position="rope", bias=False)
    huge = Config(2**26, layers=99, model_dim=2**28, **sizes)
    for use in Model, lambda c: planned_memory(c, 8):
        with pytest.raises(
            ValueError, match=r"plan: a tensor \(1073741824, 268435456\) .* more than 2\^59 bytes"
        ):
            use(huge)
    assert huge.num_parameters == 2 * 2**54 + 99 * (2**59 + 4 * 64 * 2**28 + 2 * 2**28) + 2**28


def test_heads_are_not_mixed_up(model):
    value = Model(small(head="value"))
    with pytest.raises(ValueError, match="head lm"):
        value.logits(ids(8))
    with pytest.raises(ValueError, match="head lm"):
        value.logprob(ids(8), ids(8))
    with pytest.raises(ValueError, match="value or reward"):
        model.values(ids(8))
    model.forward(ids(8), ids(8))
    with pytest.raises(ValueError, match="forward"):
        model.backward(dvalue=np.zeros(8, np.float32))


def test_not_a_number(model):
    """A step that would put NaN into the weights is refused: they stay what they were."""
    weights = {name: array.copy() for name, array in model.parameters().items()}
    model.forward(ids(8), ids(8))
    model.backward(np.full(8, np.nan, np.float32))
    with pytest.raises(ValueError, match="nan"):
        model.step(lr=1e-3)
    for name, array in model.parameters().items():
        np.testing.assert_array_equal(array, weights[name])


def test_an_empty_segment_has_no_last_logits(model):
    borders = segments(0, 4, 4, 8)
    with pytest.raises(ValueError, match="segment 1 from 4 to 4"):
        model.logits(ids(8), borders)
    assert model.logits(ids(8), borders, last_only=False).shape == (8, VOCAB)


@pytest.mark.parametrize("seed", [-1, 1 << 64, 10**23, 0.5, True])
def test_seeds_are_64_bits(model, seed):
    for use in (
        lambda: Model(small(), seed=seed),
        lambda: model.generate(ids(3), max_new_tokens=1, seed=seed),
        lambda: PretrainConfig(seed=seed),
        lambda: QuickstartConfig(seed=seed),
    ):
        with pytest.raises(ValueError, match=f"seed {seed} must be .* 0 to 2.64"):
            use()


def test_the_largest_seed_is_one(model):
    model.generate(ids(3), max_new_tokens=1, seed=(1 << 64) - 1)
    Model(small(), seed=np.int64(3))


@pytest.mark.parametrize("prompt", [np.array([1.9, 2.7]), np.array([-(2**32)]), ["a"]])
def test_prompts_are_integers(model, prompt):
    with pytest.raises(ValueError, match="tokens:"):
        model.generate([prompt], max_new_tokens=1)


def test_memory_that_is_not_there_is_named():
    huge = Config(vocab_size=1 << 20, context_length=8, layers=1, heads=4096, model_dim=1 << 20)
    with pytest.raises(MemoryError, match=r"Model: there is no memory for [\d,]+ bytes: weights"):
        Model(huge)


def test_bad_settings():
    with pytest.raises(ValueError, match="float16.*float32"):
        Model(small(), dtype="float16")
    with pytest.raises(ValueError, match="gpu.*cpu"):
        Model(small(), device="gpu")
    with pytest.raises(ValueError, match="3"):
        Model(small(), recompute=3)


def test_weights_must_fit(model):
    weights = {name: array.copy() for name, array in model.parameters().items()}
    wte = weights["wte"]
    with pytest.raises(ValueError, match=r"wte.*\(66, 30\).*\(67, 30\)"):
        model.set_parameters(weights | {"wte": wte[1:]})
    with pytest.raises(ValueError, match="wte.*missing|missing.*wte"):
        model.set_parameters({name: a for name, a in weights.items() if name != "wte"})
    with pytest.raises(ValueError, match="foreign"):
        model.set_parameters(weights | {"foreign": wte})
    bad = wte.copy()
    bad[3, 5] = np.nan
    with pytest.raises(ValueError, match="wte.*not finite"):
        model.set_parameters(weights | {"wte": bad})
    for name, array in model.parameters().items():
        np.testing.assert_array_equal(array, weights[name])


def test_gpt2_has_124439808_parameters():
    assert Config.gpt2("124M").num_parameters == 124_439_808
