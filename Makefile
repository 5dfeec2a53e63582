.DEFAULT_GOAL := help
.PHONY: help build test race lint fmt fuzz interop test-browser check-deploy chaos chaos-controls chaos-cluster chaos-endpoint bench demo tools ci

GOLANGCI_VERSION := v2.15.0
GOFUMPT_VERSION  := v0.12.0

TOOLS := $(CURDIR)/.tools
STAMP := $(TOOLS)/golangci-$(GOLANGCI_VERSION)-gofumpt-$(GOFUMPT_VERSION)
FUZZTIME ?= 10s
PKG ?= ./...
SEEDS ?= 20
SEED ?= 1
CHAOS_TAGS :=
CHAOS = go test -tags "$(CHAOS_TAGS)" ./internal/chaos -v -timeout 6h -chaos.full -chaos.seeds=$(SEEDS) -chaos.seed=$(SEED)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the binary ./usher
	CGO_ENABLED=0 go build -trimpath -o usher ./cmd/usher

test: ## Run all tests
	go test ./...

race: ## Run all tests with the race detector
	go test -race ./...

lint: tools ## Check the code and its format (PKG=./internal/... for a part)
	$(TOOLS)/golangci-lint run $(PKG)

fmt: tools ## Format the code
	$(TOOLS)/golangci-lint fmt $(PKG)

fuzz: ## Run each fuzz test for a short time (FUZZTIME=10s)
	@set -e; for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

interop: build ## Show that foreign clients (CloudEvents, Standard Webhooks, NATS) work; needs Node.js 20 and npm
	cd test/interop && npm ci --no-audit --no-fund && node --test-reporter=spec interop.mjs

test-browser: build ## Try the console in a real Chromium (UPDATE=1 makes the pictures in docs/images); needs Node.js 20 and npm
	command -v chromium >/dev/null || (apt-get update -q && apt-get install -yq --no-install-recommends chromium fonts-dejavu-core fonts-liberation)
	cd test/browser && npm ci --no-audit --no-fund && UPDATE=$(UPDATE) CHROMIUM=$$(command -v chromium) node --test --test-concurrency=2 --test-reporter=spec *.test.mjs

check-deploy: build $(TOOLS)/promtool ## Hold the alerts and the dashboard against what a running usher says; needs Node.js 20
	node --test --test-reporter=spec test/deploy/deploy.test.mjs

chaos: ## Run real processes through kills, pauses, cuts and outages (SEEDS=20, the first is SEED=1)
	$(CHAOS) -run '^TestChaos$$'

chaos-cluster: ## The same on three NATS servers
	$(CHAOS) -run '^TestChaos$$' -chaos.cluster

chaos-endpoint: ## Kill the HTTP endpoint and NATS while 100,000 events are posted
	$(CHAOS) -run '^TestEndpoint$$'

chaos-controls: CHAOS_TAGS := chaos_controls
chaos-controls: ## Show that the chaos suite notices what it must notice
	$(CHAOS) -run '^TestControls$$'

bench: build ## Measure every goal of docs/benchmarks.md, about a quarter of an hour (ARGS="--peer PATH --nats-server PATH")
	./usher bench --all $(ARGS)

demo: build ## Run the demo: stand-in vendors, a stream of events, and what came of them
	./usher demo

tools: $(STAMP) ## Install the pinned linter and formatter into .tools

$(STAMP):
	mkdir -p $(TOOLS)
	rm -f $(TOOLS)/golangci-* $(TOOLS)/gofumpt
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	GOBIN=$(TOOLS) go install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	touch $@

# Its version stands in the go.mod there. Without service discovery, which no check
# needs, it takes half the time to build.
$(TOOLS)/promtool: test/deploy/promtool/go.mod test/deploy/promtool/go.sum
	mkdir -p $(TOOLS)
	cd test/deploy/promtool && CGO_ENABLED=0 go build -tags remove_all_sd -trimpath -o $@ github.com/prometheus/prometheus/cmd/promtool

ci: ## Do what the continuous integration does
	.ci/run
