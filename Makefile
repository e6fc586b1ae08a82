# `make help` says what there is. The work is done by `python -m local COMMAND`.
.DEFAULT_GOAL := help
.ONESHELL:
VENV := .venv
PYTHON := $(VENV)/bin/python
LOCAL := $(PYTHON) -m local
TOOLS := $(PYTHON) -m tools
# `make` itself has a variable AS, the assembler: it counts only where it is given.
ROLE = $(if $(filter command,$(origin AS)),--role "$(AS)")
export KUBE_CONTEXT KEEP_DATA TIER

$(VENV)/.ready: requirements.lock
	@echo "setting up $(VENV) from requirements.lock"
	set -e
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; python3 is $$(python3 -V)" >&2; exit 1; }
	python3 -c 'import ensurepip, venv' 2>/dev/null || { apt-get -q update && apt-get -q install -y --no-install-recommends python3-venv; } >/dev/null
	python3 -m venv --clear $(VENV)
	grep -A 100 '^uv==' requirements.lock | awk 'NR > 1 && /^[^ #]/ { exit } { print }' > $(VENV)/uv.lock
	$(PYTHON) -m pip install -q --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	$(VENV)/bin/uv pip sync -q --python $(PYTHON) --require-hashes requirements.lock
	touch $@

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: up
up: $(VENV)/.ready ## Serve the journal over HTTPS from a real Kubernetes on this machine
	@$(LOCAL) up

.PHONY: build
build: $(VENV)/.ready ## Build what `make up` runs, and start nothing: about twenty minutes on a new machine, seconds later
	@$(LOCAL) build

.PHONY: preview
preview: $(VENV)/.ready ## Show what `make up` would change [REFRESH=1]; STACK=prod [ALL=1] shows another stack, without credentials
	@$(if $(filter-out local,$(STACK)),$(TOOLS) preview --stack $(STACK) $(if $(ALL),--all),$(LOCAL) preview $(if $(REFRESH),--refresh))

.PHONY: rotate
rotate: $(VENV)/.ready ## Give Redis its next password while it serves; run again, it goes on: make rotate [STACK=prod]
	@$(LOCAL) rotate $(STACK)

.PHONY: user
user: $(VENV)/.ready ## Let somebody sign in, asking for the password: make user NAME=alice [REMOVE=1]; without NAME, list them
	@$(LOCAL) user $(if $(REMOVE),--remove) -- "$(NAME)"

.PHONY: workflow
workflow: $(VENV)/.ready ## Run a workflow, where the stack has them: make workflow NAME=digest [ARGS="hours=48"]; without NAME, list them
	@$(LOCAL) workflow -- "$(NAME)" $(ARGS)

.PHONY: release
release: $(VENV)/.ready ## Release a tier: make release ARGS="start", "share 50", "promote", "abort", "history", "undo 3", …
	@$(LOCAL) release $(ARGS)

.PHONY: refresh
refresh: $(VENV)/.ready ## Take into Pulumi's state what the cluster has
	@$(LOCAL) refresh

.PHONY: pulumi
pulumi: $(VENV)/.ready ## Run the Pulumi CLI on stack local: make pulumi ARGS="stack --show-urns"
	@$(LOCAL) pulumi -- $(ARGS)

.PHONY: render
render: $(VENV)/.ready ## Write a stack's manifests and resources to build/: make render STACK=prod
	@$(TOOLS) render $(if $(STACK),--stack $(STACK))

.PHONY: diff
diff: $(VENV)/.ready ## Compare a stack's manifests and resources with another commit's: make diff STACK=prod BASE=main
	@$(TOOLS) diff $(if $(STACK),--stack $(STACK)) $(if $(BASE),--base $(BASE))

.PHONY: stacks
stacks: $(VENV)/.ready ## Show every setting in which the environments differ
	@$(TOOLS) stacks

.PHONY: cost
cost: $(VENV)/.ready ## Show what a stack costs a month, by line; without STACK, every stack in AWS
	@$(TOOLS) cost $(if $(STACK),--stack $(STACK))

.PHONY: doctor
doctor: $(VENV)/.ready ## Ask the account what would stop a deployment, and change nothing: make doctor STACK=prod [OFFLINE=1]
	@$(TOOLS) doctor $(if $(STACK),--stack $(STACK)) $(if $(OFFLINE),--offline)

