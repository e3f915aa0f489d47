# One command each; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo smoke test browser integration crash chaos attacks fuzz supply-chain licences vulnerabilities dashboard webhooks bench bench-webhooks lint openapi sdk tidy go

state := .tianguis
stack := $(state)/bin/stack
# golangci-lint takes minutes to compile, so it is kept outside of the clone.
tools := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tianguis-tools
golangci := $(tools)/golangci-lint-v2.15.0/golangci-lint
cyclonedx := $(tools)/cyclonedx-gomod-v1.10.0/cyclonedx-gomod
govulncheck := $(tools)/govulncheck-v1.9.0/govulncheck

# The race detector, but not in SQLite, which is generated from C, nor in what reckons hashes: there it takes most of the time of all tests, and
# watches nobody's memory but their own.
race := -race -gcflags=modernc.org/...=-race=false -gcflags=golang.org/x/crypto/...=-race=false

sdk := github.com/interledger/open-payments-go

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: go ## run the services, make one whole payment, stay up for yours (ARGS="--marketplace-port 9000")
	@$(stack) demo $(ARGS)

smoke: go ## make whole payments on free ports, and end
	@$(stack) smoke $(ARGS)

chaos: go ## let many buyers pay while everything breaks, then compare the books (N=10000 SEED=1)
	@$(stack) chaos --payments $(or $(N),1000) $(if $(SEED),--seed $(SEED)) $(ARGS)

attacks: go ## try to get in, in every way of the table in docs/security.md; ARGS=--write writes that table (ARGS="--only finish-")
	@$(stack) attacks $(ARGS)

fuzz: go ## feed every parser of outside bytes what nobody would think of, each for a minute (FUZZTIME=10m, or 1000x inputs; PKG=money NAME=ParseDecimal)
	@$(stack) fuzz --time $(or $(FUZZTIME),1m) $(if $(PKG),--package $(PKG)) $(if $(NAME),--name $(NAME)) $(ARGS)

dashboard: go ## let Prometheus watch a chaos run, and draw docs/dashboard.png from it (ARGS="--payments 500 --out file.png")
	@$(stack) dashboard $(ARGS)

webhooks: go ## send 10,000 webhooks while everything on their way breaks, then compare the books (N=1000 SEED=1 ARGS=--sqlite)
	@$(stack) webhooks --events $(or $(N),10000) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: go ## measure how fast it is, each figure beside the most that it could be; ARGS=--write writes docs/benchmarks.md (ARGS="--only payments", --million, "--soak 1h")
	@$(stack) bench $(ARGS)

bench-webhooks: go ## measure webhooks a second on Postgres beside a bare loop, and the latency from commit to receiver
	@$(stack) with-postgres -- go test -run '^$$' -bench Webhooks -benchtime 1x ./services/payments/outbox

test: go ## test all but the crash matrix, with the race detector, on SQLite and on a Postgres of its own (ARGS="-run Finish")
	@# The processes of one whole-system package at a time: two cores cannot carry several. The crash matrix is `make crash`.
	@$(stack) with-postgres -- sh -ec 'go test $(race) -timeout 20m $(ARGS) $$(go list -m -f "{{.Dir}}/..." | grep -v deploy/stack); go test $(race) -p 1 -parallel 4 -timeout 30m $(ARGS) $$(go list ./deploy/stack/... | grep -v crashtest)'
	@command -v npm >/dev/null || echo "NOT TESTED: the sandbox by the official Node SDK, webhooks by the official JavaScript library, the guide for Node, and the pages in a browser, since Node.js and npm are missing"
	@git cat-file -e "$$(sed -n 's/^const previous = "\(.*\)"/\1/p' deploy/stack/systemtest/upgrade_test.go)^{commit}" 2>/dev/null || echo "NOT TESTED: the upgrade from the previous release, since this clone is shallow"
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome || command -v chrome; } >/dev/null || echo "NOT TESTED: the pages in a browser, since Chromium is missing"
	@{ python3 -c 'import django' || /usr/bin/python3 -c 'import django'; } >/dev/null 2>&1 || echo "NOT TESTED: the guide for Django, since no Python here has it (Debian: python3-django)"
	@command -v promtool >/dev/null || echo "NOT TESTED: the alerts, the dashboard, and that every metric moves, since Prometheus is missing"

browser: go ## let three people live a whole job in Chromium, in English, in Spanish and without JavaScript, and look at every page (pictures in .tianguis/screenshots)
	@go test -count 1 -timeout 10m ./deploy/stack/systemtest -run 'TestBrowser' $(ARGS)

integration: go ## run the whole-system tests on processes of their own, or on the stack that docker compose has started (STACK=compose)
	@STACK=$(or $(STACK),own) go test -count 1 -parallel 2 -timeout 30m ./deploy/stack/systemtest -run 'Payment|Wire|LostAnswer|RefusedLook|Disruption|Rotate|Doctor|Troubleshooting|Backup' -v $(ARGS)

