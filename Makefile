.DEFAULT_GOAL := help
.PHONY: help build test race lint fmt fuzz interop chaos chaos-controls chaos-cluster chaos-endpoint demo tools ci

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

chaos: ## Run real processes through kills, pauses, cuts and outages (SEEDS=20, the first is SEED=1)
	$(CHAOS) -run '^TestChaos$$'

chaos-cluster: ## The same on three NATS servers
	$(CHAOS) -run '^TestChaos$$' -chaos.cluster

chaos-endpoint: ## Kill the HTTP endpoint and NATS while 100,000 events are posted
	$(CHAOS) -run '^TestEndpoint$$'

chaos-controls: CHAOS_TAGS := chaos_controls
chaos-controls: ## Show that the chaos suite notices what it must notice
	$(CHAOS) -run '^TestControls$$'

demo: build ## Run the demo: stand-in vendors, a stream of events, and what came of them
	./usher demo

tools: $(STAMP) ## Install the pinned linter and formatter into .tools

$(STAMP):
	rm -rf $(TOOLS)
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	GOBIN=$(TOOLS) go install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	touch $@

ci: ## Do what the continuous integration does
	.ci/run
