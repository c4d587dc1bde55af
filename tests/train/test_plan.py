"""The memory that is planned is the memory that a run takes."""

import json
import os
import subprocess
import sys

import pytest

from gptengine.train.plan import available_memory

CODE = """
import json, sys, numpy as np
from gptengine import Config, Model, _core
c = Config(4096, 128, 4, 4, 256)  # small buffers are rounded up to huge pages
quantize = sys.argv[2] or None
model = Model(c, dtype=sys.argv[1], quantize=quantize)
n = 4 * c.context_length
plan = sum(model.memory(n, training=not quantize).values())
tokens = np.zeros((4, c.context_length), np.int32)
if quantize:
    model.logprob(tokens, tokens)
else:
    model.reserve(n)
    model.forward_backward(tokens, tokens, np.zeros(n, np.float32))
    model.step(lr=1e-3)
model.generate([[1]], max_new_tokens=2)
print(json.dumps([plan, _core.allocated_bytes()]))
"""


@pytest.mark.parametrize("quantize", ["", "q8", "q4"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_planned_and_taken(dtype, quantize):
    """In a process of its own, because work memory stays from whatever ran before."""
    command = [sys.executable, "-c", CODE, dtype, quantize]
    env = os.environ | {"GPTE_THREADS": "2"}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    planned, taken = json.loads(run.stdout)
    assert 0.8 * planned < taken < 1.2 * planned


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 8000 kB"}
V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/memory"
NO_LIMIT_V1 = 9223372036854771712


@pytest.mark.parametrize(
    "files, kilobytes",
    [
        ({}, 8000),
        ({"proc/self/cgroup": "0::/", f"{V2}/cgroup.controllers": "memory"}, 8000),
        ({"proc/self/cgroup": "0::/a", f"{V2}/a/memory.max": "max"}, 8000),
        (
            {
                "proc/self/cgroup": "0::/a/b:c",
                f"{V2}/a/b:c/memory.max": 7000 * 1024,
                f"{V2}/a/b:c/memory.current": 1000 * 1024,
                f"{V2}/a/memory.max": 5000 * 1024,
                f"{V2}/a/memory.current": 2000 * 1024,
                f"{V2}/a/memory.stat": f"anon 5\ninactive_file {500 * 1024}",
            },
            3500,
        ),
        (
            {
                "proc/self/cgroup": "12:cpu,cpuacct:/x\n4:memory:/docker/1\n0::/",
                f"{V1}/memory.limit_in_bytes": 4000 * 1024,  # in a container it stands at the root
                f"{V1}/memory.usage_in_bytes": 1000 * 1024,
                f"{V1}/memory.stat": f"inactive_file 1\ntotal_inactive_file {100 * 1024}",
            },
            3100,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/",
                f"{V1}/memory.limit_in_bytes": NO_LIMIT_V1,
                f"{V1}/memory.usage_in_bytes": 1,
            },
            8000,
        ),
        (
            {
                "proc/self/cgroup": "0::/",
                f"{V2}/memory.max": 1024,
                f"{V2}/memory.current": 4096,
            },
            0,
        ),
    ],
)
def test_a_limit_on_the_process_counts(tmp_path, files, kilobytes):
    root = write(tmp_path, MEMINFO | files)
    assert available_memory(root) == kilobytes * 1024


def test_where_the_system_says_nothing(tmp_path):
    assert available_memory(tmp_path) is None
    assert available_memory() > 0
