"""Kernels of every instruction set that the machine has, and the rule that keeps them apart."""

import os
import shutil
import subprocess
import sys

import pytest

from core.run import TESTS, child_environment, run
from gptengine import _core


def test_the_best_one_is_the_default():
    status, output, _ = run("os.environ.pop('GPTE_ISA', None)\nprint(_core.isa(), *_core.isas())")
    assert status == 0
    chosen, first, *rest = output.split()
    assert first == "base" and chosen == [first, *rest][-1]


every_other_set = pytest.mark.parametrize(
    "isa", [isa for isa in _core.isas() if isa != _core.isa()]
)
PROMISES = [  # bit for bit: threads, packing, the cache
    "model/test_exact.py::test_packing",
    "model/test_exact.py::test_training_and_evaluation_agree",
    "model/test_exact.py::test_any_number_of_threads[gpt2-float32]",
    "model/test_exact.py::test_any_number_of_threads[llama-bfloat16]",
    "model/test_decoding.py::test_cached_logits_are_the_full_pass",
    "model/test_decoding.py::test_logprobs_of_what_it_wrote",
]


@every_other_set
def test_operators_of_the_instruction_set(isa):
    """The operators' own tests, with fewer examples, under every set but the one in use."""
    passes(isa, "ops")


@every_other_set
def test_sampler_and_promises_under_the_instruction_set(isa):
    passes(isa, "decode/test_sampler.py", "decode/test_adjust.py", *PROMISES)


def passes(isa, *tests):
    paths = [str(TESTS / test) for test in tests]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *paths],
        env=child_environment(GPTE_ISA=isa, GPTE_EXAMPLES="5"),
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]


def test_an_unknown_instruction_set_is_a_clean_error():
    says = 'GPTE_ISA: "sse9" is not among what this processor runs: ' + ", ".join(_core.isas())
    for call in "_core.isa()", "import core.test_parallel as t; t.work()":
        status, _, errors = run(call, GPTE_ISA="sse9")
        assert status == 1 and errors.endswith("ValueError: " + says)
    assert run("print(_core.isa())", GPTE_ISA="")[0] == 0  # as if it were not set


@pytest.mark.skipif(not shutil.which("nm"), reason="no nm")
def test_the_extension_exports_its_entry_and_no_kernels():
    names = subprocess.run(
        ["nm", "-D", "--defined-only", _core.__file__], capture_output=True, text=True, check=True
    ).stdout
    assert "PyInit__core" in names
    assert "isa_" not in names and os.path.basename(_core.__file__).startswith("_core")
