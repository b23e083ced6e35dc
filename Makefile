# Every target sets up what it needs.

PYTHON ?= python3
BENCH ?= costs
STAGE ?= prod
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test peers lint types package synth pin bench clean

run: $(VENV)/.run
	@exec $(BIN)/python -m infra.local

test: $(VENV)/.dev peers
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations 20

# Real DICOM nodes, which the tests talk to, and what the listener's image is built and run with.
peers:
	@tests/dicom/install_peers.sh
	@tests/image/install_tools.sh

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/hadolint dicom_listener/Dockerfile

types: $(VENV)/.dev
	$(BIN)/mypy

package: $(VENV)/.run
	$(BIN)/python -m infra.package --stage $(STAGE)

# CloudFormation templates of a stage, checked by cdk-nag; no AWS account is needed.
synth: $(VENV)/.infra package
	$(BIN)/python -m infra.stacks --stage $(STAGE)

# The digest of the listener's base image; needs docker with buildx.
pin:
	@$(PYTHON) -m infra.image pin

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

$(VENV)/.infra: requirements-infra.txt $(VENV)/.run
	$(INSTALL) -r requirements-infra.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.infra
	$(INSTALL) -r requirements-dev.txt
	@touch $@
