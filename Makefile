.DEFAULT_GOAL := help
.PHONY: help build test race test-tools race-tools lint fmt fuzz outbox river interop check-docs test-browser smoke-browser check-deploy smoke-deploy image release chaos chaos-rules chaos-files chaos-controls chaos-cluster chaos-nats chaos-endpoint isolation recovery upgrade hostile bench demo tools ci check-all

GOLANGCI_VERSION := v2.15.0
GOFUMPT_VERSION  := v0.12.0
GOTESTSUM_VERSION := v1.13.0
HELM_VERSION     := v4.3.1
KUBECONFORM_VERSION := v0.8.0
KUBE_SCORE_VERSION  := v1.20.0
ACTIONLINT_VERSION  := v1.7.12
COMPOSE_VERSION  := v2.16.2
SCHEMA_MODULES   := k8s.io/kubernetes@v1.35.0 github.com/kedacore/keda/v2@v2.21.0 github.com/prometheus-operator/prometheus-operator@v0.85.0 sigs.k8s.io/gateway-api@v1.4.0

TOOLS := $(CURDIR)/.tools
STAMP := $(TOOLS)/golangci-$(GOLANGCI_VERSION)-gofumpt-$(GOFUMPT_VERSION)
GOTESTSUM := $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)
CHART_STAMP := $(TOOLS)/helm-$(HELM_VERSION)-kubeconform-$(KUBECONFORM_VERSION)
DEPLOY_STAMP := $(TOOLS)/kube-score-$(KUBE_SCORE_VERSION)-actionlint-$(ACTIONLINT_VERSION)-compose-$(COMPOSE_VERSION)
SCHEMAS := $(TOOLS)/k8s-schemas
FUZZTIME ?= 10s
PKG ?= ./...

# A failed test runs again, twice at most, unless more than five tests fail or the race detector
# reports. Each run writes a list of these tests to RERUNS, printed by .ci/run.
export RERUNS ?= $(TOOLS)/reruns
RERUN_TESTS = mkdir -p $(RERUNS) && $(GOTESTSUM) --rerun-fails=2 --rerun-fails-max-failures=5 --rerun-fails-run-root-test \
	--rerun-fails-abort-on-data-race --format pkgname-and-test-fails --hide-summary skipped --rerun-fails-report $(RERUNS)/$@.txt
RERUN_NODE := node ../rerun.mjs
RACE_PKG ?= ./internal/... ./vendors
RACE_FLAGS := -race -short -timeout 30m
BROWSER_TESTS := demo.test.mjs
DEPLOY_TESTS := chart.test.mjs
SEEDS ?= 20
MINUTES ?= 10
SEED ?= 1
CHAOS_TAGS :=
CHAOS = go test -C tools -tags "$(CHAOS_TAGS)" ./chaos -v -timeout 6h -chaos.full -chaos.seeds=$(SEEDS) -chaos.seed=$(SEED)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "A change in one package: make lint test PKG=./internal/mailbox/...  Every change: make ci."
	@echo "New here: CONTRIBUTING.md names eight files to read first. Commits: area: imperative verb and object."

build: ## Build the binary ./usher
	CGO_ENABLED=0 go build -trimpath -o usher ./cmd/usher

test: $(GOTESTSUM) ## Run all tests (PKG=./internal/... for a part); USHER_TEST_FULL=1: the long forms too
	$(RERUN_TESTS) --packages "$(PKG)" -- -timeout 30m

race: $(GOTESTSUM) ## Run the short tests of the concurrent packages with the race detector (RACE_PKG=./... for all)
	$(RERUN_TESTS) --packages "$(RACE_PKG)" -- $(RACE_FLAGS)

test-tools: $(GOTESTSUM) ## Build and test the module in tools/, with short runs of chaos, isolation and recovery
	cd tools && go build ./... && go vet ./... && $(RERUN_TESTS) --packages ./... -- -timeout 30m

race-tools: $(GOTESTSUM) ## The same with the race detector
	cd tools && $(RERUN_TESTS) --packages ./... -- $(RACE_FLAGS)

# -count=1 because go test does not track files of the other module.
lint: tools ## Check the code, its format and its words (PKG=./internal/... for a part)
	$(TOOLS)/golangci-lint run $(PKG)
	cd tools && $(TOOLS)/golangci-lint run --config ../.golangci.yml ./...
	cd tools && go test -count=1 ./words

