"""A model that is not trainable says what the trainable one says, and holds its weights once."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from gptengine import Config, Model
from model.cases import DECODERS, SHAPES
from model.engine import bits, engine
from reference import model as ref


def pair(c, rng, dtype):
    params = ref.random_parameters(c, rng, scale=0.1)
    plain, other = engine(c, params, dtype), Model(c, dtype=dtype, trainable=False)
    other.set_parameters({name: array.astype(np.float32) for name, array in params.items()})
    return plain, other


@pytest.mark.parametrize("shape", DECODERS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_same_bits(shape, dtype, rng):
    plain, other = pair(SHAPES[shape], rng, dtype)
    text = rng.integers(plain.config.vocab_size, size=(2, 90), dtype=np.int32)
    assert bits(other.logprob(text, text)) == bits(plain.logprob(text, text))
    assert bits(other.logits(text)) == bits(plain.logits(text))
    assert bits(other.hidden(text)) == bits(plain.hidden(text))
    one, two = (m.generate(text, max_new_tokens=20, seed=1) for m in (plain, other))
    assert [bits(t.tokens, t.logprobs) for t in one] == [bits(t.tokens, t.logprobs) for t in two]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_encoders_and_rewards(dtype, rng):
    for shape in SHAPES.keys() - {*DECODERS}:
        c = SHAPES[shape]
        plain, other = pair(c, rng, dtype)
        text = rng.integers(c.vocab_size, size=(2, 30), dtype=np.int32)
        types = text % c.token_types if c.token_types else None
        assert bits(other.hidden(text, types=types)) == bits(plain.hidden(text, types=types))
    plain, other = pair(dataclasses.replace(SHAPES["llama"], head="reward"), rng, dtype)
    text = rng.integers(plain.config.vocab_size, size=(2, 30), dtype=np.int32)
    assert bits(other.values(text)) == bits(plain.values(text))


@pytest.mark.parametrize("name", ["m", "m.gguf"])
def test_it_loads(name, tmp_path):
    plain = Model(SHAPES["llama"], seed=1, dtype="bfloat16")
    plain.save(tmp_path / name)
    other = Model.load(tmp_path / name, dtype="bfloat16", trainable=False)
    assert other.num_parameters == plain.num_parameters
    text = np.arange(30, dtype=np.int32)[None]
    assert bits(other.logits(text)) == bits(plain.logits(text))


def test_it_only_decodes(rng, tmp_path):
    _, model = pair(SHAPES["llama"], rng, "float32")
    text = np.zeros((1, 4), np.int32)
    only = "not trainable has no gradients; load it with trainable=True"
    for call, message in [
        (lambda: model.forward(text, text), only),
        (lambda: model.forward_backward(text, text, np.ones((1, 4))), only),
        (lambda: model.step(lr=1e-3), only),
        (lambda: model.gradients(), only),
        (lambda: model.reserve(8), only),
        (lambda: model.save(tmp_path / "m"), "a model of trainable False cannot be saved"),
        (lambda: model.set_parameters({}), "is missing"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    assert not (tmp_path / "m").exists()


GROWS = """
import json, re, sys
from gptengine import Model
folder, dtype, trainable = sys.argv[1:]
Model.load("tiny", dtype=dtype).generate([[1]], max_new_tokens=2)
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) * 1024
before = peak()
model = Model.load(folder, dtype=dtype, trainable=trainable == "True")
model.generate([[1, 2, 3]], max_new_tokens=3, kv_dtype="q8")
sizes = model.memory(4, training=False)
print(json.dumps([peak() - before, sizes["weights"], model.num_parameters]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_the_weights_and_a_constant(tmp_path):
    """Peak of loading and writing, where three copies were: masters, bfloat16, panels."""
    c = Config.llama(2048, 64, 12, 8, 512)
    Model(c, seed=1).save(tmp_path / "m")
    Model(dataclasses.replace(c, layers=1, vocab_size=64), seed=1).save(tmp_path / "tiny")
    grown = {}
    for dtype, trainable in ("bfloat16", False), ("float32", False), ("bfloat16", True):
        run = subprocess.run(
            [sys.executable, "-c", GROWS, "m", dtype, str(trainable)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GPTE_THREADS": "2"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        grown[dtype, trainable] = json.loads(run.stdout)
    print(grown)
    for dtype in "bfloat16", "float32":
        peak, weights, parameters = grown[dtype, False]
        assert weights < 1.1 * parameters * (2 if dtype == "bfloat16" else 4)
        assert peak < weights + 25e6  # a second copy in bfloat16 takes 81e6
    assert grown["bfloat16", True][0] > 2 * grown["bfloat16", False][0]
