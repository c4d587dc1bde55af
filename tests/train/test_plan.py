"""The memory that is planned is the memory that a run takes."""

import json
import os
import subprocess
import sys

import pytest

CODE = """
import json, sys, numpy as np
from gptengine import Config, Model, _core
c = Config(4096, 128, 4, 4, 256)  # small buffers are rounded up to huge pages
model = Model(c, dtype=sys.argv[1])
n = 4 * c.context_length
plan = sum(model.memory(n).values())
model.reserve(n)
tokens = np.zeros((4, c.context_length), np.int32)
model.forward_backward(tokens, tokens, np.zeros(n, np.float32))
model.step(lr=1e-3)
model.generate([[1]], max_new_tokens=2)
print(json.dumps([plan, _core.allocated_bytes()]))
"""


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_planned_and_taken(dtype):
    """In a process of its own, because work memory stays from whatever ran before."""
    command = [sys.executable, "-c", CODE, dtype]
    env = os.environ | {"GPTE_THREADS": "2"}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    planned, taken = json.loads(run.stdout)
    assert 0.8 * planned < taken < 1.2 * planned