fmt: tools ## Format the code
	$(TOOLS)/golangci-lint fmt $(PKG)

fuzz: ## Run each fuzz test for a short time (FUZZTIME=10s)
	@set -e; for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$package; \
		done; \
	done

outbox: ## Test the outbox of examples/outbox on a real PostgreSQL, with kills
	command -v psql >/dev/null || (apt-get update -q && apt-get install -yq --no-install-recommends postgresql)
	cd examples/outbox && go vet . && go test -count=1 .

river: $(GOTESTSUM) ## Test the contestant of usher-bench on River, on a real PostgreSQL
	command -v psql >/dev/null || (apt-get update -q && apt-get install -yq --no-install-recommends postgresql)
	cd tools/river && go vet .
	cd tools && $(RERUN_TESTS) --packages "./bench ./cmd/usher-bench" -- -timeout 30m -tags river -run AtRiver

interop: build $(GOTESTSUM) ## Test foreign clients (CloudEvents, NATS, packages of senders of web hooks) and a foreign SCIM server; needs Node.js 20 and npm
	cd test/interop && npm ci --no-audit --no-fund && $(RERUN_NODE) interop.mjs && $(RERUN_NODE) recipes.mjs && $(RERUN_NODE) notify.mjs
	cd tools/foreign/scimmy && npm ci --no-audit --no-fund
	cd tools && $(RERUN_TESTS) --packages ./foreign -- -timeout 30m -tags scimmy -run AtScimmy

check-docs: build ## Check the contract by AsyncAPI's parser, and run the documents' programs that need more than Go; needs Node.js 20 and npm
	cd test/docs && npm ci --no-audit --no-fund && $(RERUN_NODE) docs.test.mjs

test-browser: BROWSER_TESTS := *.test.mjs
test-browser: smoke-browser ## Test the console in a real Chromium (UPDATE=1 updates the images in docs/images); needs Node.js 20 and npm

smoke-browser: build ## Test the main path of the demo in a real Chromium
	command -v chromium >/dev/null || (apt-get update -q && apt-get install -yq --no-install-recommends chromium fonts-dejavu-core fonts-liberation)
	cd test/browser && npm ci --no-audit --no-fund && UPDATE=$(UPDATE) CHROMIUM=$$(command -v chromium) $(RERUN_NODE) $(BROWSER_TESTS)

check-deploy: DEPLOY_TESTS := *.test.mjs
check-deploy: build $(TOOLS)/promtool $(DEPLOY_STAMP) smoke-deploy image ## Check the deployment files, and alerts and dashboard against a running Usher; needs Node.js 20 and npm

smoke-deploy: $(CHART_STAMP) ## Check the chart by helm lint, helm template and kubeconform
	cd test/deploy && npm ci --no-audit --no-fund
	test -f $(SCHEMAS)/complete-2 || (GOFLAGS=-mod=mod go mod download $(SCHEMA_MODULES) && node test/deploy/schemas.mjs $(SCHEMAS))
	cd test/deploy && $(RERUN_NODE) $(DEPLOY_TESTS)

image: build ## Build the image without a builder of images, and run it as Kubernetes does: read-only, without capabilities; needs root or sudo
	rm -rf dist-image
	go run ./scripts/image usher $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem)) dist-image
	$(if $(filter 0,$(shell id -u)),,sudo) scripts/image/run.sh dist-image

release: ## Build a release into dist (VERSION=v1.2.3), with the same bytes on every machine
	scripts/release.sh $(VERSION) dist

chaos: ## Run real processes through kills, pauses, disconnects and outages (SEEDS=20, from SEED=1)
	$(CHAOS) -run '^TestChaos$$/^plain$$'

chaos-rules: ## The same with rules of a team: instances, scope, mapping, disabled accounts
	$(CHAOS) -run '^TestChaos$$/^rules$$'

chaos-files: ## The same with a file in each adapter's place, and with the shipped files
	$(CHAOS) -run '^TestChaosOfFiles$$'

chaos-cluster: ## The same as chaos on three NATS servers
	$(CHAOS) -run '^TestChaos$$/^plain$$' -chaos.cluster

