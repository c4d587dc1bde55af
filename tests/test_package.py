"""The package's face: what `import gptengine` offers, found when it is asked for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import gptengine

ROOT = Path(__file__).parent.parent


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


def test_the_version_stands_in_one_place():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in project and not re.search(r"(?m)^version", project)
    assert re.fullmatch(r"\d+\.\d+\.\d+", gptengine.__version__)


def test_the_help_of_a_tool_changes_nothing():
    readme = ROOT / "README.md"
    before = readme.stat().st_mtime_ns
    command = [sys.executable, str(ROOT / "tools/tree.py"), "--help"]
    assert "usage:" in subprocess.check_output(command, text=True)
    assert readme.stat().st_mtime_ns == before