crash: go ## kill the services at every point of a payment's life, on SQLite and Postgres (ARGS="-everywhere")
	@$(stack) with-postgres -- go test $(race) -count 1 -timeout 60m ./deploy/stack/crashtest $(ARGS)
	@cat $(state)/crash-matrix.txt

lint: $(golangci) ## gofmt, go vet and golangci-lint on every module
	@unformatted=$$(gofmt -l deploy services); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	@for module in $$(go list -m -f '{{.Dir}}'); do \
		echo "lint $$module"; (cd $$module && go vet ./... && $(golangci) run --allow-parallel-runners ./...) || exit 1; \
	done

supply-chain: licences vulnerabilities ## both of what comes next

licences: go $(cyclonedx) ## list all that the project is built with (CycloneDX, in .tianguis/sbom), and check the licences
	@rm -rf $(state)/sbom && mkdir -p $(state)/sbom
	@for module in $$(go list -m -f '{{.Dir}}'); do \
		(cd $$module && GOWORK=off $(cyclonedx) mod -licenses -test -std -json -output $(CURDIR)/$(state)/sbom/$$(basename $$module).cdx.json . 2>$(CURDIR)/$(state)/sbom/log) || { cat $(state)/sbom/log; exit 1; }; \
	done
	@$(stack) licences $(state)/sbom

vulnerabilities: $(govulncheck) ## ask the Go project's database for known vulnerabilities in what is called (VULNDB=file:///a/copy/of/it)
	@for module in $$(go list -m -f '{{.Dir}}'); do echo "vulnerabilities $$module"; $(govulncheck) -C $$module -test $(if $(VULNDB),-db $(VULNDB)) ./... || exit 1; done

openapi: ## lint the OpenAPI documents of both services
	@command -v npm >/dev/null || { echo "npm is missing: the linter of OpenAPI documents is a package of it"; exit 1; }
	@cd deploy/openapi && npm ci --silent --no-audit --no-fund --prefer-offline
	@REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true deploy/openapi/node_modules/.bin/redocly lint --config deploy/openapi/redocly.yaml \
		services/payments/rest/openapi.yaml services/marketplace/inbox/openapi.yaml

sdk: go $(golangci) ## build payments with the official Open Payments SDK for Go, hold it to the contract, and make payments with it (SDK=<its source>)
	@# Its source in a folder stands in for a module that cannot be downloaded: by a go.mod that is not committed.
	@$(if $(SDK),cp services/payments-sdk/go.mod $(state)/sdk.mod && cp services/payments-sdk/go.sum $(state)/sdk.sum && go mod edit -replace=$(sdk)=$(abspath $(SDK)) $(state)/sdk.mod)
	@cd services/payments-sdk && export GOWORK=off GOFLAGS="$$(go env GOFLAGS) $(if $(SDK),-modfile=$(CURDIR)/$(state)/sdk.mod)" && \
		{ go list $(sdk) >/dev/null || { echo "$(sdk), or what it needs, cannot be downloaded from $$(go env GOPROXY). Name a proxy that has it in GOPROXY, or its source: docs/sdk.md"; exit 1; }; } && \
		go vet ./... && $(if $(SDK),echo "NOT LINTED: golangci-lint takes no -modfile",$(golangci) run --allow-parallel-runners ./...) && go test $(race) ./... && go build -o $(CURDIR)/$(state)/bin/payments-sdk ./cmd/payments
	@$(stack) smoke --payments $(CURDIR)/$(state)/bin/payments-sdk

tidy: ## tidy every module, and give all of them the same versions
	@go work sync
	@for module in $$(go list -m -f '{{.Dir}}'); do (cd $$module && GOWORK=off go mod tidy) || exit 1; done
	@cd services/payments-sdk && GOWORK=off go mod tidy || echo "services/payments-sdk is as it was: its SDK cannot be downloaded here (docs/sdk.md)"

go:
	@command -v go >/dev/null || { echo "The go command is missing: install Go 1.26 or newer, and put it on the PATH."; exit 1; }
	@[ -e $(stack) ] || echo "Compiling; the first time takes about a minute …"
	@go build -o $(stack) ./deploy/stack/cmd/stack

$(golangci):
	@echo "compiling $(notdir $(@D)), once; this takes some minutes"
	@GOWORK=off GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

$(cyclonedx):
	@echo "compiling $(notdir $(@D)), once"
	@GOWORK=off GOBIN=$(@D) go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

$(govulncheck):
	@echo "compiling $(notdir $(@D)), once"
	@GOWORK=off GOBIN=$(@D) go install golang.org/x/vuln/cmd/govulncheck@v1.9.0