chaos-nats: ## The same on NATS as teams run it: prefixes, leaf node, import, TLS, certificates of a minute, mirror, sources
	$(CHAOS) -run '^TestChaosOfShapes$$'

chaos-endpoint: ## Kill the HTTP endpoint and NATS while 100,000 events are posted
	$(CHAOS) -run '^TestEndpoint$$'

chaos-controls: CHAOS_TAGS := chaos_controls
chaos-controls: SEEDS := 3
chaos-controls: ## Check that the chaos suite detects broken rules
	$(CHAOS) -run '^TestControls$$'

isolation: ## Measure healthy users beside the troubles of others, a quarter of an hour (ARGS="-isolation.lines=1,5")
	go test -C tools ./isolation -v -timeout 2h -run '^TestIsolation$$' -isolation.full $(ARGS)

hostile: ## Attack usher serve as senders and vendors, under the memory of the chart (MINUTES=10)
	go test -C tools ./hostile -v -timeout 3h -run '^TestHostile$$' -hostile.minutes=$(MINUTES)

recovery: ## Try kills, damaged streams, wrong clocks, a shared rate and a million events, half an hour (ARGS="-test.run=TestRate")
	go test -C tools -tags recovery_clock ./recovery -v -timeout 3h -parallel 4 -recovery.full $(ARGS)

upgrade: ## Replace the processes of a former version one by one under load (FORMER=commit; the last tag, or 100 commits ago)
	go test -C tools -tags recovery_upgrade ./recovery -v -timeout 1h -run '^TestUpgrade$$' -recovery.former=$(FORMER) $(ARGS)

bench: build ## Measure every goal of docs/benchmarks.md, about a quarter of an hour (ARGS="--river --peer PATH --nats-server PATH")
	go build -C tools -o $(TOOLS)/usher-bench ./cmd/usher-bench
	$(TOOLS)/usher-bench --usher ./usher --all $(ARGS)

demo: build ## Run the demo: simulated vendors, a stream of events, and the outcomes
	./usher demo

tools: $(STAMP) ## Install the pinned linter and formatter into .tools

$(STAMP):
	mkdir -p $(TOOLS)
	rm -f $(TOOLS)/golangci-* $(TOOLS)/gofumpt
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	GOBIN=$(TOOLS) go install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	touch $@

# The version is in test/deploy/promtool/go.mod. Without service discovery, which no check needs,
# the build takes half the time.
$(TOOLS)/promtool: test/deploy/promtool/go.mod test/deploy/promtool/go.sum
	mkdir -p $(TOOLS)
	cd test/deploy/promtool && CGO_ENABLED=0 go build -tags remove_all_sd -trimpath -o $@ github.com/prometheus/prometheus/cmd/promtool

$(GOTESTSUM):
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install -trimpath gotest.tools/gotestsum@$(GOTESTSUM_VERSION)
	mv $(TOOLS)/gotestsum $@

# Helm takes two minutes to build on two cores.
$(CHART_STAMP):
	mkdir -p $(TOOLS)
	rm -rf $(TOOLS)/helm-v* $(SCHEMAS)
	GOBIN=$(TOOLS) go install -trimpath github.com/yannh/kubeconform/cmd/kubeconform@$(KUBECONFORM_VERSION)
	GOBIN=$(TOOLS) go install -trimpath helm.sh/helm/v4/cmd/helm@$(HELM_VERSION)
	touch $@

$(DEPLOY_STAMP):
	command -v shellcheck >/dev/null || (apt-get update -q && apt-get install -yq --no-install-recommends shellcheck)
	mkdir -p $(TOOLS)/compose-go
	GOBIN=$(TOOLS) go install -trimpath github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	GOBIN=$(TOOLS) go install -trimpath github.com/zegl/kube-score/cmd/kube-score@$(KUBE_SCORE_VERSION)
	GOBIN=$(TOOLS)/compose-go go install -trimpath github.com/compose-spec/compose-go/v2/cmd@$(COMPOSE_VERSION)
	touch $@

ci: ## Run the checks of the continuous integration: minutes
	.ci/run

check-all: ## Run the long form of every check: nightly, and before an issue is called resolved
	.ci/run all
