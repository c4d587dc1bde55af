"""The runner of the fuzz targets says what could not run, and fails if that was required."""

import runpy
import shutil
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "fuzz/run.py"


@pytest.mark.parametrize("options, code", [([], False), (["--require"], True)])
def test_no_clang_is_a_failure_where_it_is_required(options, code, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["run.py", "split", *options])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(str(RUN), run_name="__main__")
    assert done.value.code == code
    assert capsys.readouterr().out.endswith("0 with a finding; NOT RUN: split\n")
