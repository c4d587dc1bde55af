"""Fixtures that every test of the engine shares."""

import os
import signal
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

# A shell that starts the tests in the background may have told them to ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Times on a shared machine say nothing; the same examples are tried in every run.
examples = int(os.environ.get("GPTE_EXAMPLES", "25"))
hypothesis.settings.register_profile(
    "gptengine", deadline=None, max_examples=examples, derandomize=True
)
hypothesis.settings.load_profile("gptengine")


@pytest.fixture(scope="session", params=["cpu", "cuda"])
def device(request):
    """Each device that this machine and this build have."""
    from gptengine import _core

    if request.param == "cuda" and _core.cuda_unavailable():
        pytest.skip(_core.cuda_unavailable())
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)
