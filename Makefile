# `make help` lists the targets. Everything is installed into .venv and nothing outside this folder changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Options for installing torch alone: `make setup TORCH="--index-url URL"` picks another build, such as one without CUDA.
TORCH ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types floors docs gallery pins clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

setup: $(VENV)/.test  ## install the package and what its tests need into .venv; does nothing when up to date

demo: $(VENV)/.core  ## train on the ring and on handwritten digits, and show what each GAN misses
	$(BIN)/python -m allmodes.demo

test: $(VENV)/.test  ## run the tests and the examples in docstrings
	$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev  ## check types
	$(BIN)/basedpyright --pythonpath $(BIN)/python

floors: $(VENV)/.dev  ## check that every module imports only from lower floors
	$(BIN)/lint-imports

docs: $(VENV)/.dev  ## build the documentation into docs/_build/html; a warning is an error
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --builder html docs docs/_build/html

gallery: $(VENV)/.core  ## make the pictures of docs/gallery again; QUICK=1 only tries the scripts
	for script in $(filter-out docs/gallery/showing.py,$(wildcard docs/gallery/*.py)); do \
		$(BIN)/python $$script $(if $(QUICK),--quick --out build/gallery) || exit 1; done

# The newest versions that fit together, for everything but torch, whose version stays.
pins:  ## renew constraints.txt, with the oldest Python that is supported
	rm -rf build/pins && $(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH) "$$(grep '^torch==' constraints.txt)"
	build/pins/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,bench]"
	{ grep '^#' constraints.txt; build/pins/bin/python -m pip freeze --all --exclude pip --exclude-editable \
		| sed 's/+[a-z0-9.]*$$//' | sort -f; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

clean:  ## remove .venv and everything that was built
	rm -rf $(VENV) build dist docs/_build

# One stamp for each set of packages, each set holding the one before: core (the package alone), test, dev (the extras).
$(VENV)/.core: EXTRA :=
$(VENV)/.test: EXTRA := [test]
$(VENV)/.dev: EXTRA := [dev]
$(VENV)/.core: HOLDS := .core
$(VENV)/.test: HOLDS := .core .test
$(VENV)/.dev: HOLDS := .core .test .dev

$(VENV)/.core $(VENV)/.test $(VENV)/.dev: pyproject.toml constraints.txt
	$(if $(shell $(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null | grep True),,\
		$(error allmodes needs Python 3.11 or newer, but '$(PYTHON)' is $(or $(shell $(PYTHON) --version 2>&1 | grep ^Python),not there); name another: make setup PYTHON=python3.12))
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --editable ".$(EXTRA)"
	@touch $(addprefix $(VENV)/,$(HOLDS))

# Sets share one .venv: they are never installed at the same time.
.NOTPARALLEL:
