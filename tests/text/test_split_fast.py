"""The scanner of vectors finds what the plain one does, on every instruction set."""

import subprocess
import sys

import numpy as np
import pytest

from core.run import TESTS, child_environment
from gptengine import _core
from reference import split
from text.texts import BLANKS, INVALID, ODD, WORDS

ALONE = [*"aAsSdDmMtTlLvVeErR'ſ1²/-!.\r\n\t _漢ªǅßЖ\u0301"]
ENGLISH = ["The", " quick", " fox", "'s", " don't", ", ", ". ", "\n", "\n\n", '"', " 1", "2", " I"]
CODE = ["    ", "\n    ", "foo(", ");\n", "// ", "//\n/", "fooBar", "HTTPServer", " = ", "12345"]


def texts(seed, count):
    """Several windows of parts of one kind, with some of the others; some with invalid bytes."""
    rng = np.random.default_rng(seed)
    anything = [chr(c) for c in rng.integers(0x80, 0x30000, 300) if not 0xD800 <= c < 0xE000]
    pools = [ENGLISH, CODE, WORDS, BLANKS + ODD, ALONE, anything]
    pools = [[part.encode() for part in pool] for pool in pools] + [INVALID]
    for _ in range(count):
        weights = rng.dirichlet([0.3] * len(pools))
        chosen = rng.choice(len(pools), rng.integers(10, 200), p=weights)
        yield b"".join(pools[k][rng.integers(len(pools[k]))] for k in chosen)


@pytest.mark.parametrize("name", split.PATTERNS)
def test_the_fast_scanner_equals_the_plain_one(name):
    for text in texts([*name.encode()], 300):
        want = _core.split(text, name + " plain").tolist()
        assert _core.split(text, name).tolist() == want, text
        for start in np.cumsum(want).tolist()[:70]:  # another place in the window, another end
            rest = text[start:]
            assert _core.split(rest, name).tolist() == _core.split(rest, name + " plain").tolist()


@pytest.mark.parametrize("name", split.PATTERNS)
def test_long_runs(name):
    for part in b"a", b"A", b" ", b"\n", b"1", b"'", b"!", b"'s", b"\xc3\xa9", b"\xcc\x81", b"\xff":
        for n in 63, 64, 65, 1000:
            for text in part * n, b"x" + part * n + b"y", b"! " + part * n + b" z" * 64:
                plain = _core.split(text, name + " plain").tolist()
                assert _core.split(text, name).tolist() == plain, text
                assert sum(plain) == len(text)


@pytest.mark.parametrize("isa", [isa for isa in _core.isas() if isa != _core.isa()])
def test_on_the_instruction_set(isa):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
        + ["-k", "not instruction_set"],
        env=child_environment(GPTE_ISA=isa),
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
