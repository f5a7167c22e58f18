# Every job of this project. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-zA-Z-]*\):.*/\1/p' Makefile)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

export GO ?= go
# The version control state of a checkout that belongs to another user cannot be read, and no program here needs it.
export GOFLAGS := $(strip $(shell $(GO) env GOFLAGS 2>/dev/null | sed s/-buildvcs=[a-z]*//) -buildvcs=false)
# Python's and npm's tools, which only the checks and the stack commands need, are installed here, never into the system.
TOOLS := $(CURDIR)/.tools
# A Go program that tools/go.mod pins; Go builds it when it is first used and keeps it in its cache.
TOOL := $(GO) tool -modfile="$(CURDIR)/tools/go.mod"
MODULES := . e2e cmd/doctor
COVERED := ./handler ./atlas ./secret ./policy
FUZZ_INPUTS ?= 200000x

# The function's binary: no C library, no RPC of the retired go1.x runtime, and no paths of the machine that built it, so
# that two builds of one commit give the same bytes.
BUILD_FUNCTION := CGO_ENABLED=0 $(GO) build -tags lambda.norpc -trimpath -ldflags "-s -w"

# A policy that does not fit its schema stops the build. The check runs on this machine, whatever the build is for.
CHECK_POLICIES := env -u GOOS -u GOARCH $(GO) run ./cmd/policy check

# The race detector needs a C compiler; a machine with Go and make alone runs the same tests without it.
RACE = $(shell command -v "$$($(GO) env CC 2>/dev/null)" >/dev/null 2>&1 && echo -race)
# go test that says what was skipped.
TEST := "$(CURDIR)/tools/test.sh"

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the function for this machine: build/bootstrap, with build/policies/ next to it
	$(CHECK_POLICIES)
	@rm -rf build/policies && mkdir -p build
	$(BUILD_FUNCTION) -o build/bootstrap ./cmd/lambda
	@$(call copy_policies,build)

# `sam build` comes here through tools/<architecture>/Makefile, which sets GOARCH; SAM sets ARTIFACTS_DIR.
# samconfig.toml is in the artifact because SAM publishes a version only for changed code: with it, a changed parameter
# is changed code (aws/serverless-application-model, issue 3820).
build-Function:
	$(CHECK_POLICIES)
	$(call build_for_lambda,./cmd/lambda)
	@$(call copy_policies,$(ARTIFACTS_DIR))
	@cp samconfig.toml "$(ARTIFACTS_DIR)/"

build-ProbeFunction build-HookFunction:
	$(call build_for_lambda,./cmd/probe)

copy_policies = mkdir -p "$(1)/policies" && cp -R policy/*.cedar policy/schema.cedarschema policy/examples "$(1)/policies/"

define build_for_lambda
	@: $${ARTIFACTS_DIR:?is set by sam build; to build for this machine: make build}
	@: $${GOARCH:?is set by tools/<architecture>/Makefile; use sam build}
	GOOS=linux GOARCH=$(GOARCH) $(BUILD_FUNCTION) -o "$(ARTIFACTS_DIR)/bootstrap" $(1)
endef

run: ## the whole system on this machine; flags by ARGS="-json ..."
	@mkdir -p build && $(GO) build -o build/local ./cmd/local && exec build/local $(ARGS)

watch: ## make run, built and started again after every change; flags by ARGS="-json ..."
	@$(TOOL) air -- $(ARGS)

screenshot: tools ## docs/images/console.png, taken from the running console
	cd e2e && SCREENSHOT="$(CURDIR)/docs/images/console.png" $(GO) test -count=1 -run TestConsole_Click ./browser

test: ## vet, then every test with the race detector; the last lines say what was skipped
	$(GO) vet ./...
	@$(if $(RACE),,echo "no C compiler: the tests run without the race detector")
	$(TEST) $(RACE) ./...
	cd cmd/doctor && $(GO) vet ./... && $(TEST) $(RACE) ./...

postman: ## build/postman.json: docs/openapi.yaml as a collection for Postman or Bruno, with a variable bearerToken
	@./tools/tools.sh npm
	@mkdir -p build
	@"$(TOOLS)/npm/node_modules/.bin/openapi2postmanv2" -s docs/openapi.yaml -o build/postman.json \
	  -O enableOptionalParameters=false,parametersResolution=Example >/dev/null

policy-matrix: ## who may open the portal, as whom, in which role: policy/cases.yaml with what each policy decides
	@$(GO) run ./cmd/policy matrix

prove: ## proves policy/claims about every policy, or about POLICY=file, for every possible request
	@./tools/tools.sh cedar
	@CEDAR="$(TOOLS)/bin/cedar" $(GO) run ./cmd/policy prove policy $(POLICY)

verify: tools ## the real parts: SAM, Docker, moto, the RIE, a browser; then the fuzz targets (FUZZ_INPUTS, 200000x each)
	cd e2e && $(GO) vet ./... && NO_SKIPS=1 ../tools/docker.sh $(TEST) $(RACE) -count=1 -p 1 -timeout 20m ./...
	./tools/fuzz.sh $(FUZZ_INPUTS)

faults: ## every fault on the way to Atlas and Secrets Manager: what was promised, what came, as a table
	@mkdir -p build
	@cd e2e && FAULTS_TABLE="$(CURDIR)/build/faults.md" $(GO) test -count=1 -run '^TestFaults$$' ./reliability
	@cat build/faults.md

rotation: tools ## 20 rotations of the secret under 10,000 calls, in both orders, against moto's Secrets Manager
	cd e2e && $(GO) test -count=1 -v -timeout 20m -run '^TestRotation$$' ./reliability | grep -v '^=== '

soak: ## SOAK_CALLS (200000) calls against the built function: memory, descriptors and goroutines stay flat
	cd e2e && SOAK_CALLS=$${SOAK_CALLS:-200000} $(GO) test -count=1 -v -timeout 60m -run '^TestSoak$$' ./reliability

tools: ## what verify needs, installed into .tools/
	@./tools/tools.sh

sam-local: sam-cli ## the function in SAM's container behind SAM's gateway, port 3000, with simulators outside
	@mkdir -p build && cd e2e && $(GO) build -o ../build/outside ./outside
	@./tools/docker.sh $(MAKE) -s sam-gateway

# With a Docker engine and LAMBDA_IMAGE, from tools/docker.sh.
sam-gateway:
	@export AWS_DEFAULT_REGION=eu-west-1; build/outside & trap "kill $$!" EXIT; \
	  $(SAM) build --config-env local && $(SAM) local start-api --config-env local --invoke-image "$$LAMBDA_IMAGE"

# The environment of samconfig.toml to deploy to: default (the sandbox) or production.
ENV ?= default
SAM := SAM_CLI_TELEMETRY=0 "$(TOOLS)/venv/bin/sam"
# The AWS CLI and the SDK for Go take AWS_REGION first; SAM CLI takes only AWS_DEFAULT_REGION.
ifneq ($(AWS_REGION),)
export AWS_DEFAULT_REGION := $(AWS_REGION)
else ifeq ($(AWS_DEFAULT_REGION),)
unexport AWS_DEFAULT_REGION
endif

known-environment:
	@grep -qxF '[$(ENV).deploy.parameters]' samconfig.toml || { echo "make $(firstword $(MAKECMDGOALS)):" \
	  "samconfig.toml has no environment '$(ENV)' to deploy to; it has $$(sed -n 's/^\[\(.*\)\.deploy\.parameters\]$$/\1/p' samconfig.toml | paste -sd, - | sed 's/,/, /g')" >&2; exit 1; }

sam-cli:
	@./tools/tools.sh sam

# The lines of samconfig.toml under an environment's heading.
lines_of = awk -v section='[$(ENV).$(1).parameters' 'index($$0, "[") == 1 { on = index($$0, section) == 1 } on' samconfig.toml
STACK = $(shell $(call lines_of,global) | sed -n 's/^stack_name = "\(.*\)"/\1/p')

deploy: known-environment ## build and deploy the stack; ENV=production for production
	@examples=$$($(call lines_of,global) | grep 'example\.com' || true); [ -z "$$examples" ] || { \
	  printf '%s\n' "make deploy: samconfig.toml still has these example values for $(ENV):" "$$examples" >&2; exit 1; }
	@./tools/tools.sh sam
	$(SAM) build --config-env $(ENV)
	$(SAM) deploy --config-env $(ENV)
	@[ $(ENV) = default ] || "$(TOOLS)/venv/bin/aws" cloudformation update-termination-protection --enable-termination-protection \
	  --stack-name '$(STACK)' >/dev/null

outputs: known-environment sam-cli ## print the stack's outputs: its URL, its addresses, what callers attach; ENV as for deploy
	@$(SAM) list stack-outputs --config-env $(ENV) --output json

logs: known-environment sam-cli ## follow the function's log; ENV as for deploy
	@$(SAM) logs --config-env $(ENV) --name Function --tail

destroy: known-environment sam-cli ## remove the stack, after asking; the secret, the logs and fixed addresses stay
	@echo "The secret, the logs and the fixed addresses stay; addresses cost money until you release them."
	@$(SAM) delete --config-env $(ENV)

secret: known-environment ## put the Atlas credentials into the stack's secret: asks, or reads standard input; ENV as for deploy
	@cd cmd/doctor && $(GO) build -o "$(CURDIR)/build/putsecret" ./putsecret
	@build/putsecret $(if $(STACK),-stack $(STACK)) $(ARGS)

doctor: known-environment ## what still prevents going live, check by check; ENV as for deploy, STACK= before there is a stack, flags by ARGS="-json"
	@[ -n '$(STACK)' ] || [ '$(ENV)' = default ] || { echo "make doctor: STACK= checks before there is a stack, so ENV=$(ENV) has no effect:" \
	  "leave it out, and name production's Atlas by ARGS=\"-atlas-url https://...\"" >&2; exit 1; }
	@cd cmd/doctor && $(GO) build -o "$(CURDIR)/build/doctor" .
	@build/doctor $(if $(STACK),-stack $(STACK)) $(ARGS)

ARCHITECTURES ?= arm64 x86_64
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

release: ## dist/: for each architecture a zip that SAM CLI deploys without Go, and SHA256SUMS
	@rm -rf dist
	@./tools/release.sh "$(VERSION)" $(ARCHITECTURES)

sbom: ## dist/*.cdx.json: the modules in the function and the probe of `make release`, read from their binaries, in CycloneDX's format
	@for a in $(ARCHITECTURES); do $(TOOL) cyclonedx-gomod bin -json -licenses -std -noserial \
	  -version $(VERSION) -output dist/atriptoken-$(VERSION)-$$a.cdx.json dist/$$a/Function/bootstrap; \
	  $(TOOL) cyclonedx-gomod bin -json -licenses -std -noserial \
	  -version $(VERSION) -output dist/atriptoken-$(VERSION)-$$a-probe.cdx.json dist/$$a/ProbeFunction/bootstrap; done

# Another build of the broker to compare with, with policies/ next to it, and how often each subject is measured.
BEFORE ?=
COUNT ?= 20

bench: build ## times and memory of the function next to simpler ones; next to another build by BEFORE=path/to/bootstrap
	@rm -rf build/bench && mkdir -p build/bench/broker
	@cp -R build/bootstrap build/policies build/bench/broker/
	@[ -z '$(BEFORE)' ] || { mkdir build/bench/before && cp -R '$(BEFORE)' "$$(dirname '$(BEFORE)')/policies" build/bench/before/; }
	@cd e2e && for s in floor plain; do $(BUILD_FUNCTION) -o ../build/bench/$$s/bootstrap ./bench/$$s; done
	@cd e2e && $(GO) test -c -o ../build/bench/bench.test ./bench
	@for i in $$(seq $(COUNT)); do build/bench/bench.test -test.run '^$$' -test.bench Start -test.benchtime 1x; \
	  build/bench/bench.test -test.run '^$$' -test.bench Call -test.benchtime 300x; done >build/bench.txt
	@$(TOOL) benchstat -col '/subject@($(if $(BEFORE),before )broker plain floor)' build/bench.txt

cover: ## statement coverage of handler, atlas, secret and policy; less than 95 % fails
	@$(GO) test -cover $(COVERED) | tee cover.out
	@awk '$$4 == "coverage:" && $$5 + 0 >= 95 { enough++ } END { exit enough < $(words $(COVERED)) }' cover.out || \
	  { echo "make cover: not every package has 95 %" >&2; exit 1; }

lint: ## golangci-lint over every module, by .golangci.yml, and actionlint and zizmor over the workflows
	@failed=; for module in $(MODULES); do (cd "$$module" && $(TOOL) golangci-lint run ./...) || failed=1; done; [ -z "$$failed" ]
	$(GO) tool -modfile=tools/generators/go.mod actionlint
	@./tools/tools.sh zizmor
	"$(TOOLS)/zizmor/bin/zizmor" --quiet --offline .github

vulnerabilities: ## govulncheck: known vulnerabilities that the code can reach
	@for module in . cmd/doctor; do (cd "$$module" && $(TOOL) govulncheck ./...); done

fmt: ## format the Go code
	@for module in $(MODULES); do (cd "$$module" && $(GO) fmt ./...); done

clean: ## remove what was built; the tools in .tools/ stay
	rm -rf build dist .aws-sam cover.out
