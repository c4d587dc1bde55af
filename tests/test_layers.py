"""The house stands as docs/architecture.md says, and each rule can fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # runs alone too, with nothing installed but pytest
import layers

ROOT = Path(__file__).parent.parent
RULES = [
    layers.cpp_order,
    layers.kernels_include_no_std,
    layers.operators,
    layers.bindings_give_up_the_gil_safely,
    layers.python_order,
    layers.length,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
def test_the_house_keeps(rule):
    broken = list(rule(ROOT))
    assert not broken, "\n" + "\n".join(broken)


def test_instruction_set_objects_share_nothing():
    """Needs a build folder: build/ or the one that GPTE_BUILD names."""
    build = Path(os.environ.get("GPTE_BUILD", ROOT / "build"))
    objects = [p for p in build.rglob("*.o") if "kernels_" in p.as_posix()]
    if not objects or not shutil.which("nm"):
        pytest.skip(f"no kernel objects in {build}, or no nm")
    for path in objects:
        text = subprocess.run(["nm", "-C", path], capture_output=True, text=True, check=True).stdout
        leaked = list(layers.leaked_symbols(text))
        assert not leaked, f"{path} lets out {leaked[:5]}"


OP = "GPTE_OP(add, Tensor& y, const Tensor& x)\n"
BODY = "namespace cpu {\nvoid add(Tensor& y, const Tensor& x) {\n  if (y) {\n  }\n}\n}\n"
GOOD = {
    "cpp/core/tensor.h": "#include <vector>\n",
    "cpp/kernels/gemm.cpp": '#include <stdint.h>\n#include "kernels/gemm.h"\n',
    "cpp/kernels/gemm.h": "",
    "cpp/ops/add.h": '#include "core/tensor.h"\n' + OP,
    "cpp/ops/add.cpp": '#include "ops/add.h"\n#include "kernels/gemm.h"\n' + BODY,
    "cuda/ops/add.cu": '#include <cuda_runtime.h>\n#include "ops/add.h"\n',
    "python/bindings/ops.cpp": 'm.def("add", &add);\n',
    "tests/ops/test_add.py": "_core.add(y, x)\n",
    "bench/ops.py": "_core.add(y, x)\n",
    "python/gptengine/config.py": "import numpy\n",
    "python/gptengine/model.py": "from . import _core\nfrom .config import Config\n",
    "python/gptengine/train/loop.py": "from ..model import Model\nfrom .log import Log\n",
    "python/gptengine/train/log.py": "def plot():\n    import matplotlib\n",
}


def write(root, files):
    for name, text in {**GOOD, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
def test_a_good_tree_passes(rule, tmp_path):
    assert list(rule(write(tmp_path, {}))) == []


BREACHES = [
    (layers.cpp_order, "cpp/core/a.h", '#include "ops/add.h"', "core may see nothing else"),
    (layers.cpp_order, "cpp/ops/a.h", '#include "../core/tensor.h"', "from the root of cpp/"),
    (layers.cpp_order, "cpp/ops/a.h", '#include "core/none.h"', "not in cpp/"),
    (layers.cpp_order, "cpp/ops/a.h", "#include <cuda_runtime.h>", "no CUDA header"),
    (layers.cpp_order, "cpp/ops/a.h", '#include "core/reduce.cuh"', "no CUDA header"),
    (layers.cpp_order, "cpp/attic/a.h", "", "in none"),
    (layers.cpp_order, "cuda/ops/a.cu", '#include "kernels/gemm.h"', "may see core, ops of cpp/"),
    (layers.kernels_include_no_std, "cpp/kernels/a.h", "#include <algorithm>", "<algorithm>"),
    (layers.kernels_include_no_std, "cpp/kernels/a.h", '#include "core/tensor.h"', "through"),
    (layers.operators, "cpp/ops/add.cpp", "void add() {}\n", "no body in namespace cpu"),
    (layers.operators, "cpp/ops/add.cpp", "namespace cpu {\n}\nvoid add() {}\n", "no body"),
    (layers.operators, "python/bindings/ops.cpp", "", "no binding"),
    (layers.operators, "tests/ops/test_add.py", "add_forward", "no test"),
    (layers.operators, "bench/ops.py", "", "no benchmark"),
    (
        layers.bindings_give_up_the_gil_safely,
        "python/bindings/a.cpp",
        "nb::gil_scoped_release no_gil;",
        "use ReleasedGil",
    ),
    (layers.python_order, "config.py", "from .model import Model", "imports gptengine.model"),
    (layers.python_order, "data/a.py", "def f():\n    import gptengine.train", "gptengine.train"),
    (layers.python_order, "data/a.py", "from .. import train", "imports gptengine.train"),
    (layers.python_order, "data/a.py", "from gptengine import Model", "imports gptengine.Model"),
    (layers.python_order, "report/a.py", "from ..model import Model", "report stands left of it"),
    (layers.python_order, "attic/a.py", "", "attic has no place in the order"),
    (layers.python_order, "data/a.py", "import torch", "no base dependency"),
    (layers.python_order, "data/a.py", "import pickle", "can run code"),
    (layers.length, "cpp/core/a.h", "\n" * 401, "401 lines"),
]


@pytest.mark.parametrize("rule, name, text, says", BREACHES)
def test_each_rule_fails(rule, name, text, says, tmp_path):
    folder = "python/gptengine/" if rule is layers.python_order else ""
    broken = list(rule(write(tmp_path, {folder + name: text})))
    assert len(broken) == 1 and says in broken[0], broken


def test_a_missing_twin_fails_when_twins_are_due(tmp_path, monkeypatch):
    monkeypatch.setattr(layers, "CUDA_TWINS", True)
    assert "namespace cuda" in next(layers.operators(write(tmp_path, {})))
    twin = BODY.replace("cpu", "cuda")
    assert not list(layers.operators(write(tmp_path, {"cuda/ops/add.cu": twin})))


def test_a_generated_table_may_be_long(tmp_path):
    table = "// Generated by tools/unicode_tables.py\n" + "\n" * 999
    assert not list(layers.length(write(tmp_path, {"cpp/text/tables.h": table})))


def test_leaked_symbols_are_found():
    lines = "0000000000000000 D gpte::isa_avx2::table\n0000000000000000 W std::max(int, int)\n"
    lines += "0000000000000000 T gpte::isa_avx2::exp(float)\n0000000000000000 t kept\n"
    lines += "                 U malloc\n0000000000000000 V DW.ref.__gxx_personality_v0\n"
    assert list(layers.leaked_symbols(lines)) == [
        "std::max(int, int)",
        "gpte::isa_avx2::exp(float)",
    ]
