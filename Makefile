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
# Many processes import the same large packages: each is compiled once, also where the machine forbids to keep that.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test test-stores check fix wheel lock clean

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

test: $(STAMP)  ## run every test (installs Chromium and strace where they are absent)
	tests/install-tools chromium strace
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

CEPH := /usr/bin/ceph-mon /usr/bin/ceph-osd /usr/bin/radosgw /usr/bin/ceph
AZURITE := .tools/azurite/node_modules/.bin/azurite-blob
APT := DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends

$(CEPH) &:
	apt-get update --quiet=2
	$(APT) ceph-mon ceph-osd radosgw ceph-common

# Debian's node runs this version; later ones ask for a newer node.
$(AZURITE):
	command -v npm >/dev/null || { apt-get update --quiet=2 && $(APT) npm; }
	npm install --prefix .tools/azurite --no-audit --no-fund --loglevel=error azurite@3.35.0

test-stores: $(STAMP) $(CEPH) $(AZURITE)  ## test the stores against real servers (installs Ceph and Azurite; needs root)
	$(BIN)/python -m pytest tests/stores --servers -k "ceph or azurite" --numprocesses 2 --dist loadfile

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
