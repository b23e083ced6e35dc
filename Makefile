# Every target sets up what it needs.

PYTHON ?= python3
BENCH ?= costs
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test peers lint types package bench clean

run: $(VENV)/.run
	@exec $(BIN)/python -m infra.local

test: $(VENV)/.dev peers
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Real DICOM nodes, which the tests talk to.
peers:
	@tests/dicom/install_peers.sh

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

package: $(VENV)/.run
	$(BIN)/python -m infra.package

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks $(BENCH)

clean:
	rm -rf build $(VENV)

$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: requirements.txt requirements-listener.txt requirements-local.txt constraints.txt | $(VENV)/.created
	$(INSTALL) -r requirements.txt -r requirements-listener.txt -r requirements-local.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(INSTALL) -r requirements-dev.txt
	@touch $@
