# Every target sets up what it needs.

PYTHON ?= python3
BENCH ?= costs
STAGE ?= prod
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test peers lint types package synth pin bootstrap deploy smoke user logs destroy bench clean

run: $(VENV)/.run
	@exec $(BIN)/python -m infra.local

test: $(VENV)/.dev peers
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations 20

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

# Once for an AWS account and region: what CDK needs there.
bootstrap: $(VENV)/.infra
	@$(BIN)/python -m infra.commands.deploy --stage $(STAGE) --bootstrap

# APPROVAL=any-change asks about every change of rights, never about none.
deploy: $(VENV)/.infra
	@$(BIN)/python -m infra.commands.deploy --stage $(STAGE) $(if $(APPROVAL),--approval $(APPROVAL))

# URL=https://.../api [USER=alice] [HOST=... PORT=104] [PEER=AET@HOST:PORT]: tries a store out by the README's examples.
smoke: $(VENV)/.infra
	@$(BIN)/python -m infra.commands.smoke --url "$(URL)" $(if $(filter command line,$(origin USER)),--user "$(USER)") \
	    $(if $(HOST),--host "$(HOST)") $(if $(PORT),--port "$(PORT)") $(if $(PEER),--peer "$(PEER)")

# NAME=alice [REMOVE=1]
user: $(VENV)/.infra
	@$(BIN)/python -m infra.commands.user --stage $(STAGE) --name "$(NAME)" $(if $(REMOVE),--remove)

# [SINCE=1h] [FILTER=ERROR] [FOLLOW=1]
logs: $(VENV)/.infra
	@$(BIN)/python -m infra.commands.logs --stage $(STAGE) $(if $(SINCE),--since "$(SINCE)") \
	    $(if $(FILTER),--filter '$(value FILTER)') $(if $(FOLLOW),--follow)

# Refuses where there is data. FORGET=1 also removes versions of what was deleted.
destroy: $(VENV)/.infra
	@$(BIN)/python -m infra.commands.destroy --stage $(STAGE) $(if $(FORGET),--forget)

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
