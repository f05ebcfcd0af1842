# What one does with this repository. `make` alone lists it; longer recipes stand in hack/*.sh.

# Pure Go everywhere: one build cache for all targets, and no C compiler needed.
export CGO_ENABLED := 0

BIN := $(CURDIR)/_run/bin
DEVCLUSTER := go -C hack run ./cmd/devcluster

.DEFAULT_GOAL := help

##@ The local management cluster

# A cluster of yours is used when you name it here: that KUBECONFIG of a shell names one is no wish to try something in it.
ELSEWHERE := $(filter command,$(origin KUBECONFIG))

.PHONY: up
up: ## Start it with two first clusters; WITHOUT=demo-nodes leaves out what takes longest, DEBUG=30000 has Delve wait there, AWS_ENDPOINT_URL=http://... is another AWS, KUBECONFIG=... a cluster of yours with Cluster API
	@env $(if $(ELSEWHERE),KUBECONFIG=$(abspath $(KUBECONFIG)),-u KUBECONFIG) $(DEVCLUSTER) up $(if $(WITHOUT),--without=$(WITHOUT)) $(if $(DEBUG),--debug-port=$(DEBUG))

.PHONY: status
status: ## Show what runs of it
	@$(DEVCLUSTER) status

.PHONY: down
down: ## Stop exactly what `make up` started
	@$(DEVCLUSTER) down

##@ Tests

.PHONY: test
test: ## Everything, as CI does: verify, unit, integration and end-to-end tests
	@hack/test.sh all

.PHONY: test-unit
test-unit: ## The tests that need no binaries: all but test/e2e; PKG=./cloud/... narrows them down
	@hack/test.sh unit $(PKG)

.PHONY: test-e2e
test-e2e: ## The end-to-end tests; RUN=TestName narrows them down
	@hack/test.sh e2e $(if $(RUN),-run '$(RUN)')

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME (60s); PKG=./apis/infrastructure/validation narrows them down
	@hack/fuzz.sh $(PKG)

.PHONY: race
race: ## The tests of all that runs in the server's process under the race detector, which needs gcc; PKG=./cloud/... narrows them down
	@hack/race.sh $(PKG)

.PHONY: bench
bench: ## The benchmarks; PKG=./cloud/... narrows them down
	@go test -run '^$$' -bench . -benchmem $(or $(PKG),./...)

.PHONY: bench-machines
bench-machines: ## 1,000 machines at once against AWS's request rates; MACHINES=500 makes it fewer
	@go test ./test/e2e -run '^TestFleet$$' -count=1 -v -timeout 90m -machines $(or $(MACHINES),1000)

.PHONY: bench-api
bench-api: ## Reads and writes of 1,000 running machines against a CRD of the same schema; STORE=host uses the host's etcd, PROFILES=/tmp keeps profiles
	@go test ./test/e2e -run '^TestReadsAndWritesAgainstCRDs$$' -count=1 -v -timeout 60m -bench-api $(if $(filter host,$(STORE)),-host-store) -machines $(or $(MACHINES),1000) -profiles '$(PROFILES)'

##@ The code

.PHONY: verify
verify: ## Format, vet, lint, generated code, import rules, tidy modules; STEPS="lint imports" narrows it down
	@hack/verify.sh $(STEPS)

.PHONY: update
update: ## Make the tree pass verify as far as a program can: generate, tidy, format
	@hack/update.sh

.PHONY: build
build: ## Compile the product's commands and the emulator into _run/bin
	@hack/build.sh "$(BIN)"

##@ Releases

# What a release is called, and the image that it names.
VERSION ?= v0.1.0
IMAGE ?= ghcr.io/capa-apiserver/capa-apiserver

.PHONY: image
image: ## Build the OCI image of VERSION into _run/image, without a container engine; PUSH=$$(IMAGE):TAG pushes it
	@go -C hack/tools run ./image --repo="$(CURDIR)" --version="$(VERSION)" --out="$(CURDIR)/_run/image" $(if $(PUSH),--push="$(PUSH)")

.PHONY: release
release: ## Write clusterctl's provider repository with VERSION and IMAGE into _run/release
	@go -C hack run ./cmd/release --version="$(VERSION)" --image="$(IMAGE)" --out="$(CURDIR)/_run/release"

##@ More

.PHONY: clean
clean: ## Stop the local management cluster and remove _run
	@if [ -e _run/state.json ]; then $(DEVCLUSTER) down; fi
	@rm -rf _run

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
