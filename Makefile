# `make help` lists what can be done. Only Python 3.11 or newer (with venv), make and git are taken for granted.

PYTHON ?= python3
PYTEST ?= -n 3 --dist worksteal
QUICK := tests/rules tests/contracts -k "not postgresql" $(addprefix tests/flows/test_,code_flow.py device_grant.py \
  passkeys.py activation.py account_page.py officer_console.py)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Servers that tests start would compile the whole provider each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help setup run test tests quick lint pictures bench soak fuzz release mutants clean programs

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: .setup/run ## make .venv with the locked dependencies

run: .setup/run ## start the provider, a portal and an inbox on this machine, with made-up people
	@exec $(BIN)/python -m sandbox run

test: programs .setup/test .setup/foreign ## everything that CI runs: lint, types, imports, tests; FILES=... for some
	@$(MAKE) --no-print-directory -j 2 $(if $(FILES),tests,lint tests)

tests:
	$(BIN)/python -m pytest -m "not soak" --session-timeout=4200 $(PYTEST) $(FILES)

quick: .setup/test ## lint, types, rules, contracts on SQLite and one story of each flow, within two minutes
	@$(MAKE) --no-print-directory -j 2 lint tests FILES='$(QUICK)'

pictures: programs .setup/test ## pictures of every page in build/screenshots, to look at
	IDP_PICTURES=1 $(BIN)/python -m pytest $(PYTEST) tests/browser

lint: .setup/test ## style, types, imports and spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md ARCHITECTURE.md docs

bench: programs .setup/test .setup/peer .setup/argon2 ## measure, beside npm's oidc-provider; docs/performance.md explains the numbers
	$(BIN)/python -m tests.bench --peer
	$(BIN)/python -m tests.bench --peer --stores postgresql --alg ES256
	$(BIN)/python -m tests.bench.qr
	$(BIN)/python -m tests.bench.desk

soak: programs .setup/test .setup/foreign ## the tests whose numbers are large, in full
	$(BIN)/python -m pytest -m soak

fuzz: programs .setup/test ## hostile requests to every route; FUZZ_REQUESTS=100000 for more
	$(BIN)/python -m pytest tests/fuzz

# The parts are listed from an environment that is made as docs/deploy.md says, so the list is what operators get, and
# the wheel has been installed once.
release: .setup/test ## build wheel, source archive and list of parts (CycloneDX) into dist
	rm -rf dist build/release
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/hatchling build -d dist
	$(BIN)/python -m venv --without-pip build/release
	$(PIP) --python build/release/bin/python install --require-hashes -r requirements.lock
	$(PIP) --python build/release/bin/python install --no-deps --no-index --find-links dist --pre bhxh-idp
	build/release/bin/idp --version
	$(BIN)/cyclonedx-py environment --output-reproducible --mc-type application \
	  -o "$$(ls dist/*.tar.gz | sed 's/\.tar\.gz$$//').cdx.json" build/release/bin/python
	cd dist && sha256sum *.whl *.tar.gz *.cdx.json > SHA256SUMS

mutants: programs .setup/test ## seed mistakes in security code and see that tests catch them; WHICH="3 pkce" for some
	$(BIN)/python -m tests.mutations $(WHICH)

clean: ## forget the virtual environment and caches; ./data stays
	rm -rf .venv .setup tests/foreign/node_modules tests/bench/peer/node_modules .mypy_cache .ruff_cache .import_linter_cache .hypothesis

programs:
	@sh tests/support/programs.sh

# Each stamp is written last, so that an interrupted step is done again.

.setup/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is" \
	       "$$($(PYTHON) -c 'import platform; print(platform.python_version())' 2>/dev/null || echo not there)." \
	       "Name another with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "Making .venv ..."
	@$(PYTHON) -m venv .venv
	@mkdir -p .setup && touch $@

.setup/run: requirements.lock pyproject.toml | .setup/venv
	@echo "Installing the locked dependencies ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.setup/test: requirements-dev.lock .setup/run
	@echo "Installing the locked development tools ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.setup/foreign: tests/foreign/package-lock.json tests/foreign/requirements.lock | programs .setup/venv
	@echo "Installing the client libraries of others ..."
	@cd tests/foreign && npm ci --silent --no-audit --no-fund
	@$(BIN)/python -m venv .setup/portals
	@$(PIP) --python .setup/portals/bin/python install --require-hashes -r tests/foreign/requirements.lock
	@mkdir -p .setup
	@touch $@

.setup/peer: tests/bench/peer/package-lock.json | programs
	@echo "Installing the peer of the benchmark ..."
	@cd tests/bench/peer && npm ci --silent --no-audit --no-fund
	@mkdir -p .setup
	@touch $@

# The wheel computes Argon2id with SSE2. The same source, compiled for CPUs with AVX2, takes 0.6 of its time; that needs
# a C compiler (docs/deploy.md). The next `make setup` keeps it.
.setup/argon2: requirements.lock | .setup/run
	@if grep -qw avx2 /proc/cpuinfo && command -v cc >/dev/null; then \
	  echo "Compiling Argon2 for this CPU ..."; \
	  sed -n '/^argon2-cffi-bindings==/,/# via/p' requirements.lock > .setup/argon2.txt; \
	  CFLAGS="-O3 -march=x86-64-v3" $(PIP) install --require-hashes --no-deps --force-reinstall --no-cache-dir \
	    --no-binary argon2-cffi-bindings -r .setup/argon2.txt; \
	else echo "Argon2 stays as it is: it takes a CPU with AVX2 and a C compiler to make it faster."; fi
	@touch $@
