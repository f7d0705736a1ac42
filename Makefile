# The few commands of this project. All that they need is Python 3.11 or later and the package index that pip knows.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST_ARGS ?=
LOCK_FLAGS ?=
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(LOCK_FLAGS)

# Each stamp names what was installed into the environment; a target that is younger than its inputs is not made again.
READY := $(VENV)/.ready-daemon
READY_DEV := $(VENV)/.ready-dev
# The install compiles these where there is a C compiler.
NATIVE := hatch_build.py $(wildcard agentwatch/*/native/*)

.PHONY: help demo test test-slow test-all check lint format types imports bench bench-short evaluation bench-peers bench-upgrade bench-week chaos docs lock lock-peers deb dist-check test-booted clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(BIN)/python:
	@python="$$(scripts/find-python.sh)"; \
	echo "making $(VENV) with $$python"; \
	"$$python" -m venv $(VENV) || { echo "this Python cannot make environments (Debian: apt install python3-venv)" >&2; exit 2; }

$(READY): $(BIN)/python requirements/daemon.txt requirements/build.txt pyproject.toml $(NATIVE)
	@echo "installing what the daemon needs"
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/daemon.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q agentwatch  # pip does it for what it copies; from source alone a start takes twice as long
	@touch $@

$(READY_DEV): $(READY) requirements/dev.txt
	@echo "installing what the tests need"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(READY) ## Run a simulated fleet with real guards; ends with who was stopped, when and why
	@$(BIN)/agentwatch demo

test: $(READY_DEV) ## Run the tests that need nothing but Python; test-slow has the long ones
	@$(BIN)/python -m pytest -n 2 -m "not debian and not slow" $(PYTEST_ARGS)

test-slow: $(READY_DEV) ## Run the long tests: whole fleets, kills in mid-stream, scenarios, determinism
	@$(BIN)/python -m pytest -n 2 -m "slow and not debian" $(PYTEST_ARGS)

test-booted: $(READY_DEV) ## Test the unit and the package under a real systemd; needs root and `make deb`
	@$(BIN)/python -m pytest tests/booted $(PYTEST_ARGS)

test-all: $(READY_DEV) ## Run every test, those of Debian's servers and tools too
	@$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

check: lint types imports ## Run every static check

lint: $(READY_DEV) ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(READY_DEV) ## Put style and formatting right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(READY_DEV) ## Check types, strictly
	@$(BIN)/mypy

imports: $(READY_DEV) ## Check that imports go one way through the layers
	@$(BIN)/lint-imports

bench: $(READY_DEV) ## Measure speed, latency, memory and growth beside the bare drain; one table and JSON (BENCH_ARGS); and what is found
	@$(BIN)/python -m bench $(BENCH_ARGS)
	@$(BIN)/python -m bench.scenarios

# Ratios only, since machines differ; it fails where one is twice as bad as it was, which no noise explains.
BENCH_HISTORY ?= bench/results/history.jsonl

bench-short: $(READY_DEV) ## Measure a few ratios in under a minute, and hold them to a generous floor
	@$(BIN)/python -m bench --short --floor bench/speed-floor.json --history $(BENCH_HISTORY) --json bench/results/short.json

TRACES ?= ../shared/traces
EVALUATION_ARGS ?= --scenarios 2

evaluation: $(READY_DEV) ## Measure on recorded runs in TRACES and write the results into docs/evaluation.md
	@$(BIN)/python -m bench.evaluation_page $(TRACES) $(EVALUATION_ARGS)

bench-upgrade: $(READY_DEV) ## Upgrade from another version under load, and back (OLD=a checkout of it)
	@$(BIN)/python -m bench.upgrade $(OLD)

bench-week: $(READY_DEV) ## Live through a week with a million runs; fails where memory or disk grow (WEEK_ARGS)
	@$(BIN)/python -m bench.week $(WEEK_ARGS)

# Published libraries for the same purpose have an environment of their own. One of them needs Python 3.12.
PEERS := .venv-peers
PEERS_ARGS ?= --seeds 10

$(PEERS)/.ready: bench/peers/requirements.txt bench/peers/requirements.in
	@python="$$(scripts/find-python.sh)"; \
	for newer in python3.12 python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[23].*/bin/python; do \
		if "$$newer" -c 'import sys, venv, ensurepip' >/dev/null 2>&1; then python="$$newer"; break; fi; \
	done; \
	echo "making $(PEERS) with $$python, and installing the peers"; \
	"$$python" -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m bench.peers.installing
	@touch $@

bench-peers: $(PEERS)/.ready ## Measure agentwatch beside published libraries (PEERS_ARGS="--seeds 10 --traces DIR")
	@$(PEERS)/bin/python -m bench.peers.run $(PEERS_ARGS)

CHAOS_ARGS ?=
chaos: $(READY_DEV) ## Test the delivery promise under faults at full length: half an hour; needs redis-server, mosquitto
	@$(BIN)/python -m tests.chaos $(CHAOS_ARGS)

docs: $(READY_DEV) ## Write the reference pages anew from the code
	@$(BIN)/python -m scripts.make_docs

lock: $(BIN)/python ## Resolve the dependencies and write requirements/ (LOCK_FLAGS=--upgrade for newer versions)
	@$(PIP) install 'uv>=0.9'
	@$(LOCK) pyproject.toml --extra dev --output-file requirements/dev.txt
	@$(LOCK) pyproject.toml --constraints requirements/dev.txt --output-file requirements/base.txt
	@$(LOCK) pyproject.toml --extra daemon --extra embedded --extra notify --constraints requirements/dev.txt \
		--output-file requirements/daemon.txt
	@$(LOCK) --constraints requirements/dev.txt requirements/build.in --output-file requirements/build.txt
	@! grep -nE '://|--(extra-)?index' requirements/*.txt

lock-peers: $(BIN)/python ## Resolve the libraries of bench-peers
	@$(PIP) install 'uv>=0.9'
	@$(subst make lock,make lock-peers,$(LOCK)) pyproject.toml --extra daemon bench/peers/requirements.in \
		--output-file bench/peers/requirements.txt
	@! grep -nE '://|--(extra-)?index' bench/peers/requirements.txt

dist-check: $(READY) ## Build wheel and sdist, look into them, and try the wheel in clean environments
	@$(BIN)/python -m scripts.check_dist

deb: ## Build the Debian package into dist/, with everything that the daemon needs
	@packaging/deb/build.sh

clean: ## Take away everything that was made here
	@rm -rf $(VENV) $(PEERS) dist build agentwatch/fingerprint/_compiled.abi3.so agentwatch/detect/_kernel.abi3.so .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
