# Everything a developer needs, on a machine with git, make and Python >= 3.10.
# Each command sets up what it needs, inside this folder only; a second run reuses it.

# The first Python that is new enough and can make virtual environments; or: make PYTHON=...
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# Extra arguments for the command run, such as: make test ARGS="tests/otlp -x"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check format matrix bench build clean

help:  ## This list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.package  ## A small agent on the real SDKs; prints its traces and uploads them.
	@$(BIN)/openlayer-otel demo $(ARGS)

test: $(VENV)/.tools $(VENV)/.with-distro  ## All tests.
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.tools  ## Style and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.tools  ## Mend the style where it can be mended.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

matrix: $(VENV)/.tools  ## The provider tests on every supported set of versions.
	$(BIN)/python tools/matrix.py $(ARGS)

bench: $(VENV)/.tools  ## What tracing costs.
	$(BIN)/python -m benchmarks $(ARGS)

build: $(VENV)/.tools  ## The wheel and the source distribution, in dist/.
	$(BIN)/python -m build --outdir dist

clean:  ## Remove everything that these commands made.
	rm -rf $(VENV) .matrix dist .mypy_cache .ruff_cache .pytest_cache

# --- set-up: a stamp file in the environment says what is installed there ---

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.10 with venv and pip found; set PYTHON=..." >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.package: $(VENV)/.created pyproject.toml
	@echo "Installing the package and the providers' SDKs"
	@$(PIP) install --editable '.[all]'
	@touch $@

$(VENV)/.tools: $(VENV)/.package
	@echo "Installing the tools for tests and checks"
	@$(PIP) install --group test --group check --group build
	@touch $@

# The tests of opentelemetry-instrument run with opentelemetry-distro installed, too: in an
# environment of its own that sees the packages of this one.
$(VENV)/.with-distro: $(VENV)/.package
	@echo "Making an environment with opentelemetry-distro"
	@$(BIN)/python -m venv --without-pip $(VENV)/with-distro
	@$(PIP) --python $(VENV)/with-distro install --no-deps opentelemetry-distro
	@$(BIN)/python tools/share_packages.py $(VENV)/with-distro
	@touch $@
