"""Tiny random models of transformers against ours: logits, gradients, and folders both ways."""

import os

import numpy as np
import pytest

from gptengine import Model
from gptengine.huggingface import parts

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

V, T = 101, 24
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


MAKERS = {
    "gpt2": lambda: gpt2(),
    "gpt2-relu": lambda: gpt2(activation_function="relu", n_inner=72),
    "llama": lambda: transformers.LlamaConfig(**LLAMA),
    "llama-tied-bias": lambda: transformers.LlamaConfig(
        **LLAMA, tie_word_embeddings=True, attention_bias=True, mlp_bias=True
    ),
    "qwen2": lambda: transformers.Qwen2Config(**QWEN),
    "qwen3": lambda: transformers.Qwen3Config(**QWEN, head_dim=16),
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


def assert_close(got, want, what=""):
    error = np.abs(got - want).max() / np.abs(want).max()
    assert error <= 1e-5, f"{what}: relative error {error:.1e}"


def their_gradient(model, pieces):
    """The gradient of one of our parameters, from the parameters that it is stored as."""
    gradients = {name: p.grad.numpy() for name, p in model.named_parameters()}
    return np.concatenate(
        [gradients[p.name].T if p.transposed else gradients[p.name] for p in pieces]
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
    for name, pieces in parts(ours.config).items():
        assert_close(gradients[name], their_gradient(theirs, pieces), name)


def test_they_open_what_we_save(theirs, tmp_path, rng):
    theirs.save_pretrained(tmp_path / "theirs")
    Model.load(tmp_path / "theirs").save(tmp_path / "ours")
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    assert type(again) is type(theirs)
    tokens = torch.from_numpy(rng.integers(V, size=(2, T)))
    with torch.no_grad():
        np.testing.assert_array_equal(again(tokens).logits, theirs(tokens).logits)
