"""The package's face: what `import gptengine` offers, found when it is asked for."""

import subprocess
import sys

import pytest

import gptengine


def test_names_are_found_when_asked_for():
    assert gptengine.Config.gpt2("124M").layers == 12
    assert {"Config", "Model", "Tokenizer", "pretrain"} <= set(dir(gptengine))
    with pytest.raises(AttributeError, match="'gptengine' has no attribute 'nothing'"):
        _ = gptengine.nothing


def test_import_is_quick():
    """Measured inside the process, so that a busy machine's start of Python does not count."""
    code = "import time; t = time.process_time(); import gptengine; print(time.process_time() - t)"
    runs = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(3)]
    assert min(map(float, runs)) < 0.2
