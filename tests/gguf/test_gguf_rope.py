"""Stretched rotary frequencies in GGUF files: what can be said comes back, what cannot is named."""

import dataclasses

import numpy as np
import pytest

from gptengine.config import Config
from gptengine.gguf import rope
from gptengine.gguf.model import ModelFile, load, save
from gptengine.gguf.tensors import Entry, GgufFile, write

LLAMA = Config.llama(64, 64, 1, 2, 32, kv_heads=1, hidden_dim=32, head_dim=64, rope_theta=5e5)
KINDS = {
    "linear": dict(rope_factor=4.0),
    "llama3": dict(rope_factor=8.0, rope_context=8192),
    "llama3-short": dict(rope_factor=32.0, rope_context=100),
    "yarn": dict(rope_factor=4.0, rope_context=32, rope_high=32.0),
}


def stretched(kind, **changes):
    return dataclasses.replace(LLAMA, rope_scaling=kind.split("-")[0], **KINDS[kind], **changes)


def params(config):
    return {n: np.ones(shape, np.float32) for n, shape in config.parameter_shapes().items()}


@pytest.mark.parametrize("kind", KINDS)
def test_scalings_come_back(tmp_path, kind):
    config = stretched(kind)
    save(tmp_path / "m.gguf", config, params(config))
    again, loaded = load(tmp_path / "m.gguf")
    assert again == config and list(loaded) == list(params(config))
    assert (rope.TENSOR in GgufFile(tmp_path / "m.gguf").tensors) == kind.startswith("llama3")


def test_llama3_is_known_without_a_key(tmp_path):
    """As llama.cpp's own converter writes it: the tensor alone."""
    save(tmp_path / "m.gguf", stretched("llama3"), params(LLAMA))
    file = GgufFile(tmp_path / "m.gguf")
    key = "llama.rope.scaling.original_context_length"
    keys = {k: value for k, value in file.metadata.items() if k != key}

    def rewrite(divisors):
        entries = [
            Entry(
                n,
                t.shape,
                t.form,
                lambda b, e, n=n: (divisors if n == rope.TENSOR else file[n])[b:e],
            )
            for n, t in file.tensors.items()
        ]
        write(tmp_path / "n.gguf", keys, entries)
        return ModelFile(tmp_path / "n.gguf").config

    divisors = file[rope.TENSOR]
    assert rewrite(divisors) == stretched("llama3")
    for other in divisors[::-1], np.zeros(32, np.float32), np.full(32, np.nan, np.float32):
        with pytest.raises(ValueError, match="'rope_freqs.weight' is not that of Llama 3.x"):
            rewrite(other)


def test_fast_pairs_are_kept_and_slow_ones_divided():
    divisors = rope.divisors(stretched("llama3-short"))
    assert divisors[0] == 1 and divisors[-1] == pytest.approx(32)
    assert (np.diff(divisors) >= 0).all() and ((1 < divisors) & (divisors < 31)).sum() >= 2


@pytest.mark.parametrize(
    "kind, says",
    [("llama3", "rope_low 1 and rope_high 4 there, not 2 and 4"), ("yarn", "1 .* 32 there, not 2")],
)
def test_other_turns_are_refused(tmp_path, kind, says):
    """llama.cpp would compute something else."""
    config = stretched(kind, rope_low=2.0)
    with pytest.raises(ValueError, match=f"gguf: rope_scaling '{kind}' has .*{says}"):
        save(tmp_path / "m.gguf", config, params(config))
