# make demo           install into .venv and train, test and predict with the built-in digits
# make test           install into .venv with the developers' tools and run the tests, but for the slow ones
# make test-slow      run the slow tests: whole trainings, real browsers, several processes
# make test-portable  run what a processor's rounding could change, as older processors compute
# make test-lowest    run the demo and some tests with the oldest versions that are admitted, and the newest
# make check          lint, format, types, architecture and documents, the page's scripts
# make docs           the documents as a site in build/docs; a warning is an error
# make bench          what is measured in minutes: start-up, steps, prediction, memory, a recipe
# make bench-full     all that is measured, with every recipe and the course: hours
# make fuzz           hostile input and sudden ends, made up from a seed: ten minutes (make fuzz MINUTES=60)
# make classifiers    train the shipped classifiers anew and test them: half an hour
# make notebooks      write examples/*.ipynb from their scripts
# make package        the source distribution and the wheel, in dist
# make release        check that a version can go out, build it, and say what is left to do
#
# Another Python: make demo PYTHON=python3.12
# Linux without a graphics card: make demo TORCH_INDEX=ADDRESS takes torch from PyTorch's index for processors,
# some gigabytes less; pytorch.org/get-started shows the address.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= auto
MINUTES ?= 10
TORCH_INDEX ?=

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
RUN := $(BIN)/python
PINNED := pyproject.toml setup.py constraints.txt requirements.lock requirements-dev.lock
# First what has hashes; then torch, which has none here (tools/lock.py says why), and imagelet itself.
PIP = $(RUN) -m pip install --disable-pip-version-check
INSTALL_LOCKED = $(PIP) --require-hashes --no-deps
INSTALL = $(PIP) -c constraints.txt --no-build-isolation
INSTALL_TORCH = $(if $(TORCH_INDEX),$(PIP) --no-deps --index-url $(TORCH_INDEX) $(shell grep '^torch==' constraints.txt),:)
DOCUMENTED := tests/test_architecture.py tests/test_documents.py tests/test_reference.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-slow test-portable test-lowest coverage check lint format types architecture scripts check-scripts \
	docs bench bench-full fuzz classifiers notebooks package release install install-dev clean

help:
	@sed -n 's/^# \{0,1\}//; /^$$/q; p' Makefile

demo: install
	@$(BIN)/imagelet demo

# One thread a worker: two workers with all threads each would fight for the cores. Bytecode is kept whatever
# the shell says: the tests start many processes, and to compile takes each of them as long as to begin.
TESTING = OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=

PYTEST = $(TESTING) $(RUN) -m pytest -n $(WORKERS) --maxprocesses=8 --dist=worksteal

test: install-dev
	@$(PYTEST) -m "not slow"

test-slow: install-dev
	@$(PYTEST) -m slow

test-portable: install-dev
	@$(TESTING) $(RUN) -m tools.portable -q -n $(WORKERS) --maxprocesses=8 --dist=worksteal

test-lowest: install-dev
	@$(RUN) -m tools.lowest

coverage: install-dev
	@$(PYTEST) --cov --cov-report=term

check: lint types architecture scripts

lint: install-dev
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check

format: install-dev
	@$(RUN) -m ruff check --fix
	@$(RUN) -m ruff format

types: install-dev
	@$(RUN) -m mypy

architecture: install-dev
	@$(RUN) -m pytest -q -m "not slow" $(DOCUMENTED)

# The page needs no Node; only its developers' checks do.
HAS_NODE = command -v npm >/dev/null && node -e \
	'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major * 100 + minor < 2019 ? 1 : 0)'

scripts:
	@if $(HAS_NODE); then $(MAKE) --no-print-directory check-scripts; else \
		echo "The page's scripts are not checked: install Node 20.19 or newer with npm." >&2; fi

check-scripts: node_modules/.installed
	@npm run --silent lint
	@npm run --silent types
	@npm run --silent test

node_modules/.installed: package.json package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

docs: install-dev
	@$(RUN) -m sphinx -q -W --keep-going -b html -c docs -d build/doctrees . build/docs
	@echo "build/docs/index.html"

# Both write benchmarks/results and the pages that are made of it.
bench: install
	@$(RUN) -m benchmarks.run quick
	@$(RUN) -m benchmarks.pages

bench-full: install-dev
	@$(RUN) -m benchmarks.run full
	@$(RUN) -m benchmarks.pages
	@$(RUN) -m benchmarks.course_pages
	@$(RUN) -m tools.course_html

fuzz: install
	@$(RUN) -m benchmarks.reliability --minutes $(MINUTES)

classifiers: install
	@$(RUN) -m tools.pretrain

notebooks: install-dev
	@$(RUN) -m tools.notebooks

package: install-dev
	@$(RUN) -m tools.release --build

release: install-dev
	@$(RUN) -m tools.release

clean:
	rm -rf $(VENV) node_modules build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: $(PINNED)
	@$(make_environment)
	@echo "Installing imagelet into $(VENV) (a few minutes the first time)" >&2
	@$(INSTALL_LOCKED) -r requirements.lock
	@$(INSTALL_TORCH)
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(PINNED)
	@$(make_environment)
	@echo "Installing imagelet and the developers' tools into $(VENV) (a few minutes the first time)" >&2
	@$(INSTALL_LOCKED) -r requirements-dev.lock
	@$(INSTALL_TORCH)
	@$(INSTALL) -e ".[dev,docs]"
	@touch $(VENV)/.installed $@

# Says in one sentence what is missing; leaves a working environment as it is.
define make_environment
command -v "$(PYTHON)" >/dev/null || { \
	echo "$(PYTHON) was not found: install Python 3.11 or newer, or name it (make PYTHON=python3.12)." >&2; exit 1; }; \
"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "imagelet needs Python 3.11 or newer and $(PYTHON) is `"$(PYTHON)" -V 2>&1`:" \
		"name a newer one (make PYTHON=python3.12)." >&2; exit 1; }; \
"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "$(PYTHON) cannot make virtual environments: install its venv module" \
		"(Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }; \
"$(RUN)" -c 'import pip' 2>/dev/null || "$(PYTHON)" -m venv --clear "$(VENV)"
endef