.PHONY: pictures
pictures: $(VENV)/.ready ## Draw the architecture of each stack: docs/stacks/<stack>.svg; and Grafana's dashboard: docs/dashboard.json
	@$(TOOLS) pictures

.PHONY: graph
graph: $(VENV)/.ready ## Show what decides how long a stack takes to make and to destroy: make graph STACK=prod
	@$(TOOLS) graph $(if $(STACK),--stack $(STACK))

.PHONY: status
status: $(VENV)/.ready ## Show tiers, which versions answer, Redis, certificates and the cluster's components; ends with 1 when something is wrong
	@$(LOCAL) status

.PHONY: logs
logs: $(VENV)/.ready ## Show a tier's logs: make logs TIER=frontend [FOLLOW=1]
	@$(LOCAL) logs $(if $(FOLLOW),--follow) -- "$$TIER"

.PHONY: shell
shell: $(VENV)/.ready ## Open a shell in which kubectl and helm speak to the cluster [AS=viewer or operator]
	@$(LOCAL) shell $(ROLE)

.PHONY: kubectl
kubectl: $(VENV)/.ready ## Run kubectl: make kubectl ARGS="get pods -A" [AS=viewer or operator]
	@$(LOCAL) kubectl $(ROLE) -- $(ARGS)

.PHONY: backup
backup: $(VENV)/.ready ## Back up the journal and the local cluster, and say where the backups are [STACK=prod with KUBE_CONTEXT]
	@$(LOCAL) backup $(if $(STACK),--stack "$(STACK)")

.PHONY: restore
restore: $(VENV)/.ready ## Put a backup in the place of the journal, or of the local cluster: make restore FROM=NAME [STACK=prod] [YES=1]
	@$(LOCAL) restore $(if $(STACK),--stack "$(STACK)") $(if $(YES),--yes) -- "$(FROM)"

.PHONY: down
down: $(VENV)/.ready ## Remove the stack and the cluster; what was built stays cached [KEEP_DATA=1 keeps the volumes]
	@$(LOCAL) down

.PHONY: test
test: $(VENV)/.ready ## Run every test: format, lint, types, unit, manifests, live, browser (about an hour)
	@$(TOOLS) test

.PHONY: unit
unit: $(VENV)/.ready ## Run what needs no cluster: format, lint, types, unit, manifests, workflows (about 12 minutes)
	@$(TOOLS) test --quick

DRILLS := $(patsubst %,tests/live/test_%.py,redis_failover redis_faults rotation backup rollouts releases autoscaling \
	assets canary gateway login basic_auth workflows redis_volumes journal deployment recovery interrupted keep_data kept_volumes)
.PHONY: drills
drills: $(VENV)/.ready ## Break the running stack under load, 10,000 requests for each way, and take it down; the figures go to .state/drills.md
	@rm -f .state/drills.md
	@DRILL_RATE=200 DRILL_REQUESTS=10000 $(VENV)/bin/python -m pytest -q -s $(DRILLS)
	@cat .state/drills.md

.PHONY: audit
audit: $(VENV)/.ready ## Ask judges that no one here wrote: kube-score, checkov, schemathesis, axe, pip-audit; a table in .state/audit.md
	@$(TOOLS) audit

.PHONY: bench
bench: $(VENV)/.ready ## Measure start, repeated up, a preview, reads and writes; as ratios within this run
	@$(TOOLS) bench

.PHONY: schema
schema: $(VENV)/.ready ## Write the JSON schema by which editors check Pulumi.<stack>.yaml
	@$(TOOLS) schema

.PHONY: lock
lock: $(VENV)/.ready ## Pin dependencies anew, by hash and without an index
	@set -e
	lock() { $(CURDIR)/$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade "$$@"; }
	lock pyproject.toml --group dev -o requirements.lock
	(cd tools/lint && lock checkov.in -o checkov.lock)
	(cd tools/audit && lock audit.in -o audit.lock)
	for app in frontend auth; do (cd apps/$$app && lock pyproject.toml -o requirements.lock && lock pyproject.toml --group dev -o requirements-dev.lock); done
