"""Tiny random models of transformers against ours: logits, gradients, and folders both ways."""

import os

import numpy as np
import pytest

from gptengine import Model
from gptengine.checkpoint import open_folder

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

V, T = 101, 48
LLAMA = dict(
    vocab_size=V,
    max_position_embeddings=T,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    hidden_size=40,
    intermediate_size=56,
    initializer_range=0.2,
    pad_token_id=None,
    bos_token_id=None,
    eos_token_id=None,
)
QWEN = LLAMA | dict(tie_word_embeddings=True, rms_norm_eps=1e-6)


def gpt2(**options):
    sizes = dict(vocab_size=V, n_positions=T, n_layer=2, n_head=4, n_embd=40)
    off = dict(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0)
    return transformers.GPT2Config(**sizes, **off, initializer_range=0.2, **options)


def llama(**options):
    return transformers.LlamaConfig(**{**LLAMA, **options})


def rope(kind, **numbers):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=5e3, **numbers))


def longrope(more=1.0):
    """Divisors of the five pairs of a head, and others for longer texts."""
    short = [1.0, 1.5, 2.0, 2.5, 3.5]
    return dict(short_factor=short, long_factor=[x + more for x in short])


FIRST = dict(original_max_position_embeddings=12)  # positions before scaling, a quarter of T
MAKERS = {
    "gpt2": lambda: gpt2(),
    "gpt2-relu": lambda: gpt2(activation_function="relu", n_inner=72),
    "llama": lambda: llama(),
    "llama-tied-bias": lambda: llama(tie_word_embeddings=True, attention_bias=True, mlp_bias=True),
    "llama-3.1": lambda: llama(
        **rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, **FIRST)
    ),
    "llama-linear": lambda: llama(**rope("linear", factor=4.0)),
    "llama-yarn": lambda: llama(**rope("yarn", factor=4.0, beta_fast=8.0, **FIRST)),
    "smollm2": lambda: llama(**rope("default"), tie_word_embeddings=True, num_key_value_heads=1),
    "mistral": lambda: transformers.MistralConfig(**LLAMA, sliding_window=7),
    "mistral-no-window": lambda: transformers.MistralConfig(**LLAMA, sliding_window=None),
    "qwen2": lambda: transformers.Qwen2Config(**QWEN),
    "qwen2-untied": lambda: transformers.Qwen2Config(**QWEN | dict(tie_word_embeddings=False)),
    "qwen3": lambda: transformers.Qwen3Config(**QWEN, head_dim=16),
    "phi3": lambda: transformers.Phi3Config(**LLAMA),
    "phi3-window": lambda: transformers.Phi3Config(**LLAMA, sliding_window=7),
    "phi3-longrope": lambda: transformers.Phi3Config(
        **LLAMA, **rope("longrope", **longrope()), original_max_position_embeddings=T
    ),
    "llama-dynamic": lambda: llama(**rope("dynamic", factor=4.0)),
    "llama-longrope": lambda: llama(
        **rope("longrope", **longrope(), original_max_position_embeddings=T, factor=4.0)
    ),
    "llama-longrope-same": lambda: llama(
        **rope("longrope", **longrope(0.0), original_max_position_embeddings=T // 4)
    ),
    "ministral": lambda: transformers.MinistralConfig(
        **LLAMA,
        head_dim=10,
        sliding_window=7,
        layer_types=["sliding_attention", "full_attention"],
    ),
    "qwen2-window": lambda: transformers.Qwen2Config(
        **QWEN, use_sliding_window=True, sliding_window=7, max_window_layers=1
    ),
    "qwen2-windows": lambda: transformers.Qwen2Config(
        **QWEN, use_sliding_window=True, sliding_window=9, max_window_layers=0
    ),
    "qwen3-window": lambda: transformers.Qwen3Config(
        **QWEN,
        head_dim=16,
        use_sliding_window=True,
        sliding_window=5,
        layer_types=["sliding_attention", "full_attention"],
    ),
    "qwen2-yarn": lambda: transformers.Qwen2Config(**QWEN, **rope("yarn", factor=4.0, **FIRST)),
}


@pytest.fixture(params=MAKERS)
def theirs(request):
    """One of their models, every parameter random: what starts at zero or one hides mistakes."""
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(MAKERS[request.param]()).float().eval()
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn(p.shape)
    return model


