"""Fixtures that every test of the engine shares."""

import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Times on a shared machine say nothing; the same examples are tried in every run.
hypothesis.settings.register_profile("gptengine", deadline=None, max_examples=25, derandomize=True)
hypothesis.settings.load_profile("gptengine")


@pytest.fixture
def rng():
    return np.random.default_rng(0)
