# Two commands do everything: `make demo` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SIZES  ?= 10000,100000,1000000
# Tests run in so many processes, each with a Postgres of its own.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup check test cover demo up down bench lock clean

help:  ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'event-dedup needs Python 3.11 or later; name one: make PYTHON=python3.12 …'; exit 1; }
	@echo 'Installing into $(VENV), this once: about a minute'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# What the command line needs, versions and hashes pinned.
$(VENV)/.local: $(VENV)/.created requirements-local.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-local.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# … and what tests and checks need on top.
$(VENV)/.dev: $(VENV)/.local requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.dev  ## Install everything into .venv

demo: $(VENV)/.local  ## Start LocalStack and Postgres here, put the samples into the bucket, and show what came out
	$(BIN)/event-dedup local demo

up: $(VENV)/.local  ## Start LocalStack and Postgres here, without Docker, and deploy template.yaml
	$(BIN)/event-dedup local up

down: $(VENV)/.local  ## End what `make up` and `make demo` started; the database is kept
	$(BIN)/event-dedup local down

check: $(VENV)/.dev  ## Format, lint, types, import contracts, the quick unit tests: offline, half a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n $(WORKERS) -p no:schemathesis -m 'not slow and not hypothesis' tests/unit

test: $(VENV)/.dev  ## Run every check and every test, on a real Postgres that the tests start themselves
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n $(WORKERS)

cover: $(VENV)/.dev  ## Run every test and show which lines none of them runs; takes half as long again
	$(BIN)/pytest -n $(WORKERS) --cov --cov-report=term:skip-covered

bench: $(VENV)/.dev  ## Measure speed, memory and quality; SIZES=10000,100000 for less
	$(BIN)/python -m bench.run --sizes $(SIZES)
	$(BIN)/python -m bench.pipeline

PIN = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
LOCK = $(PIN) pyproject.toml
lock: $(VENV)/.dev  ## Pin the newest versions that fit pyproject.toml, with hashes
	$(LOCK) --upgrade --output-file requirements.lock > /dev/null
	$(LOCK) --extra local --constraint requirements.lock --output-file requirements-local.lock > /dev/null
	$(LOCK) --extra local --extra dev --constraint requirements-local.lock --output-file requirements-dev.lock > /dev/null
	$(PIN) --upgrade requirements-tools.in --output-file requirements-tools.lock > /dev/null
	$(PIN) --upgrade --no-deps requirements-rie.in --output-file requirements-rie.lock > /dev/null

clean:  ## Remove what was installed, built and stored here
	-test ! -x $(BIN)/event-dedup || $(BIN)/event-dedup local down
	rm -rf $(VENV) .tools build dist var htmlcov .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
