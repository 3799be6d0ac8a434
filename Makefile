# Everything a developer or a build server runs. `make` alone lists the targets.
# Variables: PYTHON (3.11 or newer), TORCH_INDEX (one of PyTorch's own package indexes), ARGS (for the command).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
ARGS ?=
NODE_CLIENT := clients/typescript/node_modules/.installed.stamp
LOCKED := --constraint requirements.lock
# Installed first, so that the build itself uses pinned versions too.
BUILD_TOOLS := hatchling editables

# $(call install,PYTHON,WHAT): what pip says goes to a log, because on some machines it warns about every package it
# looks at; when it fails, the end of the log says why.
define install
	mkdir -p build; \
	$(1) -m pip install --disable-pip-version-check --progress-bar off \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(2) >build/pip.log 2>&1 \
		|| { grep -v "is ignored: it is neither" build/pip.log | tail -n 40 >&2; \
			echo "The installation failed; all of it is in build/pip.log." >&2; exit 1; }
endef

# $(call debian,PACKAGES,WHAT FOR): as root on Debian install them, otherwise say what to install.
define debian
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing $(1) from Debian, $(2)."; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null; \
	else \
		echo "Please install $(1), $(2): sudo apt-get install $(1)" >&2; \
		exit 1; \
	fi
endef

.PHONY: help
help: ## List every target
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/runtime.stamp ## Draw a sample catalogue, index it, show one search, serve the page (ARGS="FOLDER --port 8080")
	@$(BIN)/lookalike demo $(ARGS)

.PHONY: serve
serve: $(VENV)/runtime.stamp ## Serve the catalogue that was indexed last (ARGS="--port 8080")
	@$(BIN)/lookalike serve $(ARGS)

.PHONY: storefront
storefront: $(VENV)/dev.stamp ## Serve a small shop at :9000 whose pages search with Lookalike (ARGS="--port 9001")
	@$(BIN)/python -m examples.storefront $(ARGS)

.PHONY: test
test: lint chromium node-packages ## Run everything that a change must pass: lint, types, tests (ARGS="tests/unit -k word")
	@$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

.PHONY: soak
soak: $(VENV)/dev.stamp ## Go on for hours with tests that break things at random (ARGS="-k kill"; CONTRIBUTING.md tells more)
	@LOOKALIKE_SOAK=1 $(BIN)/python -m pytest -m soak $(ARGS)

.PHONY: lint
lint: $(VENV)/dev.stamp ## Check style, format and types; change nothing
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

.PHONY: format
format: $(VENV)/dev.stamp ## Format the code and repair what ruff can repair
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

.PHONY: bench
bench: $(VENV)/dev.stamp ## Measure the main figures in minutes (ARGS="--catalogue FOLDER --vgg16 FILE")
	@$(BIN)/python -m tests.benchmarks.bench $(ARGS)

.PHONY: bench-full
bench-full: $(VENV)/dev.stamp ## Measure everything, peers too, which takes an hour or two
	@$(BIN)/python -m tests.benchmarks.bench --full $(ARGS)

.PHONY: docs
docs: $(VENV)/dev.stamp ## Write the lists of settings, commands and decisions and the tables of sources from the code
	@$(BIN)/python -m tests.support.reference_pages

.PHONY: docs-site
docs-site: $(VENV)/dev.stamp ## Build the documentation as a site, into site/ (look at it with make docs-serve)
	@$(BIN)/zensical build --clean --strict

.PHONY: docs-serve
docs-serve: $(VENV)/dev.stamp ## Show the documentation as a site while it is written (ARGS="--dev-addr 127.0.0.1:8010")
	@$(BIN)/zensical serve $(ARGS)

.PHONY: clients
clients: $(VENV)/dev.stamp $(NODE_CLIENT) ## Write what the clients know of the API anew, and build the TypeScript one (needs Node)
	@$(BIN)/python -m tests.support.client_types
	@npm --prefix clients/typescript run --silent generate
	@npm --prefix clients/typescript run --silent build

.PHONY: widget
widget: widget/node_modules/installed.stamp ## Build the custom elements from widget/ into app/web/widget (needs Node 20)
	@cd widget && npm run --silent build

.PHONY: docker-check
docker-check: $(VENV)/dev.stamp ## Lint the Dockerfile, check the compose file, run the image's commands without Docker
	@$(BIN)/python -m tests.support.image_check $(ARGS)

.PHONY: lock
lock: ## Resolve every dependency afresh into requirements.lock (torch stays: change it here, with torchvision)
	@rm -rf build/lock
	@$(PYTHON) -m venv build/lock
	@$(call install,build/lock/bin/python,torch==2.13.0 torchvision==0.28.0 $(BUILD_TOOLS))
	@$(call install,build/lock/bin/python,--no-build-isolation --editable '.[dev]')
	@# Not pinned: pip itself, whether torch is a CPU or a CUDA build, and the CUDA packages that the latter pins itself.
	@build/lock/bin/python -m pip freeze --all --exclude-editable \
		| sed -E '/^(pip|triton|nvidia-.*|cuda-.*)==/d; s/\+c(pu|u[0-9]+)$$//' \
		| LC_ALL=C sort --ignore-case > requirements.lock
	@rm -rf build/lock

.PHONY: clean
clean: ## Remove .venv, caches and build output; the data folder stays
	@rm -rf $(VENV) widget/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Where Node is, tests try the TypeScript client and build the elements as well; otherwise they skip, saying so.
$(NODE_CLIENT): clients/typescript/package-lock.json
	@npm --prefix clients/typescript ci --silent
	@touch $@

.PHONY: node-packages
node-packages:
	@if command -v npm >/dev/null; then $(MAKE) --silent $(NODE_CLIENT) widget/node_modules/installed.stamp \
		|| echo "npm could not install what is needed: the tests of the TypeScript client and of the build will skip." >&2; fi

# Set-up: each stamp is made once and again only when what it depends on changes.

$(VENV)/created.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Lookalike needs Python 3.11 or newer, and '$(PYTHON)' is not that. Name another one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; \
		exit 1; \
	}
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(call debian,python3-venv,which Python needs to make .venv); }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runtime.stamp: pyproject.toml requirements.lock | $(VENV)/created.stamp
	@echo "Installing Lookalike into $(VENV): a few minutes the first time, seconds after that."
	@$(call install,$(BIN)/python,$(LOCKED) $(BUILD_TOOLS))
	@$(call install,$(BIN)/python,$(LOCKED) --no-build-isolation --editable .)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/runtime.stamp
	@echo "Installing what the tests need into $(VENV)."
	@$(call install,$(BIN)/python,$(LOCKED) --no-build-isolation --editable '.[dev]')
	@touch $@

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { $(call debian,chromium fonts-liberation,for the browser tests); }

widget/node_modules/installed.stamp: widget/package.json widget/package-lock.json
	@command -v npm >/dev/null || { \
		echo "The elements are built with Node 20.19 or newer, and npm is not here. Their built files are in app/web/widget." >&2; \
		exit 1; \
	}
	@mkdir -p build
	@cd widget && npm ci --silent >../build/npm.log 2>&1 || { tail -n 40 ../build/npm.log >&2; exit 1; }
	@touch $@
