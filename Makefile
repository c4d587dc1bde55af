# The commands of a day's work. PYTHON picks the interpreter: make test PYTHON=.venv/bin/python
PYTHON ?= python3
CXX_FILES = $(shell git ls-files '*.h' '*.cpp' '*.cu' '*.cuh')

.PHONY: build test bench format check tree

build:  ## an editable install: Python is read in place, C++ is rebuilt by the next `make build`
	$(PYTHON) -m pip install --no-build-isolation -e '.[test]'

test:
	$(PYTHON) -m pytest

bench:  ## kernels, operators, a training step; each prints its share of the machine's measured peak
	$(PYTHON) -m bench

format:
	clang-format -i $(CXX_FILES)
	ruff check --fix .
	ruff format .

check:  ## what pre-commit and CI ask of the style, without changing a file
	clang-format --dry-run --Werror $(CXX_FILES)
	ruff check .
	ruff format --check .
	$(PYTHON) -m pytest -q --noconftest tests/test_layers.py

tree:  ## the list of files in README.md
	$(PYTHON) tools/tree.py
