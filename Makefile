# Two commands are all a newcomer needs:
#   make app    opens Triptych (or, without a display, runs the comparison in the terminal)
#   make test   lint, types, import contracts and tests
# The others are for people who work on it: bench (speed), results (the table of adapters), screenshots, languages, clean.

SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys, venv, ensurepip; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# The parity tests compare with PyTorch. The version is pinned so that a CPU wheel at hand is taken where there is one.
TORCH ?= torch==2.13.0

.PHONY: app test bench results screenshots languages clean system lint

app: .setup-app
	@$(BIN)/triptych $(ARGS)

test: .setup-test
	@echo "Tests run the real models. Fetching them accepts the Gemma Terms of Use (resources/licences/gemma.md)."
	@$(BIN)/triptych models fetch --all --accept-licence gemma
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest $(PYTEST_ARGS)

bench: .setup-bench
	@$(BIN)/triptych models fetch --all --accept-licence gemma
	$(BIN)/python -m tests.benchmarks $(ARGS)

# The table of adapters, docs/results/adapters.md, and with it the fair comparison. TRIPTYCH_PROMPTS names the folder of telephone prompts; without it
# only unseen speakers are measured on. A run that was interrupted goes on where it was.
results: .setup-app
	@$(BIN)/triptych models fetch --all --accept-licence gemma
	$(BIN)/triptych adapters --threads 2 $(ARGS)
	$(BIN)/triptych bench resources/bench/fair-comparison.toml --threads 2 --out docs/results
	$(BIN)/triptych report --threads 2

screenshots: .setup-test
	$(BIN)/python -m tests.gui.screenshots docs/screens
	QT_SCALE_FACTOR=2 $(BIN)/python -m tests.gui.screenshots docs/screens --scaled
	for language in de es fr zh; do $(BIN)/python -m tests.gui.screenshots docs/screens --language $$language; done

# Gathers what the window says, and brings resources/languages up to date; LANGUAGE=it begins a new one.
languages: .setup-test
	$(BIN)/python -m tests.translations $(LANGUAGE)

system:
	@bash installer/system-libraries.sh

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Triptych needs Python 3.11, 3.12 or 3.13 with the venv module. On Debian or Ubuntu: sudo apt-get install python3 python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

.setup-app: pyproject.toml | system $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.setup-test: pyproject.toml .setup-app
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable ".[export,train,parquet]" --group dev
	@touch $@

.setup-bench: pyproject.toml .setup-app
	$(BIN)/python -m pip install --quiet --editable ".[peers]"
	@touch $@

clean:
	rm -rf $(VENV) .setup-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
