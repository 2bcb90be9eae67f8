# battery_db: every command of the project. `make` alone lists them.

VENV := .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv

# uv reads none of pip's settings; hand over those that say where packages are.
comma := ,
space := $(subst ,, )
export UV_FIND_LINKS ?= $(subst $(space),$(comma),$(PIP_FIND_LINKS))
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
export UV_HTTP_TIMEOUT ?= 300
INSTALL := $(UV) pip install --quiet --python $(PY) -r pyproject.toml -c requirements.lock

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench fuzz kill services docs schema lock clean install install-all
.DELETE_ON_ERROR:

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: install  ## Start the lab: web, worker and scheduler; Ctrl-C stops it
	@$(PY) manage.py run_lab --demo

test: install-all  ## Run every test: PostgreSQL and Redis, SQLite, browser
	@.ci/test $(ARGS)

lint: install-all  ## Check style, types, spelling, import directions, migrations, deployment
	@.ci/lint

format: install-all  ## Let the formatters write
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/djade --target-version 5.2 $$(git ls-files 'templates/*.html') || true

bench: install-all  ## Measure speed and memory beside peers (docs/performance.md)
	@set -e; for file in benchmarks/bench_*.py; do echo; echo "$$file"; PYTHONPATH=. $(PY) $$file; done

fuzz: install-all  ## Try 2,000 damaged files of every cycler format, and 400 files that grow
	@FUZZ_COUNT=2000 GROWING_EXAMPLES=400 $(PY) -m pytest --profile sqlite -q \
		tests/cycling/formats/test_mutations.py tests/cycling/test_growing_files.py $(ARGS)

kill: install-all  ## Kill a hundred imports at random moments, on SQLite and on PostgreSQL
	@IMPORT_KILLS=100 $(PY) -m pytest -q tests/chaos -k imports_killed $(ARGS)

services:  ## Install PostgreSQL, Redis and Chromium with apt, where allowed
	@.ci/services

docs: install-all  ## Build the documentation into docs/_build/html
	@$(VENV)/bin/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

schema: install-all  ## Write the OpenAPI schema to docs/openapi.yaml
	@$(PY) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

lock: $(PY)  ## Fit requirements.lock to pyproject.toml (ARGS=--upgrade: newest versions)
	@cp requirements.lock $(VENV)/lock
	@$(UV) pip compile --quiet --universal --all-extras --python-version 3.11 $(ARGS) \
		--no-annotate --no-header pyproject.toml -o $(VENV)/lock >/dev/null
	@head -n 1 requirements.lock > $(VENV)/lock.new
	@sed 's/+cpu//' $(VENV)/lock | grep -vE '^(#|nvidia-|cuda-|triton)' | LC_ALL=C sort >> $(VENV)/lock.new
	@mv $(VENV)/lock.new requirements.lock

clean:  ## Remove the virtual environment, caches and built documents; keeps var/, the data
	rm -rf $(VENV) docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(VENV)/.installed  ## Install what the lab needs to run
install-all: $(VENV)/.installed-all  ## Install everything: tests, linters, documents, PyTorch, PyBaMM

$(UV):
	@.ci/bootstrap $(VENV)

$(VENV)/.installed: pyproject.toml requirements.lock | $(UV)
	@echo "Installing into $(VENV)"
	@$(INSTALL)
	@touch $@

$(VENV)/.installed-all: pyproject.toml requirements.lock | $(UV)
	@echo "Installing everything into $(VENV)"
	@$(INSTALL) --extra s3 --extra ml --extra simulation --extra dev --extra docs
	@touch $@ $(VENV)/.installed
