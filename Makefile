# make demo | test | lint | bench | clients. Each makes its own .venv first.

PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Else each run of the tests translates them all once more, in each of its processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint format tools bench clients clean

demo: .venv/ready
	$(BIN)/letterlock demo

# Without npm, or when the registry cannot be reached, the tests go on and name at their end what was not run.
test: lint
	@if command -v npm >/dev/null 2>&1 && [ ! -d .node/node_modules ]; then $(MAKE) -s clients || true; fi
	$(BIN)/pytest

lint: .venv/ready
	$(BIN)/ruff check src tests bench
	$(BIN)/ruff format --check src tests bench
	$(BIN)/mypy

format: .venv/ready
	$(BIN)/ruff check --fix src tests bench
	$(BIN)/ruff format src tests bench

tools: .venv/ready
	$(BIN)/python -m letterlock.doors.mcp_server

bench: .venv/ready
	@cat bench/README.md

# Clients of other services that tests drive and Python's registry does not have.
clients:
	npm install --prefix .node --no-save --no-audit --no-fund @lobsterkit/lobstermail@1.7.0

clean:
	rm -rf .venv .node .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Letterlock needs Python 3.11 or newer; set PYTHON=/path/to/python3."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch .venv/ready
