# Every target sets up what it needs: Python >= 3.11 with venv, and make, are enough.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := .tools/bin/uv
STAMP := $(VENV)/.stamp
# uv finds the machine's own certificate authorities, and never fetches an interpreter.
UV_ENV := UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
# No library may talk to anyone while it is built, linted or tested.
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export GX_ANALYTICS_ENABLED := false

.DEFAULT_GOAL := help
.PHONY: help demo test check fix wheel lock clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(STAMP): requirements.lock pyproject.toml | $(UV)
	$(UV_ENV) $(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(UV_ENV) $(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV_ENV) $(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## make a landing zone of five weeks, run everything on it, print where the reports are
	$(BIN)/cetegra-usage demo

test: $(STAMP)  ## run every test
	$(BIN)/python -m pytest

check: $(STAMP)  ## lint, types, layers: reads only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

fix: $(STAMP)  ## format, and mend what ruff can mend: writes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(STAMP)  ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

lock: | $(UV)  ## resolve the lock again: hashed, without an index's address
	$(UV_ENV) $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
	  --python-version 3.11 --universal --group dev pyproject.toml --output-file requirements.lock

clean:  ## remove what the targets above made
	rm -rf .venv .tools dist .pytest_cache .ruff_cache .import_linter_cache