def error(got, want):
    return np.abs(got - want).max() / np.abs(want).max()


def assert_close(got, want, what="", most=1e-5):
    assert error(got, want) <= most, f"{what}: relative error {error(got, want):.1e}"


def logits_of(theirs, tokens):
    with torch.no_grad():
        return theirs(torch.from_numpy(tokens).long()).logits.flatten(0, 1).float().numpy()


def their_gradient(model, places):
    """The gradient of one of our parameters, from the parameters that it is stored as."""
    gradients = {name: p.grad.numpy() for name, p in model.named_parameters()}
    return np.concatenate(
        [gradients[name].T if part.transposed else gradients[name] for part, name in places]
    )


def test_logits_and_gradients(theirs, tmp_path, rng):
    theirs.save_pretrained(tmp_path)
    ours = Model.load(tmp_path)
    tokens = rng.integers(V, size=(3, T), dtype=np.int32)
    targets = rng.integers(V, size=(3, T), dtype=np.int32)
    logits = theirs(torch.from_numpy(tokens).long()).logits
    got = ours.logits(tokens, last_only=False)
    assert_close(got.reshape(logits.shape), logits.detach().numpy(), "logits")

    flat = logits.flatten(0, 1)
    loss = torch.nn.functional.cross_entropy(flat, torch.from_numpy(targets).long().flatten())
    loss.backward()
    dlogp = np.full(targets.size, -1 / targets.size, np.float32)
    logp = ours.forward_backward(tokens, targets, dlogp)
    assert -logp.mean() == pytest.approx(loss.item(), rel=1e-5)
    gradients = ours.gradients()
    for name, places in open_folder(tmp_path)._places.items():
        assert_close(gradients[name], their_gradient(theirs, places), name)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_stored_types_shards_and_errors(theirs, dtype, tmp_path, rng, request):
    """Several files of any type; in bfloat16 the logits are near theirs in float32.

    `pytest -s` prints the errors, and that of theirs in bfloat16. Matrices are halved: with the
    fixture's, softmaxes saturate and bfloat16 alone costs both sides up to 6e-2.
    """
    with torch.no_grad():
        for p in theirs.parameters():
            p *= 0.5 if p.ndim == 2 else 1
    theirs.to(getattr(torch, dtype)).save_pretrained(tmp_path, max_shard_size="40KB")
    assert (tmp_path / "model.safetensors.index.json").exists()
    tokens = rng.integers(V, size=(3, T), dtype=np.int32)
    load = transformers.AutoModelForCausalLM.from_pretrained
    want = logits_of(load(tmp_path, dtype=torch.float32), tokens)
    half = error(logits_of(load(tmp_path, dtype=torch.bfloat16), tokens), want)
    ours = {
        kind: Model.load(tmp_path, dtype=kind).logits(tokens, last_only=False)
        for kind in ("float32", "bfloat16")
    }
    name = request.node.callspec.params["theirs"]
    errors = ", ".join(f"{kind} {error(got, want):.1e}" for kind, got in ours.items())
    print(f"\n{name}, stored {dtype}: {errors}; theirs bfloat16 {half:.1e}")
    assert_close(ours["float32"], want, "float32")
    assert_close(ours["bfloat16"], want, "bfloat16", 2e-2)


def written_as(theirs):
    """The class that says a model: what Mistral or Phi-3 without a window is, is a Llama."""
    joined = isinstance(theirs, transformers.Phi3ForCausalLM)
    if not joined and not isinstance(theirs, transformers.MistralForCausalLM):
        return type(theirs)
    window = theirs.config.sliding_window
    return transformers.LlamaForCausalLM if window is None else transformers.MistralForCausalLM


def test_they_open_what_we_save(theirs, tmp_path, rng):
    theirs.save_pretrained(tmp_path / "theirs")
    Model.load(tmp_path / "theirs").save(tmp_path / "ours")
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    assert type(again) is written_as(theirs)
    tokens = rng.integers(V, size=(2, T))
    got, want = logits_of(again, tokens), logits_of(theirs, tokens)
    if isinstance(theirs, transformers.Phi3ForCausalLM):  # one product there, several here
        assert_close(got, want)
    else:
        np.testing.assert_array_equal(got, want)
